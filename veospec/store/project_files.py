"""The files a spec names: read safely below the project folder, told apart by their first bytes, hashed, remembered.

A spec is text from a stranger and its inputs are uploaded to a third party, so nothing outside the folder, no link and
no device is ever opened (see `below`), and what is hashed is what is sent: whoever needs the bytes takes them from
`snapshot` or `read`, never from the path.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from veospec.errors import PlanStale, SpecError
from veospec.filetypes import HEAD_BYTES, type_of
from veospec.model import Digest, InputFact
from veospec.store.below import (
    RefusedError,
    clause_of,
    in_megabytes,
    open_folder,
    open_regular,
    parts_of,
    read_bounded,
)
from veospec.store.blobs import Blobs
from veospec.store.changes import Folders, changed
from veospec.store.durable import PRIVATE, write_all
from veospec.store.faults import translated
from veospec.store.memo import StatMemo

MAX_INPUT_BYTES = 100_000_000
"""Larger files are told by their size and not hashed. Source: useapi.net Google Flow API v1, POST /assets, 2026."""
MAX_SPEC_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_READ_TRIES = 3
_NEAR_FILES = 2_000
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "mp4": ".mp4"}


class FileText(Struct, frozen=True):
    """The content of a spec file, or in `missing` a clause that says why there is none ("is a folder")."""

    path: str
    content: bytes | None
    missing: str = ""
    near: tuple[str, ...] = ()


def read_spec(path: Path, limit_bytes: int = MAX_SPEC_BYTES) -> FileText:
    """Read the main spec file. The path comes from the person, so it may lead anywhere and through links."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        clause = clause_of(error) if isinstance(error, OSError) else "is no path"
        return FileText(str(path), None, clause, _siblings(path) if clause == "does not exist" else ())
    try:
        return FileText(str(path), _whole(fd, os.fstat(fd), limit_bytes))
    except RefusedError as refused:
        return FileText(str(path), None, str(refused))
    except OSError as error:
        return FileText(str(path), None, clause_of(error))
    finally:
        os.close(fd)


