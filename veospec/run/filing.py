"""Put a finished file into the store: read what it is, move the bytes in, write the record. Blocks.

The order matters after a crash: bytes first, then the record that names them, then whatever says that the work is
done. A record therefore always has its bytes, and paid bytes without a record are found again by their key.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from veospec.errors import MediaError, StoreCorrupt
from veospec.model import Cost, Key, MediaFacts, NodeId
from veospec.providers.base import Receipt
from veospec.run.ports import MediaTools, Shelves
from veospec.store.actions import ActionRecord

SUFFIXES = {"mp4": ".mp4", "png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif"}


class Label(Struct, frozen=True):
    """What is written beside the bytes: everything of a record that the file itself does not say."""

    key: Key
    document: Mapping[str, Any]
    node: NodeId
    take: int
    seed: int
    cost: Cost
    board: str
    receipt: Receipt | None = None


def suffix_of(facts: MediaFacts) -> str:
    """Return the file suffix of a container. Raises `MediaError` for one that veospec does not make."""
    suffix = SUFFIXES.get(facts.container)
    if suffix is None:
        raise MediaError(f"a file of the unknown type {facts.container!r}", "Expected MP4, PNG, JPEG or WebP.")
    return suffix


def file_away(store: Shelves, media: MediaTools, fresh: Path, label: Label) -> ActionRecord:
    """Store a finished file from the scratch folder under its key and return the record that stands.

    `fresh` is gone afterwards, also when it is no media file. Raises `MediaError` and `StoreError`.
    """
    try:
        facts = media.probe(fresh)
        suffix = suffix_of(facts)
        blob = store.blobs.adopt(fresh, suffix)
    except MediaError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return store.actions.put(
        ActionRecord(
            key=label.key,
            document=label.document,
            digest=blob.digest,
            size_bytes=blob.size_bytes,
            suffix=suffix,
            facts=facts,
            receipt=label.receipt,
            node=label.node,
            take=label.take,
            seed=label.seed,
            cost=label.cost,
            board=label.board,
        )
    )


def look(store: Shelves, key: Key) -> ActionRecord | None:
    """Return the record of a key whose bytes are there and whole, or None. Raises `StoreCorrupt` for a bad record."""
    record = store.actions.get(key)
    if record is None:
        return None
    try:
        store.blobs.ensure(record.digest, record.suffix, record.size_bytes)
    except StoreCorrupt:
        return None
    return record


def was_made(store: Shelves, key: Key) -> bool:
    """Tell whether a key has a record, with or without its bytes: what has one is never simply bought again."""
    return store.actions.get(key) is not None
