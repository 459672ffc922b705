"""Opening files below a folder without ever following a link, component by component.

Text from a spec decides which file is read and which is written, so no step of the way may lead out of the folder,
block, or reach a device. Everything goes through folder descriptors: what was looked at is what is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LEAST_ROOM_BYTES = 64 << 10
_MOST_PARTS, _LONGEST_PART, _LONGEST_PATH = 64, 255, 4096

_CLAUSES = {
    errno.ENOENT: "does not exist",
    errno.ELOOP: "is a symbolic link",
    errno.ENOTDIR: "leads through something that is not a folder",
    errno.ENXIO: "is not a regular file",
    errno.EACCES: "cannot be read (permission denied)",
    errno.EPERM: "cannot be read (operation not permitted)",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.EIO: "cannot be read (input/output error)",
}


class RefusedError(Exception):
    """The path may not or cannot be used; the argument is a clause about it ("does not exist")."""


def clause_of(error: OSError) -> str:
    """Return the clause for a failed open."""
    return _CLAUSES.get(error.errno or 0, f"cannot be read ({(error.strerror or 'unknown error').lower()})")


def parts_of(path: str) -> tuple[str, ...]:
    """Return the components of a relative POSIX path that stays below its folder. Raises `RefusedError`."""
    if not path or len(path) > _LONGEST_PATH:
        raise RefusedError("is no path" if not path else "has a name that is too long")
    if "\\" in path or any(c < " " or "\x7f" <= c <= "\x9f" for c in path):
        raise RefusedError("has a character that no path here may have (use / between folders)")
    if path.startswith(("/", "~")) or path[1:2] == ":":
        raise RefusedError("is not relative to the folder of the storyboard")
    parts = tuple(part for part in path.split("/") if part != ".")
    if ".." in parts:
        raise RefusedError("leads out of its folder (..)")
    if not parts or "" in parts:
        raise RefusedError("has an empty part")
    if len(parts) > _MOST_PARTS or any(len(os.fsencode(part)) > _LONGEST_PART for part in parts):
        raise RefusedError("has a name that is too long")
    return parts


def open_folder(root: Path | str, parts: Sequence[str] = (), *, create: bool = False) -> int:
    """Return a descriptor of a folder below `root`; `root` itself may not be a link either.

    With `create`, missing folders are made. Raises `OSError`.
    """
    try:
        fd = os.open(root, FOLDER)
    except OSError as error:
        raise _told_apart(error, root, None) from None
    for part in parts:
        try:
            try:
                inner = os.open(part, FOLDER, dir_fd=fd)
            except FileNotFoundError:
                if not create:
                    raise
                _make(part, fd)
                inner = os.open(part, FOLDER, dir_fd=fd)
        except OSError as error:
            raise _told_apart(error, part, fd) from None
        finally:
            os.close(fd)
        fd = inner
    return fd


def open_regular(folder: int, name: str) -> tuple[int, os.stat_result]:
    """Return a descriptor and the stat of a regular file in an open folder. Raises `RefusedError`."""
    try:
        fd = os.open(name, READ, dir_fd=folder)
    except OSError as error:
        raise RefusedError(clause_of(error)) from None
    seen = os.fstat(fd)
    if not stat.S_ISREG(seen.st_mode):
        os.close(fd)
        raise RefusedError("is a folder" if stat.S_ISDIR(seen.st_mode) else "is not a regular file")
    return fd, seen


def read_bounded(fd: int, limit_bytes: int) -> bytes:
    """Return everything from the start of an open file. Raises `RefusedError` beyond the limit."""
    chunks, size = [], 0
    room = max(_LEAST_ROOM_BYTES, min(os.fstat(fd).st_size, limit_bytes) + 1)
    while chunk := os.pread(fd, room, size):
        size += len(chunk)
        if size > limit_bytes:
            raise RefusedError(f"is larger than {in_megabytes(limit_bytes)}")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def in_megabytes(size_bytes: int) -> str:
    """Return a size as people read it; one MB is 1,000,000 bytes."""
    megabytes = size_bytes / 1_000_000
    return f"{megabytes:,.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def _make(part: str, parent: int) -> None:
    try:
        os.mkdir(part, 0o755, dir_fd=parent)
    except FileExistsError:
        return


def _told_apart(error: OSError, part: Path | str, parent: int | None) -> OSError:
    """Linux answers ENOTDIR for a link that was opened as a folder; say ELOOP, as for a file."""
    if error.errno == errno.ENOTDIR:
        try:
            seen = os.stat(part, dir_fd=parent, follow_symlinks=False)
        except OSError:
            return error
        if stat.S_ISLNK(seen.st_mode):
            return OSError(errno.ELOOP, os.strerror(errno.ELOOP), part)
    return error