class ProjectFiles:
    """The project folder, by paths relative to it. `memo` spares hashing what has not changed."""

    def __init__(self, root: Path, *, memo: StatMemo | None = None, limit_bytes: int = MAX_INPUT_BYTES) -> None:
        self.root = root.resolve()
        self._base = f"{self.root}/"
        self._memo = memo if memo is not None else StatMemo()
        self._limit_bytes = limit_bytes
        self._listing: tuple[str, ...] | None = None

    def facts(self, paths: Iterable[str], *, verify: bool = False) -> dict[str, InputFact]:
        """Return what is known of each path; with `verify` every byte is read again. Raises nothing about files."""
        paths = tuple(paths)
        with Folders(self.root) as folders:
            if verify:
                found, unsure = dict.fromkeys(paths, InputFact("")), paths
            else:
                known = self._memo.recall(self._base, paths)
                facts = map(InputFact, paths, known.digests, known.sizes, known.notes)
                found = dict(zip(paths, facts, strict=True))
                unsure = tuple(paths[number] for number in changed(folders, paths, known.stamps))
            for path in dict.fromkeys(unsure):
                head, _, name = path.rpartition("/")
                folder = folders[head]
                if isinstance(folder, str):
                    found[path] = self._missing(path, folder)
                else:
                    found[path] = self._hashed(path, folder, name)
        return found

    def fact(self, path: str, *, verify: bool = False) -> InputFact:
        """Return what is known of one path."""
        return self.facts([path], verify=verify)[path]

    def text(self, path: str, limit_bytes: int = MAX_SPEC_BYTES) -> FileText:
        """Read a file that the spec includes."""
        try:
            return FileText(path, self._content(path, limit_bytes))
        except RefusedError as refused:
            near = self.near(path) if str(refused) == "does not exist" else ()
            return FileText(path, None, str(refused), near)

    def read(self, path: str, digest: Digest = "") -> bytes:
        """Return the bytes of an input. Raises `SpecError`, or `PlanStale` when they are not those of `digest`."""
        try:
            content = self._content(path, self._limit_bytes)
        except RefusedError as refused:
            raise SpecError(f"{path} {refused}") from None
        if digest and sha256(content).hexdigest() != digest:
            raise PlanStale(f"{path} changed since the plan was made", "Run the command again; nothing was sent.")
        return content

    def take(self, path: str, target: Path) -> InputFact:
        """Copy an input into the new file `target`, and return what these very bytes are. Raises as `read` does."""
        content = self.read(path)
        with translated("write", target):
            fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
            try:
                write_all(fd, content)
            finally:
                os.close(fd)
        return InputFact(path, sha256(content).hexdigest(), len(content), type_of(content[:HEAD_BYTES]))

    def snapshot(self, fact: InputFact, into: Blobs) -> Path:
        """Return a private read-only file that holds exactly the bytes of the fact's digest, copied when needed.

        Raises `PlanStale` when the file changed and the old bytes are not held.
        """
        suffix = SUFFIXES.get(fact.type, ".bin")
        if not into.has(fact.digest, suffix, fact.size_bytes):
            into.put_bytes(self.read(fact.path, fact.digest), suffix)
        return into.ensure(fact.digest, suffix)

    def near(self, path: str) -> tuple[str, ...]:
        """Return up to three files of the project that may have been meant, best first."""
        if self._listing is None:
            self._listing = tuple(self._some_files())
        name = path.rpartition("/")[2].casefold()
        same = [known for known in self._listing if known.rpartition("/")[2].casefold() == name]
        close = difflib.get_close_matches(path, self._listing, n=3, cutoff=0.75)
        return tuple(dict.fromkeys([*same, *close]))[:3]

    def _hashed(self, path: str, folder: int, name: str) -> InputFact:
        try:
            parts_of(path)
            for _ in range(_READ_TRIES):
                fd, before = open_regular(folder, name)
                try:
                    began_ns = self._memo.now_ns()
                    head = os.pread(fd, HEAD_BYTES, 0)
                    if before.st_size > self._limit_bytes:
                        return self._too_large(path, before.st_size, head)
                    digest, size = _digest_within(fd, self._limit_bytes)
                    after = os.fstat(fd)
                finally:
                    os.close(fd)
                if (size, after.st_mtime_ns, after.st_ctime_ns) == (
                    before.st_size,
                    before.st_mtime_ns,
                    before.st_ctime_ns,
                ):
                    self._memo.put(self._base + path, after, digest, type_of(head), began_ns=began_ns)
                    return InputFact(path, digest, size, type_of(head))
        except RefusedError as refused:
            return self._missing(path, str(refused))
        except OSError as error:
            return self._missing(path, clause_of(error))
        return self._missing(path, "changes while it is read")

    def _too_large(self, path: str, size: int, head: bytes) -> InputFact:
        clause = f"is larger than {in_megabytes(self._limit_bytes)} ({in_megabytes(size)})"
        return InputFact(path, size_bytes=size, type=type_of(head), missing=clause)

    def _missing(self, path: str, clause: str) -> InputFact:
        near = self.near(path) if clause == "does not exist" else ()
        return InputFact(path, missing=clause, near=near)

    def _content(self, path: str, limit_bytes: int) -> bytes:
        *inner, name = parts_of(path)
        try:
            folder = open_folder(self.root, inner)
            try:
                fd, seen = open_regular(folder, name)
            finally:
                os.close(folder)
            try:
                return _whole(fd, seen, limit_bytes)
            finally:
                os.close(fd)
        except OSError as error:
            raise RefusedError(clause_of(error)) from None

    def _some_files(self) -> Iterator[str]:
        count = 0
        for folder, inner, names in os.walk(self.root):
            inner[:] = sorted(i for i in inner if not i.startswith("."))
            for name in sorted(names):
                count += 1
                if count > _NEAR_FILES:
                    return
                yield f"{folder}/{name}"[len(self._base) :]


def _digest_within(fd: int, limit_bytes: int) -> tuple[Digest, int]:
    hasher, size = sha256(), 0
    while chunk := os.pread(fd, _CHUNK_BYTES, size):
        hasher.update(chunk)
        size += len(chunk)
        if size > limit_bytes:
            raise RefusedError(f"is larger than {in_megabytes(limit_bytes)}")
    return hasher.hexdigest(), size


def _whole(fd: int, seen: os.stat_result, limit_bytes: int) -> bytes:
    if stat.S_ISDIR(seen.st_mode):
        raise RefusedError("is a folder")
    if not stat.S_ISREG(seen.st_mode):
        raise RefusedError("is not a regular file")
    if seen.st_size > limit_bytes:
        raise RefusedError(f"is larger than {in_megabytes(limit_bytes)}")
    return read_bounded(fd, limit_bytes)


def _siblings(path: Path) -> tuple[str, ...]:
    with suppress(OSError):
        names = [entry.name for entry in path.absolute().parent.iterdir()]
        return tuple(str(path.with_name(n)) for n in difflib.get_close_matches(path.name, names, n=3, cutoff=0.6))
    return ()
