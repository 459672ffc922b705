"""The language of a storyboard as a JSON Schema: every key with its help. What depends on models is in `model_rules`.

This file is the reference of the keys; a key that is not here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from veospec.spec.words import (
    ID,
    ID_WORDS,
    LONG,
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

MAX_SEED = 2**31 - 1
"""Source: useapi.net Google Flow API v1 reference, POST /videos, June 2026: no upper bound is documented; every known
client stays below 2^31.
"""

MAX_SHOTS = 200_000
PROVIDERS = ("local", "flow", "omni", "agent-platform")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that come from a model table."""

    video_models: tuple[str, ...]
    image_models: tuple[str, ...]
    video_aspects: tuple[str, ...]
    image_aspects: tuple[str, ...]
    resolutions: tuple[str, ...]
    video_upscales: tuple[str, ...]
    image_upscales: tuple[str, ...]
    voices: tuple[str, ...]
    max_takes: int


def _model(kind: str, names: tuple[str, ...]) -> Node:
    node = choice(f"The {kind} model. `veospec models` shows what each one can do and costs.", names)
    return node | {"x-code": "VS110", "errorMessage": f"this is no {kind} model of the table: {', '.join(names)}"}


def _takes(words: Vocabulary) -> dict[str, Node]:
    most = words.max_takes
    return {
        "takes": whole(
            f"How many variants to make, 1 to {most}. Raising it makes only the new ones.", 1, most, default=1
        ),
        "select": whole("The circled take, the one that everything else uses.", 1, most, default=1),
        "retake": whole("Raise it to make all takes again although nothing changed.", 0, 10_000, default=0),
        "omit": flag("Leave it out; nothing is made and nothing may refer to it.", default=False),
        "seed": whole("The seed of take 1; take k uses seed + k - 1. A hint to the model, not a promise.", 0, MAX_SEED),
    }


def _sound_and_style() -> dict[str, Node]:
    return {
        "style": text("The name of a style variant, or `none`.", maximum=2_000, examples=["dawn", "none"]),
        "avoid": texts("What must not be seen or heard; written into the prompt.", "One thing to avoid.",
                       examples=[["subtitles", "logos"]]),
        "sfx": text("Sound effects, written into the prompt.", examples=["one horn, far off"]),
        "ambience": text("The sound of the place, or `none`.", examples=["low diesel hum"]),
        "music": text("Music, or `none`.", examples=["none"]),
    }  # fmt: skip


def _notes() -> dict[str, Node]:
    approved = pattern(
        "The SHA-256 of the file that was approved; other bytes need a new approval.",
        r"^[0-9a-f]{64}$(?!\n)",
        "a digest has 64 characters, 0-9 and a-f",
        maximum=64,
    )
    return {
        "title": text("A title for people.", maximum=200),
        "notes": text("Notes for people; never sent.", maximum=LONG),
        "tags": listing("Words to filter by.", text("A tag.", maximum=60), maximum=50),
        "review": record(
            "What was said about the selected take.",
            {
                "status": text("How far it is.", maximum=40, examples=["todo", "changes", "done"]),
                "by": text("Who said it.", maximum=100),
                "approved": approved,
                "note": text("Why.", maximum=LONG),
            },
        ),
    }


def frame_reference(help_: str) -> Node:
    """Return a picture: an asset or still by name, or a frame of another shot."""
    frame: Node = {
        "description": "Which frame of that shot's selected take: `first`, `last`, or a number from 0.",
        "type": ["string", "integer"],
        "pattern": r"^(?:first|last)$(?!\n)",
        "minimum": 0,
        "maximum": 100_000,
        "errorMessage": "a frame is first, last or a number from 0",
    }
    node = record(help_, {"shot": name_of("The id of the other shot."), "frame": frame}, required=["shot"])
    return node | {
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": 400,
        "examples": ["still:wheelhouse", "ada_front", {"shot": "SH030", "frame": "last"}],
    }


def _references(words: str) -> Node:
    return listing(
        words,
        name_of("The name of an asset, or `still:NAME`.", examples=["livery", "still:quay"]),
        minimum=1,
        maximum=20,
    )


def _duration(help_: str) -> Node:
    return length(help_, examples=["8s", "192f"], has_bare_seconds=True)


