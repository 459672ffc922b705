"""What store, journal and the committed manifest know together, answered one key at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import replace

from veospec.errors import StoreCorrupt
from veospec.model import Digest, Key
from veospec.plan.keys import canonical
from veospec.plan.values import Document, Flight, Head, Known, StepId
from veospec.quick import Stamp, stamp_of
from veospec.run.flights import Snapshot
from veospec.store.actions import ActionRecord, Brief
from veospec.store.heads import Newest, heads_name
from veospec.store.layout import Store


class StoredInventory(Struct):
    """An inventory over an open store.

    `committed` reads the committed manifest, which gives a digest for (step, key); nobody reads it without a miss. With
    `only_looks` it also tells which requests another process is just sending; who writes waits for these instead.
    """

    store: Store
    board: str
    journal: Snapshot
    committed: Callable[[], Mapping[tuple[StepId, Key], Digest]] = dict
    should_verify: bool = False
    trusts_seals: bool = False
    only_looks: bool = False
    looks_for_near: bool = False
    retries_failed: bool = False
    provider: str = "local"
    _heads: Newest | None = None
    _committed: Mapping[tuple[StepId, Key], Digest] | None = None
    _briefs: dict[Key, Brief | None] = field(default_factory=dict)
    _records: dict[Key, ActionRecord | None] = field(default_factory=dict)
    _looks: dict[Key, Stamp] = field(default_factory=dict)

    def record(self, key: Key) -> ActionRecord | None:
        """Return the record of a key, read once. Raises `StoreCorrupt`."""
        if key not in self._records:
            self._records[key] = self.store.actions.get(key)
        return self._records[key]

    def brief(self, key: Key) -> Brief | None:
        """Return the brief of a key, read once. Raises `StoreCorrupt`."""
        if key not in self._briefs:
            self._briefs[key] = self.store.actions.brief(key)
        return self._briefs[key]

    def known(self, key: Key) -> Known | None:
        """Return the stored take of a key, and whether its bytes are there."""
        brief = self.brief(key)
        if brief is None:
            return None
        return Known(key, brief.digest, self._is_present(key, brief), brief.node, brief.board, brief.can_fetch)

    def look(self, key: Key) -> Stamp | None:
        """Return how the bytes of a key looked when they were found to be there."""
        return self._looks.get(key)

    def _is_present(self, key: Key, brief: Brief) -> bool:
        blobs = self.store.blobs
        if not self.should_verify:
            seen = blobs.known(brief.digest, brief.suffix, brief.size_bytes, trusts_seal=self.trusts_seals)
            if seen is not None:
                self._looks[key] = stamp_of(seen)
                return True
        hashed = blobs.verify if self.should_verify else blobs.ensure
        try:
            path = hashed(brief.digest, brief.suffix, brief.size_bytes)
        except StoreCorrupt:
            return False
        with suppress(OSError):  # whatever happens to it now, it was there
            self._looks[key] = stamp_of(path.lstat())
        return True

    def document(self, key: Key) -> Document | None:
        """Return the key document that was stored with a take."""
        record = self.record(key)
        return None if record is None else record.document

    def flight(self, key: Key) -> Flight | None:
        """Return what the journal says of a key that is live or was refused."""
        found = self.journal.flight(key)
        if found is None or (found.state == "failed" and self.retries_failed):
            return None
        if self.only_looks and found.state in ("submitting", "unknown"):
            holder = self.store.locks.holder(key)
            return found if holder is None else replace(found, holder=str(holder))
        return found

    def head(self, step: StepId) -> Head | None:
        """Return what a step accepted last."""
        if self._heads is None:
            self._heads = self.store.heads.newest(heads_name(self.board, self.provider))
        found = self._heads.get(step)
        return None if found is None else Head(found.keys[0], found.upstream)

    def elsewhere(self, step: StepId, key: Key) -> Digest | None:
        """Return the digest that the committed manifest gives for a key."""
        if self._committed is None:
            self._committed = self.committed()
        return self._committed.get((step, key))

    def nearest(self, document: Document) -> Key | None:
        """Return the stored key whose document shares most with this one; None unless asked to look.

        Reads every record, so only `explain` asks.
        """
        if not self.looks_for_near:
            return None
        wanted = _parts(document)
        best: tuple[float, Key] | None = None
        for record in self.store.actions.records():
            if record.document.get("mode") != document.get("mode"):
                continue
            parts = _parts(record.document)
            score = len(wanted & parts) / max(1, len(wanted | parts))
            if score >= 0.5 and (best is None or score > best[0]):
                best = (score, record.key)
        return None if best is None else best[1]


def _parts(document: Document) -> frozenset[bytes]:
    found = {canonical({name: value}) for name, value in document.items() if name != "prompt"}
    found |= {word.encode() for word in str(document.get("prompt", "")).split()}
    return frozenset(found)
