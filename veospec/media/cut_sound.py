"""The sound track of a cut, encoded in blocks that are kept by what they are made of.

AAC is the slowest part of joining a hundred clips (12 ms a second of sound, November 2026). Inside a clip the track is
one block that the clip alone decides; around every seam there is a short block that both clips decide. So a shot that
changed costs its own seconds, and blocks that are known need no clip to be opened.

A block is encoded with a few packets of what comes before and after it, so that its first packet overlaps with the
last one of the block before exactly as in one run; those extra packets are then thrown away. A block inside a clip
begins and ends so far from the seams that these extra packets, too, are the clip alone.
"""

from __future__ import annotations

import hashlib
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

from msgspec import Struct

from veospec.media.encode import samples_of
from veospec.media.mix import Clips, SoundPart, Span, spans_of, stretch
from veospec.media.sound import PACKET_SAMPLES, SoundTrack, encode_aac

BLOCK_VERSION = 2
"""Raised when a block would get other bytes."""

_BEFORE, _AFTER = 4, 3
_FEWEST, _MOST = 16, 512
"""Packets of a block: a shorter one inside a clip is not worth a file, a longer one not the memory."""
_MAGIC = b"VSA1"


class _Block(Struct, frozen=True):
    """Packets `first` up to `end` of the track, and the samples of the line that they are encoded from."""

    first: int
    end: int
    lead: int
    begin: int
    until: int


def encode_cut(parts: Sequence[SoundPart], fps: int, cache: Path) -> SoundTrack:
    """Encode the sound of parts one after the other, exactly as long as their frames. Raises `MediaError`."""
    spans = spans_of(parts, fps)
    samples = samples_of(sum(part.count for part in parts), fps)
    clips = Clips()
    starts, ends = [span.start for span in spans], list(accumulate((span.end for span in spans), max))

    def made(block: _Block) -> tuple[bytes, ...]:
        heard = spans[bisect_right(ends, block.begin) : bisect_left(starts, block.until)]
        return _packets(block, heard, clips, cache)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        blocks = pool.map(made, _blocks(spans, samples))
        packets = [packet for block in blocks for packet in block]
    return SoundTrack(tuple(_timed(packets, samples)))


def _timed(packets: list[bytes], samples: int) -> Iterator[tuple[int, int, bytes]]:
    for number, content in enumerate(packets):
        pts = (number - 1) * PACKET_SAMPLES
        if pts < samples:
            yield pts, min(PACKET_SAMPLES, samples - pts), content


def _blocks(spans: Sequence[Span], samples: int) -> Iterator[_Block]:
    """Cut the track where clips begin and end to be alone; packet n is made from samples around n x 1024."""
    total = -(-samples // PACKET_SAMPLES) + 1
    at = 0
    for first, end in (*_alone(spans), (total, total)):
        yield from _pieces(at, first, samples, total)
        yield from _pieces(first, end, samples, total)
        at = end


def _alone(spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield the packets that one clip decides, with all that they are encoded with."""
    before = 0
    for number, span in enumerate(spans):
        after = spans[number + 1].start if number + 1 < len(spans) else span.end
        begin, until = max(span.start + span.ramp_in, before), min(span.end - span.ramp_out, after)
        before = max(before, span.end)
        first, end = -(-begin // PACKET_SAMPLES) + _BEFORE, until // PACKET_SAMPLES - _AFTER
        if end - first >= _FEWEST:
            yield first, end


def _pieces(first: int, end: int, samples: int, total: int) -> Iterator[_Block]:
    for start in range(first, end, _MOST):
        stop = min(end, start + _MOST)
        lead = min(_BEFORE, start)
        until = samples if stop == total else min(samples, (stop + _AFTER) * PACKET_SAMPLES)
        yield _Block(start, stop, lead, (start - lead) * PACKET_SAMPLES, until)


def _packets(block: _Block, spans: Sequence[Span], clips: Clips, cache: Path) -> tuple[bytes, ...]:
    path = cache / f"{_key(block, spans)}.aac"
    kept = _read(path)
    if kept is not None:
        return kept
    pcm = stretch(spans, block.begin, block.until, clips)
    chunks = [chunk[2] for chunk in encode_aac([pcm]).chunks]
    packets = tuple(chunks[block.lead : block.lead + block.end - block.first])
    body = b"".join(struct.pack(">I", len(packet)) + packet for packet in packets)
    fresh = path.with_suffix(f".{os.getpid()}.part")
    try:
        fresh.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return packets


def _key(block: _Block, spans: Sequence[Span]) -> str:
    """Name what decides the packets: which sound of which clips, and where they swell and die away."""
    said = [f"{BLOCK_VERSION} {block.lead} {block.end - block.first} {block.until - block.begin}"]
    for span in spans:
        ramps = (span.start - block.begin, span.end - block.begin, span.ramp_in, span.ramp_out)
        said.append(span.recipe(block.begin) + ("" if span.is_flat(block.begin, block.until) else f" {ramps}"))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _read(path: Path) -> tuple[bytes, ...] | None:
    """Read a kept block; a damaged one counts as absent, it is made again for nothing."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    body = content[36:]
    if content[:4] != _MAGIC or hashlib.sha256(body).digest() != content[4:36]:
        return None
    packets = []
    at = 0
    while at < len(body):
        size = struct.unpack_from(">I", body, at)[0]
        packets.append(body[at + 4 : at + 4 + size])
        at += 4 + size
    return tuple(packets)
