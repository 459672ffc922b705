"""Request bodies of the Google Flow API, as pure functions of a node and the handles of its inputs.

A body never holds a null, an empty text or a field that the service does not list for that path: it answers
400 to each of them. Defaults that moved between June and November 2026 (`count`, `captchaRetry`, the image
model) are always written out. `replyRef` is added last, when the attempt that it names is in the journal.

Source: useapi.net Google Flow API v1 reference, sections on videos, extend, upscale, images, voices,
characters, concatenate and gif, June 2026; field lists compared with November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from veospec.model import Character, Kind, Mode, Node, NodeSource, OwnVoice
from veospec.providers.base import Json
from veospec.providers.flow import ids

VIDEOS = "/videos"
EXTEND = "/videos/extend"
UPSCALE = "/videos/upscale"
CONCATENATE = "/videos/concatenate"
GIF = "/videos/gif"
IMAGES = "/images"
IMAGES_UPSCALE = "/images/upscale"
VOICES = "/voices"
CHARACTERS = "/characters"

CAPTCHA_RETRY = 5
"""Solver attempts per request. One attempt made a large share of 403s; the default moved from 3 to 5 in July 2026."""

MAX_REPLY_REF = 1024

_CAPTCHA = ("captchaRetry",)
_JOB = ("async", "replyRef")
_SLOTS = (
    *(f"referenceImage_{n}" for n in range(1, 11)),
    *(f"character_{n}" for n in range(1, 8)),
    *(f"referenceAudio_{n}" for n in range(1, 6)),
)

FIELDS: Mapping[str, frozenset[str]] = {
    VIDEOS: frozenset(
        (
            *("prompt", "model", "email", "aspectRatio", "duration", "resolution", "count", "seed"),
            *("startImage", "endImage", "referenceVideo_1", "startFrameIndex_1", "endFrameIndex_1"),
            *_SLOTS,
            *_JOB,
            *_CAPTCHA,
        )
    ),
    EXTEND: frozenset(("mediaGenerationId", "prompt", "model", "count", "seed", *_JOB, *_CAPTCHA)),
    UPSCALE: frozenset(("mediaGenerationId", "resolution", *_JOB, *_CAPTCHA)),
    CONCATENATE: frozenset(("media",)),
    GIF: frozenset(("mediaGenerationId",)),
    IMAGES: frozenset(
        (
            *("prompt", "model", "email", "aspectRatio", "count", "seed", "replyRef"),
            *(f"reference_{n}" for n in range(1, 11)),
            *(f"character_{n}" for n in range(1, 8)),
            *_CAPTCHA,
        )
    ),
    IMAGES_UPSCALE: frozenset(("mediaGenerationId", "resolution", *_CAPTCHA)),
    VOICES: frozenset(("email", "voice", "displayName", "dialog", "voicePerformance", *_CAPTCHA)),
    CHARACTERS: frozenset(("displayName", "imageReference_1", "imageReference_2", "personalityNotes", "voice")),
}
"""Every field that this program may send, by path; a spec cannot add one."""

_VIDEO_ASPECTS = {"16:9": "landscape", "9:16": "portrait", "1:1": "1:1", "4:3": "4:3", "3:4": "3:4"}
_VIDEO_SIZES = {"720p": "720p", "1080p": "1080p", "4k": "4K"}
_IMAGE_SIZES = {"2k": "2k", "4k": "4k"}
_RENAMED = {"start": "startImage", "end": "endImage", "source": "referenceVideo_1"}
_PREFIXES = (("reference_", "referenceImage_"), ("voice_", "referenceAudio_"), ("character_", "character_"))


class Call(Struct, frozen=True):
    """A POST that is ready but for its `replyRef`."""

    path: str
    body: Mapping[str, Json]


class Segment(Struct, frozen=True):
    """One clip of a join; trims are seconds cut from its head and tail."""

    media_id: str
    trim_start: Fraction = Fraction(0)
    trim_end: Fraction = Fraction(0)


def is_picture(node: Node) -> bool:
    """Tell whether a node yields a picture: a still, or the upscale of one."""
    if node.kind is not Kind.UPSCALE:
        return node.kind is Kind.STILL
    source = node.request.inputs[0].source if node.request.inputs else None
    return isinstance(source, NodeSource) and source.node.startswith("still:")


def call_for(
    node: Node, *, count: int, seed: int, handles: Mapping[str, str], email: str, sends_resolution: bool
) -> Call:
    """Return the request for `count` consecutive takes of a node.

    `handles` gives each slot its media id, character ref or voice name. `email` is sent only where no handle
    names an account by itself; `sends_resolution` says that the model offers more than one.
    Raises: `ValueError` for a node that this service does not make (a join) or a slot without a handle.
    """
    mode = node.request.mode
    missing = [entry.slot for entry in node.request.inputs if not handles.get(entry.slot)]
    if missing:
        raise ValueError(f"no handle for {', '.join(missing)}")
    if mode is Mode.UPSCALE:
        return _upscale(node, handles)
    if mode is Mode.EXTEND:
        return _extend(node, count, seed, handles)
    if mode is Mode.IMAGE:
        return _image(node, count, seed, handles, email)
    if mode is Mode.JOIN:
        raise ValueError("a join is made locally")
    return _video(node, count, seed, handles, email, sends_resolution=sends_resolution)


def _video(
    node: Node, count: int, seed: int, handles: Mapping[str, str], email: str, *, sends_resolution: bool
) -> Call:
    request = node.request
    body: dict[str, Json] = {
        "model": request.model,
        "prompt": request.prompt,
        "aspectRatio": _VIDEO_ASPECTS[request.aspect],
        "count": count,
        "seed": seed,
    }
    if request.mode is not Mode.V2V and request.duration is not None:
        body["duration"] = _whole(request.duration)
    if sends_resolution and request.resolution:
        body["resolution"] = request.resolution
    for entry in request.inputs:
        body[_video_field(entry.slot)] = handles[entry.slot]
    if request.mode is Mode.V2V and request.window is not None:
        body["startFrameIndex_1"], body["endFrameIndex_1"] = request.window
    if not any(ids.owner_of(handle) for handle in handles.values()):
        body["email"] = email
    return _sealed(VIDEOS, {**body, "async": True, "captchaRetry": CAPTCHA_RETRY})


def _image(node: Node, count: int, seed: int, handles: Mapping[str, str], email: str) -> Call:
    request = node.request
    body: dict[str, Json] = {
        "model": request.model,
        "prompt": request.prompt,
        "aspectRatio": request.aspect,
        "count": count,
        "seed": seed,
    }
    body.update((entry.slot, handles[entry.slot]) for entry in request.inputs)
    if not any(ids.owner_of(handle) for handle in handles.values()):
        body["email"] = email
    return _sealed(IMAGES, {**body, "captchaRetry": CAPTCHA_RETRY})


def _extend(node: Node, count: int, seed: int, handles: Mapping[str, str]) -> Call:
    # The source decides account, ratio and length; a `duration` would be an unknown field.
    return _sealed(
        EXTEND,
        {
            "mediaGenerationId": handles["source"],
            "prompt": node.request.prompt,
            "model": node.request.model,
            "count": count,
            "seed": seed,
            "async": True,
            "captchaRetry": CAPTCHA_RETRY,
        },
    )


def _upscale(node: Node, handles: Mapping[str, str]) -> Call:
    size = node.request.resolution.lower()
    if is_picture(node):
        return enlarge(handles["source"], _IMAGE_SIZES[size])
    body = {"mediaGenerationId": handles["source"], "resolution": _VIDEO_SIZES[size]}
    return _sealed(UPSCALE, {**body, "async": True, "captchaRetry": CAPTCHA_RETRY})


def enlarge(media_id: str, resolution: str) -> Call:
    """Return the request for a larger copy of a generated picture, `2k` or `4k`; the file comes in the answer."""
    body = {"mediaGenerationId": media_id, "resolution": resolution, "captchaRetry": CAPTCHA_RETRY}
    return _sealed(IMAGES_UPSCALE, body)


def voice(own: OwnVoice, email: str) -> Call:
    """Return the request that makes a voice of one's own in one account; the preset's case matters here."""
    return _sealed(
        VOICES,
        {
            "email": email,
            "voice": own.preset,
            "displayName": own.name[:200],
            "dialog": own.line,
            "voicePerformance": own.performance,
            "captchaRetry": CAPTCHA_RETRY,
        },
    )


def character(person: Character, images: Sequence[str], voice_ref: str) -> Call:
    """Return the request that makes a character; its first picture decides the account."""
    body: dict[str, Json] = {"displayName": (person.display_name or person.name)[:200]}
    body.update((f"imageReference_{n}", image) for n, image in enumerate(images[:2], start=1))
    return _sealed(CHARACTERS, {**body, "personalityNotes": person.notes, "voice": voice_ref})


def gif(media_id: str) -> Call:
    """Return the request for a small moving preview; the file comes inside the answer."""
    return _sealed(GIF, {"mediaGenerationId": media_id})


def concatenate(segments: Sequence[Segment]) -> Call:
    """Return the request that joins 2 to 10 clips of one account and ratio; the file comes inside the answer.

    Raises: `ValueError` for another number of clips.
    """
    if not 2 <= len(segments) <= 10:
        raise ValueError("the service joins 2 to 10 clips")
    media: list[dict[str, Json]] = []
    for segment in segments:
        item: dict[str, Json] = {"mediaGenerationId": segment.media_id}
        if segment.trim_start:
            item["trimStart"] = _seconds(segment.trim_start)
        if segment.trim_end:
            item["trimEnd"] = _seconds(segment.trim_end)
        media.append(item)
    return _sealed(CONCATENATE, {"media": media})


def with_reply_ref(path: str, body: Mapping[str, Json], reply_ref: str) -> dict[str, Json]:
    """Return the body with the mark of one attempt, where the path takes one.

    Raises: `ValueError` for a mark that the service would refuse.
    """
    if "replyRef" not in FIELDS[path]:
        return dict(body)
    if not 0 < len(reply_ref) <= MAX_REPLY_REF:
        raise ValueError("a replyRef has 1 to 1024 characters")
    return {**body, "replyRef": reply_ref}


def _sealed(path: str, body: Mapping[str, Json]) -> Call:
    kept = {name: value for name, value in body.items() if value is not None and value != ""}
    strangers = kept.keys() - FIELDS[path]
    if strangers:
        raise ValueError(f"{path} takes no {', '.join(sorted(strangers))}")
    return Call(path, kept)


def _video_field(slot: str) -> str:
    if slot in _RENAMED:
        return _RENAMED[slot]
    for prefix, field in _PREFIXES:
        if slot.startswith(prefix):
            return field + slot.removeprefix(prefix)
    raise ValueError(f"a video has no slot {slot}")


def _whole(duration: Fraction) -> int:
    if duration.denominator != 1:
        raise ValueError("the service takes whole seconds")
    return duration.numerator


def _seconds(value: Fraction) -> Json:
    return value.numerator if value.denominator == 1 else float(value)
