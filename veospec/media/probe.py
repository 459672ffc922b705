"""What a finished file is, read from the file itself."""

from __future__ import annotations

import io
import warnings
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from veospec.errors import MediaError
from veospec.filetypes import HEAD_BYTES, type_of
from veospec.media.boxes import check_mp4, why_not_mp4
from veospec.media.opened import film_of, opened
from veospec.model import MediaFacts

MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are unpacked (a small file can declare a huge one)."""

_BROKEN = (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError)
"""What Pillow raises for a picture that is none, cut off or damaged."""


def probe(path: Path, *, deep: bool = False) -> MediaFacts:
    """Return the facts of a picture or a film. `deep` decodes all of it, else one frame. Raises `MediaError`.

    The number of frames and the length are exact: they come from the sample table, not from a bit rate.
    """
    try:
        with path.open("rb") as file:
            kind = type_of(file.read(HEAD_BYTES))
    except OSError as unreadable:
        raise MediaError(f"{path.name} cannot be read: {unreadable.strerror}") from unreadable
    if kind == "mp4":
        return _probe_film(path, deep=deep)
    if kind:
        return _probe_picture(path, kind, deep=deep)
    raise MediaError(
        f"{path.name} is neither PNG, JPEG, WebP nor MP4", "its first bytes say what it is, whatever its name says"
    )


def _probe_picture(path: Path, kind: str, *, deep: bool) -> MediaFacts:
    with open_picture(path) as picture:
        width, height = picture.size
        if deep:
            load_picture(picture, path)
    return MediaFacts(kind, kind, width, height, 1, None, None, has_audio=False)


def flaw_of(content: bytes, kind: str) -> str:
    """Return why an input cannot be used, as a clause, or nothing.

    A picture is decoded whole, a film to its first frame. `kind` is what `type_of` said of it.
    """
    try:
        if kind == "mp4":
            return _film_flaw(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS:,}"
                picture.load()
    except _BROKEN as broken:
        return _words(broken)
    return ""


def _film_flaw(content: bytes) -> str:
    reason = why_not_mp4(io.BytesIO(content), len(content))
    if reason:
        return reason
    try:
        with av.open(io.BytesIO(content), "r", format="mp4") as source:
            if not source.streams.video:
                return "it has no picture stream"
            frame = next(source.decode(source.streams.video[0]), None)
    except (av.error.FFmpegError, OSError) as broken:
        return broken.strerror or type(broken).__name__
    return "" if frame is not None else "it holds no frame"


def open_picture(path: Path) -> Image.Image:
    """Open a still picture (PNG, JPEG or WebP) of bearable size; its pixels are read later."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=("PNG", "JPEG", "WEBP"))
    except _BROKEN as broken:
        raise MediaError(f"{path.name} is a broken picture: {_words(broken)}", "save the picture again") from broken
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(
            f"{path.name} has {picture.width}x{picture.height} pixels, more than {MAX_PIXELS:,}", "make it smaller"
        )
    return picture


def load_picture(picture: Image.Image, path: Path) -> None:
    """Read the pixels; a cut-off file shows itself only here."""
    try:
        picture.load()
    except _BROKEN as broken:
        raise MediaError(f"{path.name} is a broken picture: {_words(broken)}", "save the picture again") from broken


def _words(broken: BaseException) -> str:
    text = str(broken).splitlines()[0] if str(broken) else type(broken).__name__
    return "its format is not recognized" if "cannot identify" in text else text


def _probe_film(path: Path, *, deep: bool) -> MediaFacts:
    check_mp4(path)
    with opened(path, header_only=True) as source:
        film = film_of(source, path)
        film.codec_context.thread_count = 1  # one frame: threads would take longer to start than it
        sound = source.streams.audio[0] if source.streams.audio else None
        width, height, codec = film.width, film.height, film.codec_context.name
        audio_codec = sound.codec_context.name if sound else ""
        frames, length = film.frames, _length(film)
        if not frames or length is None:
            frames, length = _count(source, film)
        decoded = 0
        source.seek(0, stream=film)
        for _ in source.decode(film):
            decoded += 1
            if not deep:
                break
    if decoded == 0 or (deep and decoded != frames):
        raise MediaError(f"{path.name} promises {frames} frames and holds {decoded}", "fetch or make the file again")
    fps = frames / length if length else Fraction(0)
    return MediaFacts("mp4", codec, width, height, frames, fps, length, bool(sound), audio_codec)


def _length(film: VideoStream) -> Fraction | None:
    if film.duration is None or film.time_base is None:
        return None
    return film.duration * film.time_base


def _count(source: InputContainer, film: VideoStream) -> tuple[int, Fraction]:
    """Count packets: fragmented files have no table of samples."""
    frames, end = 0, Fraction(0)
    for packet in source.demux(film):
        if packet.size and packet.pts is not None and packet.time_base is not None:
            frames += 1
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    return frames, end
