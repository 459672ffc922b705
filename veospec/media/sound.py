"""Sound: a quiet synthesized bed for slates, PCM out of clips, and AAC packets of exact length.

PCM is 48 kHz stereo, 16 bit, interleaved, as plain bytes: 4 bytes a sample.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from math import pi, sin
from pathlib import Path
from typing import Any

from av import AudioFrame
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import CodecContext, Flags
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from msgspec import Struct

from veospec.media.opened import opened

RATE = 48_000
SAMPLE_BYTES = 4
PACKET_SAMPLES = 1024
"""One AAC packet. Source: ISO/IEC 14496-3, 4.5.1.1 (frameLengthFlag 0)."""

_TICK = Fraction(1, RATE)
_LAMBDA = 118
_QUALITY = 3 * _LAMBDA
"""FFmpeg's `-q:a 3`, near 128 kbit/s. With a bit rate instead, a packet would depend on all before it, so that pieces
encoded apart would differ in quality; it was also half as fast and missed loud noise by three times as much (2026).
"""
_OPTIONS = {"aac_coder": "fast", "global_quality": str(_QUALITY)}

# D minor pentatonic from D4: takes are told apart by ear without hurting.
_NOTES_HZ = (293.66, 349.23, 392.00, 440.00, 523.25)


class SoundTrack(Struct, frozen=True):
    """Encoded sound: the bytes of each packet with its length in samples; the first packet is encoder priming."""

    chunks: tuple[tuple[int, int, bytes], ...]

    def packets(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        """Yield the packets for one output stream (`open_aac`)."""
        for pts, length, content in self.chunks:
            packet: Packet[Any] = Packet(content)
            packet.stream = stream
            packet.time_base = _TICK
            packet.pts = packet.dts = pts
            packet.duration = length
            packet.is_keyframe = True
            yield packet


def open_aac(container: OutputContainer) -> AudioStream:
    """Add an AAC stream in the one form we write."""
    stream = container.add_stream("aac", rate=RATE, options=_OPTIONS)
    _configure(stream.codec_context)
    return stream


def _configure(context: AudioCodecContext) -> None:
    context.layout = "stereo"
    context.sample_rate = RATE
    context.format = "fltp"
    context.time_base = _TICK
    context.flags |= Flags.bitexact | Flags.global_header | Flags.qscale


def encode_aac(pcm: Iterable[bytes]) -> SoundTrack:
    """Encode PCM pieces of any size as one track that lasts exactly as long as they do together."""
    context = CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.options = dict(_OPTIONS)
    _configure(context)
    resampler = AudioResampler("fltp", "stereo", RATE)
    chunks: list[tuple[int, int, bytes]] = []
    total = 0
    for frame in _frames(pcm):
        total += frame.samples
        for planar in resampler.resample(frame):
            chunks.extend(_chunk(p) for p in context.encode(planar))
    chunks.extend(_chunk(p) for p in context.encode(None))
    return SoundTrack(tuple(_cut_to(chunks, total)))


def _chunk(packet: Packet[Any]) -> tuple[int, int, bytes]:
    return packet.pts or 0, PACKET_SAMPLES, bytes(packet)


def _cut_to(chunks: list[tuple[int, int, bytes]], total: int) -> Iterator[tuple[int, int, bytes]]:
    """Shorten the last packet so that the track ends with the picture."""
    for pts, length, content in chunks:
        if pts < total:
            yield pts, min(length, total - pts), content


def _frames(pcm: Iterable[bytes]) -> Iterator[AudioFrame]:
    rest = b""
    position = 0
    size = PACKET_SAMPLES * SAMPLE_BYTES
    for piece in pcm:
        rest += piece
        whole = len(rest) - len(rest) % size
        for start in range(0, whole, size):
            yield _frame(rest[start : start + size], position)
            position += PACKET_SAMPLES
        rest = rest[whole:]
    if rest:
        yield _frame(rest, position)


def _frame(content: bytes, position: int) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="stereo", samples=len(content) // SAMPLE_BYTES)
    plane = frame.planes[0]
    plane.update(content.ljust(plane.buffer_size, b"\0"))
    frame.sample_rate = RATE
    frame.time_base = _TICK
    frame.pts = position
    return frame


def decode_pcm(path: Path) -> Iterator[bytes]:
    """Yield the sound of a clip from the moment of its first frame to its end; nothing when it has none.

    Sound that sets in later begins with silence. What a decoder puts out beyond the end that the file states is the
    filling of the last packet: heard, it would be a click. Raises `MediaError`.
    """
    with opened(path) as source:
        if source.streams.audio:
            stream = source.streams.audio[0]
            pcm = _decoded(source, stream)
            start, length = stream.start_time or 0, stream.duration
            stated = round((start + length) * stream.time_base * RATE) if length and stream.time_base else 0
            yield from _until(pcm, stated) if stated > 0 else pcm


def _decoded(source: InputContainer, stream: AudioStream) -> Iterator[bytes]:
    resampler = AudioResampler("s16", "stereo", RATE)
    is_first = True
    for frame in source.decode(stream):
        if frame.pts is not None and frame.pts < 0:
            continue
        if is_first and frame.pts and frame.time_base is not None:
            yield silence(round(frame.pts * frame.time_base * RATE))
        is_first = False
        for flat in resampler.resample(frame):
            yield _content(flat)
    for flat in resampler.resample(None):
        yield _content(flat)


def _until(pcm: Iterable[bytes], samples: int) -> Iterator[bytes]:
    left = samples * SAMPLE_BYTES
    for piece in pcm:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _content(frame: AudioFrame) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * SAMPLE_BYTES]


@lru_cache(maxsize=64)
def bed(samples: int, note: int) -> SoundTrack:
    """Return the sound of a slate: a hush of low noise and one soft note that says which take it is.

    Kept in memory because most shots of a film have the same length.
    """
    return encode_aac([bed_pcm(samples, note)])


def bed_pcm(samples: int, note: int) -> bytes:
    """Return the sound of a slate as PCM."""
    hertz = _NOTES_HZ[note % len(_NOTES_HZ)]
    length = f"{samples / RATE + 0.1:.6f}"
    strike = f"0.055*exp(-5*t)*(1-exp(-160*t))*(sin(2*PI*{hertz}*t)+0.35*sin(4*PI*{hertz}*t))"
    graph = Graph()
    hush = graph.add("anoisesrc", f"d={length}:c=brown:r={RATE}:a=0.045:seed=7001")
    dark = graph.add("lowpass", "f=220")
    pluck = graph.add("aevalsrc", f"'{strike}':d={length}:s={RATE}")
    mix = graph.add("amix", "inputs=2:duration=shortest:normalize=0")
    shape = graph.add("aformat", f"sample_fmts=s16:sample_rates={RATE}:channel_layouts=stereo")
    sink = graph.add("abuffersink")
    hush.link_to(dark)
    dark.link_to(mix, 0, 0)
    pluck.link_to(mix, 0, 1)
    mix.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    wanted = samples * SAMPLE_BYTES
    pieces = bytearray()
    while len(pieces) < wanted:
        frame = graph.pull()
        assert isinstance(frame, AudioFrame)
        pieces += _content(frame)
    return bytes(pieces[:wanted])


def tone_pcm(samples: int, hertz: int, level: float) -> bytes:
    """Return a plain sine, the beep of a leader, without clicks at its ends."""
    edge = min(96, samples // 2)
    wave = array("h")
    for n in range(samples):
        gain = min(1.0, n / edge, (samples - 1 - n) / edge) if edge else 1.0
        value = int(32767 * level * gain * sin(2 * pi * hertz * n / RATE))
        wave.append(value)
        wave.append(value)
    return wave.tobytes()


def silence(samples: int) -> bytes:
    """Return so many samples of nothing."""
    return bytes(samples * SAMPLE_BYTES)


def skipped(pcm: Iterable[bytes], samples: int) -> Iterator[bytes]:
    """Pass PCM on without its first `samples`."""
    left = samples * SAMPLE_BYTES
    for piece in pcm:
        yield piece[left:]
        left = max(0, left - len(piece))


def exactly(pcm: Iterable[bytes], samples: int) -> Iterator[bytes]:
    """Pass PCM on, cut or filled with silence to a length in samples."""
    left = samples * SAMPLE_BYTES
    for piece in _until(pcm, samples):
        yield piece
        left -= len(piece)
    if left > 0:
        yield bytes(left)


def copied(path: Path) -> SoundTrack | None:
    """Return a clip's sound as it is encoded when it has the one form we write, else None."""
    with opened(path) as source:
        if not source.streams.audio:
            return None
        stream = source.streams.audio[0]
        context = stream.codec_context
        is_ours = context.name == "aac" and context.sample_rate == RATE and context.layout.name == "stereo"
        if not is_ours or stream.time_base != _TICK:
            return None
        packets = [p for p in source.demux(stream) if p.size and p.pts is not None]
        if not packets or packets[0].pts != -PACKET_SAMPLES:
            return None
        return SoundTrack(tuple((p.pts or 0, p.duration or PACKET_SAMPLES, bytes(p)) for p in packets))
