"""Make MP4 files of films at almost no cost.

Three facts about H.264 make it cheap. A frame that says "as before" is a dozen bytes that are the same for every
picture of a size, so they are encoded once. A picture can consist of slices that know nothing of each other, so banded
pictures are put together from slices that were encoded once. And a constant quantiser makes the bytes of a picture
independent of what was encoded before it. What is left is one encoded picture a clip: some 5 ms for eight seconds of
720p instead of half a second, and the same values give the same bytes.
"""

from __future__ import annotations

import array
import math
from collections import OrderedDict
from fractions import Fraction
from functools import lru_cache
from threading import Lock

import av
from av.codec.context import Flags
from av.video.frame import PictureType
from PIL import Image

from veospec.media import mp4_boxes, testcard
from veospec.media.testcard import BANDS, FPS, VARIANTS, Card, Film, Picture

SAMPLE_RATE = 48_000
_AAC_FRAME = 1024
_LOOP = 40
_KEPT_ENCODERS = 6
_KEPT_PICTURES = 256
_TIME = Fraction(1, FPS)
_SLICE_OF_KEY_FRAME = 5
_ENCODER = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "qp": "24",
    "forced-idr": "1",
    "g": "99999",
    "x264-params": f"scenecut=0:annexb=0:slices={BANDS}",
}


class _VideoEncoder:
    """One open H.264 encoder for a size, with what it encodes once: "as before" frames and the slices of bands.

    Two key frames in a row must differ in a number that x264 flips with each key frame (`idr_pic_id`); `parity` is
    that number.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._context = av.CodecContext.create("libx264", "w")
        context = self._context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.framerate, context.time_base = Fraction(FPS), _TIME
        context.thread_count = 1
        context.options = dict(_ENCODER)
        context.flags |= Flags.global_header
        context.open()
        self.avcc = context.extradata or b""
        self._count = 0
        self._parity = 0
        self._grey = self._frame(Image.new("RGB", (16, 16), (128, 128, 128)))
        self._encode(self._grey, is_key=True)
        self.repeats = tuple(self._encode(self._grey, is_key=False) for _ in range(FPS - 1))
        self._slices: dict[tuple[int, int], list[bytes]] = {}
        self._kept: OrderedDict[tuple[Picture, int], bytes] = OrderedDict()

    def _frame(self, picture: Image.Image) -> av.VideoFrame:
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        scaled: av.VideoFrame = frame.reformat(*self._size, format="yuv420p", interpolation="POINT")
        return scaled

    def _encode(self, frame: av.VideoFrame, *, is_key: bool) -> bytes:
        frame.pts, frame.time_base = self._count, _TIME
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        self._count += 1
        self._parity ^= is_key
        return b"".join(bytes(packet) for packet in self._context.encode(frame))

    def _key(self, picture: Image.Image, parity: int) -> bytes:
        if self._parity != parity:
            self._encode(self._grey, is_key=True)
        return self._encode(self._frame(picture), is_key=True)

    def key_frame(self, picture: Picture, parity: int) -> bytes:
        """Return one complete picture that decodes on its own."""
        if isinstance(picture, Card) and picture.step and self._size[1] > 16 * (BANDS - 1):
            return b"".join(self._slice(variant, parity, row) for row, variant in enumerate(testcard.bands(picture)))
        known = self._kept.get((picture, parity))
        if known is None:
            known = self._kept[picture, parity] = self._key(self._drawn(picture), parity)
            if len(self._kept) > _KEPT_PICTURES:
                self._kept.popitem(last=False)
        return known

    def _drawn(self, picture: Picture) -> Image.Image:
        """Return a picture for the encoder; a card stays small, since scaling it is cheaper there."""
        if isinstance(picture, Card) and not picture.step:
            return testcard.sketch(picture, *testcard.sketch_size(*self._size))
        return testcard.image(picture, *self._size)

    def _slice(self, variant: int, parity: int, row: int) -> bytes:
        slices = self._slices.get((variant, parity))
        if slices is None:
            drawn = testcard.band(variant % VARIANTS, *testcard.sketch_size(*self._size))
            slices = self._slices[variant, parity] = _key_slices(self._key(drawn, parity))
        return slices[row]


def _key_slices(packet: bytes) -> list[bytes]:
    """Return the slices of a key frame, each with its length in front; other parts of the packet are left out."""
    found: list[bytes] = []
    at = 0
    while at < len(packet):
        end = at + 4 + int.from_bytes(packet[at : at + 4], "big")
        if packet[at + 4] & 0x1F == _SLICE_OF_KEY_FRAME:
            found.append(packet[at:end])
        at = end
    return found


_LOCK = Lock()
_OPEN: OrderedDict[tuple[int, int], _VideoEncoder] = OrderedDict()


def _encoder(width: int, height: int) -> _VideoEncoder:
    """Return the encoder for a size; the last few stay open, since opening one costs more than a clip."""
    known = _OPEN.pop((width, height), None) or _VideoEncoder(width, height)
    _OPEN[width, height] = known
    if len(_OPEN) > _KEPT_ENCODERS:
        _OPEN.popitem(last=False)
    return known


@lru_cache(maxsize=16)
def _tone(pitch: int) -> tuple[tuple[bytes, ...], bytes]:
    """Return AAC frames of a quiet note and the decoder's configuration; the frames from `_LOOP` on can be repeated."""
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "mono", "fltp"
    context.bit_rate, context.time_base = 48_000, Fraction(1, SAMPLE_RATE)
    context.flags |= Flags.global_header
    context.open()
    # A whole number of waves in the loop: where it starts again there is no click.
    waves = round(pitch * _LOOP * _AAC_FRAME / SAMPLE_RATE)
    turn = 2 * math.pi * waves / (_LOOP * _AAC_FRAME)
    samples = array.array("f", (0.05 * math.sin(turn * n) for n in range(_LOOP * _AAC_FRAME))).tobytes()
    packets: list[bytes] = []
    for n in range(_LOOP * 2 + 2):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=_AAC_FRAME)
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, n * _AAC_FRAME, Fraction(1, SAMPLE_RATE)
        at = n % _LOOP * _AAC_FRAME * 4
        frame.planes[0].update(samples[at : at + _AAC_FRAME * 4])
        packets += [bytes(packet) for packet in context.encode(frame)]
    return tuple(packets[: 2 * _LOOP]), context.extradata or b""


