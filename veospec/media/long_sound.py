"""Long sound tracks, encoded in blocks that are kept by content: changing one shot costs its own seconds only.

AAC is the slowest part of joining a hundred clips (12 ms a second of sound, November 2026). A block is encoded with
a few packets of what comes before and after it, so that its first packet overlaps with the last one of the block
before exactly as in one run; those extra packets are then thrown away.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from veospec.media.sound import PACKET_SAMPLES, SAMPLE_BYTES, SoundTrack, encode_aac

BLOCK_VERSION = 1
_BLOCK_PACKETS = 512
_BEFORE, _AFTER = 4, 3
_AHEAD = 8
_PACKET_BYTES = PACKET_SAMPLES * SAMPLE_BYTES
_BLOCK_BYTES = _BLOCK_PACKETS * _PACKET_BYTES
_MAGIC = b"VSA1"


def encode_long(pcm: Iterable[bytes], samples: int, cache: Path) -> SoundTrack:
    """Encode PCM of exactly `samples` as one track; equal blocks are taken from `cache`."""
    count = max(1, -(-samples * SAMPLE_BYTES // _BLOCK_BYTES))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        waiting: deque[Future[tuple[bytes, ...]]] = deque()
        packets: list[bytes] = []
        for number, (content, lead) in enumerate(_blocks(pcm)):
            is_last = number == count - 1
            waiting.append(pool.submit(_block, content, lead, cache, is_last=is_last))
            # A block is two megabytes of sound: no more of them than are soon encoded.
            if len(waiting) > _AHEAD:
                packets.extend(waiting.popleft().result())
        for block in waiting:
            packets.extend(block.result())
    return SoundTrack(tuple(_timed(packets, samples)))


def _timed(packets: list[bytes], samples: int) -> Iterator[tuple[int, int, bytes]]:
    for number, content in enumerate(packets):
        pts = (number - 1) * PACKET_SAMPLES
        if pts < samples:
            yield pts, min(PACKET_SAMPLES, samples - pts), content


def _blocks(pcm: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield each block with its surroundings, and the number of packets that lead in to it."""
    buffer = bytearray()
    lead = 0
    reach = _BLOCK_BYTES + _AFTER * _PACKET_BYTES
    for piece in pcm:
        buffer += piece
        while len(buffer) > lead * _PACKET_BYTES + reach:
            yield bytes(buffer[: lead * _PACKET_BYTES + reach]), lead
            del buffer[: lead * _PACKET_BYTES + _BLOCK_BYTES - _BEFORE * _PACKET_BYTES]
            lead = _BEFORE
    rest = bytes(buffer)
    while len(rest) > lead * _PACKET_BYTES + _BLOCK_BYTES:
        yield rest[: lead * _PACKET_BYTES + reach], lead
        rest = rest[lead * _PACKET_BYTES + _BLOCK_BYTES - _BEFORE * _PACKET_BYTES :]
        lead = _BEFORE
    yield rest, lead


def _block(content: bytes, lead: int, cache: Path, *, is_last: bool) -> tuple[bytes, ...]:
    said = f"{BLOCK_VERSION} {lead} {is_last} ".encode()
    path = cache / f"{hashlib.sha256(said + content).hexdigest()}.aac"
    kept = _read(path)
    if kept is not None:
        return kept
    chunks = [chunk[2] for chunk in encode_aac([content]).chunks]
    packets = tuple(chunks[lead:] if is_last else chunks[lead : lead + _BLOCK_PACKETS])
    body = b"".join(struct.pack(">I", len(packet)) + packet for packet in packets)
    fresh = path.with_suffix(f".{os.getpid()}.part")
    try:
        fresh.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return packets


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
