"""What a run is given by the rest of the program, as narrow contracts: the edge fills them, tests fake them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from veospec.model import Digest, Key, MediaFacts, NodeId
from veospec.plan.values import Document, Step
from veospec.store.actions import ActionRecord, Actions
from veospec.store.blobs import Blobs
from veospec.store.heads import Heads
from veospec.store.lock import Locks

T = TypeVar("T")

ResolveKey: TypeAlias = Callable[[Step, Mapping[NodeId, Digest]], tuple[Key, Document]]
"""Gives the key of a step whose inputs are all there now; `upstream` maps nodes to the digests of their selected
takes."""


class Clock(Protocol):
    """The only source of time in a run."""

    def now(self) -> datetime:
        """Return the instant, UTC-aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the instant, UTC-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Shelves(Protocol):
    """The store, as far as a run uses it; `scratch` is a folder in its file system for files that are being made."""

    @property
    def blobs(self) -> Blobs: ...

    @property
    def actions(self) -> Actions: ...

    @property
    def heads(self) -> Heads: ...

    @property
    def locks(self) -> Locks: ...

    @property
    def scratch(self) -> Path: ...


class MediaTools(Protocol):
    """The media work of a run. Every method blocks, may run in a thread, and raises `MediaError`."""

    def probe(self, path: Path) -> MediaFacts:
        """Read what a finished file is."""
        ...

    def frame(self, clip: Path, frame: str, target: Path) -> None:
        """Write one frame (`first`, `last` or a number) as PNG into `target`; the same clip gives the same bytes."""
        ...

    def join(self, source: Path, segment: Path, overlap: Fraction, target: Path) -> None:
        """Write source and segment as one clip; `overlap` seconds are cut from the segment's head."""
        ...


class TakeFile(Protocol):
    """Gives an input of the project as a private file that nobody changes (`ProjectFiles.snapshot`)."""

    def __call__(self, path: str, digest: Digest) -> tuple[Path, str]:
        """Return a file that holds exactly the bytes of `digest`, and its type (`png`, `jpeg`, `webp`, `mp4`).

        Raises `PlanStale` when the project's file is another one by now, `SpecError` when it may not be read.
        """
        ...


def _nothing(record: ActionRecord) -> None:
    del record


class Bench(Struct, frozen=True):
    """Where a run works and with what. `board` names the storyboard in the store (`heads.board_name`).

    `quick` does what takes less than a millisecond and must not queue behind what takes longer. `has_made` is told the
    record of each take that this run brought in; it must return at once.
    """

    store: Shelves
    board: str
    media: MediaTools
    take_file: TakeFile
    resolve_key: ResolveKey
    clock: Clock
    executor: Executor
    quick: Executor
    has_made: Callable[[ActionRecord], None] = _nothing

    async def blocking(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do blocking work beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work, *arguments)

    async def quickly(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do short work that may wait for a disk beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.quick, work, *arguments)
