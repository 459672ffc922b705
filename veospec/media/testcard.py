"""Pictures and clips that are made up: real files of an exact size and length, at almost no cost.

The double of the video service needs thousands of clips that decode, cut and join like any other and can be
told apart by eye and by bytes, but nobody is ever going to watch them. A clip is therefore a `film`, a row of
*holds*: one picture kept for some frames. Only the first frame of a hold is encoded; the rest are the twelve
bytes that say "as before" in H.264, which are the same for every picture of a size and are encoded once. An
8 second 720p clip costs some 30 ms instead of half a second.

The module knows nothing about who asks. The same values give the same bytes on one machine.
"""

from __future__ import annotations

import array
import colorsys
import io
import math
import textwrap
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from threading import Lock
from typing import TypeAlias

import av
from av.codec.context import Flags
from av.video.frame import PictureType
from PIL import Image, ImageDraw, ImageFont

from veospec.errors import MediaError
from veospec.media import mp4_boxes

FPS = 24
SAMPLE_RATE = 48_000
_AAC_FRAME = 1024
_LOOP = 40
_KEEP_OPEN_PIXELS = 1920 * 1080
_SKETCH_PIXELS = 320 * 180
_TIME = Fraction(1, FPS)
_ENCODER = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "24",
    "forced-idr": "1",
    "g": "99999",
    "x264-params": "scenecut=0:annexb=0",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A drawn test picture. `seed` decides colours and shapes, `step` where the moving bar stands."""

    seed: int
    text: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A picture file (PNG, JPEG, WebP) that is shown as it is, cut to the asked size."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Washed:
    """Another picture under a thin coloured veil: what an edit of a clip looks like."""

    under: Card | Given
    seed: int


Picture: TypeAlias = Card | Given | Washed


@dataclass(frozen=True, slots=True)
class Hold:
    """One picture for `frames` frames at 24 fps."""

    picture: Picture
    frames: int


Film: TypeAlias = tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a file turned out to be: `png`, `jpeg`, `webp` or `mp4`; `duration` is None for pictures."""

    type: str
    width: int
    height: int
    duration: Fraction | None = None


# -- films ------------------------------------------------------------------------------------------------


def length(film: Film) -> int:
    """Return the number of frames."""
    return sum(hold.frames for hold in film)


def cut(film: Film, start: int, end: int) -> Film:
    """Return frames `start` to `end` (exclusive) of a film."""
    kept: list[Hold] = []
    position = 0
    for hold in film:
        first, last = max(start, position), min(end, position + hold.frames)
        if last > first:
            kept.append(Hold(hold.picture, last - first))
        position += hold.frames
    return tuple(kept)


# -- pictures ---------------------------------------------------------------------------------------------


