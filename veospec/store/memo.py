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

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from veospec.model import Digest
from veospec.store.durable import PRIVATE, scratch_name

QUIET_NS = 50_000_000
QUIET_COARSE_NS = 3_000_000_000
_SECOND_NS = 1_000_000_000
_MAGIC = b"veospec-memo 1 "
_MOST_ENTRIES = 200_000
_MOST_BYTES = 128 << 20


class StatMemo:
    """Remembers digests in `file`; without a file, or with a broken one, for this run only.

    `now_ns` is the clock that file times are compared with. An entry is one text, `size mtime ctime inode digest note`,
    because ten thousand texts load four times faster than ten thousand lists.
    """

    def __init__(self, file: Path | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self.now_ns = now_ns
        self._entries: dict[str, str] | None = None
        self._is_dirty = False
        self._mutex = threading.Lock()

    def get(self, path: str, seen: os.stat_result) -> tuple[Digest, str] | None:
        """Return digest and note of the file with this very stat, or None."""
        entry = self._loaded().get(path)
        if entry is None:
            return None
        stamp = _stamp(seen)
        if not entry.startswith(stamp):
            return None
        digest_end = len(stamp) + 64
        return entry[len(stamp) : digest_end], entry[digest_end + 1 :]

    def has(self, path: str) -> bool:
        """Return whether anything is remembered of a path, whatever its stat was."""
        return path in self._loaded()

    def put(self, path: str, seen: os.stat_result, digest: Digest, note: str = "", *, began_ns: int) -> None:
        """Remember a digest; `began_ns` is the clock before the first byte was read, `seen` the stat after the last."""
        if max(map(quiet_from, (seen.st_mtime_ns, seen.st_ctime_ns))) < began_ns:
            self.put_own(path, seen, digest, note)
        elif self._loaded().pop(path, None) is not None:
            self._is_dirty = True

    def put_own(self, path: str, seen: os.stat_result, digest: Digest, note: str = "") -> None:
        """Remember the digest of a file that this program wrote under a name that nobody else writes."""
        entries = self._loaded()
        with self._mutex:
            entries[path] = f"{_stamp(seen)}{digest} {note}"
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
            if self._file is None or not self._is_dirty or self._entries is None:
                return
            kept = list(self._entries.items())[-_MOST_ENTRIES:]
            body = json.dumps(dict(kept), separators=(",", ":")).encode("ascii")
            fresh = self._file.with_name(scratch_name())
            with suppress(OSError):
                fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
                with os.fdopen(fd, "wb") as stream:
                    stream.write(_MAGIC + sha256(body).hexdigest().encode("ascii") + b"\n" + body)
                fresh.rename(self._file)
                self._is_dirty = False
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _loaded(self) -> dict[str, str]:
        if self._entries is None:
            with self._mutex:
                if self._entries is None:
                    self._entries = _read(self._file) if self._file is not None else {}
        return self._entries


def _stamp(seen: os.stat_result) -> str:
    return f"{seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino} "


def quiet_from(time_ns: int) -> int:
    """Return when a later write is sure to show another time than this one."""
    return time_ns + (QUIET_NS if time_ns % _SECOND_NS else QUIET_COARSE_NS)


def _read(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MOST_BYTES)
    except OSError:
        return {}
    head, _, body = raw.partition(b"\n")
    if head != _MAGIC + sha256(body).hexdigest().encode("ascii"):
        return {}
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    is_ours = isinstance(entries, dict) and all(type(entry) is str for entry in entries.values())
    return entries if is_ours else {}
