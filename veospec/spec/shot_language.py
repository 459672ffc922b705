"""The part of the language that describes one shot and one still: every key with its help."""

from __future__ import annotations

from msgspec import Struct

from veospec.spec.words import (
    LONG,
    MAX_SEED,
    Node,
    choice,
    flag,
    identifier,
    length,
    listing,
    name_of,
    pattern,
    record,
    text,
    texts,
    whole,
)


class Vocabulary(Struct, frozen=True):
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


def model_name(kind: str, names: tuple[str, ...]) -> Node:
    """Return one of the table's names."""
    node = choice(f"The {kind} model. `veospec models` shows what each one can do and costs.", names)
    return node | {"x-code": "VS110", "errorMessage": f"this is no {kind} model of the table: {', '.join(names)}"}


def takes(words: Vocabulary) -> dict[str, Node]:
    """Return the keys of variants."""
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


def sound_and_style() -> dict[str, Node]:
    """Return the keys whose texts go into the prompt around it."""
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


def duration(help_: str) -> Node:
    """Return the length of a clip."""
    return length(help_, examples=["8s", "192f"], has_bare_seconds=True)


def shot(words: Vocabulary) -> Node:
    """Return the schema of one shot, without what depends on its model."""
    properties: dict[str, Node] = {
        "id": identifier("The name of the shot: unique, part of every file name.", examples=["SH010"]),
        "prompt": text("What is seen and heard. `@name` stands for one of the shot's own inputs, `@@` for an @.",
                       maximum=LONG),
        "model": model_name("video", words.video_models),
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
        "duration": duration("The length of the clip as it is made. A bare number means seconds."),
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
        **takes(words), **sound_and_style(), **_notes(),
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
        "model": model_name("image", words.image_models),
        "aspect": choice("The ratio; that of the delivery if not given. `auto` follows the references.",
                         words.image_aspects),
        "references": _references("Pictures that are taken up."),
        "characters": listing("Characters in the picture.", name_of("The name of a character."), minimum=1, maximum=10),
        "upscale": choice("Make the selected take larger.", ("none", *words.image_upscales), default="none"),
        "size": text("The shot size.", maximum=60),
        **{key: node for key, node in sound_and_style().items() if key in ("style", "avoid")},
        **takes(words), **_notes(),
    }  # fmt: skip
    return record("One still: made by an image model, looked at before any video is paid for.", properties,
                  required=["prompt"])  # fmt: skip
