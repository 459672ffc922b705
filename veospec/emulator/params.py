"""The fields of each call: which exist, of which type. What they mean together is `rules`.

A field that a call does not know, a `null`, and a value of the wrong shape are refused by name, as the real service
does. Source: useapi.net Google Flow API v1 reference, strict parameters, August and September 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from veospec.emulator import ids, refusals
from veospec.emulator.tables import CAPTCHA_PROVIDERS, Table

Json: TypeAlias = Any
Check: TypeAlias = Callable[[Json], bool]
Fields: TypeAlias = Mapping[str, Check]

_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+\Z")
_URL = re.compile(r"https?://[^\s]+\Z")
_CAPTCHA = ("captchaRetry", "captchaOrder", "captchaToken")


def text(low: int, high: int) -> Check:
    """Accept a string of so many characters."""
    return lambda value: isinstance(value, str) and low <= len(value) <= high


def whole(low: int, high: int | None = None) -> Check:
    """Accept a whole number; JSON does not tell 8 from 8.0, a boolean is none."""

    def check(value: Json) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            return False
        return low <= value and (high is None or value <= high)

    return check


def number(low: float, high: float) -> Check:
    """Accept any number of a range."""
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def one_of(*values: str) -> Check:
    """Accept one of these texts."""
    return lambda value: value in values


def media(kind: str) -> Check:
    """Accept an id of an image or of a video."""

    def check(value: Json) -> bool:
        ref = ids.read_media(value) if isinstance(value, str) else None
        return ref is not None and ref.kind == kind

    return check


def _is_character(value: Json) -> bool:
    return isinstance(value, str) and ids.read_character(value) is not None


def _is_email(value: Json) -> bool:
    return isinstance(value, str) and _EMAIL.match(value) is not None


def _is_url(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= 1024 and _URL.match(value) is not None


def _is_order(value: Json) -> bool:
    if not isinstance(value, str):
        return False
    names = [name.strip() for name in value.split(",")]
    return 1 <= len(names) <= 10 and all(name in CAPTCHA_PROVIDERS for name in names)


def _is_flag(value: Json) -> bool:
    return isinstance(value, bool)


_PROMPT = text(1, 1_000_000)
CAPTCHA: Fields = {"captchaRetry": whole(1, 10), "captchaOrder": _is_order, "captchaToken": text(20, 1_000_000)}
REPLY: Fields = {"replyUrl": _is_url, "replyRef": text(0, 1024)}
JOB: Fields = {"async": _is_flag, **REPLY, **CAPTCHA}
VARIANTS: Fields = {"count": whole(1, 4), "seed": whole(0)}


def _slots(stem: str, count: int, check: Check) -> Fields:
    return {f"{stem}_{n}": check for n in range(1, count + 1)}


@cache
def videos(table: Table) -> Fields:
    """The fields of `POST /videos`."""
    pictures = 7 if table.is_june else 10
    fields: dict[str, Check] = {
        "prompt": _PROMPT,
        "model": one_of(*table.videos),
        "email": _is_email,
        "aspectRatio": one_of("landscape", "portrait", "1:1", "4:3", "3:4"),
        "duration": whole(1, 60),
        "startImage": media("image"),
        "endImage": media("image"),
        "referenceVideo_1": media("video"),
        "startFrameIndex_1": whole(0, 239 if table.is_june else 359),
        "endFrameIndex_1": whole(1, 240 if table.is_june else 360),
        **_slots("referenceImage", pictures, media("image")),
        **_slots("character", 7, _is_character),
        **_slots("referenceAudio", 5, text(1, 1024)),
        **VARIANTS,
        **JOB,
    }
    if "resolution" in table.extras:
        fields["resolution"] = one_of("720p", "360p")
    return fields


@cache
def extend(table: Table) -> Fields:
    """The fields of `POST /videos/extend`; the length and the voices of November are a guess of the reference."""
    able = [name for name, row in table.videos.items() if "extend" in row.modes]
    fields: dict[str, Check] = {
        "mediaGenerationId": media("video"),
        "prompt": _PROMPT,
        "model": one_of(*able),
        **VARIANTS,
        **JOB,
    }
    if not table.is_june:
        fields |= {"duration": whole(3, 10), **_slots("referenceAudio", 5, text(1, 1024))}
    return fields


def upscale(table: Table) -> Fields:
    """The fields of `POST /videos/upscale`; both spellings of 4K are documented."""
    return {"mediaGenerationId": media("video"), "resolution": one_of(*table.upscale_sizes, "4k"), **JOB}


@cache
def images(table: Table) -> Fields:
    """The fields of `POST /images`: no `async`."""
    return {
        "prompt": _PROMPT,
        "model": one_of(*table.images, *table.image_aliases),
        "email": _is_email,
        "aspectRatio": one_of("16:9", "4:3", "1:1", "3:4", "9:16", "auto", "landscape", "portrait"),
        **_slots("reference", 10, media("image")),
        **_slots("character", 7, _is_character),
        **VARIANTS,
        **REPLY,
        **CAPTCHA,
    }


IMAGE_UPSCALE: Fields = {"mediaGenerationId": media("image"), "resolution": one_of("2k", "4k"), **CAPTCHA}
GIF: Fields = {"mediaGenerationId": media("video")}
CONCATENATE: Fields = {"media": lambda value: isinstance(value, list)}
VOICE: Fields = {
    "email": _is_email,
    "voice": text(1, 100),
    "displayName": text(1, 200),
    "dialog": text(1, 120),
    "voicePerformance": text(1, 120),
    **CAPTCHA,
}
CHARACTER: Fields = {
    "displayName": text(1, 200),
    "imageReference_1": media("image"),
    "imageReference_2": media("image"),
    "personalityNotes": text(0, 2000),
    "voice": text(1, 1024),
}
DELETE_ASSETS: Fields = {
    "mediaGenerationIds": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
    "projectId": text(1, 200),
}


def item(table: Table) -> Fields:
    """The fields of one entry of `POST /videos/concatenate`."""
    return {
        "mediaGenerationId": media("video"),
        "trimStart": number(0, table.trim_max_s),
        "trimEnd": number(0, table.trim_max_s),
    }


def check(body: Mapping[str, Json], fields: Fields, *needed: str) -> None:
    """Refuse unknown names first, then missing ones, then bad values, each by its name.

    Raises:
        Refusal: 400.
    """
    for name in body:
        if name not in fields:
            raise refusals.not_supported(name)
    for name in needed:
        if name not in body or body[name] == "":
            raise refusals.required(name)
    for name, value in body.items():
        if name == "replyUrl" and isinstance(value, str) and len(value) > 1024:
            raise refusals.bad("replyUrl is too long")
        if name == "replyRef" and isinstance(value, str) and len(value) > 1024:
            raise refusals.bad("replyRef is too long")
        if value is None or not fields[name](value):
            raise refusals.wrong_format(name)
    captcha = [name for name in _CAPTCHA if name in body]
    if len(captcha) > 1:
        raise refusals.bad(f"Parameters {' and '.join(captcha)} are mutually exclusive")


_WHOLE = re.compile(r"-?\d{1,12}\Z")


def from_form(values: Mapping[str, str]) -> dict[str, Json]:
    """Read the fields of a multipart form, where every value is a string, into the types that JSON would have."""
    numbers = {"count", "seed", "duration", "captchaRetry", "startFrameIndex_1", "endFrameIndex_1"}
    body: dict[str, Json] = {}
    for name, value in values.items():
        if name in numbers and _WHOLE.match(value):
            body[name] = int(value)
        elif name == "async" and value in ("true", "false"):
            body[name] = value == "true"
        else:
            body[name] = value
    return body