def _sound(pitch: int, frames: int) -> tuple[list[bytes], bytes]:
    note, config = _tone(pitch)
    loop = note[_LOOP:]
    rest = max(0, frames - _LOOP)
    return [*note[: frames - rest], *(loop * (rest // _LOOP + 1))[:rest]], config


def encode_clip(film: Film, width: int, height: int, *, pitch: int = 220) -> bytes:
    """Return an MP4 (H.264, AAC mono) of exactly the film's frames at 24 fps; width and height must be even."""
    with _LOCK:
        encoder = _encoder(width, height)
        samples: list[bytes] = []
        keys: list[int] = []
        parity = 0
        for hold in film:
            left = hold.frames
            while left > 0:
                # Only two single frames in a row need different numbers; elsewhere one number lets more be shared.
                is_second = bool(keys) and keys[-1] == len(samples) - 1
                parity = 1 - parity if is_second else 0
                keys.append(len(samples))
                samples.append(encoder.key_frame(hold.picture, parity))
                repeats = encoder.repeats[: left - 1]
                samples += repeats
                left -= 1 + len(repeats)
        duration = len(samples) * SAMPLE_RATE // FPS
        # One frame more than the sound needs: the first only primes the decoder and is cut off by the edit list.
        sound, config = _sound(pitch, 1 + -(-duration // _AAC_FRAME))
    return mp4_boxes.write(
        mp4_boxes.VideoTrack(samples, keys, encoder.avcc, width, height, FPS),
        mp4_boxes.AudioTrack(sound, config, SAMPLE_RATE, _AAC_FRAME, _AAC_FRAME, duration),
    )
