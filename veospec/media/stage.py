"""One frame that is painted over and over: only what changes is written, straight into its planes.

A slate of 192 frames differs from frame to frame by a few digits or by the picture in its panel. Writing those rows
into one yuv420p frame costs a tenth of drawing whole pictures, and the encoder copies what it is given.
"""

from __future__ import annotations

from typing import TypeAlias

from av.video.frame import VideoFrame
from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont

from veospec.media import colour, fonts
from veospec.media.layout import Box, Layout, even
from veospec.media.moves import View
from veospec.media.palette import MARGIN

Planes: TypeAlias = tuple[Image.Image, Image.Image, Image.Image]
"""Luma and two chroma planes as grey pictures, the chroma ones half as large."""

_DIGITS = "0123456789:"
_INK_LUMA = 214
_BAR_LUMA = 150


def planes_of(frame: VideoFrame) -> Planes:
    """Return copies of a yuv420p frame's planes."""
    first, second, third = (
        Image.frombytes("L", (p.width, p.height), bytes(p), "raw", "L", p.line_size, 1) for p in frame.planes
    )
    return first, second, third


def planes_of_picture(picture: Image.Image) -> Planes:
    """Return an RGB picture of even size as planes in the convention of `colour`."""
    return planes_of(colour.frame_of(picture))


def viewed(source: Planes, view: View, size: tuple[int, int]) -> Planes:
    """Return what a view shows, at `size`: sub-pixel exact, so that slow moves do not jerk."""
    shown = tuple(
        plane.resize(
            (size[0] // part, size[1] // part), Image.Resampling.BILINEAR, box=view.box(plane.width, plane.height)
        )
        for plane, part in zip(source, (1, 2, 2), strict=True)
    )
    return shown[0], shown[1], shown[2]


def blended(first: Planes, second: Planes, part: float) -> Planes:
    """Return the mix of two pictures."""
    a, b, c = (Image.blend(left, right, part) for left, right in zip(first, second, strict=True))
    return a, b, c


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture scaled and cropped to fill `size`, a little above the middle where heads are."""
    scale = max(size[0] / picture.width, size[1] / picture.height)
    wide, high = size[0] / scale, size[1] / scale
    left, top = (picture.width - wide) / 2, (picture.height - high) * 0.42
    return picture.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + wide, top + high), reducing_gap=3.0)


class Patch(Struct, frozen=True):
    """A rectangle of pixels, ready to be written into a frame."""

    box: Box
    planes: tuple[bytes, bytes, bytes]

    @classmethod
    def of(cls, picture: Image.Image, box: Box) -> Patch:
        """Cut a patch out of a whole canvas; the box is widened to even edges."""
        left, top = box.left // 2 * 2, box.top // 2 * 2
        whole = Box(left, top, even(box.right - left), even(box.bottom - top))
        cut = picture.crop(whole.corners)
        luma, blue, red = planes_of_picture(cut)
        return cls(whole, (luma.tobytes(), blue.tobytes(), red.tobytes()))


class Stage:
    """The frame that a clip is painted on."""

    def __init__(self, canvas: Image.Image) -> None:
        self.frame = colour.frame_of(canvas)
        self._strides = [plane.line_size for plane in self.frame.planes]
        self._rows = [memoryview(plane) for plane in self.frame.planes]

    def lay(self, patch: Patch) -> None:
        """Write a patch."""
        self._write(patch.box, patch.planes)

    def lay_planes(self, planes: Planes, left: int, top: int) -> None:
        """Write a picture with its corner at an even place."""
        box = Box(left, top, planes[0].width, planes[0].height)
        self._write(box, (planes[0].tobytes(), planes[1].tobytes(), planes[2].tobytes()))

    def lay_luma(self, content: bytes, box: Box) -> None:
        """Write brightness only: grey signs on a grey ground have no colour to change."""
        _copy(self._rows[0], self._strides[0], content, box.left, box.top, box.width, box.height)

    def _write(self, box: Box, planes: tuple[bytes, bytes, bytes]) -> None:
        for plane, content in enumerate(planes):
            part = 2 if plane else 1
            place = (box.left // part, box.top // part, box.width // part, box.height // part)
            _copy(self._rows[plane], self._strides[plane], content, *place)


def _copy(rows: memoryview, stride: int, content: bytes, left: int, top: int, width: int, height: int) -> None:
    at = top * stride + left
    for start in range(0, width * height, width):
        rows[at : at + width] = content[start : start + width]
        at += stride


class Clock:
    """The running parts: hours, minutes, seconds and frames in the column, and a bar under the panel."""

    def __init__(self, layout: Layout, fps: int, frames: int) -> None:
        self._fps, self._frames = fps, frames
        self._shown = ""
        size = max(7, layout.px(24))
        font = fonts.loaded(fonts.shipped("regular"), size)
        digit = max(round(font.getlength(sign)) for sign in "0123456789")
        widths = {sign: round(font.getlength(":")) + 1 if sign == ":" else digit for sign in _DIGITS}
        total = widths[":"] * 3 + digit * 8
        if total > layout.column.width:
            size = max(6, size * layout.column.width // total)
            font = fonts.loaded(fonts.shipped("regular"), size)
            digit = int(max(font.getlength(sign) for sign in "0123456789"))
            widths = {sign: int(font.getlength(":")) if sign == ":" else digit for sign in _DIGITS}
        self._high = even(size * 1.1)
        self._widths = widths
        self._signs = {sign: self._sign(sign, font) for sign in _DIGITS}
        self._left = layout.column.left
        self._top = layout.column.bottom - layout.px(30) - self._high
        self._bar = Box(layout.panel.left, layout.panel.bottom + layout.px(3), layout.panel.width, layout.px(2))

    def _sign(self, sign: str, font: ImageFont.FreeTypeFont) -> bytes:
        ground = planes_of_picture(Image.new("RGB", (2, 2), MARGIN))[0].tobytes()[0]
        cell = Image.new("L", (self._widths[sign], self._high), ground)
        pen = ImageDraw.Draw(cell)
        pen.text((cell.width / 2, self._high * 0.84), sign, _INK_LUMA, font, anchor="ms")
        return cell.tobytes()

    def show(self, stage: Stage, frame: int) -> None:
        """Write the time of a frame, counted from 0."""
        text = timecode(frame, self._fps)
        x = self._left
        for at, sign in enumerate(text):
            if self._shown[at : at + 1] != sign:
                stage.lay_luma(self._signs[sign], Box(x, self._top, self._widths[sign], self._high))
            x += self._widths[sign]
        self._shown = text
        done = round(self._bar.width * (frame + 1) / self._frames)
        before = round(self._bar.width * frame / self._frames)
        if done > before:
            grown = Box(self._bar.left + before, self._bar.top, done - before, self._bar.height)
            stage.lay_luma(bytes([_BAR_LUMA]) * (grown.width * grown.height), grown)


def timecode(frame: int, fps: int) -> str:
    """Return `00:00:03:12`: hours, minutes, seconds, frames, without drop frames."""
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:02}"
