"""Single frames out of films: exact, by seeking to the key frame before and decoding forward."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av  # noqa: F401 - waits until all of it is there, when another thread imports it just now
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from veospec.errors import MediaError
from veospec.media import colour
from veospec.media.opened import film_of, opened
from veospec.media.probe import load_picture, open_picture
from veospec.model import MediaFacts

_PNG_LEVEL = 3
"""A third of the time of the usual level 6 for files 4 % larger (720p slates and photographs, November 2026)."""

SHEET_FRAMES = ("first", "middle", "last")


def frame_number(which: str, facts: MediaFacts) -> int:
    """Return the 0-based number of `first`, `middle`, `last` or a number. Raises `MediaError` beyond the end."""
    named = {"first": 0, "middle": facts.frames // 2, "last": facts.frames - 1}
    if which in named:
        return named[which]
    if not which.isascii() or not which.isdigit():
        raise MediaError(f"'{which}' names no frame", "use first, middle, last or a number from 0")
    if int(which) >= facts.frames:
        raise MediaError(f"frame {which} is beyond the end: the clip has {facts.frames} frames", "they count from 0")
    return int(which)


def extract(path: Path, which: str, facts: MediaFacts, target: Path) -> None:
    """Write one frame as PNG; the same clip gives the same bytes. Raises `MediaError`."""
    picture = read_frames(path, (which,), facts)[0]
    try:
        picture.save(target, "PNG", compress_level=_PNG_LEVEL)
    except OSError as failed:
        target.unlink(missing_ok=True)
        raise MediaError(f"cannot write {target.name}: {failed.strerror}") from failed


def thumbnails(
    path: Path, facts: MediaFacts, width: int, which: tuple[str, ...] = SHEET_FRAMES
) -> tuple[Image.Image, ...]:
    """Return small pictures of a film, or the one of a still as often as asked."""
    height = max(2, round(width * facts.height / facts.width))
    if facts.fps is None:
        return (read_picture(path).resize((width, height), Image.Resampling.LANCZOS),) * len(which)
    return read_frames(path, which, facts, (width, height))


def write_jpeg(picture: Image.Image, target: Path, quality: int = 85, *, is_large: bool = False) -> None:
    """Write a picture as JPEG; the same picture gives the same bytes.

    The smallest file needs all coefficients in memory at once, as much as the picture itself; a large one does without.
    """
    plain = picture if picture.mode == "RGB" else picture.convert("RGB")
    plain.save(target, "JPEG", quality=quality, optimize=not is_large, subsampling="4:2:0")


def thumbnail(path: Path, facts: MediaFacts, which: str, width: int, target: Path) -> None:
    """Write one small JPEG of a film or a still."""
    write_jpeg(thumbnails(path, facts, width, (which,))[0], target)


def read_picture(path: Path) -> Image.Image:
    """Return a still as upright RGB, with transparency laid on black. Raises `MediaError`."""
    with open_picture(path) as picture:
        load_picture(picture, path)
        orientation = picture.getexif().get(274, 1)
        flat = picture
        if picture.mode.startswith("I"):
            # 16 bits a pixel: Pillow would cut them off at 255 instead of scaling them.
            flat = picture.convert("I").point([level // 256 for level in range(65536)], "L")
        elif picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            rgba = picture.convert("RGBA")
            flat = Image.new("RGB", picture.size)
            flat.paste(rgba, mask=rgba.getchannel("A"))
        turned = _TURNS.get(orientation)
        upright = flat.transpose(turned) if turned is not None else flat
        return upright.convert("RGB")


# Source: Exif 2.32 (CIPA DC-008-2019), tag 274 Orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_frames(
    path: Path, which: tuple[str, ...], facts: MediaFacts, size: tuple[int, int] | None = None
) -> tuple[Image.Image, ...]:
    """Return the named frames as RGB pictures, in the order asked, at their own size or a smaller one."""
    numbers = [frame_number(name, facts) for name in which]
    found: dict[int, Image.Image] = {}
    with opened(path) as source:
        film = film_of(source, path)
        film.codec_context.thread_count = 1
        for number in sorted(set(numbers)):
            frame = _exact(source, film, number, facts)
            if frame is None:
                raise MediaError(f"{path.name}: frame {number} cannot be decoded", "the file is damaged")
            found[number] = colour.picture_of(frame, size)
    return tuple(found[number] for number in numbers)


def _exact(source: InputContainer, film: VideoStream, number: int, facts: MediaFacts) -> VideoFrame | None:
    fps = facts.fps or Fraction(24)
    tick = film.time_base or Fraction(1, 24)
    start = film.start_time or 0
    wanted = start + round(number / fps / tick)
    half = max(1, round(1 / fps / tick / 2))
    source.seek(wanted, stream=film, backward=True)
    last = None
    for frame in source.decode(film):
        last = frame
        if frame.pts is not None and frame.pts > wanted - half:
            return frame
    # The last frame of a clip whose spacing is not even lies before its nominal place.
    return last if number == facts.frames - 1 else None


def walk(path: Path, first: int = 0, count: int | None = None, *, fps: int | None = None) -> Iterator[VideoFrame]:
    """Yield decoded frames from `first` on, `count` of them, re-timed to `fps` when given.

    `first` and `count` then count frames of that rate. Frames that the file lacks repeat the last one.
    """
    with opened(path) as source:
        film = film_of(source, path)
        film.codec_context.thread_count = 1
        tick = film.time_base or Fraction(1, 24)
        rate = Fraction(fps) if fps else (film.average_rate or Fraction(24))
        start = film.start_time or 0
        number = first
        end = None if count is None else first + count
        source.seek(start + int(first / rate / tick), stream=film, backward=True)
        held: VideoFrame | None = None
        for frame in source.decode(film):
            shown_at = ((frame.pts or 0) - start) * tick
            while held is not None and (end is None or number < end) and _middle(number, rate) < shown_at:
                yield held
                number += 1
            if end is not None and number >= end:
                return
            held = frame
        while held is not None and (number < end if end is not None else _middle(number, rate) < _end(film, tick)):
            yield held
            number += 1


def _middle(number: int, rate: Fraction) -> Fraction:
    """Half a frame in: rounding in a file's time stamps then never shows the neighbour."""
    return (number + Fraction(1, 2)) / rate


def _end(film: VideoStream, tick: Fraction) -> Fraction:
    return (film.duration or 0) * tick
