"""What a request means and whether it may be: modes, exclusions, budgets of pictures and voices, markers.

Pure: a checked body and the records it refers to go in, an order or a refusal comes out.
Source of every rule: useapi.net Google Flow API v1 reference, POST /videos, rules before sending, June 2026, with the
changes of September to November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from veospec.emulator import refusals
from veospec.emulator.refusals import bad
from veospec.emulator.state import Character, Media
from veospec.emulator.tables import ImageModel, Plan, Table, VideoModel

Json: TypeAlias = Any

FPS = 24
DEFAULT_VIDEO = "veo-3.1-fast"
MODE_LABELS = {"t2v": "T2V", "i2v": "I2V", "i2v-fl": "I2V_FL", "r2v": "R2V", "v2v": "V2V", "extend": "EXTEND"}
_VIDEO_MARKER = re.compile(r"@(character|referenceImage|referenceAudio)_(\d{1,4})", re.IGNORECASE)
_IMAGE_MARKER = re.compile(r"@(character|reference)_(\d{1,4})", re.IGNORECASE)
_SPELLING = {
    "character": "character",
    "referenceimage": "referenceImage",
    "referenceaudio": "referenceAudio",
    "reference": "reference",
}


class Gathered(Struct, frozen=True):
    """The records behind the references of a body, by field; `emails` are their owners, without repeats."""

    media: Mapping[str, Media]
    characters: Mapping[str, Character]
    voices: Mapping[str, str]
    emails: tuple[str, ...]


class VideoOrder(Struct, frozen=True):
    """A valid request for clips. `frames` is the exact length at 24 fps."""

    model: VideoModel
    mode: str
    prompt: str
    aspect: str
    frames: int
    resolution: str
    count: int
    seed: int | None
    start: Media | None = None
    end: Media | None = None
    source: Media | None = None
    window: tuple[int, int] | None = None

    @property
    def seconds(self) -> float:
        """The length that the price is taken of."""
        return self.frames / FPS


class ImageOrder(Struct, frozen=True):
    """A valid request for pictures; `like` is the picture whose ratio `auto` takes."""

    model: ImageModel
    prompt: str
    aspect: str
    count: int
    seed: int | None
    like: Media | None


def _numbered(names: Mapping[str, Json], stem: str) -> list[str]:
    return sorted(name for name in names if name.startswith(f"{stem}_"))


def _check_markers(prompt: str, body: Mapping[str, Json], pattern: re.Pattern[str]) -> None:
    for found in pattern.finditer(prompt):
        name = f"{_SPELLING[found[1].lower()]}_{int(found[2])}"
        if name not in body:
            raise bad(f"Prompt references @{name} but parameter {name} is not provided")


def video(table: Table, body: Mapping[str, Json], found: Gathered) -> VideoOrder:
    """Read a checked body of `POST /videos`. Raises `Refusal`."""
    model = table.videos[body.get("model", DEFAULT_VIDEO)]
    mode = _mode(body)
    _check_exclusions(model, mode, body)
    aspect = body.get("aspectRatio", "landscape")
    if mode not in model.modes:
        raise bad(f"Model {model.name} does not support {MODE_LABELS[mode]} mode")
    if aspect not in model.aspects:
        raise refusals.wrong_format("aspectRatio")
    if "resolution" in body and not model.resolutions:
        raise refusals.not_supported("resolution")
    _check_budgets(model, mode, found)
    _check_slots(model, body)
    _check_markers(body["prompt"], body, _VIDEO_MARKER)
    source = found.media.get("referenceVideo_1")
    window = _window(model, body, source) if source else None
    seconds = int(body.get("duration", 8))
    if not source:
        _check_length(model, mode, seconds)
    return VideoOrder(
        model=model,
        mode=mode,
        prompt=body["prompt"],
        aspect=_aspect_of(source) if source else aspect,
        frames=window[1] - window[0] if window else seconds * FPS,
        resolution=body.get("resolution", "720p"),
        count=int(body.get("count", 1)),
        seed=_seed(body),
        start=found.media.get("startImage"),
        end=found.media.get("endImage"),
        source=source,
        window=window,
    )


def _seed(body: Mapping[str, Json]) -> int | None:
    return int(body["seed"]) if "seed" in body else None


def _aspect_of(source: Media) -> str:
    return "portrait" if source.height > source.width else "landscape"


def _mode(body: Mapping[str, Json]) -> str:
    if "referenceVideo_1" in body:
        return "v2v"
    if _numbered(body, "referenceImage") or _numbered(body, "character"):
        return "r2v"
    if "startImage" in body:
        return "i2v-fl" if "endImage" in body else "i2v"
    return "t2v"


def _check_exclusions(model: VideoModel, mode: str, body: Mapping[str, Json]) -> None:
    frames = [name for name in ("startImage", "endImage") if name in body]
    references = [*_numbered(body, "referenceImage"), *_numbered(body, "character")]
    voices = _numbered(body, "referenceAudio")
    if "endImage" in body and "startImage" not in body:
        raise bad("Parameter endImage requires startImage")
    if frames and (others := [*references, *(["referenceVideo_1"] if "referenceVideo_1" in body else [])]):
        raise bad(f"Parameter {frames[0]} cannot be combined with {others[0]}")
    if frames and voices:
        raise bad(f"Parameter {frames[0]} cannot be combined with {voices[0]}")
    if mode == "v2v" and model.family != "omni":
        raise bad(f"Parameter referenceVideo_1 is not supported by {model.name}")
    if mode == "v2v" and "duration" in body:
        raise bad("Parameter duration cannot be combined with referenceVideo_1")
    for name in ("startFrameIndex_1", "endFrameIndex_1"):
        if name in body and mode != "v2v":
            raise bad(f"Parameter {name} requires referenceVideo_1")
    if voices and mode not in ("r2v", "v2v"):
        raise bad(f"Parameter {voices[0]} requires referenceImage_1, character_1 or referenceVideo_1")
    if model.images == 0 and (references or voices):
        raise bad(f"Parameter {(references or voices)[0]} is not supported by {model.name}")


def _check_budgets(model: VideoModel, mode: str, found: Gathered) -> None:
    pictures = sum(1 for name in found.media if name.startswith("referenceImage_"))
    pictures += sum(len(character.pictures) for character in found.characters.values())
    voices = len(found.voices) + sum(1 for character in found.characters.values() if character.voice)
    most_pictures = model.v2v_images if mode == "v2v" else model.images
    most_voices = model.v2v_voices if mode == "v2v" else model.voices
    if pictures > most_pictures:
        text = f"Too many reference images for {model.name} in {MODE_LABELS[mode]} mode"
        raise bad(f"{text}: {pictures} given (characters included), maximum {most_pictures}")
    if voices > most_voices:
        text = f"Too many reference voices for {model.name} in {MODE_LABELS[mode]} mode"
        raise bad(f"{text}: {voices} given (characters included), maximum {most_voices}")


def _check_slots(model: VideoModel, body: Mapping[str, Json]) -> None:
    """Refuse a slot that this model does not have; gaps between slots are allowed."""
    for stem, most in (("referenceImage", model.images), ("referenceAudio", model.voices)):
        for name in _numbered(body, stem):
            if int(name.rpartition("_")[2]) > most:
                raise bad(f"Parameter {name} is not supported by {model.name}")


def _check_length(model: VideoModel, mode: str, seconds: int) -> None:
    if seconds not in model.durations:
        offered = ", ".join(map(str, model.durations))
        raise bad(f"Parameter duration {seconds} is not supported by {model.name}. Supported values: {offered}")
    if model.family == "veo" and mode == "r2v" and seconds != 8:
        raise bad(f"Parameter duration must be 8 for {model.name} in R2V mode")
    if mode == "i2v-fl" and seconds > model.end_limit_s:
        raise bad(f"Parameter endImage is not supported by {model.name} with duration {seconds}")


def _window(model: VideoModel, body: Mapping[str, Json], source: Media) -> tuple[int, int]:
    start = int(body.get("startFrameIndex_1", 0))
    end = int(body.get("endFrameIndex_1", min(source.frames, model.window_frames)))
    if end > model.window_frames:
        raise refusals.wrong_format("endFrameIndex_1")
    if end <= start:
        raise bad("Parameter endFrameIndex_1 must be greater than startFrameIndex_1")
    if end > source.frames:
        raise bad(f"Parameter endFrameIndex_1 {end} is beyond the end of the video ({source.frames} frames)")
    return start, end


def includes(plan: Plan, model: VideoModel, *, mode: str, seconds: float) -> bool:
    """Return whether a plan lists this model for such a clip; what Google serves can still be less."""
    if model.name == "veo-3.1-lite-low-priority":
        return plan.is_ultra
    if model.family == "veo" and mode != "extend" and seconds < 8:
        return plan.is_ultra
    if model.name == "omni-flash-1.2" and seconds > 10:
        return plan.rank >= 2
    return plan.rank >= (max(1, model.min_rank) if mode == "extend" else model.min_rank)


def check_plan(order: VideoOrder, plan: Plan, *, is_june: bool) -> None:
    """Refuse what the account's plan does not include. Raises `Refusal`."""
    model = order.model
    if not includes(plan, model, mode=order.mode, seconds=order.seconds):
        text = f"Tier '{plan.tier}' does not have access to '{model.name}' model"
        raise bad(f"{text} for {MODE_LABELS[order.mode]} mode with '{order.aspect}' aspect ratio")
    # A family member of the big plan had it until September 23, 2026.
    member = is_june and plan.sku == "G1_TIER2"
    if model.name == "veo-3.1-lite-low-priority" and not plan.has_low_priority and not member:
        raise refusals.google(403, "PUBLIC_ERROR_MODEL_ACCESS_DENIED")


