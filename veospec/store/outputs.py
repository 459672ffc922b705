"""An output folder: what people look at. Replaces only what this program wrote, and writes through no link.

Every step goes through folder descriptors that were opened without following links. A file is ours when its bytes are
those that we wrote there last, are in the store, or are known to the caller (a committed manifest); anything else is
somebody's own and stays. Nothing here is synced: whatever a power cut takes is delivered again from the store.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from veospec.errors import OutputForeign, StoreCorrupt, StoreError
from veospec.model import Digest
from veospec.store.below import RefusedError, open_folder, open_regular, parts_of
from veospec.store.blobs import is_digest, is_suffix
from veospec.store.durable import (
    PRIVATE,
    copy_bytes,
    digest_of,
    is_scratch_name,
    replace_file,
    scratch_name,
    write_all,
)
from veospec.store.faults import from_os_error, translated
from veospec.store.layout import Store
from veospec.store.sealed import SealError, seal, unseal

KIND = "veospec_outputs"
VERSION = 1
_TEMPORARY = ".veospec-"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Delivery(StrEnum):
    """Whether a file was already there as it should be."""

    KEPT = "kept"
    WRITTEN = "written"


class OutFolder:
    """The folder at `folder`, made when something is written. Close it, or use it as a context manager.

    `owned(path, digest)` is asked about a file that neither the store nor the list of earlier writes knows.
    """

    def __init__(self, folder: Path, store: Store, *, owned: Callable[[str, Digest], bool] | None = None) -> None:
        self.folder = folder.parent.resolve() / folder.name
        self._store = store
        self._owned = owned
        self._memo = store.output_memo
        # Relative, so that a project that moves with its store keeps what is its own.
        name = sha256(os.fsencode(os.path.relpath(self.folder, store.root.resolve()))).hexdigest()
        self._ledger_path = store.outputs_folder / f"{name}.json"
        self._promises_path = self._ledger_path.with_suffix(".promised")
        self._ledger = self._read_ledger()
        self._saved: dict[str, tuple[Digest, ...]] = dict(self._ledger)

    def __enter__(self) -> OutFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write down which files are ours; may be called twice."""
        if self._ledger != self._saved:
            content = seal(KIND, VERSION, {"files": self._ledger})
            with translated("write", self._ledger_path):
                replace_file(self._ledger_path, content, scratch=self._store.scratch)
                self._promises_path.unlink(missing_ok=True)
            self._saved = self._ledger
            self._ledger = dict(self._saved)

    def check(self, path: str) -> None:
        """Raise `OutputForeign` or `StoreError` now if `path` could not be written later; changes nothing.

        For use before anything is bought: a paid clip must not meet somebody else's file at the end. Another run may be
        delivering meanwhile: a file is somebody's own only when the list of now does not know it either.
        """
        try:
            with self._at(path, create=False) as (folder, name):
                while True:
                    try:
                        self._standing(folder, name, path)
                        return
                    except OutputForeign:
                        before, self._ledger = self._ledger, self._read_ledger()
                        self._saved = dict(self._ledger)
                        if self._ledger == before:
                            raise
        except FileNotFoundError:
            return
        except OSError as error:
            raise from_os_error(error, "write", self.folder / path) from error

    def deliver(self, digest: Digest, suffix: str, path: str, *, link: bool = True) -> Delivery:
        """Put a blob under `path`, verified; a hard link where `link` allows and the file system can, else a copy.

        A linked file shares its bytes with the store and is read-only: pass `link=False` for what cost money, so that
        no tool that writes in place can harm the original. Raises `StoreCorrupt` and `OutputForeign`.
        """
        blob = self._store.blobs.ensure(digest, suffix)
        with self._writing(path) as (folder, name):
            before = os.lstat(blob)
            standing = self._standing(folder, name, path, digest)
            if standing == digest:
                self._note(path, digest)
                return Delivery.KEPT
            spare = _TEMPORARY + scratch_name()
            try:
                is_linked = link and _link(blob, folder, spare)
                if not is_linked:
                    self._copy(digest, suffix, folder, spare)
                self._move(folder, spare, name, path, digest, replaces=standing is not None)
                if is_linked:
                    self._store.blobs.linked(digest, suffix, before)
            finally:
                _drop(folder, spare)
        return Delivery.WRITTEN

    def write(self, path: str, content: bytes) -> Delivery:
        """Put text or a small file under `path`. Raises `OutputForeign`."""
        digest = sha256(content).hexdigest()
        with self._writing(path) as (folder, name):
            standing = self._standing(folder, name, path, digest)
            if standing == digest:
                self._note(path, digest)
                return Delivery.KEPT
            self._promise(path, digest)
            spare = _TEMPORARY + scratch_name()
            try:
                fd = os.open(spare, _CREATE, 0o644, dir_fd=folder)
                try:
                    write_all(fd, content)
                finally:
                    os.close(fd)
                self._move(folder, spare, name, path, digest, replaces=standing is not None)
            finally:
                _drop(folder, spare)
        return Delivery.WRITTEN

    def place(self, path: str, fresh: Path) -> Delivery:
        """Put a finished file (a reel, a sheet) under `path`; `fresh` is gone afterwards. Raises `OutputForeign`."""
        with self._writing(path) as (folder, name):
            source = os.open(fresh, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            spare = _TEMPORARY + scratch_name()
            try:
                digest, _ = digest_of(source)
                standing = self._standing(folder, name, path, digest)
                if standing == digest:
                    self._note(path, digest)
                    return Delivery.KEPT
                self._promise(path, digest)
                os.fchmod(source, 0o644)
                try:
                    os.rename(fresh, spare, dst_dir_fd=folder)
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    _copy_to(source, folder, spare)
                self._move(folder, spare, name, path, digest, replaces=standing is not None)
            finally:
                os.close(source)
                _drop(folder, spare)
                with suppress(OSError):
                    fresh.unlink(missing_ok=True)
        return Delivery.WRITTEN

    def remove(self, path: str) -> bool:
        """Remove a file that is ours; return whether there was one. Raises `OutputForeign`."""
        try:
            with self._at(path, create=False) as (folder, name):
                if self._standing(folder, name, path) is None:
                    return False
                os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise from_os_error(error, "remove", self.folder / path) from error
        self._ledger.pop(path, None)
        return True

    def remove_leftovers(self) -> None:
        """Remove the unfinished files of runs that were killed; for who writes here alone."""
        for inner in {path.rpartition("/")[0] for path in self._ledger}:
            with suppress(OSError):
                folder = open_folder(self.folder, parts_of(inner) if inner else ())
                try:
                    for name in os.listdir(folder):  # noqa: PTH208 - a descriptor
                        if name.startswith(_TEMPORARY) and is_scratch_name(name.removeprefix(_TEMPORARY)):
                            _drop(folder, name)
                finally:
                    os.close(folder)

    def digest(self, path: str) -> Digest | None:
        """Return the digest of the file that lies there now, ours or not; None when there is none to read."""
        try:
            with self._at(path, create=False) as (folder, name):
                return self._digest(folder, name, path)
        except (OSError, RefusedError):
            return None

    def is_as_written(self, path: str) -> bool:
        """Tell whether the file that lies there now is the very one that was written last."""
        digest = self.digest(path) if path in self._ledger else None
        return digest is not None and digest == self._ledger[path][-1]

    def ours(self) -> tuple[str, ...]:
        """Return the paths that were written here, sorted; some may be gone or changed."""
        return tuple(sorted(self._ledger))

    def _read_ledger(self) -> dict[str, tuple[Digest, ...]]:
        """Return which files are ours. The promises are read first: they go when the list that has them is there."""
        promised = _read_promises(self._promises_path)
        ledger = _read_ledger(self._ledger_path)
        for path, digests in promised.items():
            ledger[path] = (*ledger.get(path, ()), *digests)
        return ledger

    @contextmanager
    def _at(self, path: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """Hold the folder of a path and its name; raises `OSError`."""
        try:
            *inner, name = parts_of(path)
        except RefusedError as refused:
            raise ValueError(f"{path!r} {refused}") from None
        if create and not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
        folder = open_folder(self.folder, inner, create=create)
        try:
            yield folder, name
        finally:
            os.close(folder)

    @contextmanager
    def _writing(self, path: str) -> Iterator[tuple[int, str]]:
        with translated("write", self.folder / path), self._at(path, create=True) as at:
            yield at

    def _standing(self, folder: int, name: str, path: str, wanted: Digest = "") -> Digest | None:
        """Return the digest of our file in this place, None when the place is free. Raises `OutputForeign`.

        A file that has the wanted bytes already may be anybody's.
        """
        try:
            digest = self._digest(folder, name, path)
        except FileNotFoundError:
            return None
        except RefusedError as refused:
            raise _foreign(self.folder / path, f"{refused} and was not made by veospec") from None
        if digest == wanted or digest in self._ledger.get(path, ()):
            return digest
        suffix = Path(name).suffix
        if is_suffix(suffix) and self._store.blobs.has(digest, suffix):
            return digest
        if self._owned is not None and self._owned(path, digest):
            return digest
        if path in self._ledger:
            raise _foreign(self.folder / path, "was changed since veospec wrote it")
        raise _foreign(self.folder / path, "exists and was not written by veospec")

    def _digest(self, folder: int, name: str, path: str) -> Digest:
        whole = f"{self.folder}/{path}"
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(seen.st_mode):
            known = self._memo.get(whole, seen)
            if known is not None:
                return known[0]
        try:
            fd, seen = open_regular(folder, name)
        except RefusedError:
            os.stat(name, dir_fd=folder, follow_symlinks=False)  # somebody may have removed it between the looks
            raise
        try:
            began_ns = self._memo.now_ns()
            digest, _ = digest_of(fd)
            self._memo.put(whole, os.fstat(fd), digest, began_ns=began_ns)
        finally:
            os.close(fd)
        return digest

    def _copy(self, digest: Digest, suffix: str, folder: int, spare: str) -> None:
        source = self._store.blobs.open(digest, suffix)
        try:
            copied = _copy_to(source, folder, spare)
        finally:
            os.close(source)
        if copied != digest:
            raise StoreCorrupt(
                f"the stored file {digest[:12]}… gave other bytes ({copied[:12]}…) while it was copied; not used",
                "Run `veospec cache verify` and check the disk.",
            )

    def _move(self, folder: int, spare: str, name: str, path: str, digest: Digest, *, replaces: bool) -> None:
        """Give the finished file its name; a name that was free a moment ago is not taken from anybody."""
        if replaces:
            os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            try:
                os.link(spare, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                raise _foreign(self.folder / path, "appeared while veospec was writing it") from None
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.unlink(spare, dir_fd=folder)
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        self._memo.put_own(f"{self.folder}/{path}", seen, digest)
        self._note(path, digest)

    def _promise(self, path: str, digest: Digest) -> None:
        """Write down that these bytes are ours before they appear: a crash in between must not make them a stranger's.

        Blobs need none: they are in the store. One line beside the list, because the list grows with the film.
        """
        with translated("write", self._promises_path):
            fd = os.open(self._promises_path, _APPEND, PRIVATE)
            try:
                write_all(fd, f"\n{digest} {path}\n".encode())  # a line before it may have been cut short
            finally:
                os.close(fd)
        self._ledger[path] = (*self._ledger.get(path, ()), digest)

    def _note(self, path: str, digest: Digest) -> None:
        self._ledger[path] = (digest,)


def _link(blob: Path, folder: int, name: str) -> bool:
    try:
        os.link(blob, name, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _copy_to(source: int, folder: int, name: str) -> Digest:
    fd = os.open(name, _CREATE, 0o644, dir_fd=folder)
    try:
        return copy_bytes(source, fd)
    finally:
        os.close(fd)


def _drop(folder: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _foreign(path: Path, clause: str) -> StoreError:
    return OutputForeign(f"{path} {clause}", "Move it away or rename it; veospec replaces only its own files.")


def _read_ledger(path: Path) -> dict[str, tuple[Digest, ...]]:
    """Return which files are ours; a list that cannot be read is an empty one, which only makes us more careful."""
    try:
        members: dict[str, Any] = unseal(path.read_bytes(), KIND, VERSION)
    except (OSError, SealError):
        return {}
    files = members.get("files")
    if type(files) is not dict or not all(type(digests) is list for digests in files.values()):
        return {}
    return {path: tuple(filter(is_digest, digests)) for path, digests in files.items()}


def _read_promises(path: Path) -> dict[str, tuple[Digest, ...]]:
    """Return what a run that has not ended, or never will, promised; a line that was cut short is no promise."""
    promised: dict[str, tuple[Digest, ...]] = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text("utf-8").split("\n")[:-1]:
            digest, _, name = line.partition(" ")
            if is_digest(digest) and name:
                promised[name] = (*promised.get(name, ()), digest)
    return promised
