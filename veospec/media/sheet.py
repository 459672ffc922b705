"""The contact sheet: small pictures of every take with its label, the selected take in a ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from veospec.errors import MediaError
from veospec.media.frames import read_picture, write_jpeg
from veospec.media.palette import DIM, FAINT, INK, MARGIN
from veospec.media.text import Style, clean, draw_block, draw_line, fit, shorten

_GAP = 24
_ACCENT = (240, 178, 84)
_WARNING = (238, 116, 92)
_TILE_WIDE = 420
_TILE_HIGH = 260
_GROUND = (22, 23, 26)
_MAX_SIDE = 60_000
"""A JPEG cannot be larger than 65,535 pixels on a side. Source: ITU-T T.81 (1992), B.2.2."""


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """One take: `pictures` are JPEG or PNG files, first to last; `missing` says why there are none."""

    label: str
    note: str
    pictures: tuple[Path, ...]
    is_selected: bool = False
    flags: tuple[str, ...] = ()
    missing: str = ""


def write_sheet(title: str, entries: Sequence[SheetEntry], columns: int, target: Path) -> None:
    """Write the sheet as JPEG; a broken picture shows its reason in its place."""
    columns = max(1, min(columns, len(entries) or 1))
    tiles = [_tile(entry) for entry in entries]
    rows = [tiles[n : n + columns] for n in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) for row in rows]
    head = 84
    size = columns * (_TILE_WIDE + _GAP) + _GAP, head + sum(high + _GAP for high in heights) + _GAP
    sheet = Image.new("RGB", size, MARGIN)
    style = Style(34, "bold")
    draw_line(sheet, (_GAP, 56), shorten(clean(title), size[0] - 2 * _GAP, style), style, INK)
    y = head
    for row, high in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (_GAP + column * (_TILE_WIDE + _GAP), y))
        y += high + _GAP
    if sheet.height > _MAX_SIDE:
        scale = _MAX_SIDE / sheet.height
        sheet = sheet.resize((max(1, round(sheet.width * scale)), _MAX_SIDE), Image.Resampling.LANCZOS)
    write_jpeg(sheet, target, quality=88)


def _tile(entry: SheetEntry) -> Image.Image:
    strip = _strip(entry)
    words = Style(20, "bold")
    small = Style(16)
    foot = 66 + (24 if entry.flags else 0)
    tile = Image.new("RGB", (_TILE_WIDE, strip.height + foot), MARGIN)
    tile.paste(strip, (0, 0))
    pen = ImageDraw.Draw(tile)
    x = 0
    y = strip.height + 28
    if entry.is_selected:
        pen.ellipse((2, y - 17, 20, y + 1), outline=_ACCENT, width=3)
        pen.ellipse((8, y - 11, 14, y - 5), fill=_ACCENT)
        pen.rectangle((0, 0, _TILE_WIDE - 1, strip.height - 1), outline=_ACCENT, width=4)
        x = 30
    draw_line(tile, (x, y), shorten(clean(entry.label), _TILE_WIDE - x, words), words, INK)
    draw_line(tile, (0, y + 25), shorten(clean(entry.note), _TILE_WIDE, small), small, DIM)
    if entry.flags:
        flags = shorten(clean(" · ".join(entry.flags)), _TILE_WIDE, small)
        draw_line(tile, (0, y + 49), flags, small, _WARNING)
    return tile


def _strip(entry: SheetEntry) -> Image.Image:
    pictures: list[Image.Image] = []
    reason = entry.missing
    for path in entry.pictures:
        try:
            pictures.append(read_picture(path))
        except MediaError as broken:
            reason = broken.message
    if not pictures:
        return _placeholder(reason or "nothing to show")
    gap = 4
    shape = pictures[0].height / pictures[0].width
    wide = (_TILE_WIDE - gap * (len(pictures) - 1)) // len(pictures)
    high = max(2, min(_TILE_HIGH, round(wide * shape)))
    wide = min(wide, max(2, round(high / shape)))
    strip = Image.new("RGB", (_TILE_WIDE, high), _GROUND)
    left = (_TILE_WIDE - len(pictures) * (wide + gap) + gap) // 2
    for n, picture in enumerate(pictures):
        small = picture.resize((wide, high), Image.Resampling.LANCZOS, reducing_gap=3.0)
        strip.paste(small, (left + n * (wide + gap), 0))
    return strip


def _placeholder(reason: str) -> Image.Image:
    strip = Image.new("RGB", (_TILE_WIDE, 120), (24, 25, 28))
    ImageDraw.Draw(strip).rectangle((0, 0, _TILE_WIDE - 1, 119), outline=FAINT, width=2)
    draw_block(strip, (16, 14, _TILE_WIDE - 32), fit(reason, _TILE_WIDE - 32, 92, (20, 17, 15)), DIM)
    return strip
