"""The contact sheet: small pictures of every take with its label, the selected take in a ring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw

from veospec.errors import MediaError
from veospec.media.frames import read_picture, write_jpeg
from veospec.media.palette import DIM, FAINT, INK, MARGIN
from veospec.media.probe import open_picture
from veospec.media.text import Style, clean, draw_block, draw_line, fit, shorten

_GAP = 24
_ACCENT = (240, 178, 84)
_WARNING = (238, 116, 92)
_TILE_WIDE = 420
_TILE_HIGH = 260
_EMPTY_HIGH = 120
_HEADING_HIGH = 46
_STRIP_GAP = 4
_GROUND = (22, 23, 26)
_MAX_SIDE = 60_000
"""A JPEG cannot be larger than 65,535 pixels on a side. Source: ITU-T T.81 (1992), B.2.2."""


class SheetEntry(Struct, frozen=True):
    """One take: `pictures` are JPEG or PNG files, first to last; `missing` says why there are none.

    Entries of one `section` stand together under its name.
    """

    label: str
    note: str
    pictures: tuple[Path, ...]
    is_selected: bool = False
    flags: tuple[str, ...] = ()
    missing: str = ""
    section: str = ""


def write_sheet(title: str, entries: Sequence[SheetEntry], columns: int, target: Path) -> None:
    """Write the sheet as JPEG; a broken picture shows its reason in its place.

    Strips of wide pictures take two columns, so that what is on them can be seen.
    """
    columns = max(1, min(columns, _most_columns(entries)))
    rows = [row for name, group in groupby(entries, key=lambda e: e.section) for row in _rows(name, [*group], columns)]
    head = 84
    size = columns * (_TILE_WIDE + _GAP) + _GAP, head + sum(row.height + _GAP for row in rows) + _GAP
    sheet = Image.new("RGB", size, MARGIN)
    style = Style(34, "bold")
    draw_line(sheet, (_GAP, 56), shorten(clean(title), size[0] - 2 * _GAP, style), style, INK)
    y = head
    for row in rows:
        row.draw(sheet, y)
        y += row.height + _GAP
    if sheet.height > _MAX_SIDE:
        scale = _MAX_SIDE / sheet.height
        sheet = sheet.resize((max(1, round(sheet.width * scale)), _MAX_SIDE), Image.Resampling.LANCZOS)
    write_jpeg(sheet, target, quality=88, is_large=True)


def _most_columns(entries: Sequence[SheetEntry]) -> int:
    """Return how many columns the fullest section can use."""
    sections = Counter(entry.section for entry in entries)
    most = max(sections.values(), default=1)
    return 2 * most if any(len(entry.pictures) > 1 for entry in entries) else most


class _Row(Struct, frozen=True):
    """A row of tiles, or the name of a section; drawn when its place comes, so that one tile is in memory at a time."""

    height: int
    room: int
    wide: int = 0
    tiles: tuple[tuple[SheetEntry, int], ...] = ()
    section: str = ""

    def draw(self, sheet: Image.Image, y: int) -> None:
        if self.section:
            sheet.paste(_heading(self.section, self.room), (_GAP, y))
        for number, (entry, high) in enumerate(self.tiles):
            sheet.paste(_tile(entry, self.wide, high), (_GAP + number * (self.wide + _GAP), y))


def _rows(section: str, entries: Sequence[SheetEntry], columns: int) -> Iterator[_Row]:
    """Yield the rows of one section, its name first."""
    room = columns * (_TILE_WIDE + _GAP) - _GAP
    if section:
        yield _Row(_HEADING_HIGH, room, section=section)
    sizes = [_size(entry) for entry in entries]
    has_strips = any(s and len(e.pictures) > 1 and s[0] >= s[1] for e, s in zip(entries, sizes, strict=True))
    each = max(1, columns // 2) if has_strips else columns
    wide = (room + _GAP) // each - _GAP
    tiles = [
        (entry, _strip_size(size, len(entry.pictures), wide)[1] if size else _EMPTY_HIGH)
        for entry, size in zip(entries, sizes, strict=True)
    ]
    for start in range(0, len(tiles), each):
        part = tuple(tiles[start : start + each])
        yield _Row(max(high + _foot(entry) for entry, high in part), room, wide, part)


def _size(entry: SheetEntry) -> tuple[int, int] | None:
    """Return the size of the first picture that opens, without reading its pixels."""
    for path in entry.pictures:
        with suppress(MediaError), open_picture(path) as picture:
            return picture.size
    return None


def _foot(entry: SheetEntry) -> int:
    return 66 + (24 if entry.flags else 0)


def _heading(section: str, wide: int) -> Image.Image:
    row = Image.new("RGB", (wide, _HEADING_HIGH), MARGIN)
    style = Style(24, "bold")
    drawn = draw_line(row, (0, 32), shorten(clean(section), wide, style), style, DIM)
    ImageDraw.Draw(row).line((drawn + 18, 24, wide, 24), fill=FAINT, width=1)
    return row


def _pictures(entry: SheetEntry) -> tuple[list[Image.Image], str]:
    """Return what can be shown of a take, and the reason when nothing can."""
    pictures: list[Image.Image] = []
    reason = entry.missing
    for path in entry.pictures:
        try:
            pictures.append(read_picture(path))
        except MediaError as broken:
            reason = broken.message
    return pictures, reason or "nothing to show"


def _tile(entry: SheetEntry, wide: int, high: int) -> Image.Image:
    pictures, reason = _pictures(entry)
    strip = _strip(pictures, wide, high) if pictures else _placeholder(reason, wide, high)
    words = Style(20, "bold")
    small = Style(16)
    tile = Image.new("RGB", (wide, strip.height + _foot(entry)), MARGIN)
    tile.paste(strip, (0, 0))
    pen = ImageDraw.Draw(tile)
    x = 0
    y = strip.height + 28
    if entry.is_selected:
        pen.ellipse((2, y - 17, 20, y + 1), outline=_ACCENT, width=3)
        pen.ellipse((8, y - 11, 14, y - 5), fill=_ACCENT)
        pen.rectangle((0, 0, wide - 1, strip.height - 1), outline=_ACCENT, width=4)
        x = 30
    draw_line(tile, (x, y), shorten(clean(entry.label), wide - x, words), words, INK)
    draw_line(tile, (0, y + 25), shorten(clean(entry.note), wide, small), small, DIM)
    if entry.flags:
        flags = shorten(clean(" · ".join(entry.flags)), wide, small)
        draw_line(tile, (0, y + 49), flags, small, _WARNING)
    return tile


def _strip_size(size: tuple[int, int], count: int, room: int) -> tuple[int, int]:
    """Return width and height of each of `count` pictures side by side in a room."""
    shape = size[1] / size[0]
    wide = (room - _STRIP_GAP * (count - 1)) // count
    high = max(2, min(_TILE_HIGH, round(wide * shape)))
    return min(wide, max(2, round(high / shape))), high


def _strip(pictures: Sequence[Image.Image], room: int, high: int) -> Image.Image:
    wide, own = _strip_size(pictures[0].size, len(pictures), room)
    own = min(own, high)
    strip = Image.new("RGB", (room, high), _GROUND)
    left = (room - len(pictures) * (wide + _STRIP_GAP) + _STRIP_GAP) // 2
    for n, picture in enumerate(pictures):
        small = picture.resize((wide, own), Image.Resampling.HAMMING)
        strip.paste(small, (left + n * (wide + _STRIP_GAP), 0))
    return strip


def _placeholder(reason: str, wide: int, high: int) -> Image.Image:
    strip = Image.new("RGB", (wide, high), (24, 25, 28))
    ImageDraw.Draw(strip).rectangle((0, 0, wide - 1, high - 1), outline=FAINT, width=2)
    draw_block(strip, (16, 14, wide - 32), fit(reason, wide - 32, max(20, high - 28), (20, 17, 15)), DIM)
    return strip
