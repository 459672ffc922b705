"""Writes H.264 + AAC MP4 files whose bytes depend on nothing but the frames: no clock, no threads, no tags.

One encoder thread for each clip: slices and look-ahead of several threads change bytes, and clips are made side by
side anyway. Two clips of the same size, rate and `Coding` have the same decoder configuration, so that they can be
joined without encoding again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from msgspec import Struct

from veospec.errors import MediaError
from veospec.media import colour
from veospec.media.sound import RATE, SoundTrack, open_aac

MP4_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact", "movie_timescale": "48000"}
"""With the usual time scale of 1000 a length such as 145/24 s would be cut to whole milliseconds."""


class Coding(Struct, frozen=True):
    """How hard the encoder works. `quality` is the quantizer (constant for drafts), smaller is better."""

    preset: str
    quality: int
    is_constant: bool

    def options(self, fps: int) -> dict[str, str]:
        """Return x264's options. `stitchable` keeps headers equal, `cpu-independent` bytes on another processor.

        No frame is stored out of order, so that clips can be joined at key frames without encoding again, and each
        is coded as soon as it is given (without `force-cfr` x264 waits for the next one, to know how long it lasts).
        """
        params = {
            "keyint": 2 * fps,
            "min-keyint": 1,
            "scenecut": 0,
            "bframes": 0,
            "force-cfr": 1,
            "stitchable": 1,
            "cpu-independent": 1,
            "threads": 1,
        }
        return {
            "preset": self.preset,
            "qp" if self.is_constant else "crf": str(self.quality),
            "x264-params": ":".join(f"{name}={value}" for name, value in params.items()),
        }


DRAFT = Coding("ultrafast", 21, is_constant=True)
"""For slates: a constant quantizer spares the encoder its rate control (1.7x the speed, November 2026)."""

FINE = Coding("veryfast", 18, is_constant=False)
"""For real clips that have to be encoded again: upscales, trimmed segments, transitions."""


class ClipWriter:
    """Writes one MP4 file; a failure inside the `with` block leaves no file."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, coding: Coding = DRAFT, *, sound: bool = True):
        self.path = path
        self.fps = fps
        self._tick = Fraction(1, fps)
        self._frames = 0
        self._waiting: deque[Packet[AudioStream]] = deque()
        try:
            self._container: OutputContainer = av.open(f"file:{path}", "w", format="mp4", options=MP4_OPTIONS)
            self._film: VideoStream = add_film(self._container, size, fps, coding)
            self._sound: AudioStream | None = open_aac(self._container) if sound else None
            self._container.start_encoding()
        except (OSError, av.error.FFmpegError) as refused:
            raise MediaError(f"cannot write {path.name}: {refused.strerror}") from refused

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(self._film.encode(None))
                self._mux(self._waiting)
            self._container.close()
        except (OSError, av.error.FFmpegError) as failed:
            self.path.unlink(missing_ok=True)
            raise MediaError(f"cannot write {self.path.name}: {failed.strerror}") from failed
        if kind is not None:
            self.path.unlink(missing_ok=True)

    @property
    def frames(self) -> int:
        """How many frames were written so far."""
        return self._frames

    def add(self, frame: VideoFrame, *, key: bool = False) -> None:
        """Append a yuv420p frame of the clip's size. The encoder has copied it when this returns."""
        frame.pts = self._frames
        frame.time_base = self._tick
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._step()
        self._mux(self._film.encode(colour.tagged(frame)))

    def add_coded(self, frames: Iterable[bytes]) -> None:
        """Append frames that are coded already and build upon the frame before them."""
        for content in frames:
            packet: Packet[Any] = Packet(content)
            packet.stream = self._film
            packet.time_base = self._tick
            packet.pts = packet.dts = self._frames
            packet.duration = 1
            self._step()
            self._container.mux(packet)

    def _step(self) -> None:
        """Count a frame, and first lay down the sound that is heard until it ends."""
        self._frames += 1
        while self._waiting and (self._waiting[0].pts or 0) * self.fps <= self._frames * RATE:
            self._container.mux(self._waiting.popleft())

    def add_sound(self, track: SoundTrack) -> None:
        """Give the whole sound track, before the first frame: it is laid between the frames as they come."""
        assert self._sound is not None
        self._waiting.extend(track.packets(self._sound))

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            self._container.mux(packet)


def add_film(container: OutputContainer, size: tuple[int, int], fps: int, coding: Coding) -> VideoStream:
    """Add an H.264 stream of our one convention: yuv420p, BT.709 limited, whole frames."""
    film = container.add_stream("libx264", rate=fps, options=coding.options(fps))
    film.width, film.height = size
    set_up(film.codec_context, fps)
    return film


def set_up(context: VideoCodecContext, fps: int) -> None:
    """Give an encoder our convention."""
    context.pix_fmt = "yuv420p"
    context.framerate = Fraction(fps)
    context.time_base = Fraction(1, fps)
    context.thread_count = 1
    context.flags |= Flags.bitexact
    context.color_primaries = colour.PRIMARIES_BT709
    context.color_trc = colour.TRANSFER_BT709
    context.colorspace = colour.MATRIX_BT709
    context.color_range = colour.RANGE_LIMITED


def samples_of(frames: int, fps: int) -> int:
    """Return the number of sound samples that lasts as long as so many frames, rounded to the nearest."""
    return (frames * RATE * 2 + fps) // (2 * fps)
