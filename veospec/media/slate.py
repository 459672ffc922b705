"""The still parts of a slate: margins, column of facts, painted panel, dialogue strip."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import Struct
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from veospec.media.layout import Box, Layout
from veospec.media.palette import DIM, FAINT, INK, MARGIN, Palette, mixed
from veospec.media.pictogram import draw_pictogram
from veospec.media.text import Style, clean, draw_block, draw_line, fit, measure, shorten
from veospec.model import Caption


class Card(Struct, frozen=True):
    """What a slate says. `words` is the prompt; `band` a word laid over the panel's corner (`EDIT`)."""

    code: str
    scene: str
    heading: str
    shot: str
    take: int
    mode: str
    size: str
    move: str
    words: str
    continues: str
    captions: tuple[Caption, ...]
    seed: int
    fps: int
    frames: int
    timecode: bool = True
    band: str = ""


def draw_margins(card: Card, layout: Layout, palette: Palette, *, words_in_column: bool) -> Image.Image:
    """Return the whole canvas with everything but the panel's picture and the running parts."""
    canvas = Image.new("RGB", (layout.width, layout.height), MARGIN)
    _head(canvas, card, layout, palette)
    _column(canvas, card, layout, palette, words_in_column=words_in_column)
    return canvas


def _head(canvas: Image.Image, card: Card, layout: Layout, palette: Palette) -> None:
    base = layout.px(36)
    x = layout.panel.left
    style = Style(layout.px(20), "bold", layout.px(1.5) if layout.unit > 0.6 else 0)
    for text, colour in ((card.code, palette.accent), (card.scene, INK)):
        if text:
            x += draw_line(canvas, (x, base), clean(text), style, colour) + layout.px(14)
    room = layout.column.right - x
    if card.heading:
        plain = Style(layout.px(20), "regular", 0)
        draw_line(canvas, (x, base), shorten(clean(card.heading), room, plain), plain, DIM)


def _column(canvas: Image.Image, card: Card, layout: Layout, palette: Palette, *, words_in_column: bool) -> None:
    """Write the facts from the top down; the words get what is left above the running time."""
    column = layout.column
    x, y, width = column.left, column.top - layout.px(6), column.width
    name = fit(card.shot, width, layout.px(64), _sizes(layout, 44, 34, 27, 22, 17, 13), "bold")
    y = draw_block(canvas, (x, y, width), name, INK) + layout.px(4)
    take = Style(layout.px(21), "bold")
    draw_line(canvas, (x, y + layout.px(21)), shorten(f"TAKE {card.take}", width, take), take, palette.accent)
    y += layout.px(36)
    y = _badge(canvas, (x, y), card.mode.upper(), layout, width)
    if card.continues:
        said = fit(f"continues {card.continues}", width, layout.px(48), _sizes(layout, 18, 15, 13))
        y = draw_block(canvas, (x, y, width), said, palette.accent) + layout.px(8)
    ImageDraw.Draw(canvas).line((x, y, x + width, y), fill=FAINT, width=layout.px(1))
    y += layout.px(14)
    bottom = layout.clock_ground.top if card.timecode else column.bottom - layout.px(34)
    y = _camera(canvas, card, layout, palette, y, bottom)
    if words_in_column and card.words and bottom - y > layout.px(40):
        block = fit(card.words, width, bottom - y, _sizes(layout, 17, 15, 14, 13))
        draw_block(canvas, (x, y, width), block, DIM)
    _length(canvas, card, layout)


def _badge(canvas: Image.Image, at: tuple[int, int], label: str, layout: Layout, width: int) -> int:
    style = Style(layout.px(15), "bold")
    label = shorten(label, width - layout.px(16), style)
    high = layout.px(26)
    wide = measure(label, style) + layout.px(16)
    pen = ImageDraw.Draw(canvas)
    pen.rounded_rectangle((at[0], at[1], at[0] + wide, at[1] + high), layout.px(5), outline=DIM, width=layout.px(1))
    draw_line(canvas, (at[0] + layout.px(8), at[1] + layout.px(19)), label, style, INK)
    return at[1] + high + layout.px(14)


def _camera(canvas: Image.Image, card: Card, layout: Layout, palette: Palette, y: int, bottom: int) -> int:
    x, width = layout.column.left, layout.column.width
    if card.size or card.move:
        shape = layout.panel.height / layout.panel.width
        wide = min(width, round(layout.px(150) / shape)) if shape > 1 else width
        high = round(wide * shape)
        canvas.paste(draw_pictogram((wide, high), card.size, card.move, palette.accent), (x, y))
        y += high + layout.px(10)
    if card.size:
        block = fit(card.size, width, layout.px(56), _sizes(layout, 22, 18, 15, 13), "bold")
        y = draw_block(canvas, (x, y, width), block, INK)
    if card.move:
        block = fit(card.move, width, min(layout.px(80), bottom - y), _sizes(layout, 18, 16, 14, 13))
        y = draw_block(canvas, (x, y, width), block, INK)
    return y + layout.px(12) if card.size or card.move else y


def _length(canvas: Image.Image, card: Card, layout: Layout) -> None:
    style = Style(layout.px(15))
    seconds = f"{card.frames / card.fps:.2f}".rstrip("0").rstrip(".")
    text = f"{seconds} s · {card.frames} f · {card.fps} fps"
    if measure(text, style) > layout.column.width:
        text = f"{seconds} s · {card.fps} fps"
    if measure(text, style) > layout.column.width:
        text = f"{seconds} s"
    draw_line(canvas, (layout.column.left, layout.column.bottom - layout.px(4)), text, style, DIM)


