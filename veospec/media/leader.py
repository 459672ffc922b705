"""The countdown before an animatic: a sweeping clock, whole seconds, and the two-pop that sound is laid up to."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw

from veospec.media.encode import ClipWriter, Coding, samples_of
from veospec.media.layout import Box
from veospec.media.palette import DIM, FAINT, INK, MARGIN
from veospec.media.sound import RATE, SAMPLE_BYTES, silence, tone_pcm
from veospec.media.stage import Patch, Stage
from veospec.media.text import Style, clean, draw_line, measure, shorten

POP_BEFORE_S = 2
POP_HZ = 1000
POP_LEVEL = 0.1
"""One frame of 1 kHz at -20 dBFS, two seconds before the first picture. Source: SMPTE RP 428-6 and common practice."""


class Leader(Struct, frozen=True):
    """`seconds` of countdown; `beep` adds the two-pop."""

    seconds: Fraction
    beep: bool
    title: str = ""
    code: str = ""

    def frames(self, fps: int) -> int:
        """Return its whole frames."""
        return int(self.seconds * fps)


def write_leader(leader: Leader, size: tuple[int, int], fps: int, coding: Coding, target: Path) -> None:
    """Draw the countdown, without sound."""
    count = leader.frames(fps)
    unit = min(size) / 720
    canvas = _card(leader, size, unit)
    stage = Stage(canvas)
    radius = round(170 * unit)
    middle = (size[0] // 2, size[1] // 2)
    box = Box(middle[0] - radius - 4, middle[1] - radius - 4, 2 * radius + 8, 2 * radius + 8)
    with ClipWriter(target, size, fps, coding, sound=False) as writer:
        for number in range(count):
            left = count - number
            second = -(-left // fps)
            swept = (number - (count - second * fps)) / fps
            stage.lay(Patch.of(_dial(canvas, middle, radius, second, swept, unit), box))
            writer.add(stage.frame, key=number == 0)


def _card(leader: Leader, size: tuple[int, int], unit: float) -> Image.Image:
    canvas = Image.new("RGB", size, MARGIN)
    pen = ImageDraw.Draw(canvas)
    pen.line((0, size[1] // 2, size[0], size[1] // 2), fill=FAINT, width=max(1, round(2 * unit)))
    pen.line((size[0] // 2, 0, size[0] // 2, size[1]), fill=FAINT, width=max(1, round(2 * unit)))
    title = Style(max(8, round(34 * unit)), "bold")
    for text, style, colour, y in (
        (leader.title, title, INK, 0.11),
        (leader.code, Style(max(7, round(22 * unit)), "bold"), DIM, 0.16),
    ):
        line = shorten(clean(text), round(size[0] * 0.9), style)
        wide, base = measure(line, style), round(size[1] * y)
        x = (size[0] - wide) // 2
        pad = style.size // 2
        pen.rectangle((x - pad, base - style.size, x + wide + pad, base + pad), fill=MARGIN)
        draw_line(canvas, (x, base), line, style, colour)
    return canvas


def _dial(
    canvas: Image.Image, middle: tuple[int, int], radius: int, second: int, swept: float, unit: float
) -> Image.Image:
    picture = canvas.copy()
    pen = ImageDraw.Draw(picture)
    x, y = middle
    around = (x - radius, y - radius, x + radius, y + radius)
    pen.ellipse(around, fill=(24, 25, 28))
    pen.pieslice(around, -90, -90 + 360 * swept, fill=(44, 45, 49))
    for inset in (0, round(14 * unit)):
        ring = (around[0] + inset, around[1] + inset, around[2] - inset, around[3] - inset)
        pen.ellipse(ring, outline=INK, width=max(1, round(3 * unit)))
    style = Style(max(10, round(190 * unit)), "bold")
    text = str(second)
    draw_line(picture, (x - measure(text, style) // 2, y + round(style.size * 0.36)), text, style, INK)
    return picture


def leader_pcm(leader: Leader, fps: int) -> bytes:
    """Return the leader's sound: silence, with one frame of tone exactly two seconds before its end."""
    samples = samples_of(leader.frames(fps), fps)
    if not leader.beep or samples < POP_BEFORE_S * RATE:
        return silence(samples)
    before = samples - POP_BEFORE_S * RATE
    pop = tone_pcm(RATE // fps, POP_HZ, POP_LEVEL)
    return silence(before) + pop + silence(POP_BEFORE_S * RATE - len(pop) // SAMPLE_BYTES)
