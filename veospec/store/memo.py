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
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from msgspec import DecodeError, Struct, msgpack

from veospec.model import Digest
from veospec.store.durable import PRIVATE, scratch_name

QUIET_NS = 50_000_000
QUIET_COARSE_NS = 3_000_000_000
_SECOND_NS = 1_000_000_000
_MAGIC = b"veospec-memo 3 "
_MOST_ENTRIES = 200_000
_MOST_BYTES = 128 << 20
STAMP = struct.Struct("=3qQ")
"""What is compared of a file: size, mtime and ctime (both in ns), inode."""
_NO_STAMP = STAMP.pack(-1, 0, 0, 0)
"""That of no file: none is smaller than empty."""

Entry: TypeAlias = tuple[bytes, Digest, str]
"""Stamp, digest and note of a path."""
_NOTHING: Entry = (_NO_STAMP, "", "")


class Recalled(Struct, frozen=True, gc=False):
    """What is remembered of many paths, in their order: all stamps in a row, digests, notes.

    A path that nothing is known of has a stamp that no file has.
    """

    stamps: bytes
    digests: Sequence[Digest]
    notes: Sequence[str]

    @property
    def sizes(self) -> Iterable[int]:
        """Sizes in bytes, as they were."""
        return memoryview(self.stamps).cast("q")[:: STAMP.size // 8]


class StatMemo:
    """Remembers digests in `file`; without a file, or with a broken one, for this run only.

    `now_ns` is the clock that file times are compared with. What was read stays in columns until somebody asks for
    a single path.
    """

    def __init__(self, file: Path | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self.now_ns = now_ns
        self._held: _Held | None = None
        self._fresh: dict[str, Entry] = {}
        self._asked: tuple[str, Sequence[str]] = "", ()
        self._is_dirty = False
        self._mutex = threading.Lock()

    def get(self, path: str, seen: os.stat_result) -> tuple[Digest, str] | None:
        """Return digest and note of the file with this very stat, or None."""
        entry = self._entry(path)
        if entry is _NOTHING:
            return None
        stamp, digest, note = entry
        with suppress(struct.error):
            return (digest, note) if stamp == _stamp(seen) else None
        return None

    def recall(self, base: str, paths: Sequence[str]) -> Recalled:
        """Return what is remembered of many paths at once, whatever their stats are now; `base` stands before each.

        What is asked together is kept together, so that the same question again needs no look at single paths.
        """
        if len(paths) > len(self._asked[1]):
            self._asked = base, paths
        held = self._loaded()
        first = -1 if self._fresh else held.find(base, paths)
        if first < 0:
            entries = [self._entry(base + path) for path in paths]
            return Recalled(b"".join([e[0] for e in entries]), [e[1] for e in entries], [e[2] for e in entries])
        end = first + len(paths)
        stamps = held.stamps[STAMP.size * first : STAMP.size * end]
        return Recalled(stamps, held.digests[first:end], held.notes[first:end])

    def has(self, path: str) -> bool:
        """Return whether anything is remembered of a path, whatever its stat was."""
        return self._entry(path) is not _NOTHING

    def put(self, path: str, seen: os.stat_result, digest: Digest, note: str = "", *, began_ns: int) -> None:
        """Remember a digest; `began_ns` is the clock before the first byte was read, `seen` the stat after the last."""
        if max(map(quiet_from, (seen.st_mtime_ns, seen.st_ctime_ns))) < began_ns:
            self.put_own(path, seen, digest, note)
        elif self.has(path):
            self._set(path, _NOTHING)

    def put_own(self, path: str, seen: os.stat_result, digest: Digest, note: str = "") -> None:
        """Remember the digest of a file that this program wrote under a name that nobody else writes."""
        with suppress(struct.error):
            self._set(path, (_stamp(seen), digest, note))

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
            held = _columns(self._entries())
            content = _packed(held)
            fresh = self._file.with_name(scratch_name())
            with suppress(OSError):
                fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
                with os.fdopen(fd, "wb") as stream:
                    stream.write(content)
                fresh.rename(self._file)
                self._held, self._fresh, self._is_dirty = held, {}, False
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _set(self, path: str, entry: Entry) -> None:
        with self._mutex:
            self._fresh[path] = entry
            self._is_dirty = True

    def _entry(self, path: str) -> Entry:
        return self._fresh.get(path) or self._loaded().entry(path)

    def _entries(self) -> dict[str, Entry]:
        """Return everything that is remembered, the newest and then the last asked for at the end, no more than may be
        kept.
        """
        held = self._loaded()
        entries = {path: held.entry(path) for path in held.places if path not in self._fresh} | self._fresh
        base, paths = self._asked
        for path in map(base.__add__, paths):
            entries[path] = entries.pop(path, _NOTHING)
        known = [(path, entry) for path, entry in entries.items() if entry != _NOTHING]
        return dict(known[-_MOST_ENTRIES:])

    def _loaded(self) -> _Held:
        if self._held is None:
            self._held = _read(self._file) if self._file is not None else _Held()
        return self._held


class _Held(Struct, array_like=True, dict=True):
    """What is in the file, as columns: each path with a NUL before and behind it, stamps, digests, numbers of notes.

    Paths and notes are bytes there, because the name of a file need not be UTF-8. Few notes are different (`png`).
    """

    paths: bytes = b""
    stamps: bytes = b""
    digests: list[Digest] = []
    note_numbers: bytes = b""
    different_notes: bytes = b""

    @cached_property
    def notes(self) -> list[str]:
        """The note of each number."""
        return list(map(_lines(self.different_notes).__getitem__, self.note_numbers))

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each path."""
        paths = _lines(self.paths)[1:-1]
        return dict(zip(paths, range(len(paths)), strict=True))

    @property
    def is_even(self) -> bool:
        """Whether all columns have the same length."""
        count = len(self.digests)
        lengths = len(self.stamps), self.paths.count(b"\0"), len(self.note_numbers)
        is_noted = max(self.note_numbers, default=0) <= self.different_notes.count(b"\0")
        return lengths == (STAMP.size * count, count + 1, count) and is_noted

    def entry(self, path: str) -> Entry:
        """Return what is known of a path."""
        number = self.places.get(path)
        if number is None:
            return _NOTHING
        stamp = self.stamps[STAMP.size * number : STAMP.size * (number + 1)]
        return stamp, self.digests[number], self.notes[number]

    def find(self, base: str, paths: Sequence[str]) -> int:
        """Return the number of the first of these paths when they are here side by side in this order, else -1."""
        wanted = f"\0{base}".join(("", *paths)).encode("utf-8", "surrogateescape") + b"\0"
        at = self.paths.find(wanted)
        return self.paths.count(b"\0", 0, at) if at >= 0 else -1


def _stamp(seen: os.stat_result) -> bytes:
    """Return the stamp of a file. Raises `struct.error` when it cannot have one: a time past 2262."""
    return STAMP.pack(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def quiet_from(time_ns: int) -> int:
    """Return when a later write is sure to show another time than this one."""
    return time_ns + (QUIET_NS if time_ns % _SECOND_NS else QUIET_COARSE_NS)


def _columns(entries: dict[str, Entry]) -> _Held:
    """Return entries as columns. Of more than 256 different notes the others are not kept."""
    numbers = dict(zip(dict.fromkeys(note for _, _, note in entries.values()), range(256), strict=False))
    kept = {path: entry for path, entry in entries.items() if entry[2] in numbers}
    return _Held(
        paths=_joined(("", *kept, "")),
        stamps=b"".join([stamp for stamp, _, _ in kept.values()]),
        digests=[digest for _, digest, _ in kept.values()],
        note_numbers=bytes([numbers[note] for _, _, note in kept.values()]),
        different_notes=_joined(numbers),
    )


def _packed(held: _Held) -> bytes:
    """Return the file: a checksum, and what is held."""
    body = msgpack.encode(held)
    return _MAGIC + sha256(body).hexdigest().encode("ascii") + b"\n" + body


def _joined(lines: Iterable[str]) -> bytes:
    return "\0".join(lines).encode("utf-8", "surrogateescape")


def _lines(joined: bytes) -> list[str]:
    return joined.decode("utf-8", "surrogateescape").split("\0")


def _read(file: Path) -> _Held:
    try:
        with file.open("rb") as stream:
            raw = stream.read(min(_MOST_BYTES, os.fstat(stream.fileno()).st_size))
    except OSError:
        return _Held()
    head = len(_MAGIC) + 65
    body = memoryview(raw)[head:]
    if raw[:head] != _MAGIC + sha256(body).hexdigest().encode("ascii") + b"\n":
        return _Held()
    try:
        held = msgpack.decode(body, type=_Held)
    except DecodeError:
        return _Held()
    return held if held.is_even else _Held()
