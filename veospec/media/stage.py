"""One frame that is painted over and over: only what changes is written, straight into its planes.

A slate of 192 frames differs from frame to frame by a few digits or by the picture in its panel. Writing those rows
into one yuv420p frame costs a tenth of drawing whole pictures, and the encoder copies what it is given.
"""

from __future__ import annotations

from typing import TypeAlias

import av  # noqa: F401 - waits until all of it is there, when another thread imports it just now
from av.video.frame import VideoFrame
from msgspec import Struct
from PIL import Image

from veospec.media import colour
from veospec.media.layout import Box, even
from veospec.media.moves import View

Planes: TypeAlias = tuple[Image.Image, Image.Image, Image.Image]
"""Luma and two chroma planes as grey pictures, the chroma ones half as large."""


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
    """Return the picture scaled and cropped to fill `size`, a little above the middle where heads are.

    A smaller one is made with a Hamming window: no softer to the eye than Lanczos here, in two fifths of the time.
    """
    scale = max(size[0] / picture.width, size[1] / picture.height)
    wide, high = size[0] / scale, size[1] / scale
    left, top = (picture.width - wide) / 2, (picture.height - high) * 0.42
    window = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.LANCZOS
    return picture.resize(size, window, box=(left, top, left + wide, top + high), reducing_gap=3.0)


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

    def read(self, box: Box) -> bytes:
        """Return what stands in a box of even sides, in all planes."""
        return b"".join(
            bytes(rows[at : at + box.width // part])
            for rows, stride, part in zip(self._rows, self._strides, (1, 2, 2), strict=True)
            for at in range(box.top // part * stride + box.left // part, box.bottom // part * stride, stride)
        )

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
