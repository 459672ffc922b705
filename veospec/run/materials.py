"""Fill the slots of a request with files that hold exactly the bytes that were hashed.

A project file comes as a private copy of the very bytes in the key document, so that what is sent is what the key
says, whatever happens to the file meanwhile. A frame of a clip is extracted once per run, into the scratch folder.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from veospec.model import Character, Digest, FileSource, Input, Node, NodeId, NodeSource
from veospec.plan.values import Document
from veospec.providers.base import Material
from veospec.run.ports import Bench
from veospec.store.actions import ActionRecord
from veospec.store.durable import scratch_name

RecordOf: TypeAlias = Callable[[NodeId], ActionRecord]
"""Gives the record of a node's selected take, which is there."""

N = TypeVar("N")
T = TypeVar("T")

_TYPES = {".png": "png", ".jpg": "jpeg", ".webp": "webp", ".mp4": "mp4"}


class Materials:
    """The inputs of one run."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._files: dict[str, asyncio.Future[tuple[Path, str]]] = {}
        self._frames: dict[tuple[Digest, str], asyncio.Future[tuple[Path, Digest]]] = {}

    async def of(self, node: Node, document: Document, record_of: RecordOf) -> tuple[Material, ...]:
        """Return the filled slots of a request, in its order.

        Raises `PlanStale` when a project file is no longer what the key document says, `StoreCorrupt` when an
        upstream take is damaged, `MediaError` when a frame cannot be taken.
        """
        described = {entry["slot"]: entry for entry in document.get("inputs", ())}
        return tuple(
            [await self._entry(entry, described.get(entry.slot, {}), record_of) for entry in node.request.inputs]
        )

    def clear(self) -> None:
        """Remove the frames that were taken."""
        for made in self._frames.values():
            if made.done() and not made.cancelled() and made.exception() is None:
                with suppress(OSError):
                    made.result()[0].unlink(missing_ok=True)
        self._files.clear()
        self._frames.clear()

    async def _entry(self, entry: Input, described: Mapping[str, Any], record_of: RecordOf) -> Material:
        source = entry.source
        if isinstance(source, Character):
            pictures = described.get("images", ())
            parts = [
                await self._bytes(Input(entry.slot, image, entry.location), image, picture, record_of)
                for image, picture in zip(source.images, pictures, strict=True)
            ]
            return Material(entry, parts=tuple(parts))
        if isinstance(source, FileSource | NodeSource):
            return await self._bytes(entry, source, described, record_of)
        return Material(entry)

    async def _bytes(
        self, entry: Input, source: FileSource | NodeSource, described: Mapping[str, Any], record_of: RecordOf
    ) -> Material:
        if isinstance(source, FileSource):
            digest = described["sha256"]
            path, kind = await self._file(source.path, digest)
            return Material(entry, digest=digest, path=path, type=kind)
        record = record_of(source.node)
        clip = await self._bench.blocking(self._ensure, record)
        if not source.frame:
            kind = _TYPES.get(record.suffix, "")
            return Material(
                entry, digest=record.digest, path=clip, type=kind, facts=record.facts, receipt=record.receipt
            )
        path, digest = await self._frame(clip, record.digest, source.frame)
        return Material(entry, digest=digest, path=path, type="png", facts=record.facts)

    def _ensure(self, record: ActionRecord) -> Path:
        return self._bench.store.blobs.ensure(record.digest, record.suffix, record.size_bytes)

    async def _file(self, path: str, digest: Digest) -> tuple[Path, str]:
        return await self._once(self._files, digest, lambda: self._bench.take_file(path, digest))

    async def _frame(self, clip: Path, digest: Digest, frame: str) -> tuple[Path, Digest]:
        def extract() -> tuple[Path, Digest]:
            target = self._bench.store.scratch / scratch_name(".png")
            self._bench.media.frame(clip, frame, target)
            return target, hashlib.sha256(target.read_bytes()).hexdigest()

        return await self._once(self._frames, (digest, frame), extract)

    async def _once(
        self, made: dict[N, asyncio.Future[tuple[Path, T]]], name: N, work: Callable[[], tuple[Path, T]]
    ) -> tuple[Path, T]:
        """Do the work once, however many wait for it; a failure is for all of them."""
        waiting = made.get(name)
        if waiting is None:
            waiting = made[name] = asyncio.ensure_future(self._bench.blocking(work))
        return await asyncio.shield(waiting)
