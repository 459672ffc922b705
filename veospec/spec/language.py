"""The language of a storyboard as a JSON Schema: every key with its help. What depends on models is in `model_rules`.

With `shot_language` this is the reference of the keys: a key that is not here does not exist.
"""

from __future__ import annotations

from veospec.spec.shot_language import Vocabulary, duration, model_name, sound_and_style, takes
from veospec.spec.words import (
    ID,
    ID_WORDS,
    LONG,
    MAX_SCENES,
    MAX_SEED,
    MAX_SHOTS,
    Node,
    choice,
    flag,
    identifier,
    length,
    listing,
    name_of,
    named,
    number,
    pattern,
    record,
    text,
    texts,
    whole,
)

FORM = 1
"""The form of the language that this program reads: `veospec: 1`."""

PROVIDERS = ("local", "flow", "omni", "agent-platform")


def sections(words: Vocabulary) -> dict[str, Node]:
    """Return every key at the top of a storyboard; shots and stills are references to their definitions."""
    shots = listing("The shots, in order.", {"$ref": "#/definitions/shot"}, minimum=1, maximum=MAX_SHOTS)
    scalar = {"description": "A value.", "type": ["string", "number", "boolean"], "maxLength": 2_000}
    return {
        "veospec": {"description": f"The form of this file: {FORM}.", "const": FORM},
        "include": texts("Other files of the project whose sections are added here.", "A path below this folder.",
                         examples=[["characters.yaml"]]),
        "as_of": pattern("Use the model table of a day instead of the newest.",
                         r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)", "a day is written as 2026-11-15",
                         examples=["2026-11-15"]),
        "catalogue": text("A TOML file of the project that adds or changes models and prices.",
                          maximum=400, examples=["models.toml"]),
        "provider": _provider(),
        "store": text("The folder of the private store; `.veospec` beside this file when not given.", maximum=400),
        "project": _project(),
        "vars": named("Values for `${name}`. `${env:NAME:-default}` takes one from the environment.", scalar),
        "matrix": _matrix(words, scalar),
        "budget": record("Ceilings of one run; nothing is bought beyond them.", {
            "max_credits": whole("At most so many credits.", 0, 10_000_000),
            "max_usd": number("At most so many dollars on metered services.", 0, 1_000_000),
            "confirm_above": whole("Ask before spending more credits than this.", 0, 10_000_000),
        }),
        "policy": _policy(),
        "passes": named("Named sets of overrides for shots: `veospec apply --pass draft`.", record(
            "What this pass changes in every shot that can do it.", {
                "model": model_name("video", words.video_models),
                "duration": duration("The length of every clip."),
                "resolution": choice("The size as generated.", words.resolutions),
                "takes": takes(words)["takes"],
                "upscale": choice("Make the selected takes larger.", ("none", *words.video_upscales)),
            }), maximum=20),
        "defaults": _defaults(words),
        "style": _style(),
        "assets": named("Files of the project by name. They are known by their content, never by their path.",
                        text("A path below this folder.", maximum=400, examples=["refs/ada-front.png"])),
        "voices": named("Voices of your own, made from a system voice.", _voice(words), maximum=200),
        "characters": named("Characters that keep their face and voice.", _character(), maximum=200),
        "stills": named("Pictures to make first.", {"$ref": "#/definitions/still"}, maximum=MAX_SHOTS),
        "scenes": listing("The scenes, in order.", record("A scene and its shots.", {
            "id": identifier("The name of the scene, part of file names.", examples=["SC01"]),
            "slug": text("The scene heading.", maximum=200, examples=["EXT. HARBOUR - NIGHT"]),
            "style": text("The name of a style variant for the scene.", maximum=2_000),
            "notes": text("Notes for people; never sent.", maximum=LONG),
            "shots": shots,
        }, required=["id", "shots"]), minimum=1, maximum=MAX_SCENES),
        "shots": shots,
        "reel": record("The cut.", {
            "join": choice("Who joins: this machine, or Flow (2 to 10 clips of one ratio).", ("local", "flow"),
                           default="local"),
            "order": listing("Shot ids in playing order.", name_of("The id of a shot."), minimum=1, maximum=MAX_SHOTS),
        }),
        "deliver": _deliver(),
    }  # fmt: skip


def _provider() -> Node:
    node = record("Who makes it: `local` draws a free animatic, the others cost money.", {
        "name": choice("The provider.", PROVIDERS, default="local"),
        "plan": text("The Google AI plan of the account: what it offers, and at which price.", maximum=60,
                     examples=["pro", "ultra-200"]),
    }, required=["name"])  # fmt: skip
    names = choice("", PROVIDERS, default="local")
    return node | {
        "type": ["string", "object"],
        "maxLength": 60,
        "anyOf": [*names["anyOf"], {"not": {"type": "string"}}],
        "default": "local",
    }


def _project() -> Node:
    return record("What the film is called and how it counts.", {
        "code": pattern("The prefix of every file name and reel.", r"^[A-Za-z0-9][A-Za-z0-9_-]{0,15}$(?!\n)",
                        "a code has at most 16 letters, digits, '_' and '-'", examples=["NFY"]),
        "title": text("The title.", maximum=200),
        "fps": whole("Frames a second of the cut.", 8, 120, default=24),
        "handles": whole("Frames kept outside the cut, at head and tail.", 0, 240, default=0),
        "seed": whole("The seed of shots and stills without one.", 0, MAX_SEED, default=1),
        "slate": record("The leader before an animatic.", {
            "leader": length("The length of the countdown.", examples=["2s"]),
            "beep": flag("A beep two frames before the picture.", default=False),
        }),
    })  # fmt: skip


