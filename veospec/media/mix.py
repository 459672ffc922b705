"""The sound of a cut: clips one after the other on one line of samples, joined by crossfades, never by clicks."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from math import pi, sin
from pathlib import Path

from msgspec import Struct

from veospec.media.encode import samples_of
from veospec.media.sound import RATE, SAMPLE_BYTES, decode_pcm

CLICK_GUARD = RATE // 200
"""Five milliseconds on each side of a cut: too short to hear, long enough for no click."""


class SoundPart(Struct, frozen=True):
    """The sound of `count` frames of a clip from frame `first` on; None is silence.

    `joint_after` says how many frames before and after the cut that follows both clips sound together;
    `apart` makes that joint a dip: the one is gone before the other begins.
    """

    path: Path | None
    first: int
    count: int
    joint_after: tuple[int, int] = (0, 0)
    apart: bool = False
    pcm: bytes = b""


class _Span(Struct, frozen=True):
    """A part's place on the line of samples: where it may begin and end, and how long its ramps are."""

    start: int
    end: int
    ramp_in: int
    ramp_out: int
    source: int


def mixed(parts: Sequence[SoundPart], fps: int) -> Iterator[bytes]:
    """Yield the PCM of all parts in order, as long as their frames together."""
    spans = _spans(parts, fps)
    carried = b""
    for number, (part, span) in enumerate(zip(parts, spans, strict=True)):
        together = _added(carried, _shaped(_content(part, span), span))
        following = spans[number + 1].start if number + 1 < len(spans) else span.end
        final = max(0, min(following, span.end) - span.start) * SAMPLE_BYTES
        yield together[:final]
        carried = together[final:]
    if carried:
        yield carried


def _spans(parts: Sequence[SoundPart], fps: int) -> list[_Span]:
    """Place parts; each reaches into its neighbours by what a joint wants and its clip has."""
    spans: list[_Span] = []
    frame = 0
    for number, part in enumerate(parts):
        start, end = samples_of(frame, fps), samples_of(frame + part.count, fps)
        before = parts[number - 1] if number else None
        early, ramp_in = _entry(part, before, fps)
        late, ramp_out = _exit(part, fps, is_last=number == len(parts) - 1)
        room = end - start + early + late
        ramp_in = min(ramp_in, room // 2)
        ramp_out = min(ramp_out, room - ramp_in)
        spans.append(_Span(start - early, end + late, ramp_in, ramp_out, samples_of(part.first, fps) - early))
        frame += part.count
    return spans


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


def _content(part: SoundPart, span: _Span) -> bytes:
    length = (span.end - span.start) * SAMPLE_BYTES
    if part.path is None:
        return part.pcm[:length].ljust(length, b"\0")
    offset = span.source * SAMPLE_BYTES
    taken = bytearray()
    for piece in decode_pcm(part.path):
        taken += piece
        if len(taken) >= offset + length:
            break
    found = bytes(taken[offset : offset + length])
    if 0 < len(found) < length:
        # The clip ends inside the joint: let it go out where it ends.
        found = _ramped(found, min(CLICK_GUARD, len(found) // SAMPLE_BYTES), rising=False)
    return found.ljust(length, b"\0")


def _shaped(pcm: bytes, span: _Span) -> bytes:
    opened = _ramped(pcm, span.ramp_in, rising=True)
    return _ramped(opened, span.ramp_out, rising=False)


def _ramped(pcm: bytes, samples: int, *, rising: bool) -> bytes:
    """Let one end of PCM swell or die away, by a quarter sine: two unlike sounds then keep their loudness together."""
    if samples <= 0 or not pcm:
        return pcm
    size = min(samples * SAMPLE_BYTES, len(pcm))
    edge = array("h", pcm[:size] if rising else pcm[-size:])
    count = len(edge) // 2
    for n in range(count):
        done = (n + 0.5) / count
        gain = sin(pi / 2 * (done if rising else 1 - done))
        edge[2 * n] = int(edge[2 * n] * gain)
        edge[2 * n + 1] = int(edge[2 * n + 1] * gain)
    changed = edge.tobytes()
    return changed + pcm[size:] if rising else pcm[:-size] + changed


def _added(first: bytes, second: bytes) -> bytes:
    """Return the sum of two pieces that begin together."""
    size = min(len(first), len(second))
    if size == 0:
        return second if len(second) > len(first) else first
    total = array("h", first[:size])
    for n, value in enumerate(array("h", second[:size])):
        total[n] = max(-32768, min(32767, total[n] + value))
    return total.tobytes() + (first[size:] if len(first) > len(second) else second[size:])
