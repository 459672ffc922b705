"""Small readers of hostile JSON: pure, bounded, and silent about what they cannot read.

Texts come out free of control characters and lone surrogates, so that they can be written to a database, a
terminal line or a log without another look.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

from veospec.providers.base import Json

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
MAX_TEXT = 4096
_MAX_INT = 2**63


class NotJsonError(ValueError):
    """A body that is no JSON document of ours."""


def parse(body: bytes) -> Json:
    """Return the JSON value of a body.

    Raises: `NotJsonError` for anything else, for NaN, for numbers of thousands of digits and for bottomless nesting.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJsonError("not a JSON document") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def text(value: Json, limit: int = MAX_TEXT) -> str:
    """Return a text without control characters, cut at `limit`; nothing for any other type."""
    return UNSAFE.sub(" ", value[:limit]).strip() if isinstance(value, str) else ""


def number(value: Json) -> int | None:
    """Return a whole number of reasonable size, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MAX_INT < value < _MAX_INT:
        return None
    return int(value)


def dig(value: Json, *names: str) -> Json:
    """Return what lies under a path of object keys, or None where the path ends early."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def each(value: Json) -> Iterator[Mapping[str, Json]]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def instant(value: Json) -> datetime | None:
    """Return an ISO time as a UTC instant, or None; a time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text(value, 64))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def expiry(url: str) -> datetime | None:
    """Return when a signed link dies, from its `Expires` (epoch seconds) or `X-Goog-Date` and `X-Goog-Expires`."""
    try:
        query = {name.lower(): values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        if "expires" in query:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
        signed = datetime.strptime(query["x-goog-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.fromtimestamp(signed.timestamp() + int(query["x-goog-expires"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def link(value: Json) -> str:
    """Return an address as it came, or nothing when it is none that could be asked for."""
    # A control character in an address is never an accident.
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT * 2 or UNSAFE.search(value):
        return ""
    return value


def decoded(value: Json) -> bytes:
    """Return the bytes of a base64 text, with or without a `data:` prefix; nothing when it is not base64."""
    if not isinstance(value, str) or not value:
        return b""
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def retry_after_s(header: str, document: Json, now: datetime) -> float | None:
    """Return the longer of the two waits that a rejection names, in seconds from `now`, at most two days.

    The header holds seconds or an HTTP date, the body an ISO time; None when neither can be read.
    """
    waits = [_header_wait(header, now)]
    until = instant(dig(document, "retryAfter"))
    if until is not None:
        waits.append((until - now).total_seconds())
    usable = [min(max(wait, 0.0), 172_800.0) for wait in waits if wait is not None]
    return max(usable, default=None)


def _header_wait(header: str, now: datetime) -> float | None:
    if header.isascii() and header.isdigit() and len(header) < 10:
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
