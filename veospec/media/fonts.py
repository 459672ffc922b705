"""Which font draws which character, and an honest answer when none does.

Noto Sans (shipped) covers Latin, Greek and Cyrillic, so slates look the same everywhere. Other scripts take the
first font of the machine that has the character; the search reads the fonts' own character tables, because a
library that is asked for a missing glyph draws an empty box and says nothing.
"""

from __future__ import annotations

import os
import struct
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import cast

from msgspec import Struct
from PIL import ImageFont, features

EMOJI_STRIKE_PX = 109
"""The only size in which Noto Color Emoji's bitmaps exist. Source: Noto Emoji, CBLC table, 2022."""

REPLACEMENT = "\ufffd"

# Preferred families first: one look for a script, whatever else lies in the folder.
_PREFERRED = (
    "NotoSansCJK-Regular", "NotoSansCJKjp", "NotoSansJP", "SourceHanSans", "NotoSansArabic-Regular",
    "NotoSansHebrew-Regular", "NotoSansDevanagari-Regular", "NotoSansThai-Regular", "NotoColorEmoji", "NotoEmoji",
    "DejaVuSans.", "NotoSansSymbols-Regular", "NotoSansSymbols2", "Hiragino", "PingFang", "AppleSDGothicNeo",
    "GeezaPro", "Apple Color Emoji", "YuGoth", "msyh", "meiryo", "malgun", "seguiemj", "seguisym", "arial",
    "DroidSansFallback", "wqy", "ipag", "TakaoGothic", "unifont",
)  # fmt: skip

_SCRIPTS = (
    (0x0590, 0x05FF, "Hebrew"), (0x0600, 0x08FF, "Arabic"), (0x0900, 0x0DFF, "Indic"), (0x0E00, 0x0EFF, "Thai or Lao"),
    (0x1100, 0x11FF, "Korean"), (0x2E80, 0x303F, "Chinese or Japanese"), (0x3040, 0x30FF, "Japanese"),
    (0x3130, 0x318F, "Korean"), (0x3400, 0x9FFF, "Chinese or Japanese"), (0xAC00, 0xD7AF, "Korean"),
    (0xF900, 0xFAFF, "Chinese or Japanese"), (0xFF00, 0xFFEF, "Chinese or Japanese"), (0x1F000, 0x1FAFF, "emoji"),
    (0x2600, 0x27BF, "symbols"), (0x20000, 0x3FFFF, "Chinese or Japanese"),
)  # fmt: skip


class Face(Struct, frozen=True):
    """One font in one file; `is_bitmap` marks colour emoji, which exist in one size only."""

    path: str
    index: int = 0
    is_bitmap: bool = False


@lru_cache(maxsize=8)
def shipped(weight: str) -> Face:
    """Return the shipped font, `regular` or `bold`."""
    name = "NotoSans-Bold.ttf" if weight == "bold" else "NotoSans-Regular.ttf"
    return Face(str(files("veospec.media").joinpath("fonts", name)))


def can_shape() -> bool:
    """Tell whether right-to-left and joined scripts are laid out by rule (libraqm with FriBiDi)."""
    return bool(features.check("raqm"))


