"""Write the user's own files: whole or not at all."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from veospec.errors import UsageError

_LOCK_TRIES, _LOCK_PAUSE_S = 100, 0.02

_EDGE_BYTES = 8 << 10


def check_ours(path: Path, mark: bytes, what: str) -> None:
    """Raise `UsageError` when a file that somebody else wrote lies where one of ours is about to be written.

    Ours has `mark` near its beginning or its end.
    """
    try:
        if not path.is_file():
            return
        with path.open("rb") as stream:
            head = stream.read(_EDGE_BYTES)
            stream.seek(max(0, path.stat().st_size - _EDGE_BYTES))
            tail = stream.read(_EDGE_BYTES)
    except OSError:
        return  # who writes it says why it cannot be written
    if head and mark not in head and mark not in tail:
        raise UsageError(f"{path} is there already and is no {what}", "give another name, or remove that file")


def write_text(path: Path, text: str) -> None:
    """Replace or make a text file in one step, keeping its mode. Raises `UsageError` when it cannot be written."""
    try:
        real = path.resolve() if path.is_symlink() else path
        if real.exists() and not real.is_file():  # a pipe or a device is written to, never replaced
            real.write_text(text, encoding="utf-8")
            return
        with _beside(real, text) as fresh:
            fresh.replace(real)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def replace_text(path: Path, before: str, after: str) -> bool:
    """Put a text in place of the one that a file had when it was read, keeping its mode.

    Returns False, and changes nothing, when the file has another text by now: somebody saved it meanwhile. Others of
    this program are kept out by a lock for a while; an editor knows no locks, so the last look comes right before the
    rename.
    Raises `UsageError` when the file cannot be written.
    """
    try:
        real = path.resolve() if path.is_symlink() else path
        with real.open("rb") as stream:
            _lock(stream.fileno())
            with _beside(real, after) as fresh:
                if real.read_bytes() != before.encode():
                    return False
                fresh.replace(real)
                return True
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _lock(fd: int) -> None:
    """Wait a little for a lock; whoever holds it longer is no run of ours, or is the one who started this one."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        except OSError:  # a file system without locks
            return
        else:
            return


@contextmanager
def _beside(real: Path, text: str) -> Iterator[Path]:
    """Hold a synced new file with the text and the mode of another beside it; what is left of it is removed."""
    mode = real.stat().st_mode & 0o777 if real.exists() else 0o644
    descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
