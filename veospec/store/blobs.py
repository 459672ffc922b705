"""Bytes by their SHA-256: `blobs/ab/abcd….mp4`, read-only, whole, never evicted.

A blob's name is computed from its digest and never read from a record. What is served is verified: by a full hash,
or by a stat that is known to belong to a hash (see `memo`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from veospec.errors import StoreCorrupt, StoreError, StoreReadOnly
from veospec.model import Digest
from veospec.store.durable import SEALED, digest_of, make_folder, scratch_file, scratch_name, sync_file, sync_folder
from veospec.store.faults import from_os_error, translated
from veospec.store.memo import StatMemo
from veospec.store.shelves import files_on_shelves

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}\Z")
_NAME = re.compile(r"([0-9a-f]{64})(\.[a-z0-9]{1,8})\Z")
_DIGEST_LETTERS = 64
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_digest(text: object) -> bool:
    """Return whether this is 64 lower-case hex characters."""
    return isinstance(text, str) and _DIGEST.match(text) is not None


def is_suffix(text: object) -> bool:
    """Return whether this is a file suffix that a blob may have: `.mp4`, with the dot, lower case."""
    return isinstance(text, str) and _SUFFIX.match(text) is not None


class Blob(Struct, frozen=True):
    """Some bytes in the store; `suffix` has its dot."""

    digest: Digest
    size_bytes: int
    suffix: str


class Blobs:
    """One folder of blobs. `scratch` lies in the same file system; `memo` remembers what was verified."""

    def __init__(self, folder: Path, *, scratch: Path, memo: StatMemo, is_writable: bool) -> None:
        self.folder = folder
        self._base = str(folder)
        self._scratch = scratch
        self._memo = memo
        self._is_writable = is_writable

    def path(self, digest: Digest, suffix: str) -> Path:
        """Return where the blob lies or would lie. Raises `ValueError` for what is no digest or suffix."""
        return Path(self.name(digest, suffix))

    def name(self, digest: Digest, suffix: str) -> str:
        """Return the same as a text: ten thousand `Path`s cost more than what is done with them."""
        name = f"{digest}{suffix}"
        if _NAME.match(name) is None or len(digest) != _DIGEST_LETTERS:
            raise ValueError(f"no name of a blob: {digest!r} {suffix!r}")
        return f"{self._base}/{name[:2]}/{name}"

    def shelf(self, digest: Digest) -> str:
        """Return the folder of a blob."""
        return f"{self._base}/{digest[:2]}"

    def has(self, digest: Digest, suffix: str, size_bytes: int | None = None) -> bool:
        """Return whether a regular file of that size is there; its bytes are not read."""
        try:
            seen = os.lstat(self.name(digest, suffix))
        except OSError:
            return False
        return stat.S_ISREG(seen.st_mode) and size_bytes in (None, seen.st_size)

    def adopt(self, fresh: Path, suffix: str) -> Blob:
        """Move a finished file into the store and return it; `fresh` is gone afterwards, durable on return.

        `fresh` must be a regular file in the scratch folder, closed by its writer. A damaged blob of the same digest
        is healed by it.
        """
        self._need_writable()
        with translated("store", fresh):
            fd = os.open(fresh, _READ)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise StoreError(f"cannot store {fresh}: it is not a regular file")
                sync_file(fd)
                digest, size = digest_of(fd)
                os.fchmod(fd, SEALED)
                target = self.path(digest, suffix)
                make_folder(target.parent)
                if self.has(digest, suffix) and self._is_intact(digest, suffix):
                    fresh.unlink()
                else:
                    fresh.rename(target)
                    sync_folder(target.parent)
                    self._memo.put_own(str(target), os.fstat(fd), digest)
            finally:
                os.close(fd)
        return Blob(digest, size, suffix)

    def put_bytes(self, content: bytes, suffix: str) -> Blob:
        """Store the content, durable on return."""
        self._need_writable()
        digest = sha256(content).hexdigest()
        if self.has(digest, suffix, len(content)) and self._is_intact(digest, suffix):
            return Blob(digest, len(content), suffix)
        with translated("write in", self._scratch), scratch_file(self._scratch, content) as fresh:
            held = fresh.with_name(scratch_name(suffix))
            fresh.rename(held)
        try:
            return self.adopt(held, suffix)
        finally:
            with suppress(OSError):
                held.unlink(missing_ok=True)

    def ensure(self, digest: Digest, suffix: str, size_bytes: int | None = None) -> Path:
        """Return the path of the blob, verified; the hash is spared when the stat is known.

        Raises `StoreCorrupt` when it is gone or its bytes are not those of the digest.
        """
        return self._checked(digest, suffix, size_bytes, trust_stat=True)

    def verify(self, digest: Digest, suffix: str, size_bytes: int | None = None) -> Path:
        """Return the path of the blob after hashing all of it. Raises `StoreCorrupt` as `ensure` does."""
        return self._checked(digest, suffix, size_bytes, trust_stat=False)

    def read(self, digest: Digest, suffix: str) -> bytes:
        """Return the verified bytes."""
        path = self.name(digest, suffix)
        with self._opened(path, digest) as fd, translated("read", path), os.fdopen(os.dup(fd), "rb") as stream:
            content = stream.read()
        found = sha256(content).hexdigest()
        if found != digest:
            raise _damaged(path, digest, found)
        return content

    def open(self, digest: Digest, suffix: str) -> int:
        """Return a descriptor of the verified blob, open for reading; the caller closes it."""
        self.ensure(digest, suffix)
        path = self.name(digest, suffix)
        with translated("read", path):
            return os.open(path, _READ)

    def linked(self, digest: Digest, suffix: str, before: os.stat_result) -> None:
        """Say that the blob with the stat `before` got one more hard link by this program's own hand."""
        path = self.name(digest, suffix)
        with suppress(OSError):
            self._memo.carry(path, before, os.lstat(path))

    def held(self) -> Iterator[Blob]:
        """Yield every blob by name and size, sorted; foreign names are passed over."""
        for path in files_on_shelves(self.folder):
            match = _NAME.match(path.name)
            if match and path.parent.name == path.name[:2]:
                yield Blob(match[1], path.lstat().st_size, match[2])

    def strangers(self) -> Iterator[Path]:
        """Yield the files below the folder that no blob would have as its name."""
        for path in files_on_shelves(self.folder):
            if not (_NAME.match(path.name) and path.parent.name == path.name[:2]):
                yield path

    def _checked(self, digest: Digest, suffix: str, size_bytes: int | None, *, trust_stat: bool) -> Path:
        path = self.name(digest, suffix)
        if trust_stat and self.known(digest, suffix, size_bytes) is not None:
            return Path(path)
        with self._opened(path, digest) as fd, translated("read", path):
            seen = os.fstat(fd)
            if size_bytes not in (None, seen.st_size):
                raise _damaged(path, digest, f"a file of {seen.st_size} bytes where {size_bytes} were stored")
            began_ns = self._memo.now_ns()
            found, _ = digest_of(fd)
            if found != digest:
                raise _damaged(path, digest, found)
            self._memo.put(path, os.fstat(fd), digest, began_ns=began_ns)
        return Path(path)

    def known(
        self, digest: Digest, suffix: str, size_bytes: int | None = None, *, trusts_seal: bool = False
    ) -> os.stat_result | None:
        """Return the stat of a blob when that alone tells that its bytes are right; nothing is opened.

        With `trusts_seal` a file of which nothing is remembered counts as right when nobody may write it: it was hashed
        when it was sealed. None is no verdict: `ensure` hashes then.
        """
        path = self.name(digest, suffix)
        try:
            seen = os.lstat(path)
        except OSError:
            return None
        if not stat.S_ISREG(seen.st_mode) or size_bytes not in (None, seen.st_size):
            return None
        if self._memo.has(path):
            known = self._memo.get(path, seen)
            return seen if known is not None and known[0] == digest else None
        return seen if trusts_seal and stat.S_IMODE(seen.st_mode) == SEALED else None

    def _is_intact(self, digest: Digest, suffix: str) -> bool:
        try:
            self.ensure(digest, suffix)
        except StoreCorrupt:
            return False
        return True

    def _opened(self, path: str, digest: Digest) -> _Descriptor:
        try:
            fd = os.open(path, _READ)
        except FileNotFoundError:
            raise StoreCorrupt(
                f"the stored file {digest[:12]}… is gone ({path})",
                "Bring it back from a backup, or `veospec cache adopt` it from another store. Nothing was bought.",
            ) from None
        except OSError as error:
            raise from_os_error(error, "read", path) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _damaged(path, digest, "something that is not a regular file")
        return _Descriptor(fd)

    def _need_writable(self) -> None:
        if not self._is_writable:
            raise StoreReadOnly(f"{self.folder} was opened for reading only")


class _Descriptor:
    """Closes a descriptor at the end of a block."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _damaged(path: str, expected: Digest, found: str) -> StoreCorrupt:
    shown = f"{found[:12]}…" if is_digest(found) else found
    return StoreCorrupt(
        f"the stored file {path} is damaged (expected {expected[:12]}…, found {shown}); it was not used",
        "Bring it back from a backup, or `veospec cache adopt` it from another store. Nothing was bought.",
    )
