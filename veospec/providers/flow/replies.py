"""Readers of what the service answers: pure, tolerant, and safe with hostile bytes.

Unknown fields are ignored, a missing field is an empty value, and nothing in here raises for a strange document.
A result is judged by its own link or bytes, never by the status of the answer around it.

Source: useapi.net Google Flow API v1 reference, response shapes of `/videos`, `/images`, `/assets`, `/jobs`,
`/accounts`, June to November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from veospec.providers.base import Json, Receipt, Result
from veospec.providers.flow import ids
from veospec.providers.flow.readers import MAX_TEXT, decoded, dig, each, expiry, instant, link, number, text

PROVIDER = "flow"
SILENT = "the service answered without a file and without a reason (silent refusal)"

_REASON = re.compile(r"(?:PUBLIC_ERROR|FINISH_REASON)_[A-Z0-9_]{1,80}")
_ROUTING = ("email", "replyRef", "captchaRetry", "async")


# -- ids --------------------------------------------------------------------------------------------------


def job_id(document: Json) -> str:
    """Return the job id: `jobid` in the async answer and in records, `jobId` in sync ones; nothing when unusable."""
    for name in ("jobid", "jobId"):
        found = dig(document, name)
        if isinstance(found, str) and ids.is_job_id(found):
            return found
    return ""


def media_id(value: Json) -> str:
    """Return a media id that is written as text or, as by an upload, nested in an object of the same name."""
    if isinstance(value, Mapping):
        value = value.get("mediaGenerationId")
    return value if isinstance(value, str) and ids.is_media_id(value) else ""


def uploaded(document: Json) -> str:
    """Return the media id of an upload, or nothing."""
    return media_id(dig(document, "mediaGenerationId"))


def made_voice(document: Json) -> str:
    """Return the reference of a voice that was made, or nothing."""
    return media_id(dig(document, "voice"))


def made_character(document: Json) -> str:
    """Return the reference of a character as POST gives it (a list may leave its suffix out), or nothing."""
    return media_id(dig(document, "character"))


def fresh_link(document: Json) -> str:
    """Return the link of `GET /assets/{id}`, or nothing."""
    return link(dig(document, "url"))


# -- results ----------------------------------------------------------------------------------------------


def results(document: Json, *, account: str = "", job: str = "") -> tuple[Result, ...]:
    """Return one result per entry of an answer or a job record, in order; empty when it lists none.

    `media[]` wins over the legacy `operations[]` of an upscale.
    """
    source = document if dig(document, "media") is not None else dig(document, "response")
    job = job or job_id(document)
    found = tuple(_media(entry, account, job) for entry in each(dig(source, "media")))
    return found or tuple(_operation(entry, account, job) for entry in each(dig(source, "operations")) if _has(entry))


def _media(entry: Mapping[str, Json], account: str, job: str) -> Result:
    picture = dig(entry, "image", "generatedImage")
    clip = dig(entry, "video", "generatedVideo")
    made = picture if isinstance(picture, Mapping) else clip if isinstance(clip, Mapping) else {}
    handle = media_id(entry.get("mediaGenerationId")) or media_id(made.get("mediaGenerationId"))
    receipt = Receipt(
        provider=PROVIDER,
        account=ids.owner_of(handle) or account,
        job_id=job,
        media_id=handle,
        # An upscale repeats `seed: 0`, which is nobody's seed.
        seed=None if handle.endswith("_upsampled") else number(made.get("seed")),
        model=text(made.get("model") or made.get("modelNameType"), 200),
    )
    url = link(entry.get("videoUrl")) or link(made.get("fifeUrl")) or link(entry.get("fifeUrl"))
    if url:
        return Result(receipt, url=url, expires_at=expiry(url))
    content = decoded(made.get("encodedImage")) or decoded(entry.get("encodedImage"))
    if content:
        return Result(receipt, content=content)
    return Result(receipt, refused=_refusal(entry))


def _operation(entry: Mapping[str, Json], account: str, job: str) -> Result:
    video = dig(entry, "operation", "metadata", "video")
    handle = media_id(entry.get("mediaGenerationId")) or media_id(dig(video, "mediaGenerationId"))
    receipt = Receipt(PROVIDER, ids.owner_of(handle) or account, job, handle)
    url = link(dig(video, "fifeUrl")) or link(dig(video, "servingBaseUri"))
    return Result(receipt, url=url, expires_at=expiry(url)) if url else Result(receipt, refused=_refusal(entry))


def _has(entry: Mapping[str, Json]) -> bool:
    # The operations of an async 201 are only promises: they carry a status and no video.
    return isinstance(dig(entry, "operation", "metadata", "video"), Mapping)


def _refusal(entry: Mapping[str, Json]) -> str:
    found = reasons(entry)
    if found:
        return ", ".join(found)
    status = dig(entry, "mediaMetadata", "mediaStatus")
    said = text(dig(status, "error", "message"), 300)
    return said or SILENT


def encoded_file(document: Json) -> bytes:
    """Return the file that came inside an answer of image upscale, concatenate or gif; nothing when there is none."""
    for name in ("encodedImage", "encodedVideo", "encodedGif"):
        content = decoded(dig(document, name))
        if content:
            return content
    return b""


# -- jobs -------------------------------------------------------------------------------------------------


class Job(Struct, frozen=True):
    """A job record. `state` is `running`, `completed` or `failed`; a status we do not know means running.

    The request, which holds prompts, is not printed.
    """

    id: str
    state: str
    results: tuple[Result, ...]
    reply_ref: str
    request: Mapping[str, Json]
    created_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Job({self.id!r}, {self.state!r})"


def job(document: Json) -> Job:
    """Return the record of `GET /jobs/{id}`; `replyRef` is looked for at the top and in the echoed request."""
    status = text(dig(document, "status"), 40).lower()
    request = dig(document, "request")
    return Job(
        id=job_id(document),
        state=status if status in ("completed", "failed") else "running",
        results=results(document),
        reply_ref=text(dig(document, "replyRef")) or text(dig(document, "request", "replyRef")),
        request=request if isinstance(request, Mapping) else {},
        created_at=instant(dig(document, "created")),
    )


def same_request(echo: Mapping[str, Json], sent: Mapping[str, Json]) -> bool:
    """Tell whether an echoed request is the one that was sent, by what shapes the picture.

    At least the words or the source must be there to compare, and every echoed field must agree.
    """
    shaping = {
        name: value for name, value in sent.items() if name not in ("email", "replyRef", "captchaRetry", "async")
    }
    shared = shaping.keys() & echo.keys()
    telling = {"prompt", "mediaGenerationId"} & shaping.keys()
    return (
        telling <= shared
        and ("seed" not in shaping or "seed" in shared)
        and all(echo[name] == shaping[name] for name in shared)
    )


class Seen(Struct, frozen=True):
    """A job that some list mentions; the time is None when it gives none that can be read."""

    job_id: str
    at: datetime | None
    email: str = ""


def telemetry(document: Json, option: str) -> tuple[Seen, ...]:
    """Return the jobs of `GET /jobs?options=executing|history`, each once, in the order of the answer."""
    found: dict[str, Seen] = {}
    for family in ("videos", "images", "combined"):
        table = dig(document, family, option)
        if isinstance(table, Mapping):
            for name, row in table.items():
                if ids.is_job_id(name):
                    found.setdefault(name, Seen(name, instant(dig(row, "timestamp")), text(dig(row, "email"), 320)))
    return tuple(found.values())


def captcha_log(document: Json) -> tuple[Seen, ...]:
    """Return the jobs of `GET /accounts/captcha-stats`, each once; it also knows refused submissions."""
    found: dict[str, Seen] = {}
    for row in each(dig(document, "data")):
        name = job_id({"jobid": row.get("jobId")})
        if name:
            found.setdefault(name, Seen(name, instant(row.get("timestamp"))))
    return tuple(found.values())


# -- accounts ---------------------------------------------------------------------------------------------


class Account(Struct, frozen=True):
    """What is read of an account, and nothing more: its record also holds cookies and an access token.

    `credits` is None when the service does not say, which is not the same as 0.
    """

    email: str
    is_healthy: bool
    health: str
    credits: int | None = None
    sku: str = ""
    tier: str = ""


def account(document: Json, email: str) -> Account:
    """Return one account's record; `health` is `OK` or a sentence of the service."""
    health = text(dig(document, "health"), 300)
    return Account(
        email=email,
        is_healthy=health.upper() == "OK",
        health=health,
        credits=number(dig(document, "credits", "credits")),
        sku=text(dig(document, "credits", "sku"), 80),
        tier=text(dig(document, "credits", "userPaygateTier"), 80),
    )


