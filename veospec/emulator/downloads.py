"""The content host: signed links, ranges, entity tags. It is another host in reality and knows no tokens.

An `Authorization` header that comes along anyway is not refused, but noted in `GET /_emulator/calls`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from veospec.emulator.faults import Rule
from veospec.emulator.replies import DOWNLOAD, DOWNLOAD_KINDS, sign
from veospec.emulator.state import Media
from veospec.emulator.web import Answer, House

_PATH = re.compile(rf"{DOWNLOAD}/({'|'.join(DOWNLOAD_KINDS)})/([0-9a-z_-]{{36,64}})\Z")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})\Z")


def _xml(status: int, code: str, message: str) -> Answer:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(
        status, headers={"Cache-Control": "private"}, content=body.encode(), media_type="application/xml; charset=UTF-8"
    )


async def answer(
    house: House, method: str, raw_path: str, query: Mapping[str, str], headers: Mapping[str, str], rule: Rule | None
) -> Answer:
    """Return the file behind a signed link, or part of it."""
    if method not in ("GET", "HEAD"):
        return _xml(405, "MethodNotAllowed", "The specified method is not allowed.")
    found = _PATH.match(raw_path)
    expires = query.get("Expires", "")
    signature = sign(house.secret, raw_path, expires)
    if not found or not expires.isdigit() or not hmac.compare_digest(signature, query.get("Signature", "")):
        return _xml(403, "AccessDenied", "Access denied.")
    if (rule and rule.fault == "expired-link") or int(expires) <= house.state.clock.now():
        return _xml(403, "ExpiredToken", "The provided token has expired. Request signature expired.")
    if found[1] == "audio":
        return Answer(200, content=_silence(), media_type="audio/wav")
    media = house.state.media.get(found[2])
    if media is None or media.is_deleted:
        return _xml(404, "NoSuchKey", "The specified key does not exist.")
    content = await (house.studio.thumbnail(media) if _is_thumbnail(found[1], media) else house.studio.file(media))
    return _ranged(content, type_of(found[1], content), headers)


def _is_thumbnail(kind: str, media: Media) -> bool:
    return kind == "image" and media.kind == "video"


def type_of(kind: str, content: bytes) -> str:
    """Return the media type of a file by its kind and its first bytes."""
    if kind == "video":
        return "video/mp4"
    return {b"\x89PNG": "image/png", b"RIFF": "image/webp"}.get(content[:4], "image/jpeg")


def _ranged(content: bytes, media_type: str, headers: Mapping[str, str]) -> Answer:
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    base = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=0"}
    asked = headers.get("range", "")
    found = _RANGE.match(asked.strip()) if headers.get("if-range", tag) == tag else None
    if not asked or not found or found[1] == found[2] == "":
        return Answer(200, headers=base, content=content, media_type=media_type)
    if found[1]:
        start = int(found[1])
        end = min(int(found[2]) if found[2] else len(content) - 1, len(content) - 1)
    else:
        start, end = max(0, len(content) - int(found[2])), len(content) - 1
    if start >= len(content) or end < start:
        return Answer(416, headers={**base, "Content-Range": f"bytes */{len(content)}"}, media_type=media_type)
    part = {**base, "Content-Range": f"bytes {start}-{end}/{len(content)}"}
    return Answer(206, headers=part, content=content[start : end + 1], media_type=media_type)


def _silence() -> bytes:
    """Return a tenth of a second of WAV."""
    samples = bytes(2 * 2400)
    head = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = b"\x01\x00\x01\x00" + (24_000).to_bytes(4, "little") + (48_000).to_bytes(4, "little") + b"\x02\x00\x10\x00"
    return head + form + b"data" + len(samples).to_bytes(4, "little") + samples
