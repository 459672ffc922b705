"""The losable index: compiled specs, probes, thumbnails. Deleting it costs time, never money.

diskcache as a bag of bytes. Its defaults unpickle what they read (CVE-2025-69872, no fixed release as of November
2026), delete the oldest entries past 1 GiB and take settings from the file itself; so: a `Disk` that knows only text
keys and raw bytes, settings given and asserted at every open, a look at the tables before diskcache sees them, and a
checksum in every value. Any trouble ends in an empty index, and a second trouble in none; it is never an error.
Only what must be made uses it: a run with nothing to do reads the plain files of `recall` and opens no database.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from veospec.store.durable import PRIVATE, scratch_name

VERSION = 1
"""Part of every key and file name: another version sees an empty index."""

_SETTINGS: dict[str, Any] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 1 << 62,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": 8192,
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 67108864,
    "sqlite_synchronous": 1,
    "disk_min_file_size": 1 << 62,
    "disk_pickle_protocol": 0,
}
_METADATA = {"count", "size", "hits", "misses"}
_TABLES = {"Settings", "Cache"}
_INDEXES = {"Cache_key_raw", "Cache_expire_time"}
_TRIGGERS = {f"Settings_{column}_{event}" for column in ("count", "size") for event in ("insert", "update", "delete")}
_LOCK_WAIT_S = 2.0
_CHECK_BYTES = 32
_MOST_FILE_BYTES = 512 << 20


class Index:
    """Bytes by (space, name). After trouble, and where the folder does not exist, it holds nothing and takes nothing.

    `trouble` says in words why it is empty, for `veospec doctor`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: Any = None
        self._is_open = False
        self._mutex = threading.RLock()
        self.trouble = ""

    def get(self, space: str, name: str) -> bytes | None:
        """Return what was put last under this name by this version of the index, or None."""
        key = _key(space, name)
        framed = self._try("get", key)
        if not isinstance(framed, bytes) or framed[:_CHECK_BYTES] != _check(key, framed[_CHECK_BYTES:]):
            return None
        return framed[_CHECK_BYTES:]

    def put(self, space: str, name: str, content: bytes) -> None:
        """Remember the bytes, or not: it is an index."""
        key = _key(space, name)
        self._try("set", key, _check(key, content) + content)

    def drop(self, space: str, name: str) -> None:
        """Forget one name."""
        self._try("delete", _key(space, name))

    def recall(self, name: str) -> bytes | None:
        """Return the content of a plain file of the index, or None; for what must be read without a database."""
        try:
            with self._plain(name).open("rb") as stream:
                framed = stream.read(_MOST_FILE_BYTES)
        except OSError:
            return None
        return framed[_CHECK_BYTES:] if framed[:_CHECK_BYTES] == _check(name, framed[_CHECK_BYTES:]) else None

    def remember(self, name: str, content: bytes) -> None:
        """Write a plain file of the index whole, or not at all; not durable."""
        path = self._plain(name)
        fresh = path.with_name(scratch_name())
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
            with os.fdopen(fd, "wb") as stream:
                stream.write(_check(name, content))
                stream.write(content)
            fresh.rename(path)
        with suppress(OSError):
            fresh.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete the whole index."""
        with self._mutex:
            self.close()
            with suppress(OSError):
                for entry in list(self._folder.iterdir()):
                    shutil.rmtree(entry, ignore_errors=True)
                    entry.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._mutex:
            cache, self._cache, self._is_open = self._cache, None, False
            if cache is not None:
                with suppress(sqlite3.Error, OSError):
                    cache.close()

    def _plain(self, name: str) -> Path:
        return self._folder / "plain" / f"{VERSION}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _try(self, method: str, *arguments: Any) -> object:
        """Call the cache. A damaged one is thrown away and made anew; a busy or full one is left alone in this run."""
        with self._mutex:
            for _ in range(2):
                cache = self._opened()
                if cache is None:
                    return None
                try:
                    return getattr(cache, method)(*arguments)
                except _troubles() as error:
                    self.trouble = f"{type(error).__name__}: {error}"[:200]
                    self.close()
                    if not _is_damage(error):
                        self._is_open = True  # with no cache: passed over from here on
                        return None
                    self._discard()
            self._is_open = True
            return None

    def _opened(self) -> Any:
        if self._is_open or not self._folder.is_dir():
            return self._cache
        self._is_open = True
        place = self._folder / "diskcache"
        for _ in range(2):
            try:
                self._cache = _open_cache(place)
            except _troubles() as error:
                self.trouble = f"{type(error).__name__}: {error}"[:200]
                if not _is_damage(error):
                    return None
                self._discard()
            else:
                return self._cache
        return None

    def _discard(self) -> None:
        shutil.rmtree(self._folder / "diskcache", ignore_errors=True)


class _RefusedError(ValueError):
    """The file holds something that this program never writes."""


def _open_cache(place: Path) -> Any:
    import diskcache

    place.mkdir(mode=0o700, exist_ok=True)
    _look_before(place / "cache.db")
    cache = diskcache.Cache(str(place), timeout=_LOCK_WAIT_S, disk=_bytes_only_disk(), **_SETTINGS)
    wrong = [name for name, value in _SETTINGS.items() if getattr(cache, name) != value]
    if wrong:
        cache.close()
        raise _RefusedError(f"settings do not hold: {', '.join(wrong)}")
    return cache


def _bytes_only_disk() -> type[Any]:
    """Return a `Disk` that refuses every pickle path and every row that this program would not have written."""
    import diskcache
    from diskcache.core import MODE_RAW

    class BytesOnlyDisk(diskcache.Disk):  # type: ignore[misc]
        def put(self, key: object) -> tuple[str, bool]:
            if type(key) is not str:
                raise _RefusedError("a key must be text")
            return key, True

        def get(self, key: object, raw: object) -> str:
            if raw != 1 or type(key) is not str:
                raise _RefusedError("a row has a serialized key")
            return key

        def store(self, value: object, read: object, key: object = None) -> tuple[int, int, None, Any]:
            del key
            if type(value) is not bytes or read:
                raise _RefusedError("a value must be bytes")
            return 0, MODE_RAW, None, sqlite3.Binary(value)

        def fetch(self, mode: object, filename: object, value: object, read: object) -> bytes:
            if mode != MODE_RAW or filename is not None or type(value) is not bytes or read:
                raise _RefusedError("a row is no plain bytes")
            return value

        def filename(self, key: object = None, value: object = None) -> tuple[str, str]:
            raise _RefusedError(f"no value is kept in a file ({key!r}, {type(value).__name__})")

        def remove(self, file_path: object) -> None:
            raise _RefusedError(f"a row names the file {file_path!r}")

    return BytesOnlyDisk


def _look_before(database: Path) -> None:
    """Refuse a database with other settings, tables or triggers than ours, before any of them is obeyed.

    Also one that is busy: diskcache would wait for a minute to open it.
    """
    if not database.exists():
        return
    with closing(sqlite3.connect(str(database), timeout=_LOCK_WAIT_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        expected = {"table": _TABLES, "index": _INDEXES, "trigger": _TRIGGERS}
        for kind, name in connection.execute("SELECT type, name FROM sqlite_master"):
            if name not in expected.get(kind, set()) and not str(name).startswith("sqlite_autoindex_"):
                raise _RefusedError(f"unknown {kind} {name}")
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone() is None:
            return
        for name, value in connection.execute("SELECT key, value FROM Settings"):
            if name not in _METADATA and (name not in _SETTINGS or _SETTINGS[name] != value):
                raise _RefusedError(f"unknown setting {name}")


def _is_damage(error: Exception) -> bool:
    """Tell a damaged or foreign file, which is thrown away, from a full disk or a busy one, which passes."""
    if isinstance(error, sqlite3.OperationalError):
        return "malformed" in str(error) or "no such" in str(error) or "has no column" in str(error)
    return isinstance(error, (sqlite3.DatabaseError, ValueError, TypeError, AttributeError, KeyError))


def _troubles() -> tuple[type[Exception], ...]:
    import diskcache

    return (
        sqlite3.Error,
        diskcache.Timeout,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        OverflowError,
        MemoryError,
    )


def _key(space: str, name: str) -> str:
    return f"{VERSION}:{space}:{name}"


def _check(key: str, content: bytes) -> bytes:
    hasher = sha256(key.encode("utf-8", "surrogatepass") + b"\0")
    hasher.update(content)
    return hasher.digest()
