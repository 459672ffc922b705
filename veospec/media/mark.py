"""A label burnt into a slate that stands in for a real clip, so that nobody takes it for one."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from veospec.media import frames
from veospec.media.encode import ClipWriter, Coding
from veospec.media.join import conformed
from veospec.media.layout import Box, layout_for
from veospec.media.palette import MARGIN
from veospec.media.stage import Patch, Stage, planes_of
from veospec.media.text import Style, clean, draw_line, measure, shorten

MARK_VERSION = 2
"""Raised when the label would get other bytes."""

_GROUND = (240, 178, 84)


def write_marked(source: Path, label: str, size: tuple[int, int], fps: int, coding: Coding, target: Path) -> None:
    """Write a slate again in a size, without sound, with a label in the panel's upper right corner."""
    patch = _label(label, size)
    stage = Stage(Image.new("RGB", size))
    with ClipWriter(target, size, fps, coding, sound=False) as writer:
        for number, frame in enumerate(frames.walk(source, fps=fps)):
            stage.lay_planes(planes_of(conformed(frame, size)), 0, 0)
            stage.lay(patch)
            writer.add(stage.frame, key=number == 0)


def _label(label: str, size: tuple[int, int]) -> Patch:
    layout = layout_for(*size)
    style = Style(max(9, layout.px(22)), "bold")
    pad, high = layout.px(12), layout.px(38)
    text = shorten(clean(label), layout.panel.width - 2 * pad, style)
    wide = measure(text, style) + 2 * pad
    box = Box(layout.panel.right - wide, layout.panel.top, wide, high)
    canvas = Image.new("RGB", size, MARGIN)
    ImageDraw.Draw(canvas).rectangle((0, 0, *size), fill=_GROUND)
    draw_line(canvas, (box.left + pad, box.top + round(high * 0.7)), text, style, MARGIN)
    return Patch.of(canvas, box)
