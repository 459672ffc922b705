"""The one door through which a media file is opened for reading; foreign errors become `MediaError` here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
import av.logging
from av.container import InputContainer
from av.video.stream import VideoStream

from veospec.errors import MediaError

av.logging.set_level(av.logging.PANIC)


@contextmanager
def opened(path: Path, *, container: str = "mp4") -> Iterator[InputContainer]:
    """Open a local file with one demuxer only. Raises `MediaError` also for what goes wrong inside the block.

    The `file:` in front keeps FFmpeg from reading a name such as `concat:a|b` as a protocol.
    """
    try:
        with av.open(f"file:{path}", "r", format=container) as source:
            yield source
    except av.error.FFmpegError as broken:
        raise MediaError(
            f"{path.name} cannot be decoded: {broken.strerror or type(broken).__name__}",
            "the file is damaged or of another kind; fetch or make it again",
        ) from broken
    except OSError as unreadable:
        raise MediaError(f"{path.name} cannot be read: {unreadable.strerror}") from unreadable


def film_of(source: InputContainer, path: Path) -> VideoStream:
    """Return the first picture stream. Raises `MediaError` when there is none."""
    if not source.streams.video:
        raise MediaError(f"{path.name} has no picture stream", "a clip needs one")
    return source.streams.video[0]
