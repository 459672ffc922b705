"""Records of finished work: `actions/ab/<key>.json`, one per key, sealed, read strictly.

A record that cannot be read is never the same as no record: no record means that something must be made, which may
cost money. So everything that is off raises `StoreCorrupt`, and a put never replaces a record that names other bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Raw, Struct, field
from msgspec.json import Decoder as JsonDecoder
from msgspec.structs import asdict

from veospec.errors import StoreCorrupt, StoreError, StoreReadOnly
from veospec.model import Cost, Digest, Key, MediaFacts, NodeId
from veospec.providers.base import Receipt
from veospec.store.blobs import Blobs, is_digest, is_suffix
from veospec.store.durable import create_file, make_folder, scratch_name, sync_folder
from veospec.store.faults import from_os_error, translated
from veospec.store.sealed import NewerError, SealError, body_of, check_version, read_json, seal
from veospec.store.shelves import SHELVES, files_on_shelves, names_on_shelves

KIND = "veospec_action"
VERSION = 1
MAX_RECORD_BYTES = 4 << 20
_MANY = 100
_USUAL_BYTES = 4 << 10
"""Few records are longer, and a stat of each, or room for the longest, costs more than the reading."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class ActionRecord(Struct, frozen=True):
    """One take that was made: the key document that decided it, the bytes it became, and where they came from.

    `board` names the storyboard it was made for (see `heads.board_name`), `node` and `take` its place there; they are
    notes and no part of the identity. `suffix` has its dot.
    """

    key: Key
    document: Mapping[str, Any]
    digest: Digest
    size_bytes: int
    suffix: str
    facts: MediaFacts
    receipt: Receipt | None
    node: NodeId
    take: int
    seed: int
    cost: Cost
    board: str


class Actions:
    """The folder of records. `blobs` tells whether the bytes of a record are still there."""

    def __init__(self, folder: Path, *, blobs: Blobs, scratch: Path, trash: Path, is_writable: bool) -> None:
        self.folder = folder
        self._base = str(folder)
        self._blobs = blobs
        self._trash = trash
        self._scratch = scratch
        self._is_writable = is_writable

    def path(self, key: Key) -> Path:
        """Return where the record of a key lies or would lie."""
        return Path(self._name(key))

    def shelf(self, key: Key) -> str:
        """Return the folder of a key's record. A record is made once, by link, and never written again."""
        return f"{self._base}/{key[:2]}"

    def about(self) -> int:
        """Return about how many records there are, by the names on one shelf of sixteen where there are many."""
        some = sum(1 for _ in names_on_shelves(self.folder, SHELVES[::16]))
        return 16 * some if some >= _MANY else sum(1 for _ in names_on_shelves(self.folder, SHELVES))

    def get(self, key: Key) -> ActionRecord | None:
        """Return the record, or None only when there is no file of that name. Raises `StoreCorrupt`."""
        path = self._name(key)
        raw = _read(path)
        return None if raw is None else parse_record(raw, key, path)

    def brief(self, key: Key) -> Brief | None:
        """Return what planning needs of a record, for less than `get` costs. Raises `StoreCorrupt` too."""
        path = self._name(key)
        raw = _read(path)
        if raw is None:
            return None
        try:
            found = _written(raw, key)
        except SealError as reason:
            raise _unusable(path, reason) from None
        receipt = found.receipt
        can_fetch = receipt is not None and bool(receipt.media_id or receipt.job_id)
        return Brief(found.digest, found.size_bytes, found.suffix, found.node, found.board, can_fetch)

    def put(self, record: ActionRecord) -> ActionRecord:
        """Store the record durably and return the one that stands.

        An older record of the same key and the same bytes stays. One whose bytes are gone goes to the trash. One that
        names other bytes which are there raises `StoreCorrupt`: a person must look at the two results of one key.
        """
        self._need_writable()
        path = self.path(record.key)
        content = encode_record(record)
        parse_record(content, record.key, str(path))  # what could not be read back is not written
        standing: ActionRecord | None = None
        for _ in range(2):
            with translated("write", path):
                make_folder(path.parent)
                if create_file(path, content, scratch=self._scratch):
                    return record
            standing = self.get(record.key)
            if standing is None or self._blobs.has(standing.digest, standing.suffix, standing.size_bytes):
                break
            self.retire(record.key)
        if standing is None or standing.digest != record.digest or standing.suffix != record.suffix:
            held = "nothing" if standing is None else f"{standing.digest[:12]}…{standing.suffix}"
            now = f"{record.digest[:12]}…{record.suffix}"
            raise StoreCorrupt(
                f"the key {record.key[:12]}… already has another result ({held}, now {now})",
                "Both files are kept. `veospec cache verify` shows them.",
            )
        return standing

    def retire(self, key: Key) -> Path:
        """Move a record to the trash folder, whatever it holds, and return where it is now.

        The key counts as never made afterwards, so this follows a person's decision.
        """
        self._need_writable()
        path = self.path(key)
        target = self._trash / scratch_name(f"-{path.name}")
        with translated("remove", path):
            path.rename(target)
            sync_folder(path.parent)
        return target

    def keys(self) -> Iterator[Key]:
        """Yield the key of every record file, sorted; other names are passed over."""
        for path in files_on_shelves(self.folder):
            if _is_record_name(path):
                yield path.stem

    def records(self) -> Iterator[ActionRecord]:
        """Yield every record, sorted by key. Raises `StoreCorrupt` at the first bad one; see also `audit`."""
        for key in self.keys():
            record = self.get(key)
            if record is not None:
                yield record

    def audit(self) -> Iterator[ActionRecord | StoreError]:
        """Yield every record or the error it raises, sorted by key."""
        for key in self.keys():
            try:
                record = self.get(key)
            except StoreError as error:
                yield error
            else:
                if record is not None:
                    yield record

    def strangers(self) -> Iterator[Path]:
        """Yield the files below the folder that no record would have as its name."""
        for path in files_on_shelves(self.folder):
            if not _is_record_name(path):
                yield path

    def _name(self, key: Key) -> str:
        if not is_digest(key):
            raise ValueError(f"no key: {key!r}")
        return f"{self._base}/{key[:2]}/{key}.json"

    def _need_writable(self) -> None:
        if not self._is_writable:
            raise StoreReadOnly(f"{self.folder} was opened for reading only")


