"""Camera words as a drawing: how large a figure stands in the frame, and where the camera goes."""

from __future__ import annotations

import re
from math import cos, pi, sin

from PIL import Image, ImageDraw

from veospec.media.moves import move_kind
from veospec.media.palette import DIM, FAINT, Colour

_OVERSAMPLING = 4

# Height of the figure and place of its crown, both in frame heights. Source: the usual definitions of shot sizes
# (Thompson and Bowen, "Grammar of the Shot", 4th edition, chapter 2).
_SIZES: tuple[tuple[str, float, float], ...] = (
    (r"\b(ecu|xcu|bcu|extreme close)", 9.5, -0.62),
    (r"\b(mcu|medium close)", 2.9, 0.10),
    (r"\b(cu|close)", 4.6, 0.02),
    (r"\b(mls|mfs|mws|cowboy|american|medium (long|full|wide))", 1.22, 0.12),
    (r"\b(ms|mid|medium|waist)", 1.85, 0.12),
    (r"\b(ews|xws|els|vws|extreme (wide|long)|establish|aerial)", 0.16, 0.60),
    (r"\b(ws|ls|wide|long)", 0.5, 0.34),
    (r"\b(fs|full)", 0.84, 0.08),
)


def draw_pictogram(size: tuple[int, int], words: str, move: str, accent: Colour) -> Image.Image:
    """Return the framing sketch of a shot size with the arrow of its move."""
    wide, high = size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING
    canvas = Image.new("RGB", (wide, high), (26, 27, 30))
    pen = ImageDraw.Draw(canvas)
    found = next(((tall, crown) for pattern, tall, crown in _SIZES if re.search(pattern, words.lower())), None)
    line = max(2, high // 90)
    for part in (1, 2):
        pen.line((wide * part // 3, 0, wide * part // 3, high), fill=(38, 39, 43), width=line)
        pen.line((0, high * part // 3, wide, high * part // 3), fill=(38, 39, 43), width=line)
    if found is not None:
        tall, crown = found
        if tall < 0.6:
            ground = round((crown + tall) * high)
            pen.line((0, ground, wide, ground), fill=FAINT, width=line * 2)
        _figure(pen, wide / 2, crown * high, tall * high)
    elif re.search(r"\b(ots|over)", words.lower()):
        _figure(pen, wide * 0.58, 0.16 * high, 1.9 * high)
        _figure(pen, wide * 0.14, -0.12 * high, 4.4 * high, shade=(64, 65, 70))
    elif re.search(r"insert|detail|object|prop", words.lower()):
        box = (wide * 0.34, high * 0.28, wide * 0.66, high * 0.72)
        pen.rounded_rectangle(box, radius=high // 14, fill=(96, 97, 102))
    _arrow(pen, wide, high, move_kind(move), accent)
    pen.rectangle((0, 0, wide - 1, high - 1), outline=DIM, width=line * 2)
    return canvas.resize(size, Image.Resampling.LANCZOS)


def _figure(pen: ImageDraw.ImageDraw, x: float, top: float, tall: float, shade: Colour = (104, 105, 110)) -> None:
    """Draw a standing figure whose crown is at `top`: seven and a half heads tall."""
    head = tall / 7.5
    pen.ellipse((x - head * 0.38, top, x + head * 0.38, top + head), fill=shade)
    shoulder = top + head * 1.25
    pen.rounded_rectangle((x - head * 0.2, top + head * 0.8, x + head * 0.2, shoulder + head * 0.3), head * 0.1, shade)
    body = (x - head * 0.95, shoulder, x + head * 0.95, top + head * 4.0)
    pen.rounded_rectangle(body, radius=head * 0.42, fill=shade)
    for side in (-1, 1):
        left, right = sorted((x + side * head * 0.08, x + side * head * 0.72))
        pen.rounded_rectangle((left, top + head * 3.6, right, top + tall), radius=head * 0.2, fill=shade)


def _arrow(pen: ImageDraw.ImageDraw, wide: int, high: int, kind: str, accent: Colour) -> None:
    line = max(4, min(wide, high) // 26)
    mid_x, mid_y = wide / 2, high / 2
    reach = min(wide, high) * 0.3
    straight = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
    if kind in straight:
        dx, dy = straight[kind]
        x, y = (mid_x, high * 0.86) if dx else (wide * 0.88, mid_y)
        _dart(pen, (x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach), line, accent)
    elif kind in ("in", "out"):
        for side_x in (-1, 1):
            for side_y in (-1, 1):
                far = (mid_x + side_x * wide * 0.44, mid_y + side_y * high * 0.41)
                near = (mid_x + side_x * wide * 0.31, mid_y + side_y * high * 0.26)
                _dart(pen, *((far, near) if kind == "in" else (near, far)), line, accent)
    elif kind == "handheld":
        points = [(wide * (0.2 + 0.6 * n / 40), high * (0.87 + 0.05 * sin(n * pi / 5) * cos(n))) for n in range(41)]
        pen.line(points, fill=accent, width=line, joint="curve")
    elif kind == "locked":
        side = high * 0.075
        x, y = wide * 0.91, high * 0.85
        pen.rectangle((x - side, y - side * 0.2, x + side, y + side * 1.2), fill=accent)
        pen.arc((x - side * 0.65, y - side * 1.3, x + side * 0.65, y + side * 0.7), 180, 360, fill=accent, width=line)


def _dart(
    pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], line: int, accent: Colour
) -> None:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length, dy / length
    tip = line * 3.2
    pen.line((*start, end[0] - dx * tip * 0.8, end[1] - dy * tip * 0.8), fill=accent, width=line)
    base = (end[0] - dx * tip, end[1] - dy * tip)
    wing = tip * 0.62
    pen.polygon(
        (end, (base[0] - dy * wing, base[1] + dx * wing), (base[0] + dy * wing, base[1] - dx * wing)), fill=accent
    )