def shot(words: Vocabulary) -> Node:
    """Return the schema of one shot, without what depends on its model."""
    properties: dict[str, Node] = {
        "id": identifier("The name of the shot: unique, part of every file name.", examples=["SH010"]),
        "prompt": text("What is seen and heard. `@name` stands for one of the shot's own inputs, `@@` for an @.",
                       maximum=LONG),
        "model": _model("video", words.video_models),
        "mode": choice("How the clip is made. It follows from the inputs; when written, it is checked.",
                       ("t2v", "i2v", "i2v-fl", "r2v", "v2v", "extend"), is_fixed=True),
        "start": frame_reference("The first frame."),
        "end": frame_reference("The last frame; needs `start`."),
        "references": _references("Pictures of things and people that must be recognised."),
        "characters": listing("Characters in the shot.", name_of("The name of a character."), minimum=1, maximum=10),
        "voices": listing("Who is heard: a voice of the storyboard or a system voice.",
                          name_of("The name of a voice.", examples=["Zephyr"]), minimum=1, maximum=10),
        "edit": _edit(),
        "extend": name_of("The id of the shot whose selected take is continued.", examples=["SH070"]),
        "duration": _duration("The length of the clip as it is made. A bare number means seconds."),
        "aspect": choice("The ratio of the picture.", words.video_aspects),
        "resolution": choice("The size as generated; larger sizes come from `upscale`.", words.resolutions),
        "upscale": choice("Make the selected take larger.", ("none", *words.video_upscales), default="none"),
        "size": text("The shot size.", maximum=60, examples=["EWS", "WS", "MS", "MCU", "CU", "ECU"]),
        "move": text("What the camera does.", maximum=300, examples=["slow push-in", "locked off"]),
        "dialogue": listing("Lines that are spoken; also the captions.", _line(), minimum=1),
        "trim": record("What the cut leaves out at the ends.", {
            "head": length("Left out at the beginning."), "tail": length("Left out at the end."),
        }),
        "transition": record("How the cut goes on to the next shot.", {
            "type": choice("The kind of transition.", ("cut", "dissolve", "fade"), is_fixed=True, default="cut"),
            "frames": whole("Its length in frames of the project.", 0, 240),
        }, required=["type"]),
        **_takes(words), **_sound_and_style(), **_notes(),
    }  # fmt: skip
    return record("One shot: what is generated and cached as a unit.", properties, required=["id", "prompt"])


def _edit() -> Node:
    source = record(
        "The clip that is changed.",
        {"shot": name_of("The id of a shot; its selected take is used.")},
        required=["shot"],
    )
    source |= {
        "type": ["string", "object"],
        "minLength": 1,
        "maxLength": 400,
        "examples": ["wheelhouse_plate", {"shot": "SH010"}],
    }
    return record(
        "Change a clip that exists: an asset, or the selected take of a shot.",
        {
            "source": source,
            "in": length("Where the window begins, on a line of 24 frames a second.", examples=["0f"]),
            "out": length("Where the window ends; the result is as long as the window.", examples=["192f", "8s"]),
        },
        required=["source", "out"],
    )


def _line() -> Node:
    return record(
        "One line of dialogue.",
        {
            "who": text("Who speaks.", maximum=100, examples=["ada", "NARRATOR"]),
            "line": text("What is said.", maximum=1_000),
            "at": length("When it begins, from the start of the clip.", examples=["1.5s"]),
            "until": length("When it ends; the reading time when it is not given.", examples=["4s"]),
        },
        required=["line"],
    )


def still(words: Vocabulary) -> Node:
    """Return the schema of one still, without what depends on its model."""
    properties: dict[str, Node] = {
        "prompt": text("What is seen. `@name` stands for one of the still's own inputs, `@@` for an @.", maximum=LONG),
        "model": _model("image", words.image_models),
        "aspect": choice("The ratio; that of the delivery if not given. `auto` follows the references.",
                         words.image_aspects),
        "references": _references("Pictures that are taken up."),
        "characters": listing("Characters in the picture.", name_of("The name of a character."), minimum=1, maximum=10),
        "upscale": choice("Make the selected take larger.", ("none", *words.image_upscales), default="none"),
        "size": text("The shot size.", maximum=60),
        **{key: node for key, node in _sound_and_style().items() if key in ("style", "avoid")},
        **_takes(words), **_notes(),
    }  # fmt: skip
    return record("One still: made by an image model, looked at before any video is paid for.", properties,
                  required=["prompt"])  # fmt: skip


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
        "provider": choice("Who makes it: `local` draws a free animatic, the others cost money.", PROVIDERS,
                           default="local"),
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
                "model": _model("video", words.video_models),
                "duration": _duration("The length of every clip."),
                "resolution": choice("The size as generated.", words.resolutions),
                "takes": _takes(words)["takes"],
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
        }, required=["id", "shots"]), minimum=1, maximum=10_000),
        "shots": shots,
        "reel": record("The cut.", {
            "join": choice("Who joins: this machine, or Flow (2 to 10 clips of one ratio).", ("local", "flow"),
                           default="local"),
            "order": listing("Shot ids in playing order.", name_of("The id of a shot."), minimum=1, maximum=MAX_SHOTS),
        }),
        "deliver": _deliver(),
    }  # fmt: skip


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
        "model": _model("video", words.video_models),
        "duration": _duration("The length of a clip. A bare number means seconds."),
        "aspect": choice("The ratio of the picture.", words.video_aspects),
        "resolution": choice("The size as generated.", words.resolutions),
        "upscale": choice("Make the selected take larger.", ("none", *words.video_upscales), default="none"),
        "takes": _takes(words)["takes"],
        "size": text("The shot size.", maximum=60),
        "move": text("What the camera does.", maximum=300),
        **_sound_and_style(),
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
            "size": choice("Its height.", ("360p", "480p", "540p", "720p", "1080p"), is_fixed=True, default="720p"),
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
