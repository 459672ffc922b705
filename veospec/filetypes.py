"""What a file is, told by its first bytes and never by its name; for every room, so it knows none of them.

Source: W3C PNG (2003) 5.2; ITU-T T.81 B.1.1.3; Google WebP container (2023); ISO/IEC 14496-12:2022 4.3.
"""

from __future__ import annotations

HEAD_BYTES = 32
"""How many bytes `type_of` wants to see."""

# ISO base media brands that are pictures, sound or QuickTime, so no MP4 film although they begin with `ftyp`.
# Source: mp4ra.org registered brands, November 2026.
_OTHER_BRANDS = frozenset(
    {b"qt  ", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"crx "}
)


def type_of(head: bytes) -> str:
    """Return `png`, `jpeg`, `webp`, `mp4`, or nothing when the first bytes are none of these."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] not in _OTHER_BRANDS:
        return "mp4"
    return ""
