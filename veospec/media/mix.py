"""The sound of a cut: clips one after the other on one line of samples, joined by crossfades, never by clicks.

Any stretch of the line can be had on its own, and what it is made of can be named without decoding anything.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from math import pi, sin
from pathlib import Path
from threading import Lock

from msgspec import Struct

from veospec.media.encode import samples_of
from veospec.media.sound import RATE, SAMPLE_BYTES, decode_pcm
from veospec.model import Digest

CLICK_GUARD = RATE // 200
"""Five milliseconds on each side of a cut: too short to hear, long enough for no click."""

_KEPT_CLIPS = 6


class SoundPart(Struct, frozen=True):
    """The sound of `count` frames of a clip from frame `first` on; without a path it is `pcm`, then silence.

    `joint_after` says how many frames before and after the cut that follows both clips sound together;
    `apart` makes that joint a dip: the one is gone before the other begins. `digest` is that of the clip.
    """

    path: Path | None
    first: int
    count: int
    joint_after: tuple[int, int] = (0, 0)
    apart: bool = False
    pcm: bytes = b""
    digest: Digest = ""


class Span(Struct, frozen=True):
    """A part's place on the line, in samples: where it sounds, how long its ramps are.

    `source` is the sample of the clip that is heard at `start`, were there no ramp.
    """

    part: SoundPart
    start: int
    end: int
    ramp_in: int
    ramp_out: int
    source: int

    def is_flat(self, begin: int, end: int) -> bool:
        """Tell whether this part sounds at its own loudness throughout a stretch."""
        return self.start + self.ramp_in <= begin and end <= self.end - self.ramp_out

    def recipe(self, begin: int) -> str:
        """Name everything that decides what it adds to the line, with places counted from `begin`."""
        part = self.part
        what = part.digest or (str(part.path) if part.path is not None else hashlib.sha256(part.pcm).hexdigest())
        return f"{what} {self.source + begin - self.start}"


def spans_of(parts: Sequence[SoundPart], fps: int) -> tuple[Span, ...]:
    """Place parts; each reaches into its neighbours by what a joint wants and its clip has."""
    spans: list[Span] = []
    frame = 0
    for number, part in enumerate(parts):
        start, end = samples_of(frame, fps), samples_of(frame + part.count, fps)
        before = parts[number - 1] if number else None
        early, ramp_in = _entry(part, before, fps)
        late, ramp_out = _exit(part, fps, is_last=number == len(parts) - 1)
        room = end - start + early + late
        ramp_in = min(ramp_in, room // 2)
        ramp_out = min(ramp_out, room - ramp_in)
        spans.append(Span(part, start - early, end + late, ramp_in, ramp_out, samples_of(part.first, fps) - early))
        frame += part.count
    return tuple(spans)


def _entry(part: SoundPart, before: SoundPart | None, fps: int) -> tuple[int, int]:
    if before is None:
        return 0, min(CLICK_GUARD, samples_of(part.count, fps))
    wanted, inside = (samples_of(n, fps) for n in before.joint_after)
    if before.apart:
        return 0, max(inside, CLICK_GUARD)
    early = min(wanted or CLICK_GUARD, samples_of(part.first, fps) if part.path is not None else 0)
    return early, early + (inside or CLICK_GUARD)


def _exit(part: SoundPart, fps: int, *, is_last: bool) -> tuple[int, int]:
    inside, wanted = (samples_of(n, fps) for n in part.joint_after)
    if part.apart or is_last:
        return 0, max(inside, CLICK_GUARD)
    late = (wanted or CLICK_GUARD) if part.path is not None else 0
    return late, late + (inside or CLICK_GUARD)


class Clips:
    """The decoded sound of the clips that were asked for last; shared by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[Path, bytes] = OrderedDict()

    def sound(self, path: Path) -> bytes:
        """Return all of a clip's sound. It goes out where it ends: a cut may ask for more than there is."""
        with self._lock:
            known = self._known.get(path)
            if known is None:
                known = b"".join(decode_pcm(path))
                ends = min(CLICK_GUARD, len(known) // SAMPLE_BYTES)
                known = _ramped(known, len(known) // SAMPLE_BYTES - ends, ends, rising=False, at=0)
                self._known[path] = known
                if len(self._known) > _KEPT_CLIPS:
                    self._known.popitem(last=False)
            self._known.move_to_end(path)
            return known


def stretch(spans: Sequence[Span], begin: int, end: int, clips: Clips) -> bytes:
    """Return the PCM of a part of the line. Raises `MediaError` for a clip whose sound cannot be read."""
    line = bytearray()
    for span in spans:
        first, last = max(begin, span.start), min(end, span.end)
        if first < last:
            _lay(line, (first - begin) * SAMPLE_BYTES, _shaped(_content(span, first, last, clips), span, first))
    return bytes(line).ljust((end - begin) * SAMPLE_BYTES, b"\0")


def mixed(parts: Sequence[SoundPart], fps: int) -> Iterator[bytes]:
    """Yield the PCM of all parts in order, as long as their frames together."""
    spans, clips = spans_of(parts, fps), Clips()
    total = samples_of(sum(part.count for part in parts), fps)
    for begin in range(0, total, 10 * RATE):
        yield stretch(spans, begin, min(total, begin + 10 * RATE), clips)


def _content(span: Span, first: int, last: int, clips: Clips) -> bytes:
    part, length = span.part, (last - first) * SAMPLE_BYTES
    known = clips.sound(part.path) if part.path is not None else part.pcm
    offset = (span.source + first - span.start) * SAMPLE_BYTES
    return known[offset : offset + length].ljust(length, b"\0")


def _shaped(pcm: bytes, span: Span, first: int) -> bytes:
    opened = _ramped(pcm, span.start, span.ramp_in, rising=True, at=first)
    return _ramped(opened, span.end - span.ramp_out, span.ramp_out, rising=False, at=first)


def _ramped(pcm: bytes, start: int, samples: int, *, rising: bool, at: int) -> bytes:
    """Let PCM that begins at `at` swell or die away between `start` and `samples` later.

    By a quarter sine: two unlike sounds then keep their loudness together.
    """
    first, last = max(start, at), min(start + samples, at + len(pcm) // SAMPLE_BYTES)
    if first >= last:
        return pcm
    left, right = (first - at) * SAMPLE_BYTES, (last - at) * SAMPLE_BYTES
    edge = array("h", pcm[left:right])
    for n in range(last - first):
        done = (first - start + n + 0.5) / samples
        gain = sin(pi / 2 * (done if rising else 1 - done))
        edge[2 * n] = int(edge[2 * n] * gain)
        edge[2 * n + 1] = int(edge[2 * n + 1] * gain)
    return pcm[:left] + edge.tobytes() + pcm[right:]


def _lay(line: bytearray, at: int, heard: bytes) -> None:
    """Add to a line something that begins no earlier than what was laid before it."""
    line.extend(bytes(max(0, at - len(line))))
    both = min(len(line) - at, len(heard))
    sums = array("h", bytes(line[at : at + both]))
    for n, value in enumerate(array("h", heard[:both])):
        sums[n] = max(-32768, min(32767, sums[n] + value))
    line[at : at + both] = sums.tobytes()
    line.extend(heard[both:])
