"""Where everything stands on a slate: geometry only, in whole even pixels.

The picture sits in a panel of the film's own shape; what is written stands beside and below it, never on it. So a
director sees the whole composition, and a shot that opens on the last frame of another finds that picture whole.
"""

from __future__ import annotations

from math import sqrt

from msgspec import Struct

# Panel width as a part of the frame's: what is left must hold a column of words and two lines of dialogue.
_PANEL_PART = {"16:9": 0.8, "4:3": 0.775, "1:1": 0.72, "3:4": 0.745, "9:16": 0.75}

_STILL_SIZES = {
    "16:9": (1376, 768),
    "9:16": (768, 1376),
    "1:1": (1024, 1024),
    "4:3": (1200, 896),
    "3:4": (896, 1200),
}
"""Pictures of the 1K class. Source: Gemini API documentation, image generation, aspect ratio tables, 2026."""


BLOCK = 16
"""Pixels a side of what H.264 codes at once, a macroblock. Source: ITU-T H.264 (08/2021), 3.86."""

BAR_PX = 3
"""The height of the bar under the running time, at 720p."""


class Box(Struct, frozen=True):
    """A rectangle in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond it."""
        return self.top + self.height

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return (self.left, self.top, self.right, self.bottom)


class Layout(Struct, frozen=True):
    """The places of one slate; `unit` is the number of pixels that are one pixel at 720p.

    The clock, which is all that moves on a still slate, has whole macroblocks of the column to itself, and a row of
    them above and below it is left empty.
    """

    width: int
    height: int
    unit: float
    panel: Box
    column: Box
    strip: Box
    clock: Box

    def px(self, length: float) -> int:
        """Scale a length of the 720p design, at least one pixel."""
        return max(1, round(length * self.unit))

    @property
    def clock_ground(self) -> Box:
        """The macroblocks of the clock with their neighbours above and below: all that its pictures build upon."""
        left, right = self.clock.left // BLOCK * BLOCK, -(-self.clock.right // BLOCK) * BLOCK
        return Box(left, self.clock.top - BLOCK, min(right, self.width) - left, self.clock.height + 2 * BLOCK)


def even(length: float) -> int:
    """Round to an even number of pixels, at least 2; chroma has half the resolution."""
    return max(2, round(length / 2) * 2)


def ratio_of(aspect: str) -> tuple[int, int]:
    """Return the sides of a ratio such as `16:9`; whatever is no ratio counts as 16:9."""
    left, _, right = aspect.partition(":")
    if left.isdigit() and right.isdigit() and int(left) and int(right):
        return int(left), int(right)
    return 16, 9


def film_size(aspect: str, lines: str) -> tuple[int, int]:
    """Return the size of a film: `720p` is the length of the short side."""
    short = int(lines.removesuffix("p")) if lines.removesuffix("p").isdigit() else {"4k": 2160}.get(lines, 720)
    across, down = ratio_of(aspect)
    scale = short / min(across, down)
    return even(across * scale), even(down * scale)


def still_size(aspect: str) -> tuple[int, int]:
    """Return the size of a picture of the 1K class."""
    if aspect in _STILL_SIZES:
        return _STILL_SIZES[aspect]
    across, down = ratio_of(aspect)
    scale = 1024 / sqrt(across * down)
    return even(across * scale), even(down * scale)


def enlarged(size: tuple[int, int], resolution: str) -> tuple[int, int]:
    """Return a still's size in the 2K or 4K class, by a whole factor."""
    wanted = {"1k": 1024, "2k": 2048, "4k": 4096}.get(resolution.lower(), 1024)
    factor = max(1, round(wanted / sqrt(size[0] * size[1])))
    return size[0] * factor, size[1] * factor


def layout_for(width: int, height: int) -> Layout:
    """Place panel, column and strip in a frame of any shape."""
    unit = min(width, height) / 720
    shape = width / height
    nearest = min(_PANEL_PART, key=lambda name: abs(ratio_of(name)[0] / ratio_of(name)[1] - shape))
    margin, top = even(24 * unit), even(54 * unit)
    panel_width = even(width * _PANEL_PART[nearest])
    panel = Box(margin, top, panel_width, even(panel_width * height / width))
    gap = even(22 * unit)
    column = Box(panel.right + gap, panel.top, max(2, width - margin - panel.right - gap), panel.height)
    strip_top = panel.bottom + even(12 * unit)
    strip = Box(margin, strip_top, width - 2 * margin, max(2, height - strip_top - even(8 * unit)))
    return Layout(width, height, unit, panel, column, strip, _clock(column, unit))


def clock_size(unit: float) -> tuple[int, int]:
    """Return the font size and the height of the running time's signs, both in pixels."""
    size = max(7, round(24 * unit))
    return size, even(size * 1.1)


def _clock(column: Box, unit: float) -> Box:
    """Place the running time above the foot of the column, on rows of whole macroblocks, two of them at 720p."""
    high = clock_size(unit)[1] + even(2 * unit) + max(1, round(BAR_PX * unit))
    bottom = (column.bottom - even(22 * unit) - BLOCK) // BLOCK * BLOCK
    return Box(column.left, (bottom - high) // BLOCK * BLOCK, column.width, -(-high // BLOCK) * BLOCK)
