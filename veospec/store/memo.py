"""What is known of files by their stat: path, size, mtime, ctime and inode stand for the digest of the bytes.

Losable: a lost entry costs one hash. An entry is kept only when the file had been quiet for a while before it was
hashed, because a second write within the same clock tick would leave the stat as it is. ctime is compared too: it
changes when somebody restores an older mtime.
Source: git, Documentation/technical/racy-git.txt, 2006. A time with a fraction of a second comes from a file system
with ticks of at most 10 ms (Linux: one jiffy; exFAT: 10 ms); whole seconds may be those of FAT, which ticks every two.

Why one plain file and not the cache library beside it: this is read in a run with nothing to do, where opening a
database costs more than the rest.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from veospec.model import Digest
from veospec.store.durable import PRIVATE, scratch_name

QUIET_NS = 50_000_000
QUIET_COARSE_NS = 3_000_000_000
_SECOND_NS = 1_000_000_000
_MAGIC = b"veospec-memo 2 "
_MOST_ENTRIES = 200_000
_MOST_BYTES = 128 << 20
_STAMP = 4
"""Numbers in a stamp."""

Stamp: TypeAlias = tuple[int, int, int, int]
"""Size, mtime, ctime and inode of a file."""


class StatMemo:
    """Remembers digests in `file`; without a file, or with a broken one, for this run only.

    `now_ns` is the clock that file times are compared with. What was read stays packed: of ten thousand entries only
    the paths become objects before somebody asks for one.
    """

    def __init__(self, file: Path | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self.now_ns = now_ns
        self._held: _Held | None = None
        self._fresh: dict[str, tuple[Stamp, str]] = {}
        self._is_dirty = False
        self._mutex = threading.Lock()

    def get(self, path: str, seen: os.stat_result) -> tuple[Digest, str] | None:
        """Return digest and note of the file with this very stat, or None."""
        mark = self._mark(path, seen)
        return None if mark is None else (mark[:64], mark[65:])

    def has(self, path: str) -> bool:
        """Return whether anything is remembered of a path, whatever its stat was."""
        return path in self._fresh or path in self._loaded().places

    def put(self, path: str, seen: os.stat_result, digest: Digest, note: str = "", *, began_ns: int) -> None:
        """Remember a digest; `began_ns` is the clock before the first byte was read, `seen` the stat after the last."""
        if max(map(quiet_from, (seen.st_mtime_ns, seen.st_ctime_ns))) < began_ns:
            self.put_own(path, seen, digest, note)
        elif self._fresh.pop(path, None) is not None or self._loaded().places.pop(path, None) is not None:
            self._is_dirty = True

    def put_own(self, path: str, seen: os.stat_result, digest: Digest, note: str = "") -> None:
        """Remember the digest of a file that this program wrote under a name that nobody else writes."""
        with self._mutex:
            self._fresh[path] = (_stamp(seen), f"{digest} {note}")
            self._is_dirty = True

    def carry(self, path: str, before: os.stat_result, after: os.stat_result) -> None:
        """Keep the entry of a file whose ctime moved because this program linked it; any write moves its mtime."""
        known = self.get(path, before)
        same = (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
        if known is not None and same:
            self.put_own(path, after, *known)

    def save(self) -> None:
        """Write what changed; a failure costs time on the next run, so it is no error."""
        with self._mutex:
            if self._file is None or not self._is_dirty:
                return
            content = _packed(self._entries())
            fresh = self._file.with_name(scratch_name())
            with suppress(OSError):
                fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
                with os.fdopen(fd, "wb") as stream:
                    stream.write(content)
                fresh.rename(self._file)
                self._is_dirty = False
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _mark(self, path: str, seen: os.stat_result) -> str | None:
        """Return `digest note` of the file with this very stat, or None."""
        fresh = self._fresh.get(path)
        if fresh is not None:
            return fresh[1] if fresh[0] == _stamp(seen) else None
        held = self._held or self._loaded()
        number = held.places.get(path)
        if number is None:
            return None
        at = _STAMP * number
        stamps = held.stamps
        is_same = (
            stamps[at] == seen.st_size
            and stamps[at + 1] == seen.st_mtime_ns
            and stamps[at + 2] == seen.st_ctime_ns
            and stamps[at + 3] == seen.st_ino
        )
        return held.marks[number] if is_same else None

    def _entries(self) -> dict[str, tuple[Stamp, str]]:
        """Return everything that is remembered, the newest last, no more than may be kept."""
        held = self._loaded()
        stamps = held.stamps
        entries: dict[str, tuple[Stamp, str]] = {}
        for path, number in held.places.items():
            if path not in self._fresh:
                at = _STAMP * number
                entries[path] = ((stamps[at], stamps[at + 1], stamps[at + 2], stamps[at + 3]), held.marks[number])
        entries.update(self._fresh)
        return dict(list(entries.items())[-_MOST_ENTRIES:])

    def _loaded(self) -> _Held:
        if self._held is None:
            self._held = _read(self._file) if self._file is not None else _nothing()
        return self._held


class _Held:
    """What was in the file: the number of each path, and by number its stamp and its `digest note`."""

    __slots__ = ("marks", "places", "stamps")

    def __init__(self, places: dict[str, int], stamps: memoryview[int], marks: list[str]) -> None:
        self.places = places
        self.stamps = stamps
        self.marks = marks


def _nothing() -> _Held:
    return _Held({}, memoryview(b"").cast("q"), [])


def _stamp(seen: os.stat_result) -> Stamp:
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino


def quiet_from(time_ns: int) -> int:
    """Return when a later write is sure to show another time than this one."""
    return time_ns + (QUIET_NS if time_ns % _SECOND_NS else QUIET_COARSE_NS)


def _packed(entries: dict[str, tuple[Stamp, str]]) -> bytes:
    """Return the file: a checksum, the number of entries, the bytes of their paths, all stamps, paths, marks."""
    places = "\0".join(entries).encode("utf-8", "surrogateescape")
    marks = "\0".join(mark for _, mark in entries.values()).encode("utf-8", "surrogateescape")
    numbers = array(
        "q", chain((len(entries), len(places)), chain.from_iterable(stamp for stamp, _ in entries.values()))
    )
    body = numbers.tobytes() + places + marks
    return _MAGIC + sha256(body).hexdigest().encode("ascii") + b"\n" + body


def _read(file: Path) -> _Held:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MOST_BYTES)
    except OSError:
        return _nothing()
    head = len(_MAGIC) + 64
    body = memoryview(raw)[head + 1 :]
    if raw[: head + 1] != _MAGIC + sha256(body).hexdigest().encode("ascii") + b"\n" or len(body) < 16:
        return _nothing()
    count, length = body[:16].cast("q")
    begin = 16 + 8 * _STAMP * count
    if count <= 0 or begin + length > len(body):
        return _nothing()
    places = bytes(body[begin : begin + length]).decode("utf-8", "surrogateescape").split("\0")
    marks = bytes(body[begin + length :]).decode("utf-8", "surrogateescape").split("\0")
    if not len(places) == len(marks) == count:
        return _nothing()
    return _Held(dict(zip(places, range(count), strict=True)), body[16:begin].cast("q"), marks)