@lru_cache(maxsize=256)
def loaded(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """Return the font object for a size in pixels."""
    engine = ImageFont.Layout.RAQM if can_shape() else ImageFont.Layout.BASIC
    return ImageFont.truetype(face.path, EMOJI_STRIKE_PX if face.is_bitmap else size, face.index, layout_engine=engine)


@lru_cache(maxsize=4096)
def face_for(character: str, weight: str) -> Face | None:
    """Return the font that has the character, or None when no font of this machine has it."""
    own = shipped(weight)
    if has(own, ord(character)):
        return own
    for path in _system_fonts():
        for face in _faces(path):
            if has(face, ord(character)):
                return face
    return None


def missing_notice(*texts: str) -> str:
    """Return a sentence about characters that no font of this machine can draw, or nothing."""
    letters = set().union(*texts)
    lost = sorted(c for c in letters if _is_drawn(c) and face_for(c, "regular") is None)
    needs_shaping = any(0x0590 <= ord(c) <= 0x08FF for c in letters) and not can_shape()
    notices = []
    if lost:
        scripts = sorted({_script(c) for c in lost})
        notices.append(
            f"no font on this machine has {len(lost)} of the characters ({', '.join(scripts)}): {''.join(lost[:12])}"
            f"{'…' if len(lost) > 12 else ''}; they are drawn as {REPLACEMENT}. Install a font such as Noto Sans"
            f"{' CJK' if any('Chinese' in s or s in ('Japanese', 'Korean') for s in scripts) else ''}."
        )
    if needs_shaping:
        notices.append("right-to-left letters are not joined: Pillow finds no FriBiDi library on this machine.")
    return " ".join(notices)


@lru_cache(maxsize=4096)
def _is_drawn(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp") and not is_joiner(character)


def is_joiner(character: str) -> bool:
    """Tell whether a character only modifies its neighbours (variation selectors, joiners, tags)."""
    code = ord(character)
    return code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF) or 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE01EF


def _script(character: str) -> str:
    code = ord(character)
    return next((name for low, high, name in _SCRIPTS if low <= code <= high), "other scripts")


# -- the machine's fonts ----------------------------------------------------------------------------------


def _folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "darwin":
        return (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    if sys.platform == "win32":
        return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts",)
    return (home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts"))


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """List font files, preferred families first, then by name; bold and italic cuts last."""
    found = (
        Path(folder) / name
        for root in _folders()
        for folder, _, names in os.walk(root)
        for name in names
        if name.lower().endswith((".ttf", ".otf", ".ttc"))
    )
    return tuple(sorted(found, key=_rank))


def _rank(path: Path) -> tuple[int, bool, str, str]:
    place = next((n for n, name in enumerate(_PREFERRED) if path.name.startswith(name)), len(_PREFERRED))
    plain = not any(
        cut in path.stem for cut in ("Bold", "Italic", "Oblique", "Black", "Light", "Thin", "Mono", "Serif")
    )
    return place, not plain, path.name, str(path)


@lru_cache(maxsize=2048)
def _faces(path: Path) -> tuple[Face, ...]:
    """Return the first face of a file (collections hold regional variants of one design)."""
    tables = _tables(path)
    if b"cmap" not in tables:
        return ()
    is_bitmap = b"CBDT" in tables
    if not is_bitmap and not tables.keys() & {b"glyf", b"CFF ", b"CFF2"}:
        return ()
    return (Face(str(path), 0, is_bitmap),)


def has(face: Face, code: int) -> bool:
    """Tell whether the font's character table has a glyph for a code point."""
    ranges = _coverage(face.path)
    low, high = 0, len(ranges)
    while low < high:
        middle = (low + high) // 2
        if ranges[middle][1] < code:
            low = middle + 1
        else:
            high = middle
    return low < len(ranges) and ranges[low][0] <= code


@lru_cache(maxsize=2048)
def _tables(path: Path) -> dict[bytes, tuple[int, int]]:
    """Read the table directory of the first face. Source: OpenType 1.9.1, 'Organization of an OpenType Font'."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            start = struct.unpack(">I", head[12:16])[0] if head[:4] == b"ttcf" else 0
            file.seek(start)
            count = struct.unpack(">4sH", file.read(6))[1]
            file.seek(start + 12)
            records = file.read(16 * count)
        rows = struct.iter_unpack(">4sIII", records)
        return {tag: (offset, length) for tag, _, offset, length in rows}
    except (OSError, struct.error):
        return {}


@lru_cache(maxsize=2048)
def _coverage(path: str) -> tuple[tuple[int, int], ...]:
    """Return the covered code points as sorted ranges, both ends included."""
    tables = _tables(Path(path))
    if b"cmap" not in tables:
        return ()
    offset, length = tables[b"cmap"]
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            table = file.read(min(length, 1 << 22))
        return tuple(sorted(_character_map(table)))
    except (OSError, struct.error, IndexError):
        return ()


def _character_map(table: bytes) -> Iterator[tuple[int, int]]:
    """Read the richest Unicode subtable. Source: OpenType 1.9.1, 'cmap', formats 4 and 12."""
    count = struct.unpack_from(">H", table, 2)[0]
    best: dict[int, int] = {}
    for number in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * number)
        form = struct.unpack_from(">H", table, offset)[0]
        if (platform, encoding) in {(0, 3), (0, 4), (0, 6), (3, 1), (3, 10)} and form in (4, 12):
            best.setdefault(form, offset)
    if 12 in best:
        yield from _format_12(table, best[12])
    elif 4 in best:
        yield from _format_4(table, best[4])


def _format_12(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    groups = struct.unpack_from(">I", table, offset + 12)[0]
    for start, end, _ in struct.iter_unpack(">III", table[offset + 16 : offset + 16 + 12 * groups]):
        yield start, end


def _format_4(table: bytes, offset: int) -> Iterator[tuple[int, int]]:
    doubled = cast("int", struct.unpack_from(">H", table, offset + 6)[0])
    at = offset + 14
    ends = struct.unpack_from(f">{doubled // 2}H", table, at)
    starts = struct.unpack_from(f">{doubled // 2}H", table, at + doubled + 2)
    for start, end in zip(starts, ends, strict=True):
        if start <= end and start != 0xFFFF:
            yield start, end
