"""Small JSON documents that carry their type, version and own checksum, and are read strictly.

One line of sorted, compact ASCII JSON whose first member is the SHA-256 of the rest, so that a flipped bit, a
short file or an editor's "fix" is seen. The checksum is no signature: it stands against accidents only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn

_HEAD = b'{"_check":"'
_BODY_AT = len(_HEAD) + 64 + 2


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


_READ = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode


class SealError(Exception):
    """The text is not what was written; the argument is a clause that says why."""


class NewerError(SealError):
    """The document has a version that this program does not know."""


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return sorted, compact ASCII JSON; NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def seal(kind: str, version: int, members: Mapping[str, Any]) -> bytes:
    """Return the document as one line; `kind` becomes a member that holds the version."""
    body = canonical({**members, kind: version})
    return _HEAD + sha256(body).hexdigest().encode("ascii") + b'",' + body[1:] + b"\n"


def body_of(raw: bytes) -> bytes:
    """Return the JSON of a sealed document without its checksum, which fits. Raises `SealError`."""
    body = b"{" + raw[_BODY_AT:-1]
    head = _HEAD + sha256(body).hexdigest().encode("ascii") + b'",'
    if raw.startswith(head) and raw.endswith(b"}\n"):
        return body
    if not raw.startswith(_HEAD) or not raw.endswith(b"}\n") or raw[_BODY_AT - 2 : _BODY_AT] != b'",':
        raise SealError("it is cut short or is no record")
    raise SealError("its checksum does not match its content")


def read_json(text: bytes) -> Any:
    """Return JSON as `canonical` writes it: ASCII without fractions. Raises `SealError`."""
    try:
        return _READ(text.decode("ascii"))
    except (ValueError, RecursionError):
        raise SealError("it is not the JSON that veospec writes") from None


def check_version(written: object, kind: str, version: int) -> None:
    """Raise `SealError` unless this is the version that this program reads."""
    if type(written) is not int:
        raise SealError(f"it is not of the type {kind}")
    if written > version:
        raise NewerError(f"it was written by a newer veospec (version {written}; this one reads {version})")
    if written != version:
        raise SealError(f"it has the unknown version {written}")


def unseal(raw: bytes, kind: str, version: int) -> dict[str, Any]:
    """Return the members of a sealed document without the kind. Raises `SealError`."""
    members = dict(read_json(body_of(raw)))
    check_version(members.pop(kind, None), kind, version)
    return members
