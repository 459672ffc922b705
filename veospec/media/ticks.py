"""What moves on a still slate, encoded once for all slates of a size and a length: the frames between key frames.

On a still slate nothing changes but the clock, and between two key frames H.264 stores only what changes. So those
frames are the same for every still slate whose clock stands on the same ground, whatever its picture: they are
encoded here from a slate that has nothing but a clock. What is left to encode of a still slate is its key frames.

This rests on how `encode.DRAFT` codes: one quantizer whatever came before, one reference frame, no filter over block
edges. And on `Layout.clock_ground`: a block of the clock builds upon nothing beyond it, so whoever uses these frames
must show that ground as it is here (`Ticks.ground`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from threading import Lock

import av  # noqa: F401 - waits until all of it is there, when another thread imports it just now
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from msgspec import Struct
from PIL import Image

from veospec.media.clock import Clock
from veospec.media.encode import DRAFT, set_up
from veospec.media.layout import Layout
from veospec.media.palette import MARGIN
from veospec.media.stage import Stage

_LOCK = Lock()
"""Two takes begun at once would encode the same clock twice."""


class Film(Struct, frozen=True):
    """What decides the clock's pictures; `has_clock` is false for slates on which nothing at all changes."""

    layout: Layout
    fps: int
    frames: int
    has_clock: bool


class Ticks(Struct, frozen=True):
    """The coded frames after a key frame, and what that key frame must show in `Layout.clock_ground`."""

    ground: bytes
    coded: tuple[bytes, ...]


def ticks(film: Film, first: int, count: int) -> Ticks:
    """Return the `count` frames that follow frame `first`, which is the key frame before them."""
    with _LOCK:
        return _encoded(film, first, count)


@lru_cache(maxsize=256)
def _encoded(film: Film, first: int, count: int) -> Ticks:
    layout = film.layout
    stage = Stage(Image.new("RGB", (layout.width, layout.height), MARGIN))
    clock = Clock(layout, film.fps, film.frames) if film.has_clock else None
    context = CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = layout.width, layout.height
    context.options = DRAFT.options(film.fps)
    set_up(context, film.fps)
    coded: list[bytes] = []
    ground = b""
    for number in range(count + 1):
        if clock is not None:
            clock.show(stage, first + number)
        if number == 0:
            ground = stage.read(layout.clock_ground) if film.has_clock else b""
        frame = stage.frame
        frame.pts, frame.time_base = number, Fraction(1, film.fps)
        frame.pict_type = PictureType.NONE if number else PictureType.I
        coded.extend(bytes(packet) for packet in context.encode(frame))
    assert len(coded) == count + 1
    return Ticks(ground, tuple(coded[1:]))