class Brief(Struct, frozen=True, gc=False):
    """What planning needs of a record: which bytes a key became, where they are kept, and whom they were made for."""

    digest: Digest
    size_bytes: int
    suffix: str
    node: NodeId
    board: str
    can_fetch: bool


class _Facts(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    audio_codec: str
    codec: str
    container: str
    duration: str | None
    fps: str | None
    frames: int
    has_audio: bool
    height: int
    width: int


class _Cost(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    credits: int | None
    is_ceiling: bool
    micro_usd: int | None


class _Receipt(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    account: str
    job_id: str
    media_id: str
    model: str
    provider: str
    seed: int | None


class _Written(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The members of a file, each of its exact type. The document, the largest, is read only when it is asked for."""

    board: str
    cost: _Cost
    digest: str
    document: Raw
    facts: _Facts
    key: str
    node: str
    receipt: _Receipt | None
    seed: int
    size_bytes: int
    suffix: str
    take: int
    version: int = field(name=KIND)


_read_written = JsonDecoder(_Written).decode


def encode_record(record: ActionRecord) -> bytes:
    """Return the record as the bytes of its file."""
    facts, receipt = record.facts, record.receipt
    members = asdict(record) | {
        "cost": asdict(record.cost),
        "facts": asdict(facts) | {"fps": _fraction_text(facts.fps), "duration": _fraction_text(facts.duration)},
        "receipt": None if receipt is None else asdict(receipt),
    }
    return seal(KIND, VERSION, members)


def parse_record(raw: bytes, key: Key, path: str) -> ActionRecord:
    """Return the record in the bytes of its file. Raises `StoreCorrupt` when anything is off.

    `path` is for the message only; the file must be that of `key`.
    """
    try:
        return _record(_written(raw, key))
    except SealError as reason:
        raise _unusable(path, reason) from None


def _record(written: _Written) -> ActionRecord:
    facts, receipt = asdict(written.facts), written.receipt
    document = read_json(bytes(written.document))
    if type(document) is not dict:
        raise SealError("its document is no object")
    return ActionRecord(
        key=written.key,
        document=document,
        digest=written.digest,
        size_bytes=written.size_bytes,
        suffix=written.suffix,
        facts=MediaFacts(**{**facts, "fps": _fraction(facts["fps"]), "duration": _fraction(facts["duration"])}),
        receipt=None if receipt is None else Receipt(**asdict(receipt)),
        node=written.node,
        take=written.take,
        seed=written.seed,
        cost=Cost(**asdict(written.cost)),
        board=written.board,
    )


def _unusable(path: str, reason: SealError) -> StoreError:
    """Say which file it is that cannot be used."""
    if isinstance(reason, NewerError):
        return StoreError(f"cannot use {path}: {reason}", "Use that version of veospec; nothing was changed.")
    return StoreCorrupt(
        f"the record {path} is damaged: {reason}; it was not used",
        "Bring it back from a backup. Until then nothing is made or bought in its place.",
    )


def _written(raw: bytes, key: Key) -> _Written:
    body = body_of(raw)
    try:
        written = _read_written(body)
    except (ValueError, RecursionError):
        found = read_json(body)
        check_version(found.get(KIND), KIND, VERSION)
        raise SealError("it has not the members that it must have") from None
    check_version(written.version, KIND, VERSION)
    if written.key != key:
        raise SealError(f"it belongs to the key {written.key[:12]}…")
    if not is_digest(written.digest) or not is_suffix(written.suffix):
        raise SealError("a digest or a suffix is not one")
    if written.size_bytes < 0 or written.take < 1:
        raise SealError("a number is out of its range")
    return written


def _fraction_text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


@lru_cache(maxsize=256)
def _fraction(text: str | None) -> Fraction | None:
    if text is None:
        return None
    if len(text) > 40:
        raise SealError("a fraction is too long")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise SealError("a fraction is not one") from None


def _is_record_name(path: Path) -> bool:
    return path.suffix == ".json" and is_digest(path.stem) and path.parent.name == path.name[:2]


def _read(path: str) -> bytes | None:
    """Return what a file begins with, all of a record that it may hold: the seal tells whether it is one."""
    try:
        fd = os.open(path, _READ)
        try:
            raw = os.read(fd, _USUAL_BYTES)
            return raw if len(raw) < _USUAL_BYTES else raw + _rest(fd, path)
        finally:
            os.close(fd)
    except FileNotFoundError:
        return None
    except (IsADirectoryError, BlockingIOError):
        raise StoreCorrupt(f"the record {path} is damaged: it is no regular file") from None
    except OSError as error:
        raise from_os_error(error, "read", path) from error


def _rest(fd: int, path: str) -> bytes:
    """Return the rest of a long record."""
    seen = os.fstat(fd)
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > MAX_RECORD_BYTES:
        raise StoreCorrupt(f"the record {path} is damaged: it is no regular file or far too large")
    return os.read(fd, MAX_RECORD_BYTES)
