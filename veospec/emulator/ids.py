"""Identifiers of the service: how they are made, read and masked.

Source: useapi.net Google Flow API v1 reference, identifiers, June to November 2026.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec import Struct

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OWNER = r"user:(\d{1,12})-email:((?:[0-9a-f]{2}){3,254})"
_MEDIA = re.compile(rf"{_OWNER}-(image|video):({_UUID}(?:_upsampled)?)\Z")
_CHARACTER = re.compile(rf"{_OWNER}-character:({_UUID})(?:-imgs:[12])?(?:-voice:.+)?\Z")
_VOICE = re.compile(rf"{_OWNER}-voice:({_UUID})-mid:({_UUID})\Z")
_JOB = re.compile(r"j\d{10,20}[vi]-u(\d{1,12})-email:[^\s/%?#]+-bot:google-flow\Z")
_ANY_OWNER = re.compile(_OWNER)


class Ref(Struct, frozen=True):
    """A reference that was read: whose it is, of which kind (`image`, `video`, `character`, `voice`), its key."""

    user: str
    email: str
    kind: str
    key: str


def mask(email: str) -> str:
    """Return `st***@example.com`."""
    name, _, domain = email.partition("@")
    return f"{name[:2]}***@{domain}"


def hex_email(email: str) -> str:
    """Return the owner's e-mail as it stands in media ids."""
    return email.encode().hex()


def job_id(*, user: str, email: str, family: str, at: float, number: int, is_june: bool) -> str:
    """Return a job id. `number` keeps two of the same moment apart.

    The digits were epoch milliseconds in June 2026, month, day, time and microseconds in September.
    """
    letter = "i" if family == "images" else "v"
    if is_june:
        digits = str(int(at * 1000) + number)
    else:
        moment = datetime.fromtimestamp(at, UTC)
        digits = f"{moment:%m%d%H%M%S}{(moment.microsecond + number) % 1_000_000:06d}"
    return f"j{digits}{letter}-u{user}-email:{mask(email)}-bot:google-flow"


def job_user(text: str) -> str | None:
    """Return the user number of a job id, or None when the text is no job id."""
    found = _JOB.match(text)
    return found[1] if found else None


def media_id(*, user: str, email: str, kind: str, key: str) -> str:
    """Return the id that reference parameters take."""
    return f"user:{user}-email:{hex_email(email)}-{kind}:{key}"


def character_ref(*, user: str, email: str, key: str, pictures: int, voice: str) -> str:
    """Return a character's reference: `-imgs:N` is how many picture slots it uses."""
    tail = f"-voice:{voice}" if voice else ""
    return f"user:{user}-email:{hex_email(email)}-character:{key}-imgs:{pictures}{tail}"


def voice_ref(*, user: str, email: str, key: str, media: str) -> str:
    """Return a user voice's reference."""
    return f"user:{user}-email:{hex_email(email)}-voice:{key}-mid:{media}"


def _email(hexed: str) -> str | None:
    try:
        return bytes.fromhex(hexed).decode()
    except (ValueError, UnicodeDecodeError):
        return None


def read_media(text: str) -> Ref | None:
    """Read an image or video id; a bare uuid (`media.name`) is none."""
    found = _MEDIA.match(text)
    email = _email(found[2]) if found else None
    return Ref(found[1], email, found[3], found[4]) if found and email else None


def read_character(text: str) -> Ref | None:
    """Read a character reference, with or without its tail."""
    found = _CHARACTER.match(text)
    email = _email(found[2]) if found else None
    return Ref(found[1], email, "character", found[3]) if found and email else None


def read_voice(text: str) -> Ref | None:
    """Read a user voice reference."""
    found = _VOICE.match(text)
    email = _email(found[2]) if found else None
    return Ref(found[1], email, "voice", found[3]) if found and email else None


def owner(text: str) -> str | None:
    """Return the user number that any reference begins with."""
    found = _ANY_OWNER.match(text)
    return found[1] if found else None
