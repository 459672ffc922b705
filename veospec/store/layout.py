"""The private folder of a project, opened: what lies where, whose it is, which version wrote it.

.veospec/               0700, ignored by git
  version               refuses a newer program's folder
  store/blobs           bytes by digest             store/actions   records by key
  store/heads           what each storyboard accepted last
  store/outputs         which files of an output folder are ours
  inputs/               copies of inputs as they were hashed; losable
  scratch/              files that are not finished; emptied when nobody else works here
  trash/                what gc took; emptied by people
  locks/  index/        leases; the losable index
  journal.sqlite3       written by `run.journal`
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from veospec.errors import SpecError, StoreCorrupt, StoreError, StoreReadOnly
from veospec.store.actions import Actions
from veospec.store.below import RefusedError, parts_of
from veospec.store.blobs import Blobs
from veospec.store.durable import create_file, is_scratch_name, make_folder, scratch_name, sync_folder
from veospec.store.faults import translated
from veospec.store.heads import Heads
from veospec.store.lock import STORE, Holder, Lease, Locks, locked_by
from veospec.store.memo import StatMemo

if TYPE_CHECKING:
    from veospec.store.index import Index

VERSION = 1
FOLDER_NAME = ".veospec"
_VERSION_TEXT = "veospec store {}\n"
_START_WAIT_S = 30.0  # a run that starts beside holds the store for itself for a moment, on a busy machine for longer
_FOLDERS = (
    "scratch",
    "locks",
    "trash",
    "inputs",
    "index",
    "store",
    "store/blobs",
    "store/actions",
    "store/heads",
    "store/outputs",
    "store/plans",
)
_OURS = {"README.txt", ".gitignore", "version", *(f for f in _FOLDERS if "/" not in f)}
_README = """\
This folder belongs to veospec. It holds every clip and picture that was made, by the SHA-256 of its bytes, and the
journal of what was paid for. It is private (the journal names accounts and jobs) and ignored by git.

  store/            the work: nothing here is ever deleted; `veospec cache gc` moves what nobody uses to trash/
  journal.sqlite3   what may cost money: without it a job in flight can be paid twice
  inputs/ index/ scratch/   may be deleted when no veospec runs: that costs time, never money
  trash/            may be emptied by hand

Deleting the whole folder means that paid clips must be bought again.
"""


class Store:
    """An open store. Close it, or use it as a context manager.

    A store that is written holds the lease `store` shared from open to close, so that `cache gc` never runs beside.
    `scratch` is a folder in the same file system for files that are being made.
    """

    def __init__(self, root: Path, *, is_writable: bool, lease: Lease | None = None) -> None:
        self.root = root
        self.is_writable = is_writable
        self._lease = lease
        self.scratch = root / "scratch"
        self.trash = root / "trash"
        self.journal_path = root / "journal.sqlite3"
        self.locks = Locks(root / "locks", is_writable=is_writable)
        self._index: Index | None = None
        self.input_memo = StatMemo(root / "index/inputs.memo")
        self._blob_memo = StatMemo(root / "index/blobs.memo")
        self.output_memo = StatMemo(root / "index/outputs.memo")
        scratch = self.scratch
        self.blobs = Blobs(root / "store/blobs", scratch=scratch, memo=self._blob_memo, is_writable=is_writable)
        self.inputs = Blobs(root / "inputs", scratch=scratch, memo=self._blob_memo, is_writable=is_writable)
        self.actions = Actions(
            root / "store/actions", blobs=self.blobs, scratch=scratch, trash=self.trash, is_writable=is_writable
        )
        self.heads = Heads(root / "store/heads", scratch=scratch, locks=self.locks, is_writable=is_writable)
        self.outputs_folder = root / "store/outputs"

    @property
    def index(self) -> Index:
        """The losable cache; what never asks it pays for no database."""
        if self._index is None:
            from veospec.store.index import Index

            self._index = Index(self.root / "index")
        return self._index

    @staticmethod
    def for_project(project_dir: Path, home: str | None = None, spec_store: str = "") -> Path:
        """Return where the store of a project lies.

        `home` (from the person, `VEOSPEC_HOME`) may be anywhere and wins; `spec_store` (`store:` of a spec, so from
        anybody) must stay below the project. Raises `SpecError`, or `StoreError` for a home that leads nowhere.
        """
        project = project_dir.resolve()
        if home:
            try:
                return (project / Path(home).expanduser()).resolve()
            except RuntimeError:  # a user who is not known, or a link that leads to itself
                raise StoreError(
                    f"VEOSPEC_HOME is {home!r}, which leads nowhere", "Set it to a folder of your own."
                ) from None
        if not spec_store:
            return project / FOLDER_NAME
        try:
            place = project.joinpath(*parts_of(spec_store.rstrip("/")))
        except RefusedError as refused:
            raise SpecError(
                f"the store {spec_store!r} {refused}",
                "`store:` names a folder below the storyboard. For a store elsewhere set VEOSPEC_HOME.",
            ) from None
        for step in (place, *place.parents):
            if step == project:
                break
            if step.is_symlink():
                raise SpecError(
                    f"the store {spec_store!r} leads through the symbolic link {step}", "Name a real folder."
                )
        return place

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        write: bool,
        exclusive: bool = False,
        doing: str = "",
        wait_s: float = 0.0,
        waiting: Callable[[Holder], None] | None = None,
    ) -> Store:
        """Open the store at `root`, making it when it is written and not there.

        Reading needs no right to write and changes nothing but the losable index, and that only where it can; a store
        that is not there reads as an empty one and stays away.
        `exclusive` keeps every other writer out (gc). Raises `StoreReadOnly`, `StoreFull`, `StoreLocked`,
        `StoreCorrupt` or `StoreError`.
        """
        _check_place(root)
        _check_version(root)
        if not write:
            return cls(root, is_writable=False)
        _make(root)
        locks = Locks(root / "locks", is_writable=True)
        lease = locks.attempt(STORE, doing=doing)
        if isinstance(lease, Lease):
            _empty(root)
            if not exclusive:
                lease.release()
        elif exclusive and wait_s <= 0:
            raise locked_by(lease, root)
        if not exclusive or not isinstance(lease, Lease):
            patience_s = max(wait_s, _START_WAIT_S)
            lease = locks.acquire(STORE, shared=not exclusive, doing=doing, wait_s=patience_s, waiting=waiting)
        return cls(root, is_writable=True, lease=lease)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the memos, close the index, give the lease back; may be called twice."""
        for memo in (self.input_memo, self._blob_memo, self.output_memo):
            memo.save()
        if self._index is not None:
            self._index.close()
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def fresh(self, suffix: str = "") -> Path:
        """Return a path in the scratch folder for a new file that `blobs.adopt` can take; nothing is made yet."""
        if not self.is_writable:
            raise StoreReadOnly(f"{self.root} was opened for reading only")
        return self.scratch / scratch_name(suffix)

    def spend_plan(self, name: str) -> bool:
        """Write down, durably, that a saved plan was carried out; return False when it was already. `name` is hex."""
        folder = self.root / "store/plans"
        with translated("write", folder / name):
            make_folder(folder)
            return create_file(folder / name, b"", scratch=self.scratch)

    def free_bytes(self) -> int:
        """Return how much may be written here."""
        place = self.root
        while not place.exists():
            place = place.parent
        with translated("look at", place):
            room = os.statvfs(place)
        return room.f_bavail * room.f_frsize