def _mix(seed: int, salt: int) -> int:
    """Return 31 well spread bits; `random` would do but is slower to set up than the whole picture."""
    x = (seed * 0x9E3779B1 + salt * 0x85EBCA77 + 0x165667B1) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    x = ((x ^ (x >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    return (x ^ (x >> 15)) & 0x7FFFFFFF


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def _sketch(card: Card, width: int, height: int) -> Image.Image:
    hue, turn = _mix(card.seed, 1) % 256 / 256, 0.25 + _mix(card.seed, 2) % 100 / 256
    picture = Image.new("RGB", (width, height), _colour(hue, 0.55, 0.3))
    pen = ImageDraw.Draw(picture)
    for n in range(4):
        x, y = _mix(card.seed, 10 + n) % width, _mix(card.seed, 20 + n) % height
        w, h = (
            width // 8 + _mix(card.seed, 30 + n) % (width // 4),
            height // 8 + _mix(card.seed, 40 + n) % (height // 3),
        )
        box = (x - w // 2, y - h // 2, x + w // 2, y + h // 2)
        pen.rectangle(box, fill=_colour(hue + turn * (n + 1), 0.6, 0.5 + 0.1 * n))
    left = card.step * width // 12 % width
    pen.rectangle((left, height - height // 8, left + width // 24, height), fill="white")
    size = max(9, min(width, height) // 14)
    lines = textwrap.wrap(card.text[:200], 44)[:3]
    pen.multiline_text((size // 2, size // 2), "\n".join(lines), font=_font(size), fill="white")
    return picture


def _opened(content: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP"))
        picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError("not a readable PNG, JPEG or WebP picture") from error
    return picture.convert("RGB")


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Cut the picture to the asked ratio around its middle, then scale it: no bars, no squeezing."""
    if picture.size == (width, height):
        return picture
    scale = max(width / picture.width, height / picture.height)
    crop_width, crop_height = width / scale, height / scale
    left, top = (picture.width - crop_width) / 2, (picture.height - crop_height) / 2
    box = (left, top, left + crop_width, top + crop_height)
    return picture.resize((width, height), Image.Resampling.BILINEAR, box=box)


def _image(picture: Picture, width: int, height: int) -> Image.Image:
    match picture:
        case Card():
            return _sketch(picture, width, height)
        case Given():
            return _fitted(_opened(picture.content), width, height)
        case Washed():
            veil = Image.new("RGB", (width, height), _colour(_mix(picture.seed, 1) / 256, 0.9, 0.9))
            return Image.blend(_image(picture.under, width, height), veil, 0.35)


def _sketch_size(width: int, height: int) -> tuple[int, int]:
    """Return a size at which drawing is cheap; scaling up is swscale's work and ten times faster than Pillow's."""
    shrink = max(1, math.isqrt(width * height // _SKETCH_PIXELS))
    return width // shrink & ~1, height // shrink & ~1


def draw_still(picture: Picture, width: int, height: int, *, type: str = "jpeg") -> bytes:  # noqa: A002
    """Return a picture file of exactly this size; `type` is `jpeg` or `png`."""
    target = io.BytesIO()
    if isinstance(picture, Card):
        image = _sketch(picture, *_sketch_size(width, height)).resize((width, height), Image.Resampling.NEAREST)
    else:
        image = _image(picture, width, height)
    image.save(target, type.upper(), **({"quality": 90} if type == "jpeg" else {"compress_level": 1}))
    return target.getvalue()


# -- clips ------------------------------------------------------------------------------------------------


class _VideoEncoder:
    """One open H.264 encoder for a size, and the "as before" frames that fit its stream."""

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
        self._count = 0
        grey = Image.new("RGB", (16, 16), (128, 128, 128))
        self._encode(grey, is_key=True)
        self.avcc = self._context.extradata or b""
        self.repeats = tuple(self._encode(grey, is_key=False) for _ in range(FPS - 1))

    def _encode(self, picture: Image.Image, *, is_key: bool) -> bytes:
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        frame = frame.reformat(*self._size, format="yuv420p", interpolation="POINT")
        frame.pts, frame.time_base = self._count, _TIME
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        self._count += 1
        return b"".join(bytes(packet) for packet in self._context.encode(frame))

    def key_frame(self, picture: Picture) -> bytes:
        """Return one complete picture that decodes on its own."""
        size = _sketch_size(*self._size) if isinstance(picture, Card) else self._size
        return self._encode(_image(picture, *size), is_key=True)


_LOCK = Lock()
_OPEN: dict[tuple[int, int], _VideoEncoder] = {}


def _encoder(width: int, height: int) -> _VideoEncoder:
    """Return the encoder for a size; those of up to full HD stay open, since opening one costs as much as a clip."""
    if width * height > _KEEP_OPEN_PIXELS:
        return _VideoEncoder(width, height)
    if (width, height) not in _OPEN:
        _OPEN[width, height] = _VideoEncoder(width, height)
    return _OPEN[width, height]


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
        for hold in film:
            left = hold.frames
            while left > 0:
                keys.append(len(samples))
                samples.append(encoder.key_frame(hold.picture))
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


def encode_gif(film: Film, width: int, height: int) -> bytes:
    """Return an endless GIF with one picture a hold, as long as the film."""
    pictures = [_image(hold.picture, width, height) for hold in film]
    target = io.BytesIO()
    durations = [round(hold.frames * 1000 / FPS) for hold in film]
    pictures[0].save(target, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return target.getvalue()


# -- files from outside -----------------------------------------------------------------------------------


def measure(content: bytes) -> Measure:
    """Return what a picture or clip is. Raises `MediaError` when it is none of the four types."""
    if content[4:8] == b"ftyp":
        return _measure_clip(content)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as picture:
            kind, size = (picture.format or "").lower(), picture.size
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError("not a readable PNG, JPEG or WebP picture") from error
    return Measure(kind, *size)


def _measure_clip(content: bytes) -> Measure:
    try:
        with av.open(io.BytesIO(content), format="mp4") as container:
            video = container.streams.video[0]
            duration = video.duration * video.time_base if video.duration and video.time_base else Fraction(0)
            return Measure("mp4", video.width, video.height, duration)
    except (av.FFmpegError, IndexError) as error:
        raise MediaError("not a readable MP4 clip") from error


def film_of(content: bytes) -> Film:
    """Return an MP4 clip as a film: one picture for each half second."""
    step = FPS // 2
    held: dict[int, Given] = {}
    frames = 0
    try:
        with av.open(io.BytesIO(content), "r", format="mp4") as container:
            for frame in container.decode(video=0):
                at = round((frame.time or 0.0) * FPS)
                frames = max(frames, at + 1)
                if at // step not in held:
                    target = io.BytesIO()
                    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
                    picture.save(target, "JPEG", quality=90)
                    held[at // step] = Given(target.getvalue())
    except (av.FFmpegError, IndexError) as error:
        raise MediaError("not a readable MP4 clip") from error
    if not held:
        raise MediaError("a clip without frames")
    starts = sorted(held)
    ends = [start * step for start in starts[1:]] + [frames]
    first = [0] + [start * step for start in starts[1:]]
    return tuple(Hold(held[s], end - begin) for s, begin, end in zip(starts, first, ends, strict=True))