def accounts(document: Json) -> tuple[Account, ...]:
    """Return every account of `GET /accounts`, sorted by e-mail."""
    if not isinstance(document, Mapping):
        return ()
    return tuple(
        account(record, text(name, 320))
        for name, record in sorted(document.items())
        if "@" in name and isinstance(record, Mapping)
    )


class Captcha(Struct, frozen=True):
    """Names of the configured captcha providers, and the free solves that are left when there is none."""

    providers: tuple[str, ...]
    free_left: int | None


def captcha_providers(document: Json) -> Captcha:
    """Return which providers are configured; their keys, although masked, are not read."""
    if not isinstance(document, Mapping):
        return Captcha((), None)
    names = sorted(name for name, key in document.items() if isinstance(key, str) and key and len(name) <= 40)
    return Captcha(
        tuple(text(name) for name in names if name not in ("error", "message")),
        number(document.get("freeCaptchaCredits")),
    )


class CaptchaRate(Struct, frozen=True):
    """How a captcha provider did: attempts in the log, and those that ended in an accepting status."""

    provider: str
    attempts: int
    accepted: int


def captcha_rates(document: Json) -> tuple[CaptchaRate, ...]:
    """Return the rates in `GET /accounts/captcha-stats`, counted from its rows, by provider."""
    found: dict[str, list[int]] = {}
    for row in each(dig(document, "data")):
        counts = found.setdefault(text(row.get("provider"), 40) or "unknown", [0, 0])
        counts[0] += 1
        counts[1] += (number(row.get("statusCode")) or 0) in range(200, 300)
    return tuple(CaptchaRate(name, *counts) for name, counts in sorted(found.items()))


# -- failures ---------------------------------------------------------------------------------------------


def reasons(document: Json) -> tuple[str, ...]:
    """Return every `PUBLIC_ERROR_*` and `FINISH_REASON_*` of a document, in order, each once.

    Searched everywhere but in echoes of our own words: a prompt may say anything.
    """
    found: dict[str, None] = {}
    for value in _texts(document, 0):
        found.update(dict.fromkeys(_REASON.findall(value)))
    return tuple(found)


def _texts(value: Json, depth: int) -> Iterator[str]:
    if depth > 24:
        return
    if isinstance(value, str):
        yield value[: MAX_TEXT * 4]
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("request", "requestData", "prompt", "encodedImage"):
                yield from _texts(inner, depth + 1)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner, depth + 1)


def failure_text(document: Json) -> str:
    """Return the service's own words about a failure, joined; `error` may be a text or an object."""
    said: list[str] = []
    for place in (document, dig(document, "response")):
        fault = dig(place, "error")
        said += [text(fault, 400), text(dig(fault, "message"), 400), text(dig(fault, "status"), 80)]
        said.append(text(dig(place, "message"), 400))
    said.append(text(dig(document, "errorDetails"), 400))
    return " · ".join(dict.fromkeys(part for part in said if part))
