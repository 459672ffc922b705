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

from msgspec import Struct

from veospec.errors import StoreCorrupt, StoreError, StoreReadOnly
from veospec.model import Cost, Digest, Key, MediaFacts, NodeId
from veospec.providers.base import Receipt
from veospec.store.blobs import Blobs, is_digest, is_suffix
from veospec.store.durable import create_file, make_folder, scratch_name, sync_folder
from veospec.store.faults import translated
from veospec.store.sealed import NewerError, SealError, seal, unseal

KIND = "veospec_action"
VERSION = 1
MAX_RECORD_BYTES = 4 << 20
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

    def get(self, key: Key) -> ActionRecord | None:
        """Return the record, or None only when there is no file of that name. Raises `StoreCorrupt`."""
        path = self._name(key)
        raw = _read(path)
        return None if raw is None else parse_record(raw, key, path)

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
        for path in self._files():
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
        for path in self._files():
            if not _is_record_name(path):
                yield path

    def _files(self) -> Iterator[Path]:
        try:
            shelves = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return
        with translated("read", self.folder):
            for shelf in shelves:
                if shelf.is_symlink() or not shelf.is_dir():
                    yield shelf
                    continue
                yield from sorted(shelf.iterdir())

    def _name(self, key: Key) -> str:
        if not is_digest(key):
            raise ValueError(f"no key: {key!r}")
        return f"{self._base}/{key[:2]}/{key}.json"

    def _need_writable(self) -> None:
        if not self._is_writable:
            raise StoreReadOnly(f"{self.folder} was opened for reading only")


def encode_record(record: ActionRecord) -> bytes:
    """Return the record as the bytes of its file."""
    facts, receipt, cost = record.facts, record.receipt, record.cost
    members = {
        "board": record.board,
        "cost": {"credits": cost.credits, "is_ceiling": cost.is_ceiling, "micro_usd": cost.micro_usd},
        "digest": record.digest,
        "document": record.document,
        "facts": {
            "audio_codec": facts.audio_codec,
            "codec": facts.codec,
            "container": facts.container,
            "duration": None if facts.duration is None else str(facts.duration),
            "fps": None if facts.fps is None else str(facts.fps),
            "frames": facts.frames,
            "has_audio": facts.has_audio,
            "height": facts.height,
            "width": facts.width,
        },
        "key": record.key,
        "node": record.node,
        "receipt": None
        if receipt is None
        else {
            "account": receipt.account,
            "job_id": receipt.job_id,
            "media_id": receipt.media_id,
            "model": receipt.model,
            "provider": receipt.provider,
            "seed": receipt.seed,
        },
        "seed": record.seed,
        "size_bytes": record.size_bytes,
        "suffix": record.suffix,
        "take": record.take,
    }
    return seal(KIND, VERSION, members)


def parse_record(raw: bytes, key: Key, path: str) -> ActionRecord:
    """Return the record in the bytes of its file. Raises `StoreCorrupt` when anything is off.

    `path` is for the message only; the file must be that of `key`.
    """
    try:
        members = unseal(raw, KIND, VERSION)
        record = _compose(members)
        if record.key != key:
            raise SealError(f"it belongs to the key {record.key[:12]}…")
    except NewerError as reason:
        raise StoreError(f"cannot use {path}: {reason}", "Use that version of veospec; nothing was changed.") from None
    except SealError as reason:
        raise StoreCorrupt(
            f"the record {path} is damaged: {reason}; it was not used",
            "Bring it back from a backup. Until then nothing is made or bought in its place.",
        ) from None
    return record


def _compose(members: Mapping[str, Any]) -> ActionRecord:
    _members(members, "record", _RECORD)
    facts, receipt, cost = members["facts"], members["receipt"], members["cost"]
    _members(facts, "facts", _FACTS)
    _members(cost, "cost", _COST)
    if receipt is not None:
        _members(receipt, "receipt", _RECEIPT)
    if not is_digest(members["key"]) or not is_digest(members["digest"]) or not is_suffix(members["suffix"]):
        raise SealError("a digest, a key or a suffix is not one")
    if members["size_bytes"] < 0 or members["take"] < 1:
        raise SealError("a number is out of its range")
    plain = {name: members[name] for name in ("key", "document", "digest", "size_bytes", "suffix", "node", "take")}
    return ActionRecord(
        **plain,
        facts=MediaFacts(**{**facts, "fps": _fraction(facts["fps"]), "duration": _fraction(facts["duration"])}),
        receipt=None if receipt is None else Receipt(**receipt),
        seed=members["seed"],
        cost=Cost(**cost),
        board=members["board"],
    )


_Types = tuple[type, ...]
_NOTHING = type(None)
_RECORD: dict[str, _Types] = {
    "board": (str,),
    "cost": (dict,),
    "digest": (str,),
    "document": (dict,),
    "facts": (dict,),
    "key": (str,),
    "node": (str,),
    "receipt": (dict, _NOTHING),
    "seed": (int,),
    "size_bytes": (int,),
    "suffix": (str,),
    "take": (int,),
}
_FACTS: dict[str, _Types] = {
    "audio_codec": (str,),
    "codec": (str,),
    "container": (str,),
    "duration": (str, _NOTHING),
    "fps": (str, _NOTHING),
    "frames": (int,),
    "has_audio": (bool,),
    "height": (int,),
    "width": (int,),
}
_COST: dict[str, _Types] = {"credits": (int, _NOTHING), "is_ceiling": (bool,), "micro_usd": (int, _NOTHING)}
_RECEIPT: dict[str, _Types] = {
    "account": (str,),
    "job_id": (str,),
    "media_id": (str,),
    "model": (str,),
    "provider": (str,),
    "seed": (int, _NOTHING),
}


def _members(found: Mapping[str, Any], what: str, wanted: Mapping[str, _Types]) -> None:
    """Raise `SealError` unless the members are exactly the wanted ones, each of its exact type."""
    if found.keys() != wanted.keys():
        raise SealError(f"the {what} has not the members that it must have")
    for name, types in wanted.items():
        if type(found[name]) not in types:
            raise SealError(f"{name} in the {what} has the wrong type")


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
    with translated("read", path):
        try:
            fd = os.open(path, _READ)
        except FileNotFoundError:
            return None
        try:
            seen = os.fstat(fd)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > MAX_RECORD_BYTES:
                raise StoreCorrupt(f"the record {path} is damaged: it is no regular file or far too large")
            # Not the most that it may be: room for four megabytes, ten thousand times, costs more than the reading.
            return os.read(fd, seen.st_size + 1)
        finally:
            os.close(fd)