def extension(table: Table, body: Mapping[str, Json], found: Gathered) -> VideoOrder:
    """Read a checked body of `POST /videos/extend`. Raises `Refusal`."""
    model = table.videos[body.get("model", DEFAULT_VIDEO)]
    source = found.media["mediaGenerationId"]
    if source.origin not in ("generated", "extended"):
        raise bad("Only generated or extended videos can be extended")
    if source.family == "omni" and model.family != "omni":
        raise bad(f"Videos generated by omni models cannot be extended with {model.name}")
    if model.family == "veo" and (extra := [n for n in body if n == "duration" or n.startswith("referenceAudio_")]):
        raise refusals.not_supported(extra[0])
    if source.aspect not in model.aspects:
        raise bad(f"Model {model.name} does not support the aspect ratio of the source video")
    return VideoOrder(
        model=model,
        mode="extend",
        prompt=body["prompt"],
        aspect=source.aspect,
        frames=int(body.get("duration", 8)) * FPS,
        resolution="720p",
        count=int(body.get("count", 1)),
        seed=_seed(body),
        source=source,
    )


def image(table: Table, body: Mapping[str, Json], found: Gathered) -> ImageOrder:
    """Read a checked body of `POST /images`. Raises `Refusal`."""
    pictures = sum(1 for name in found.media if name.startswith("reference_"))
    pictures += sum(len(character.pictures) for character in found.characters.values())
    default = table.default_image_with_references if pictures else table.default_image
    name: str = body.get("model", default)
    model = table.images[table.image_aliases.get(name, name)]
    if pictures > model.references:
        raise bad(f"Too many references for {name}: {pictures} given (characters included), maximum {model.references}")
    aspect = body.get("aspectRatio", "auto" if pictures and model.auto_with_references else "16:9")
    if aspect == "auto" and not pictures:
        raise bad("Parameter aspectRatio auto requires at least one reference or character")
    _check_markers(body["prompt"], body, _IMAGE_MARKER)
    like = next(_pictures(found), None) if aspect == "auto" else None
    return ImageOrder(model, body["prompt"], aspect, int(body.get("count", 4)), _seed(body), like)


def _pictures(found: Gathered) -> Iterator[Media]:
    for name in sorted(found.media, key=lambda name: int(name.rpartition("_")[2])):
        yield found.media[name]


def trims(entry: Mapping[str, Json], clip: Media) -> tuple[int, int]:
    """Return first and end frame of a clip that is joined. Raises `Refusal`."""
    start, end = float(entry.get("trimStart", 0)), float(entry.get("trimEnd", 0))
    if start + end >= clip.frames / FPS:
        raise bad("Sum of trimStart and trimEnd must be less than the video duration")
    return round(start * FPS), clip.frames - round(end * FPS)
