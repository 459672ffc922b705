"""Pictures and clips that are made up: real files of an exact size and length, at almost no cost.

The double of the video service needs thousands of clips that decode, cut and join like any other and can be
told apart by eye and by bytes, but nobody is ever going to watch them. A clip is therefore a `film`, a row of
*holds*: one picture kept for some frames; `testclip` makes files of films. This module knows the pictures.
It knows nothing about who asks.
"""

from __future__ import annotations

import colorsys
import io
import math
import textwrap
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

import av
from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont

from veospec.errors import MediaError

FPS = 24
_SKETCH_PIXELS = 320 * 180


class Card(Struct, frozen=True):
    """A drawn test picture. `seed` decides colours and shapes; step 0 bears the text.

    Later steps are made of `BANDS` lying bands, each one of `VARIANTS`, so that a clip can be put together from
    parts that were encoded once.
    """

    seed: int
    text: str = ""
    step: int = 0


class Given(Struct, frozen=True):
    """A picture file (PNG, JPEG, WebP) that is shown as it is, cut to the asked size."""

    content: bytes


class Washed(Struct, frozen=True):
    """Another picture under a thin coloured veil: what an edit of a clip looks like."""

    under: Card | Given
    seed: int


Picture: TypeAlias = Card | Given | Washed


class Hold(Struct, frozen=True):
    """One picture for `frames` frames at 24 fps."""

    picture: Picture
    frames: int


Film: TypeAlias = tuple[Hold, ...]


class Measure(Struct, frozen=True):
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


def colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """Return a colour; a hue outside 0 to 1 wraps around."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


BANDS = 6
VARIANTS = 24


def bands(card: Card) -> tuple[int, ...]:
    """Return the variant of each band of a card from step 1 on; from step to step one of them changes."""
    found = [_mix(card.seed, 50 + row) % VARIANTS for row in range(BANDS)]
    row = card.step % BANDS
    found[row] = (found[row] + 1 + _mix(card.seed, 90 + card.step) % (VARIANTS - 1)) % VARIANTS
    return tuple(found)


def band_edges(height: int) -> list[int]:
    """Return where bands begin and end, in pixels: x264 cuts a picture at the same rows of 16 pixels."""
    rows = -(-height // 16)
    return [min(height, (rows * n + BANDS // 2) // BANDS * 16) for n in range(BANDS + 1)]


def band(variant: int, width: int, height: int) -> Image.Image:
    """Return a picture that is nothing but one variant of a band, from top to bottom."""
    picture = Image.new("RGB", (width, height), colour(variant / VARIANTS, 0.55, 0.35))
    pen = ImageDraw.Draw(picture)
    for n in range(3):
        left = _mix(variant, 7 + n) % 1000 * width // 1000
        fill = colour(variant / VARIANTS + 0.2 * (n + 1), 0.6, 0.5 + 0.15 * n)
        pen.rectangle((left, 0, left + width // (8 + 4 * n), height), fill=fill)
    return picture


def _banded(card: Card, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    edges = band_edges(height)
    for top, bottom, variant in zip(edges, edges[1:], bands(card), strict=False):
        picture.paste(band(variant, width, max(1, bottom - top)), (0, top))
    return picture


def sketch(card: Card, width: int, height: int) -> Image.Image:
    """Draw a card of step 0."""
    hue, turn = _mix(card.seed, 1) % 256 / 256, 0.25 + _mix(card.seed, 2) % 100 / 256
    picture = Image.new("RGB", (width, height), colour(hue, 0.55, 0.3))
    pen = ImageDraw.Draw(picture)
    for n in range(4):
        # In thousandths of the picture: the same card looks the same at every size.
        x, y = _mix(card.seed, 10 + n) % 1000 * width // 1000, _mix(card.seed, 20 + n) % 1000 * height // 1000
        w = (125 + _mix(card.seed, 30 + n) % 250) * width // 1000
        h = (125 + _mix(card.seed, 40 + n) % 330) * height // 1000
        box = (x - w // 2, y - h // 2, x + w // 2, y + h // 2)
        pen.rectangle(box, fill=colour(hue + turn * (n + 1), 0.6, 0.5 + 0.1 * n))
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


def image(picture: Picture, width: int, height: int) -> Image.Image:
    """Return any picture at a size."""
    match picture:
        case Card():
            if picture.step:
                return _banded(picture, width, height)
            drawn = sketch(picture, *sketch_size(width, height))
            return drawn.resize((width, height), Image.Resampling.NEAREST)
        case Given():
            return _fitted(_opened(picture.content), width, height)
        case Washed():
            veil = Image.new("RGB", (width, height), colour(_mix(picture.seed, 1) / 256, 0.9, 0.9))
            return Image.blend(image(picture.under, width, height), veil, 0.35)


def sketch_size(width: int, height: int) -> tuple[int, int]:
    """Return a size at which drawing is cheap; scaling up is swscale's work and ten times faster than Pillow's."""
    shrink = max(1, math.isqrt(width * height // _SKETCH_PIXELS))
    return width // shrink & ~1, height // shrink & ~1


def draw_still(picture: Picture, width: int, height: int, *, type: str = "jpeg") -> bytes:  # noqa: A002
    """Return a picture file of exactly this size; `type` is `jpeg` or `png`."""
    target = io.BytesIO()
    drawn = image(picture, width, height)
    drawn.save(target, type.upper(), **({"quality": 90} if type == "jpeg" else {"compress_level": 1}))
    return target.getvalue()


def encode_gif(film: Film, width: int, height: int) -> bytes:
    """Return an endless GIF with one picture a hold, as long as the film."""
    pictures = [image(hold.picture, width, height) for hold in film]
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
