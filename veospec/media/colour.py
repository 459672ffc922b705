"""The one colour convention of every film we write, and how pictures are turned into it and back.

BT.709, limited range, tagged. Left alone, the conversion paths of libswscale give the same picture three
different mean levels (graph, overlay and command line each guess), so both ends are always named here.
"""

from __future__ import annotations

import threading

import av  # noqa: F401 - waits until all of it is there, when another thread imports it just now
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

PRIMARIES_BT709 = 1
TRANSFER_BT709 = 1
MATRIX_BT709 = 1
RANGE_LIMITED = 1
"""Source: ITU-T H.273 (07/2024) tables 2 to 4; FFmpeg's AVCOL_RANGE_MPEG is 1."""

_HD_LINES = 576


_own = threading.local()


def _reformatter() -> VideoReformatter:
    """Return this thread's converter: it keeps its tables, which cost as much to make as a small picture."""
    known: VideoReformatter | None = getattr(_own, "reformatter", None)
    if known is None:
        known = _own.reformatter = VideoReformatter()
    return known


def conformed(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Return a frame at another size in our convention."""
    return _reformatter().reformat(
        frame,
        *size,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
        threads=1,
    )


def frame_of(picture: Image.Image) -> VideoFrame:
    """Return the picture as a tagged yuv420p frame; its sides must be even."""
    rgb: VideoFrame = VideoFrame.from_image(picture.convert("RGB"))  # type: ignore[no-untyped-call]
    frame = rgb.reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    return tagged(frame)


def tagged(frame: VideoFrame) -> VideoFrame:
    """Mark a frame as BT.709 limited, in place."""
    frame.color_range = RANGE_LIMITED
    frame.colorspace = MATRIX_BT709
    return frame


def picture_of(frame: VideoFrame, size: tuple[int, int] | None = None) -> Image.Image:
    """Return a decoded frame as RGB, by the matrix and range it is tagged with (HD counts as BT.709 when it is not).

    A small `size` is made in the same step, which takes an eighth of the time of making the whole picture first.
    """
    matrix = frame.colorspace
    is_709 = matrix == MATRIX_BT709 or (matrix not in (5, 6) and frame.height > _HD_LINES)
    rgb = _reformatter().reformat(
        frame,
        *(size or (frame.width, frame.height)),
        format="rgb24",
        src_colorspace=Colorspace.ITU709 if is_709 else Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if frame.color_range == ColorRange.JPEG else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
        threads=1,
    )
    plane = rgb.planes[0]
    return Image.frombuffer("RGB", (rgb.width, rgb.height), bytes(plane), "raw", "RGB", plane.line_size, 1)
