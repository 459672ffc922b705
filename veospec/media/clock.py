"""The running parts of a slate: hours, minutes, seconds and frames in the column, and a bar that fills below them."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct
from PIL import Image, ImageDraw

from veospec.media import fonts
from veospec.media.layout import BAR_PX, Box, Layout, clock_size
from veospec.media.palette import MARGIN
from veospec.media.stage import Stage, planes_of_picture

_DIGITS = "0123456789:"
_INK_LUMA = 214
_BAR_LUMA = 150
_TRACK_LUMA = 34


class _Sign(Struct, frozen=True):
    """A drawn digit or colon, as brightness on the slate's ground."""

    width: int
    height: int
    luma: bytes


@lru_cache(maxsize=64)
def _signs(layout: Layout) -> dict[str, _Sign]:
    """Draw each sign once, as large as the column allows."""
    size, high = clock_size(layout.unit)
    ground = planes_of_picture(Image.new("RGB", (2, 2), MARGIN))[0].tobytes()[0]
    widths = _widths(size)
    total = 3 * widths[":"] + 8 * widths["0"]
    if total > layout.clock.width:
        size = max(6, size * layout.clock.width // total)
        widths = _widths(size)
    font = fonts.loaded(fonts.shipped("regular"), size)
    found = {}
    for sign, wide in widths.items():
        cell = Image.new("L", (wide, high), ground)
        ImageDraw.Draw(cell).text((wide / 2, high * 0.84), sign, _INK_LUMA, font, anchor="ms")
        found[sign] = _Sign(wide, high, cell.tobytes())
    return found


def _widths(size: int) -> dict[str, int]:
    """Return the width of each sign; all digits have one, so that they do not dance."""
    font = fonts.loaded(fonts.shipped("regular"), size)
    digit = max(int(font.getlength(sign)) for sign in "0123456789")
    return {sign: int(font.getlength(":")) if sign == ":" else digit for sign in _DIGITS}


class Clock:
    """Writes the time of any frame of a film; from one frame to the next it writes only what changes."""

    def __init__(self, layout: Layout, fps: int, frames: int) -> None:
        self._fps, self._frames = fps, frames
        self._shown = ""
        self._filled = 0
        self._signs = _signs(layout)
        self._left, self._top = layout.clock.left, layout.clock.top
        high = layout.px(BAR_PX)
        self._bar = Box(layout.clock.left, layout.clock.bottom - high, layout.clock.width, high)

    def show(self, stage: Stage, frame: int) -> None:
        """Write the time of a frame, counted from 0; time goes forward only."""
        text = timecode(frame, self._fps)
        if not self._shown:
            self._fill(stage, 0, self._bar.width, _TRACK_LUMA)
        x = self._left
        for at, sign in enumerate(text):
            cell = self._signs[sign]
            if self._shown[at : at + 1] != sign:
                stage.lay_luma(cell.luma, Box(x, self._top, cell.width, cell.height))
            x += cell.width
        self._shown = text
        done = round(self._bar.width * (frame + 1) / self._frames)
        if done > self._filled:
            self._fill(stage, self._filled, done, _BAR_LUMA)
            self._filled = done

    def _fill(self, stage: Stage, start: int, end: int, luma: int) -> None:
        box = Box(self._bar.left + start, self._bar.top, end - start, self._bar.height)
        stage.lay_luma(bytes([luma]) * (box.width * box.height), box)


def timecode(frame: int, fps: int) -> str:
    """Return `00:00:03:12`: hours, minutes, seconds, frames, without drop frames."""
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:02}"