def _check_place(root: Path) -> None:
    """Refuse a link, a file, or somebody else's folder in the place of the store."""
    with translated("look at", root):
        try:
            seen = root.lstat()
        except FileNotFoundError:
            return
    if stat.S_ISLNK(seen.st_mode):
        raise StoreError(
            f"{root} is a symbolic link", "A store is a real folder. To put it elsewhere set VEOSPEC_HOME."
        )
    if not stat.S_ISDIR(seen.st_mode):
        raise StoreError(f"{root} is not a folder", "Move the file away, or set VEOSPEC_HOME.")
    if seen.st_uid != os.geteuid():
        raise StoreError(
            f"{root} belongs to another user (uid {seen.st_uid}, you are {os.geteuid()})",
            "Whoever can write a store decides what you get from it. Set VEOSPEC_HOME to a folder of your own.",
        )


def _check_version(root: Path) -> None:
    path = root / "version"
    text = _version_text(path)
    if text is None:
        strange = _strange_without_version(root)
        text = _version_text(path)  # another run may have finished the folder, and begun its work, between the looks
        if text is None:
            if strange is not None:
                raise strange
            return
    if text == _VERSION_TEXT.format(VERSION).encode():
        return
    number = text.removeprefix(b"veospec store ").strip()
    if text.startswith(b"veospec store ") and number.isdigit() and int(number) > VERSION:
        raise StoreError(
            f"{root} was written by a newer veospec (store version {int(number)}; this one knows {VERSION})",
            "Use that version of veospec. Nothing was changed.",
        )
    raise StoreCorrupt(f"{path} does not say which version of veospec wrote this folder", "Nothing was changed.")


def _version_text(path: Path) -> bytes | None:
    """Return the start of the version file, None when it is not there."""
    with translated("read", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as stream:
            return stream.read(64)


def _strange_without_version(root: Path) -> StoreError | None:
    """A folder without a version is ours only when nothing strange is in it: `store: docs` must not claim docs."""
    with translated("read", root):
        try:
            names = {entry.name for entry in root.iterdir()}
            is_used = (root / "store/actions").is_dir() and any((root / "store/actions").iterdir())
        except FileNotFoundError:
            return None
    if is_used or "journal.sqlite3" in names:
        return StoreCorrupt(
            f"{root} holds work but its version file is gone",
            f"Write `{_VERSION_TEXT.format(VERSION).strip()}` into {root / 'version'}.",
        )
    if strange := sorted(names - _OURS):
        return StoreError(
            f"{root} is not a folder of veospec (it holds {strange[0]!r})",
            "A new store needs an empty folder, or a name that is not there yet.",
        )
    return None


def _make(root: Path) -> None:
    with translated("write", root):
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            make_folder(root)
        elif stat.S_IMODE(root.stat().st_mode) & 0o077:
            with suppress(PermissionError):
                root.chmod(0o700)
        for name in _FOLDERS:
            make_folder(root / name)
        if not (root / "version").exists():  # last: a folder with a version is complete
            aside = root / "locks"  # not the scratch folder: another run may be emptying it
            create_file(root / ".gitignore", b"*\n", scratch=aside)
            create_file(root / "README.txt", _README.encode(), scratch=aside)
            create_file(root / "version", _VERSION_TEXT.format(VERSION).encode(), scratch=aside)
        if not os.access(root / "scratch", os.W_OK | os.X_OK):
            raise StoreReadOnly(f"cannot write to {root}: it is read-only", "Make it writable, or set VEOSPEC_HOME.")


def _empty(root: Path) -> None:
    """Remove what crashed runs left behind; only while nobody else writes."""
    scratch = root / "scratch"
    with translated("clean", scratch):
        leftovers = list(scratch.iterdir())
        for path in leftovers:
            with suppress(OSError):
                path.unlink()
        if leftovers:
            sync_folder(scratch)
    for folder in (root, root / "index", root / "index/plain"):  # where a journal or a memo is begun
        with suppress(OSError):
            for path in folder.iterdir():
                if is_scratch_name(path.name):
                    path.unlink()
