"""Make takes on this machine: a free renderer in a pool of workers, and the local join of every provider.

Nothing here can cost money, so there is no journal; a lease per key keeps two runs from drawing the same take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from veospec.errors import MediaError, VeospecError
from veospec.model import Kind
from veospec.plan.values import Plan
from veospec.providers.base import Material, Order, Renderer
from veospec.run.events import Ended, Listener, Phase, StepProgress, StepStarted, Waiting, Work
from veospec.run.filing import Label, file_away, look
from veospec.run.halt import Halt
from veospec.run.leases import leases
from veospec.run.materials import Materials
from veospec.run.outcome import Outcome
from veospec.run.ports import Bench
from veospec.run.runner import Call, Wanted
from veospec.store.actions import ActionRecord
from veospec.store.durable import scratch_name
from veospec.store.faults import translated
from veospec.store.lock import Holder


class LocalMaker:
    """Draws takes, `workers` at a time."""

    def __init__(
        self,
        renderer: Renderer | None,
        bench: Bench,
        materials: Materials,
        halt: Halt,
        listener: Listener,
        *,
        workers: int,
    ) -> None:
        self._renderer = renderer
        self._bench = bench
        self._materials = materials
        self._halt = halt
        self._listener = listener
        # Bounded before the lease, not after it: each waiting take would hold an open lock file.
        self._desks = asyncio.Semaphore(workers)

    async def open(self, plan: Plan) -> None:
        """Nothing comes before the first step."""

    async def close(self) -> None:
        """Remove the copies of the inputs."""
        self._materials.clear()

    async def make(self, call: Call) -> None:
        """Draw the takes of one node side by side."""
        async with asyncio.TaskGroup() as tasks:
            for wanted in call.wanted:
                tasks.create_task(self._take(wanted, call))

    async def _take(self, wanted: Wanted, call: Call) -> None:
        step = wanted.step
        async with self._desks:
            try:
                outcome = await self._made(wanted, call)
            except VeospecError as error:
                self._halt.fault(error)
                outcome = Outcome(step, Ended.FAILED, wanted.key, reason=error.message, hint=error.hint)
        if outcome is not None:
            call.done(outcome)

    async def _made(self, wanted: Wanted, call: Call) -> Outcome | None:
        """Return the outcome, or None when the run stopped first."""
        step, key = wanted.step, wanted.key

        def waiting(holder: Holder) -> None:
            self._listener.tell(Waiting((step.id,), f"{holder} makes the same take", None))

        if self._halt.is_stopping():
            return None
        async with leases(self._bench, (key,), self._halt, waiting) as is_ours:
            if not is_ours:
                return None
            there = await self._bench.blocking(look, self._bench.store, key)
            if there is not None:
                text = "made meanwhile" if there.board == self._bench.board else "the same request was made before"
                return Outcome(step, Ended.REUSED, key, there.digest, there, reason=text)
            began = self._bench.clock.monotonic()
            is_join = step.node.kind is Kind.JOIN
            self._listener.tell(StepStarted(step.id, Work.JOIN if is_join else Work.DRAW))
            materials = await self._materials.of(step.node, wanted.document, call.record_of)
            if self._halt.is_stopping():
                return None
            record = await self._bench.blocking(self._draw, wanted, materials)
            self._listener.tell(StepProgress(step.id, Phase.STORE, self._bench.clock.monotonic() - began))
            return Outcome(step, Ended.MADE, key, record.digest, record, reason=step.reason.text)

    def _draw(self, wanted: Wanted, materials: tuple[Material, ...]) -> ActionRecord:
        """Draw one take and file it; runs in a worker."""
        step = wanted.step
        suffix = ".mp4" if _is_moving(step.node.kind, materials) else ".png"
        target = self._bench.store.scratch / scratch_name(suffix)
        seed = step.node.request.seed + step.take - 1
        try:
            order = Order(step.node, (step.take,), (wanted.key,), seed, materials)
            with translated("draw into", target):
                self._painter(step.node.kind)(order, target)
            label = Label(
                key=wanted.key,
                document=wanted.document,
                node=step.node.id,
                take=step.take,
                seed=seed,
                cost=step.cost,
                board=self._bench.board,
            )
            return file_away(self._bench.store, self._bench.media, target, label)
        finally:
            with suppress(OSError):
                target.unlink(missing_ok=True)

    def _painter(self, kind: Kind) -> Callable[[Order, Path], None]:
        if kind is Kind.JOIN:
            return self._join
        assert self._renderer is not None
        return self._renderer.render

    def _join(self, order: Order, target: Path) -> None:
        slots = {material.entry.slot: material.path for material in order.materials}
        source, segment = slots.get("source"), slots.get("segment")
        if source is None or segment is None:
            raise MediaError(f"{order.node.id} lacks a clip to join")
        self._bench.media.join(source, segment, order.node.request.overlap, target)


def _is_moving(kind: Kind, materials: tuple[Material, ...]) -> bool:
    """Tell whether a clip comes out: an upscale gives what its source is."""
    if kind is Kind.UPSCALE:
        return any(material.type == "mp4" for material in materials)
    return kind is not Kind.STILL
