"""Leave a witness of a run that found nothing to do, so that `veospec.quick` can answer the next one at once.

What such a run looked at is gathered while the store is open, and written down after its last word was printed. The
invariants are those of `veospec.quick`; the one that is kept here is quiet: whatever a witness names has not changed
since before the run began, so what is compared later is what this run saw.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from msgspec import Struct, field

from veospec import quick
from veospec.app.inventory import StoredInventory
from veospec.app.project import Project
from veospec.plan.values import Action, Plan
from veospec.providers.flow.config import config_path
from veospec.run.lifecycle import LIVE
from veospec.store.durable import PRIVATE, scratch_name
from veospec.store.memo import QUIET_COARSE_NS, quiet_from

_MOST_WITNESSES = 8


class Asked(Mapping[str, str]):
    """The environment, which remembers the variables that somebody asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.used: dict[str, str | None] = {}
        self.is_whole = False

    def __getitem__(self, name: str) -> str:
        self.used[name] = self._values.get(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self.is_whole = True
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Sights(Struct):
    """What a run looked at: files by folder, folders (True: their names too), what was not there or empty.

    `blobs` are files too, as they looked when that decided; one that is a hard link of one of `files` changes with it,
    so its name is all to look at.
    """

    root: str
    texts: tuple[str, ...]
    files: dict[str, dict[str, None]] = field(default_factory=dict)
    blobs: dict[str, dict[str, quick.Stamp]] = field(default_factory=dict)
    folders: dict[str, bool] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    hollow: list[str] = field(default_factory=list)

    def see(self, path: str) -> None:
        """Add a file that must stay as it is."""
        folder, _, name = path.rpartition("/")
        self.files.setdefault(folder, {})[name] = None
        self.folders.setdefault(folder, False)

    def see_below(self, base: Path, paths: Iterable[str]) -> None:
        """Add files below a folder, and that no folder on the way becomes a link."""
        for path in paths:
            self.see(f"{base}/{path}")
        self.go_below(base, paths)

    def go_below(self, base: Path, paths: Iterable[str]) -> None:
        """Add the folders on the way to files."""
        for head in {path.rpartition("/")[0] for path in paths}:
            parts = head.split("/")
            for depth in range(len(parts)):
                self.folders.setdefault("/".join((str(base), *parts[: depth + 1])).rstrip("/"), False)
        self.folders.setdefault(str(base), False)

    def see_or_miss(self, path: Path) -> None:
        """Add a file that is there, or that there is none."""
        if os.path.lexists(path):
            self.see(str(path))
        else:
            self.absent.append(str(path))

    def see_also(self, other: Sights) -> None:
        """Add what somebody else looked at for the same run."""
        for folder, names in other.files.items():
            self.files.setdefault(folder, {}).update(names)
        for shelf, blobs in other.blobs.items():
            self.blobs.setdefault(shelf, {}).update(blobs)
        for folder, listing in other.folders.items():
            self.folders[folder] = listing or self.folders.get(folder, False)
        self.absent += other.absent
        self.hollow += other.hollow

    def see_all(self, folder: Path) -> None:
        """Add every file of a folder, and that no other one comes."""
        self.folders[str(folder)] = True
        for entry in folder.iterdir():
            self.see(str(entry))


def sights_of_plan(project: Project, inventory: StoredInventory, plan: Plan, environment: Asked) -> Sights | None:
    """Return what decided that a plan has nothing to do; None when it has, or when anything is not plain."""
    is_plain = not project.choices.should_verify and not any(fact.missing for fact in project.facts.values())
    if not is_plain or any(step.action is not Action.REUSE or step.stale for step in plan.steps):
        return None
    if any(entry.state in LIVE for record in inventory.journal.records for entry in record.entries):
        return None
    store = inventory.store
    sights = Sights(str(project.store_root), tuple(map(str, project.texts)))
    sights.see_below(project.root.resolve(), project.facts)
    sights.go_below(project.root.resolve(), project.includes)
    for folder in project.searched:
        sights.folders[str(folder.resolve())] = True
    for path in (config_path(environment), project.out / "manifest.json", store.journal_path):
        sights.see_or_miss(path)
    sights.see_or_miss(store.journal_path.with_suffix(".seq"))
    sights.hollow.append(f"{store.journal_path}-wal")
    for step in plan.steps:
        brief = inventory.brief(step.key) if step.key is not None else None
        look = inventory.look(step.key) if step.key is not None else None
        if brief is None or step.key is None or look is None:
            return None
        # Records are made once, by link, and never written again: a shelf with the same names has the same records.
        sights.folders[store.actions.shelf(step.key)] = True
        sights.blobs.setdefault(store.blobs.shelf(brief.digest), {})[f"{brief.digest}{brief.suffix}"] = look
    return sights


def sights_of_apply(
    project: Project, inventory: StoredInventory, plan: Plan, environment: Asked, files: Iterable[str]
) -> Sights | None:
    """Return what decided that an apply has nothing to do: the plan, every delivered file, what is known of them.

    None also when somebody signs the reels: who that is lies in files outside of all that is looked at here.
    """
    is_signed = project.storyboard.deliver.c2pa not in ("", "none")
    sights = None if is_signed else sights_of_plan(project, inventory, plan, environment)
    if sights is not None:
        sights.see_below(project.out.parent.resolve() / project.out.name, files)
        sights.see_all(inventory.store.heads.folder)
        sights.see_all(inventory.store.outputs_folder)
    return sights


def leave_witness(
    question: quick.Question, environment: Asked, sights: Sights, out: str, err: str, note: bytes = b""
) -> bool:
    """Write the witness, unless something moved meanwhile or it cannot be written; return whether it lies there.

    `note` is for `plan_of_edit`.
    """
    if environment.is_whole or "\0" in out + err or any(Path(path).is_symlink() for path in sights.texts[1:]):
        return False
    environ = [name if value is None else f"{name}={value}" for name, value in environment.used.items()]
    try:
        places = quick.places_of(sights.texts[0])
        if places != question.places:
            return False
        texts = [places[0], *(str(Path(path).absolute()) for path in sights.texts[1:])]
        contents = [_quiet_content(path, question.began_ns) for path in texts]
        for folder in {Path(path).parent for path in texts}:
            _unmoved(folder.stat(), question.began_ns)
        for folder in {Path(path).parent for path in sights.absent}:
            _still_empty(folder, question.began_ns)
        gaze = _Gaze(question.began_ns)
        for name, listing in sights.folders.items():
            gaze.add(name, sights.files.get(name, ()), listing=listing)
        for shelf, looks in sights.blobs.items():
            gaze.add_blobs(shelf, looks)
        asked = [question.house, str(Path.cwd()), sights.root, *places, *question.arguments]
        sections = (asked, environ, [out, err], gaze.folders, gaze.counts, gaze.names, sights.absent, sights.hollow,
                    texts)  # fmt: skip
        _write(
            Path(quick.witness_path(sights.root, question.arguments)),
            quick.pack(sections, gaze.stamps, contents, note),
        )
    except (OSError, _StirredError):
        return False
    return True


class _StirredError(Exception):
    """Something changed since before the run began, or is no plain file."""


class _Gaze:
    """Folders and names in the order in which they are compared, with their stamps. Raises when anything stirs."""

    def __init__(self, began_ns: int) -> None:
        self._began_ns = began_ns
        self._linked: set[tuple[int, int]] = set()
        self.folders: list[str] = []
        self.counts: list[str] = []
        self.names: list[str] = []
        self.stamps = array("q")

    def add(self, folder: str, names: Iterable[str], *, listing: bool) -> None:
        """Look at a folder and at files in it."""
        with _opened(folder) as fd:
            seen = os.fstat(fd)
            found = {name: os.lstat(name, dir_fd=fd) for name in names}
        if not all(stat.S_ISREG(each.st_mode) for each in found.values()):
            raise _StirredError
        self._linked.update((each.st_dev, each.st_ino) for each in found.values() if each.st_nlink > 1)
        self._note(folder, seen, {name: quick.stamp_of(each) for name, each in found.items()}, listing=listing)

    def add_blobs(self, shelf: str, looks: Mapping[str, quick.Stamp]) -> None:
        """Take what was seen of the blobs on a shelf; those that are known under another name are left out."""
        with _opened(shelf) as fd:
            seen = os.fstat(fd)
        linked = self._linked
        own = {name: look for name, look in looks.items() if (seen.st_dev, look[3]) not in linked} if linked else looks
        self._note(shelf, seen, own, listing=len(own) < len(looks))

    def _note(self, folder: str, seen: os.stat_result, stamps: Mapping[str, quick.Stamp], *, listing: bool) -> None:
        check = _quiet if listing else _unmoved
        self.stamps.extend(quick.folder_stamp(check(seen, self._began_ns), listing=listing))
        if stamps:
            _, changed_ns, moved_ns, _ = zip(*stamps.values(), strict=True)
            if max(*changed_ns, *moved_ns) + QUIET_COARSE_NS >= self._began_ns:  # else all is long ago
                for mtime_ns, ctime_ns in zip(changed_ns, moved_ns, strict=True):
                    _quiet_since(mtime_ns, ctime_ns, self._began_ns)
        self.stamps.extend(chain.from_iterable(stamps.values()))
        self.folders.append(folder)
        self.counts.append(str(len(stamps)))
        self.names += stamps


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _still_empty(folder: Path, began_ns: int) -> None:
    """Look whether a file that is not there may have been removed during the run, alone or with its folder.

    Folders farther out tell nothing: everybody makes files in `/tmp` or a home all the time.
    """
    for path in (folder, folder.parent):
        with suppress(FileNotFoundError, NotADirectoryError):
            _quiet(path.stat(), began_ns)
            return


def _quiet_content(path: str, began_ns: int) -> bytes:
    with open(path, "rb") as stream:
        content = stream.read()
        seen = _quiet(os.fstat(stream.fileno()), began_ns)
    if len(content) != seen.st_size:
        raise _StirredError
    return content


def _quiet(seen: os.stat_result, began_ns: int) -> os.stat_result:
    _quiet_since(seen.st_mtime_ns, seen.st_ctime_ns, began_ns)
    return seen


def _quiet_since(mtime_ns: int, ctime_ns: int, began_ns: int) -> None:
    if max(quiet_from(mtime_ns), quiet_from(ctime_ns)) >= began_ns:
        raise _StirredError


def _unmoved(seen: os.stat_result, began_ns: int) -> os.stat_result:
    """Return the stat of a folder in which anything may have been made meanwhile, but which was not put here.

    A name that comes or goes sets both times to one moment; moving the folder sets ctime alone.
    """
    return seen if seen.st_ctime_ns == seen.st_mtime_ns else _quiet(seen, began_ns)


def _write(path: Path, pieces: Iterable[bytes | array[int]]) -> None:
    """Put the file there whole; the oldest ones make room."""
    for folder in (path.parent.parent, path.parent):  # somebody may have deleted the whole index
        folder.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_name(scratch_name())
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(fd, "wb") as stream:
            stream.writelines(pieces)
        fresh.rename(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    held = sorted(path.parent.iterdir(), key=lambda other: other.lstat().st_mtime_ns, reverse=True)
    for old in held[_MOST_WITNESSES:]:
        old.unlink(missing_ok=True)
