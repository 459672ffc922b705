"""Boards of references: tiles with names, and the stand-in of a picture that an image model would make."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sin

from msgspec import Struct
from PIL import Image, ImageDraw, ImageFilter

from veospec.media.layout import Box
from veospec.media.palette import DIM, INK, MARGIN, Colour, Palette, mixed, palette_for
from veospec.media.slate import paint_sky
from veospec.media.stage import fitted
from veospec.media.text import Style, clean, draw_block, draw_line, fit, measure, shorten


class Tile(Struct, frozen=True):
    """One reference: its name, what it is (`character`, `reference`, `voice`), and its picture when it has one."""

    name: str
    role: str
    picture: Image.Image | None = None


def draw_tiles(size: tuple[int, int], tiles: Sequence[Tile], palette: Palette, seed: int, unit: float) -> Image.Image:
    """Return a pin board: every reference uncropped where it fits, with its name under it."""
    board = paint_sky(size, palette, seed).filter(ImageFilter.GaussianBlur(max(1.0, 14 * unit)))
    board = Image.blend(board, Image.new("RGB", size, MARGIN), 0.35)
    pen = ImageDraw.Draw(board)
    for tile, box in zip(tiles, _grid(size, len(tiles), unit), strict=True):
        label = max(8, round(20 * unit))
        foot = round(label * 2.1)
        space = Box(box.left, box.top, box.width, max(2, box.height - foot))
        shown = _tile_picture(tile, space, palette, unit)
        left = space.left + (space.width - shown.width) // 2
        top = space.top + (space.height - shown.height) // 2
        edge = max(1, round(3 * unit))
        pen.rectangle((left - edge, top - edge, left + shown.width + edge - 1, top + shown.height + edge - 1), fill=INK)
        board.paste(shown, (left, top))
        style = Style(label, "bold")
        base = top + shown.height + round(label * 1.45)
        name = shorten(clean(tile.name), box.width, style)
        x = box.left + (box.width - measure(name, style)) // 2
        draw_line(board, (x, base), name, style, palette.accent if tile.role == "character" else INK)
    return board


def _grid(size: tuple[int, int], count: int, unit: float) -> list[Box]:
    """Place `count` cells so that they are as square as they can be; a short last row is centred."""
    wide, high = size
    gap = max(2, round(26 * unit))
    columns = min(range(1, count + 1), key=lambda n: _unevenness(wide / n, high / ceil(count / n))) if count else 1
    rows = ceil(count / columns) if count else 1
    cell_wide = (wide - gap * (columns + 1)) // columns
    cell_high = (high - gap * (rows + 1)) // rows
    boxes = []
    for n in range(count):
        row, column = divmod(n, columns)
        in_row = min(columns, count - row * columns)
        indent = (wide - in_row * cell_wide - (in_row + 1) * gap) // 2
        left = indent + gap + column * (cell_wide + gap)
        boxes.append(Box(left, gap + row * (cell_high + gap), cell_wide, cell_high))
    return boxes


def _unevenness(wide: float, high: float) -> float:
    return max(wide / high, high / wide)


def _tile_picture(tile: Tile, space: Box, palette: Palette, unit: float) -> Image.Image:
    if tile.picture is not None:
        scale = min(space.width / tile.picture.width, space.height / tile.picture.height)
        size = max(2, round(tile.picture.width * scale)), max(2, round(tile.picture.height * scale))
        return tile.picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    side = max(2, min(space.width, space.height, round(300 * unit)))
    return _wave((side, max(2, side * 2 // 3)), tile.name, palette.accent)


def _wave(size: tuple[int, int], name: str, accent: Colour) -> Image.Image:
    """Return the sign of a voice: a wave form that its name decides."""
    picture = Image.new("RGB", size, (30, 31, 35))
    pen = ImageDraw.Draw(picture)
    code = sum(name.encode()) or 1
    bars = 23
    step = size[0] / (bars + 4)
    for n in range(bars):
        loud = abs(sin(n * 0.7 + code) * sin(n * 0.23 + code * 0.5)) * (1 - abs(n / (bars - 1) * 2 - 1) ** 3)
        tall = size[1] * (0.06 + 0.66 * loud)
        x = (n + 2.5) * step
        middle = size[1] / 2
        pen.rounded_rectangle((x, middle - tall / 2, x + step * 0.5, middle + tall / 2), step / 4, fill=accent)
    return picture


def draw_still(
    size: tuple[int, int], name: str, words: str, take: int, tiles: Sequence[Tile], seed: int
) -> Image.Image:
    """Return the stand-in of a generated picture: its words as a title card, its references as a film strip."""
    palette = palette_for(words + " " + name, seed)
    unit = min(size) / 720
    picture = paint_sky(size, palette, seed)
    shown = [tile for tile in tiles if tile.picture is not None]
    if shown and shown[-1].picture is not None:
        ghost = fitted(shown[-1].picture, size).filter(ImageFilter.GaussianBlur(22 * unit))
        picture = Image.blend(picture, Image.blend(ghost, Image.new("RGB", size, palette.ground), 0.45), 0.5)
    # A tenth on every side: a push-in over the still then cuts off nothing that is written.
    left, top = round(size[0] * 0.10), round(size[1] * 0.10)
    width = size[0] - 2 * left
    strip = round(size[1] * 0.24) if shown else 0
    title = fit(name.replace("_", " "), width, round(size[1] * 0.16), _scaled(unit, 76, 62, 50, 40, 30), "bold")
    y = draw_block(picture, (left, top, width), title, INK)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left, y + 8 * unit, left + 64 * unit, y + 13 * unit), fill=palette.accent)
    y += round(30 * unit)
    foot = size[1] - top - strip - round(52 * unit)
    block = fit(words, width, foot - y, _scaled(unit, 34, 30, 26, 23, 20, 17))
    draw_block(picture, (left, y, width), block, mixed(INK, palette.horizon, 0.12))
    _strip(picture, shown, Box(left, size[1] - top - strip - round(34 * unit), width, strip), unit)
    style = Style(round(19 * unit), "bold", 1.5 * unit)
    draw_line(picture, (left, size[1] - top), f"STILL · TAKE {take}", style, DIM)
    return picture


def _scaled(unit: float, *design: int) -> tuple[int, ...]:
    return tuple(max(6, round(size * unit)) for size in design)


def _strip(picture: Image.Image, tiles: Sequence[Tile], box: Box, unit: float) -> None:
    """Lay the references side by side, as large as all of them fit."""
    gap, foot = round(18 * unit), round(30 * unit)
    shapes = [tile.picture.width / tile.picture.height for tile in tiles if tile.picture is not None]
    high = max(2, min(box.height - foot, int((box.width - gap * (len(shapes) - 1)) / max(0.1, sum(shapes)))))
    x, top = box.left, box.bottom - foot - high
    style = Style(max(6, round(16 * unit)))
    for tile in tiles:
        assert tile.picture is not None
        wide = max(2, round(tile.picture.width * high / tile.picture.height))
        picture.paste(tile.picture.resize((wide, high), Image.Resampling.LANCZOS, reducing_gap=3.0), (x, top))
        draw_line(picture, (x, box.bottom - round(6 * unit)), shorten(clean(tile.name), wide, style), style, INK)
        x += wide + gap