def _matrix(words: Vocabulary, scalar: Node) -> Node:
    entry: Node = {
        "description": "A combination to leave out: axis values, `shot`, `still`.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 10,
        "additionalProperties": scalar,
    }
    ratios = tuple(aspect for aspect in words.video_aspects if aspect != "auto")
    return {
        "description": "Deliveries of one storyboard: every shot is made once for each combination of the axes.",
        "type": "object",
        "maxProperties": 8,
        "propertyNames": {"maxLength": 63, "pattern": ID, "errorMessage": ID_WORDS},
        "properties": {
            "aspect": listing("The ratios.", choice("A ratio.", ratios, is_fixed=True), minimum=1, maximum=10,
                              examples=[["16:9", "9:16"]]),
            "exclude": listing("Combinations that are not made.", entry, maximum=1_000),
        },
        "additionalProperties": listing("The values of an axis; `${axis}` stands for the value.", scalar,
                                        minimum=1, maximum=50),
    }  # fmt: skip


def _policy() -> Node:
    return record("What a run may do on its own.", {
        "on_reject": record("When the content was refused.", {
            "retries": whole("How many new tries.", 0, 5, default=0),
            "change": choice("What is changed for a new try.", ("seed",), is_fixed=True),
        }),
        "on_ambiguous": choice("When nobody knows whether a request arrived: it is never sent again.", ("stop",),
                               is_fixed=True),
        "stale_downstream": choice("When something upstream changed: tell, or make again.", ("report", "cascade"),
                                   is_fixed=True, default="report"),
    })  # fmt: skip


def _defaults(words: Vocabulary) -> Node:
    return record("What holds for every shot that does not say otherwise.", {
        "model": model_name("video", words.video_models),
        "duration": duration("The length of a clip. A bare number means seconds."),
        "aspect": choice("The ratio of the picture.", words.video_aspects),
        "resolution": choice("The size as generated.", words.resolutions),
        "upscale": choice("Make the selected take larger.", ("none", *words.video_upscales), default="none"),
        "takes": takes(words)["takes"],
        "size": text("The shot size.", maximum=60),
        "move": text("What the camera does.", maximum=300),
        **sound_and_style(),
    })  # fmt: skip


def _style() -> Node:
    node = record("The look, written into every prompt.", {
        "base": text("What holds for all shots."),
        "variants": named("Other looks by name; a scene or shot picks one with `style:`.",
                          text("The look."), maximum=100),
    })  # fmt: skip
    return node | {"type": ["string", "object"], "minLength": 1, "maxLength": 2_000}


def _voice(words: Vocabulary) -> Node:
    preset: Node = {
        "description": "The system voice it is made from; any letter case.",
        "type": "string",
        "maxLength": 60,
        "anyOf": [{"enum": list(words.voices)}, {"pattern": r"^[A-Za-z$][^\n]*$(?!\n)"}],
    }
    # Source: useapi.net Google Flow API v1 reference, POST /voices, June 2026: dialog and voicePerformance 1-120.
    return record("A voice of your own.", {
        "preset": preset,
        "line": text("A line it speaks for the sample.", maximum=120),
        "performance": text("How it speaks.", maximum=120),
    }, required=["preset", "line", "performance"])  # fmt: skip


def _character() -> Node:
    # Source: useapi.net Google Flow API v1 reference, POST /characters, June 2026: displayName 1-200, one or two
    # pictures, personalityNotes at most 2,000.
    return record("Someone who keeps face and voice from shot to shot.", {
        "name": text("The name that is shown.", maximum=200),
        "describe": text("What they look like; for people and for prompts."),
        "images": listing("One or two pictures.", name_of("The name of an asset, or `still:NAME`."),
                          minimum=1, maximum=2),
        "voice": name_of("A voice of the storyboard or a system voice."),
        "notes": text("Personality, sent along.", maximum=2_000),
    }, required=["images"])  # fmt: skip


def _deliver() -> Node:
    frames = choice("A frame.", ("first", "middle", "last"), is_fixed=True)
    return record("What lies in `out/` besides the clips.", {
        "animatic": record("The local preview.", {
            "size": choice("Its height.", ("180p", "360p", "480p", "540p", "720p", "1080p"), is_fixed=True,
                           default="720p"),
            "ken_burns": flag("Move slowly over still pictures.", default=True),
            "timecode": flag("Burn the running time into the picture.", default=True),
        }),
        "contact_sheet": record("All takes on one page.", {
            "columns": whole("Pictures in a row.", 1, 12, default=4),
            "frames": listing("Which frames of a take.", frames, minimum=1, maximum=3),
        }),
        "review": choice("The page to look at takes and pick them.", ("html", "none"), is_fixed=True,
                         default="html"),
        "preview": choice("A moving preview for a pull request.", ("webp", "gif", "none"), is_fixed=True,
                          default="webp"),
        "timeline": listing("Timelines for editors.", choice("A format.", ("otio", "fcpxml", "edl"), is_fixed=True),
                            maximum=3),
        "captions": listing("Captions from the dialogue.", choice("A format.", ("srt", "vtt"), is_fixed=True),
                            maximum=2),
        "provenance": record("Where the pictures come from.", {
            "c2pa": text("The signer of joined films, or `none`.", maximum=400),
            "disclose": text("What is disclosed.", maximum=200, examples=["ai-generated"]),
        }),
    })  # fmt: skip
