"""Looking after a store: list it, verify it, move to the trash what nobody uses, take over what others made.

No work is ever deleted here: `collect` moves to `trash/`, which people empty, and `take_over` restores from there.
Only copies of inputs and old pieces in the index go at once; they cost time, never money.
A damaged record or list of heads stops a collection, because what it would have kept cannot be known.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from veospec.errors import StoreCorrupt, StoreError
from veospec.model import Digest, Key
from veospec.store.actions import ActionRecord, Actions
from veospec.store.below import RefusedError, open_folder, open_regular, parts_of
from veospec.store.blobs import Blob, Blobs
from veospec.store.durable import copy_bytes, make_folder, scratch_name, sync_folder
from veospec.store.faults import translated
from veospec.store.layout import Store
from veospec.store.memo import StatMemo

PIECES_DAYS = 30
"""Pieces of reels and small pictures are kept as long in the index; what is still needed then is drawn again."""
_PIECES = ("index/reels", "index/thumbs")
Progress = Callable[[int, int], None]
"""Told (done, all) while many files are read."""


class Entry(Struct, frozen=True):
    """One record and what is known around it. `is_used` means that some storyboard names its key."""

    record: ActionRecord
    stored_at: datetime
    is_present: bool
    is_used: bool

    @property
    def is_paid(self) -> bool:
        """True unless the record is known to have cost nothing."""
        return not self.record.cost.is_free or self.record.receipt is not None


class Finding(Struct, frozen=True):
    """Something that is not as it should be. `kind`: `damaged`, `gone`, `record`, `heads`, `orphan` or `stranger`.

    The last two are notes: a blob without a record, and a file that veospec never made.
    """

    kind: str
    path: str
    message: str

    @property
    def is_damage(self) -> bool:
        """True when stored work cannot be used."""
        return self.kind not in ("orphan", "stranger")


class Audit(Struct, frozen=True):
    """What `audit` read."""

    records: int
    blobs: int
    size_bytes: int
    findings: tuple[Finding, ...]


class Collected(Struct, frozen=True):
    """What nobody uses: it is in `trash` when that is set; what is `spared` cost money or may have.

    `inputs` are copies, `pieces` files of the index that are older than `PIECES_DAYS`: `copies_bytes`, which are no
    work and are deleted where the rest (`size_bytes`) is moved. `is_done` when it was.
    """

    entries: tuple[Entry, ...]
    orphans: tuple[Blob, ...]
    inputs: tuple[Blob, ...]
    pieces: tuple[Path, ...]
    spared: tuple[Entry, ...]
    spared_orphans: tuple[Blob, ...]
    size_bytes: int
    copies_bytes: int
    is_done: bool = False
    trash: Path | None = None


class TakenOver(Struct, frozen=True):
    """`added` records are new here, `healed` had lost their bytes, `known` were here; `refused` says why not."""

    added: tuple[Key, ...] = ()
    healed: tuple[Key, ...] = ()
    known: tuple[Key, ...] = ()
    refused: tuple[str, ...] = ()


def entries(store: Store) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    """Return every readable record, sorted by storyboard, node, take and key, and what could not be read."""
    used, findings = _used(store)
    found: list[Entry] = []
    for record in store.actions.audit():
        if isinstance(record, StoreError):
            findings.append(Finding("record", "", record.message))
            continue
        is_present = store.blobs.has(record.digest, record.suffix, record.size_bytes)
        found.append(Entry(record, _stored_at(store.actions.path(record.key)), is_present, record.key in used))
    found.sort(key=lambda e: (e.record.board, e.record.node, e.record.take, e.record.key))
    return tuple(found), tuple(findings)


def audit(store: Store, progress: Progress | None = None) -> Audit:
    """Read every record and hash every blob. Changes nothing, works on a read-only store."""
    found, findings = entries(store)
    report = list(findings)
    wanted: dict[Digest, set[str]] = {}
    for entry in found:
        record = entry.record
        wanted.setdefault(record.digest, set()).add(record.suffix)
        if not store.blobs.has(record.digest, record.suffix):
            report.append(_gone(store, entry))
    held = list(store.blobs.held())
    size = 0
    for done, blob in enumerate(held, 1):
        path = store.blobs.path(blob.digest, blob.suffix)
        try:
            store.blobs.verify(blob.digest, blob.suffix)
        except StoreError as error:
            report.append(Finding("damaged", str(path), error.message))
        else:
            if blob.suffix not in wanted.get(blob.digest, ()):
                report.append(Finding("orphan", str(path), "no record names this file"))
        size += blob.size_bytes
        if progress is not None:
            progress(done, len(held))
    strange = (*store.blobs.strangers(), *store.actions.strangers())
    report.extend(Finding("stranger", str(path), "veospec did not make this file") for path in strange)
    return Audit(len(found), len(held), size, tuple(report))


def collect(
    store: Store, *, delete: bool = False, with_paid: bool = False, keep: Collection[Key] = (), now: datetime
) -> Collected:
    """List what no storyboard names; with `delete` move it to a new folder in the trash.

    `keep` are keys that must stay for another reason (the journal's). Paid work, and bytes of which nobody knows what
    they cost, go only `with_paid`. Deleting needs a store that was opened `exclusive`. Raises `StoreCorrupt` when
    anything cannot be read.
    """
    found, findings = entries(store)
    if findings:
        raise StoreCorrupt(
            f"cannot tell what is unused: {findings[0].message}",
            "`veospec cache verify` lists all damage. Mend it first.",
        )
    plan = _unused(store, found, frozenset(keep), now, with_paid=with_paid)
    if not delete or not (plan.entries or plan.orphans or plan.inputs or plan.pieces):
        return plan
    leaving = {entry.record.key for entry in plan.entries}
    needed = {_name(e.record) for e in found if e.record.key not in leaving}
    bytes_too = {_name(e.record) for e in plan.entries if e.is_present} - needed
    trash = None
    if plan.entries or plan.orphans:
        trash = store.trash / f"{now:%Y%m%dT%H%M%SZ}-{scratch_name()}"
        _move(store, trash, sorted(leaving), sorted(bytes_too | {(b.digest, b.suffix) for b in plan.orphans}))
    gone = _remove([store.inputs.path(blob.digest, blob.suffix) for blob in plan.inputs]) + _remove(plan.pieces)
    return replace(plan, is_done=True, trash=trash, copies_bytes=gone)


def _unused(store: Store, found: Sequence[Entry], keep: frozenset[Key], now: datetime, *, with_paid: bool) -> Collected:
    unused = [e for e in found if not e.is_used and e.record.key not in keep]
    going = tuple(e for e in unused if with_paid or not e.is_paid)
    leaving = {e.record.key for e in going}
    needed = {_name(e.record) for e in found if e.record.key not in leaving}
    freed = {_name(e.record): e.record.size_bytes for e in going if e.is_present and _name(e.record) not in needed}
    named = {_name(e.record) for e in found}
    orphans = tuple(b for b in store.blobs.held() if (b.digest, b.suffix) not in named)
    inputs = tuple(store.inputs.held())
    pieces = dict(_old_pieces(store, now))
    gone_orphans = orphans if with_paid else ()
    return Collected(
        entries=going,
        orphans=gone_orphans,
        inputs=inputs,
        pieces=tuple(pieces),
        spared=tuple(e for e in unused if e.record.key not in leaving),
        spared_orphans=() if with_paid else orphans,
        size_bytes=sum(freed.values()) + sum(b.size_bytes for b in gone_orphans),
        copies_bytes=sum(pieces.values()) + sum(b.size_bytes for b in inputs),
    )


def _remove(paths: Iterable[Path]) -> int:
    """Remove files that can be made again and return how many bytes went; what cannot be removed stays."""
    gone = 0
    for path in paths:
        with suppress(OSError):
            size = path.lstat().st_size
            path.unlink()
            gone += size
    return gone


def _old_pieces(store: Store, now: datetime) -> Iterator[tuple[Path, int]]:
    """Yield path and size of what lies in the index for longer than it is kept."""
    before = (now - timedelta(days=PIECES_DAYS)).timestamp()
    for name in _PIECES:
        folder = store.root / name
        if folder.is_symlink() or not folder.is_dir():
            continue
        with translated("read", folder):
            for path in sorted(folder.iterdir()):
                try:
                    seen = path.lstat()
                except FileNotFoundError:  # a run beside took it away
                    continue
                if stat.S_ISREG(seen.st_mode) and seen.st_mtime < before:
                    yield path, seen.st_size


def _name(record: ActionRecord) -> tuple[Digest, str]:
    return record.digest, record.suffix


def take_over(store: Store, source: Path, progress: Progress | None = None) -> TakenOver:
    """Copy every record and its bytes from another store, or from a folder of the trash, verified on the way.

    Records that are here stay as they are; one whose bytes were lost or damaged gets them back. Raises `StoreError`
    when the source is neither.
    """
    base = shelves_of(source)
    blobs = Blobs(base / "blobs", scratch=store.scratch, memo=StatMemo(), is_writable=False)
    actions = Actions(base / "actions", blobs=blobs, scratch=store.scratch, trash=store.trash, is_writable=False)
    tally = _Tally()
    keys = list(actions.keys())
    for done, key in enumerate(keys, 1):
        try:
            record = actions.get(key)
            if record is not None:
                descriptor = None if _is_whole(store, record) else blobs.open(record.digest, record.suffix)
                _take(store, record, descriptor, tally)
        except StoreError as error:
            tally.refused.append(error.message)
        if progress is not None:
            progress(done, len(keys))
    return tally.result()


def take_clips(store: Store, folder: Path, offers: Iterable[tuple[str, ActionRecord]]) -> TakenOver:
    """Copy clips that lie in a folder, each with the record it belongs to; bytes that differ from it are refused.

    The paths come from a manifest, so they are opened below `folder` without following links.
    """
    tally = _Tally()
    for path, record in offers:
        try:
            descriptor = None if _is_whole(store, record) else _open_offer(folder, path)
            _take(store, record, descriptor, tally)
        except RefusedError as refused:
            tally.refused.append(f"{path} {refused}")
        except StoreError as error:
            tally.refused.append(f"{path}: {error.message}")
    return tally.result()


class _Tally(Struct):
    added: list[Key] = field(default_factory=list)
    healed: list[Key] = field(default_factory=list)
    known: list[Key] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def result(self) -> TakenOver:
        return TakenOver(tuple(self.added), tuple(self.healed), tuple(self.known), tuple(self.refused))


def _take(store: Store, record: ActionRecord, descriptor: int | None, tally: _Tally) -> None:
    """Put the bytes (None: they are here already) and then the record; closes the descriptor."""
    if descriptor is not None:
        fresh = store.fresh(record.suffix)
        try:
            with translated("copy into", fresh):
                copied = _copied(descriptor, fresh)
            if copied != record.digest:
                raise StoreCorrupt(f"the bytes for {record.node} take {record.take} are not those of its record")
            store.blobs.adopt(fresh, record.suffix)
        finally:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
    standing = store.actions.get(record.key)
    store.actions.put(record)
    if standing is None or standing.digest != record.digest:
        tally.added.append(record.key)
    else:
        (tally.known if descriptor is None else tally.healed).append(record.key)


def _copied(descriptor: int, fresh: Path) -> Digest:
    try:
        target = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            return copy_bytes(descriptor, target)
        finally:
            os.close(target)
    finally:
        os.close(descriptor)


def _is_whole(store: Store, record: ActionRecord) -> bool:
    try:
        store.blobs.verify(record.digest, record.suffix, record.size_bytes)
    except StoreCorrupt:
        return False
    return True


def _open_offer(folder: Path, path: str) -> int:
    *inner, name = parts_of(path)
    with translated("read", folder / path):
        parent = open_folder(folder, inner)
        try:
            return open_regular(parent, name)[0]
        finally:
            os.close(parent)


def shelves_of(source: Path) -> Path:
    """Return the folder of records and bytes in a store, or in what gc moved away. Raises `StoreError`."""
    for base in (source / ".veospec/store", source / "store", source):
        if (base / "actions").is_dir() and (base / "blobs").is_dir():
            return base
    raise StoreError(f"{source} holds no store", "Name a .veospec folder, a folder of its trash, or an output folder.")


def _used(store: Store) -> tuple[set[Key], list[Finding]]:
    try:
        return store.heads.keys(), []
    except StoreError as error:
        return set(), [Finding("heads", str(store.heads.folder), error.message)]


def _gone(store: Store, entry: Entry) -> Finding:
    record = entry.record
    path = store.blobs.path(record.digest, record.suffix)
    return Finding("gone", str(path), f"the bytes of {record.node} take {record.take} are gone")


def _stored_at(path: Path) -> datetime:
    with translated("look at", path):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _move(store: Store, trash: Path, keys: Iterable[Key], blobs: Iterable[tuple[Digest, str]]) -> None:
    """Records first: a crash in between leaves a blob without a record, never the other way round."""
    with translated("move to", trash):
        for folder in (trash, trash / "actions", trash / "blobs"):
            make_folder(folder)
        _rename_all((store.actions.path(key) for key in keys), trash / "actions")
        _rename_all((store.blobs.path(*blob) for blob in blobs), trash / "blobs")


def _rename_all(paths: Iterator[Path], to: Path) -> None:
    for path in paths:
        shelf = to / path.parent.name
        make_folder(shelf)
        path.rename(shelf / path.name)
        sync_folder(shelf)
        sync_folder(path.parent)
