"""Files that appear whole or not at all, and stay after a power cut.

Temporary file in the same file system, fsync, rename (or link, which never replaces), fsync of the folder.
A failed fsync is never tried again on the same file: the kernel may have dropped the pages and would report
success. Source: PostgreSQL wiki, "Fsync Errors", 2018.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from veospec.model import Digest

PRIVATE = 0o600
SEALED = 0o444
_CHUNK_BYTES = 1 << 20
_SCRATCH_NAME = re.compile(r"\d+-[0-9a-f]{16}(?:\.|\Z)")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL_FSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync_file(fd: int) -> None:
    """Flush a file down to the medium.

    Source: Apple, fcntl(2): on macOS fsync leaves the data in the drive's cache, F_FULLFSYNC does not.
    """
    if _FULL_FSYNC is not None:
        with suppress(OSError):
            fcntl.fcntl(fd, _FULL_FSYNC)
            return
    os.fsync(fd)


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some file systems cannot sync a folder
            raise
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Make a private folder if it is not there, parents that exist assumed; its name is durable afterwards."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    sync_folder(folder.parent)


def scratch_name(suffix: str = "") -> str:
    """Return a file name that nobody else has."""
    return f"{os.getpid()}-{os.urandom(8).hex()}{suffix}"


def is_scratch_name(name: str) -> bool:
    """Return whether `scratch_name` may have made this name, or the first part of it."""
    return _SCRATCH_NAME.match(name) is not None


def write_all(fd: int, content: bytes) -> None:
    """Write every byte; `os.write` may write less."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


@contextmanager
def scratch_file(folder: Path, content: bytes, *, mode: int = PRIVATE) -> Iterator[Path]:
    """Hold a synced new file with the content; whatever is left of it at the end is removed."""
    path = folder / scratch_name()
    try:
        fd = os.open(path, _CREATE, mode)
        try:
            write_all(fd, content)
            sync_file(fd)
        finally:
            os.close(fd)
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes, *, scratch: Path) -> None:
    """Put the content in place of the file, or leave the old one; durable on return."""
    with scratch_file(scratch, content) as fresh:
        fresh.rename(path)
        sync_folder(path.parent)


def create_file(path: Path, content: bytes, *, scratch: Path) -> bool:
    """Create the file durably; return False, and change nothing, when the name is taken.

    A hard link is the one operation that is both atomic and refuses to replace; on file systems without links an
    exclusive open stands in, and a crash there leaves a short file that its reader refuses.
    """
    with scratch_file(scratch, content) as fresh:
        try:
            os.link(fresh, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
                raise
            try:
                fd = os.open(path, _CREATE, PRIVATE)
            except FileExistsError:
                return False
            try:
                write_all(fd, content)
                sync_file(fd)
            finally:
                os.close(fd)
        sync_folder(path.parent)
    return True


def digest_of(fd: int) -> tuple[Digest, int]:
    """Return the SHA-256 and the number of bytes from the start of an open file to its end."""
    hasher, size, offset = sha256(), 0, 0
    while chunk := os.pread(fd, _CHUNK_BYTES, offset):
        hasher.update(chunk)
        size += len(chunk)
        offset += len(chunk)
    return hasher.hexdigest(), size


def copy_bytes(source: int, target: int) -> Digest:
    """Copy an open file from its start and return the digest of what was copied."""
    hasher, offset = sha256(), 0
    while chunk := os.pread(source, _CHUNK_BYTES, offset):
        hasher.update(chunk)
        write_all(target, chunk)
        offset += len(chunk)
    return hasher.hexdigest()
