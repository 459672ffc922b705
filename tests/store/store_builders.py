"""Small builders for the tests of the store room."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256
from typing import Any

from veospec.model import FREE, Cost, MediaFacts
from veospec.providers.base import Receipt
from veospec.store.actions import ActionRecord
from veospec.store.blobs import Blob
from veospec.store.layout import Store

FACTS = MediaFacts("mp4", "h264", 1280, 720, 192, Fraction(24), Fraction(8), has_audio=True, audio_codec="aac")
PAID = Cost(20, 0)
RECEIPT = Receipt("flow", account="ada@example.org", job_id="j1", media_id="m1", seed=7, model="veo-3.1-fast")


def key(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def record_of(
    blob: Blob,
    name: str = "one",
    *,
    node: str = "SH010",
    take: int = 1,
    cost: Cost = FREE,
    receipt: Receipt | None = None,
    document: Mapping[str, Any] | None = None,
    board: str = "shots.yaml",
) -> ActionRecord:
    return ActionRecord(
        key=key(name),
        document=document or {"veospec_key": 1, "prompt": "a kite"},
        digest=blob.digest,
        size_bytes=blob.size_bytes,
        suffix=blob.suffix,
        facts=FACTS,
        receipt=receipt,
        node=node,
        take=take,
        seed=1,
        cost=cost,
        board=board,
    )


def stored(store: Store, name: str = "one", **more: Any) -> ActionRecord:
    """Store a clip whose bytes and key follow from the name, accepted by its storyboard."""
    blob = store.blobs.put_bytes(f"clip {name}".encode() * 100, ".mp4")
    record = store.actions.put(record_of(blob, name, **more))
    store.heads.accept(record.board, {(record.node, record.take): record.key})
    return record