def _sizes(layout: Layout, *design: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(max(6, layout.px(size)) for size in design))


def draw_strip(canvas: Image.Image, captions: Sequence[Caption], layout: Layout, palette: Palette) -> None:
    """Write the dialogue of a moment under the panel, over whatever stood there."""
    strip = layout.strip
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((strip.left, strip.top, strip.right, layout.height), fill=MARGIN)
    room = strip.height // max(1, len(captions))
    width = layout.panel.width if layout.width > layout.height * 1.2 else strip.width
    y = strip.top
    for caption in captions:
        who = Style(max(6, layout.px(16)), "bold")
        high = 0
        if caption.who:
            label = shorten(clean(caption.who).upper(), width, who)
            draw_line(
                canvas, (strip.left + (width - measure(label, who)) // 2, y + who.size), label, who, palette.accent
            )
            high = who.line_height
        block = fit(caption.line, width - layout.px(24), room - high, _sizes(layout, 30, 27, 24, 21, 18, 15))
        draw_block(canvas, (strip.left + layout.px(12), y + high, width - layout.px(24)), block, INK, centred=True)
        y += room


# -- the painted panel ------------------------------------------------------------------------------------


def paint_sky(size: tuple[int, int], palette: Palette, seed: int) -> Image.Image:
    """Return an empty stage: a graded sky with one light, a ground, and grain so that the grading does not band."""
    wide, high = size
    horizon = round(high * (0.70 + 0.02 * (seed % 4)))
    ramp = Image.new("RGB", (1, high))
    for y in range(high):
        if y < horizon:
            colour = mixed(palette.top, palette.horizon, (y / horizon) ** 1.7)
        else:
            depth = (y - horizon) / max(1, high - horizon)
            colour = mixed(mixed(palette.horizon, palette.ground, 0.72), palette.ground, depth**0.6)
        ramp.putpixel((0, y), colour)
    sky = ramp.resize(size)
    small = (max(8, wide // 8), max(8, high // 8))
    glow = Image.new("L", small)
    x = small[0] * (0.76 + 0.03 * ((seed // 4) % 5))
    up = small[1] * (0.50 + 0.04 * (seed % 3))
    radius = min(small) * 0.045
    ImageDraw.Draw(glow).ellipse((x - radius * 5, up - radius * 5, x + radius * 5, up + radius * 5), fill=60)
    glow = glow.filter(ImageFilter.GaussianBlur(radius * 3)).resize(size, Image.Resampling.BICUBIC)
    sky.paste(Image.new("RGB", size, palette.light), mask=glow)
    if palette.has_hour:
        sky.paste(Image.new("RGB", size, palette.light), mask=_disc(size, (x * 8, up * 8), radius * 8))
    return _grained(sky, seed)


def _disc(size: tuple[int, int], at: tuple[float, float], radius: float) -> Image.Image:
    """Return a soft-edged, half-clear disc as a mask."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=105)
    return mask.filter(ImageFilter.GaussianBlur(max(1.0, radius / 14)))


def _grained(picture: Image.Image, seed: int) -> Image.Image:
    wide, high = picture.size
    noise = Image.frombytes("L", (wide, high), Random(seed).randbytes(wide * high))  # noqa: S311 (a pattern, no secret)
    grain = noise.point([level * 5 // 256 for level in range(256)])
    return ImageChops.subtract(picture, Image.merge("RGB", (grain, grain, grain)), offset=2)


def draw_words_panel(card: Card, layout: Layout, palette: Palette) -> Image.Image:
    """Return the panel of a shot that has no picture yet: its words, large, on the painted stage."""
    panel = layout.panel
    picture = paint_sky((panel.width, panel.height), palette, card.seed)
    left, width = round(panel.width * 0.075), round(panel.width * 0.85)
    y = round(panel.height * 0.09)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left, y, left + layout.px(54), y + layout.px(4)), fill=palette.accent)
    y += layout.px(26)
    room = panel.height - y - round(panel.height * 0.08)
    block = fit(card.words or card.shot, width, room, _sizes(layout, 46, 42, 38, 34, 30, 27, 24, 21, 18, 16))
    shade = Image.new("L", picture.size)
    draw_block(shade_rgb := Image.new("RGB", picture.size), (left, y, width), block, (255, 255, 255))
    shade = (
        shade_rgb.convert("L").filter(ImageFilter.GaussianBlur(layout.px(5))).point([v * 7 // 10 for v in range(256)])
    )
    picture.paste(Image.new("RGB", picture.size, mixed(palette.top, (0, 0, 0), 0.6)), mask=shade)
    draw_block(picture, (left, y, width), block, INK)
    return picture


def draw_band(picture: Image.Image, box: Box, label: str, words: str, layout: Layout, palette: Palette) -> None:
    """Lay a ribbon with a word and one line of text over the foot of the panel."""
    high = layout.px(44)
    top = box.bottom - high
    veil = Image.new("RGB", (box.width, high), MARGIN)
    under = picture.crop((box.left, top, box.right, box.bottom))
    picture.paste(Image.blend(under, veil, 0.82), (box.left, top))
    style = Style(layout.px(19), "bold", layout.px(1))
    x = box.left + layout.px(14)
    x += draw_line(picture, (x, top + layout.px(29)), label, style, palette.accent) + layout.px(14)
    plain = Style(layout.px(18))
    room = box.right - x - layout.px(14)
    draw_line(picture, (x, top + layout.px(29)), shorten(clean(words), room, plain), plain, INK)
