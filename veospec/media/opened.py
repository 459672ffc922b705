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


_HEADER_ONLY = {"probesize": "32", "analyzeduration": "0"}


@contextmanager
def opened(path: Path, *, container: str = "mp4", header_only: bool = False) -> Iterator[InputContainer]:
    """Open a local file with one demuxer only. Raises `MediaError` also for what goes wrong inside the block.

    The `file:` in front keeps FFmpeg from reading a name such as `concat:a|b` as a protocol. `header_only` takes what
    the tables of an MP4 say and guesses nothing from its packets: a third of the time, and no `start_time`.
    """
    options = _HEADER_ONLY if header_only else {}
    try:
        with av.open(f"file:{path}", "r", format=container, options=options) as source:
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
