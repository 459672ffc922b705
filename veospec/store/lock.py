"""Leases by file lock: they end with the process that holds them, however it ends.

`store` is held shared by whoever writes and exclusively by `cache gc`; a key is held exclusively by whoever makes it,
so that two runs never make, or buy, the same take at once. Each lock file says who holds it.
Source: Linux man-pages, flock(2): the lock belongs to the open file, so threads exclude each other as well.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from veospec.errors import StoreLocked, StoreReadOnly
from veospec.store.durable import PRIVATE
from veospec.store.faults import translated

STORE = "store"
_NAME = re.compile(r"[a-z0-9-]{1,100}\Z")
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_HOLDER_BYTES = 2048
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.25


class Holder(Struct, frozen=True):
    """Who holds a lease, as the lock file says; `pid` 0 means that it does not say."""

    pid: int = 0
    host: str = ""
    since: str = ""
    doing: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another veospec"
        name = f"another veospec {self.doing}".rstrip()
        return f"{name} (pid {self.pid} on {self.host}, since {self.since})"


class Lease:
    """A held lock; a context manager. `release` may be called twice."""

    __slots__ = ("_fd", "_path", "_removes", "name")

    def __init__(self, name: str, fd: int, path: Path, *, removes: bool) -> None:
        self.name = name
        self._fd = fd
        self._path = path
        self._removes = removes

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back; a lock file that only one process can hold is removed while it is still held."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        with suppress(OSError):
            if self._removes:
                self._path.unlink()
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)  # said aloud: a forked child may still have the file open
        os.close(fd)


class Locks:
    """The folder of lock files."""

    def __init__(self, folder: Path, *, is_writable: bool) -> None:
        self.folder = folder
        self._is_writable = is_writable

    def attempt(self, name: str, *, shared: bool = False, doing: str = "") -> Lease | Holder:
        """Take the lease, or return at once who holds it. `name` is `store` or a key; `doing` is for the others."""
        if not self._is_writable:
            raise StoreReadOnly(f"{self.folder} was opened for reading only")
        if not _NAME.match(name):
            raise ValueError(f"no name of a lock: {name!r}")
        path = self.folder / f"{name}.lock"
        with translated("lock", path):
            while True:
                fd = os.open(path, _OPEN, PRIVATE)
                try:
                    if not _flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
                        holder = _holder(fd)
                        os.close(fd)
                        return holder
                    if _is_current(fd, path):
                        _sign(fd, doing)
                        return Lease(name, fd, path, removes=name != STORE and not shared)
                except BaseException:
                    os.close(fd)
                    raise
                os.close(fd)  # its last holder removed the file in between: take the new one

    def holder(self, name: str) -> Holder | None:
        """Return who holds a lease of one process now, for those that only look; None when nobody does."""
        with suppress(OSError):
            fd = os.open(self.folder / f"{name}.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                return None if _flock(fd, fcntl.LOCK_SH) else _holder(fd)
            finally:
                os.close(fd)
        return None

    def acquire(
        self,
        name: str,
        *,
        shared: bool = False,
        doing: str = "",
        wait_s: float = 0.0,
        waiting: Callable[[Holder], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Lease:
        """Take the lease, waiting up to `wait_s` seconds; `waiting` is told once who is waited for.

        Blocks the thread: asynchronous code calls `attempt` and waits itself. Raises `StoreLocked` with the holder.
        """
        until, pause_s, is_told = clock() + wait_s, _FIRST_PAUSE_S, False
        while True:
            got = self.attempt(name, shared=shared, doing=doing)
            if isinstance(got, Lease):
                return got
            if clock() >= until:
                raise locked_by(got, self.folder.parent)
            if waiting is not None and not is_told:
                waiting(got)
                is_told = True
            sleep(min(pause_s, max(0.0, until - clock())))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def locked_by(holder: Holder, root: Path) -> StoreLocked:
    """Return the error that names who holds the store."""
    return StoreLocked(
        f"{holder} works on {root}",
        "Wait for it and run the command again. A lock ends with its process: there is nothing to remove by hand.",
    )


def _flock(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _is_current(fd: int, path: Path) -> bool:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)


def _sign(fd: int, doing: str) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = json.dumps({"pid": os.getpid(), "host": os.uname().nodename, "since": since, "doing": doing[:200]})
    with suppress(OSError):  # a full disk must not keep anybody from locking: the name is a courtesy
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode("ascii"), 0)


def _holder(fd: int) -> Holder:
    try:
        said = json.loads(os.pread(fd, _MOST_HOLDER_BYTES, 0))
        texts = [said["host"], said["since"], said["doing"]]
        if type(said["pid"]) is int and all(type(t) is str and t.isprintable() for t in texts):
            return Holder(said["pid"], *texts)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return Holder()
