"""What the modules of the paid path share in one run: settings, and the objects that hold its state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from veospec.errors import ApiError, Scope
from veospec.model import Kind, Node, NodeId, Policy
from veospec.plan.values import Ceiling, StepId
from veospec.providers.base import Remote
from veospec.run.events import Listener, Note, Phase, RunEvent, StepProgress, Waiting
from veospec.run.halt import Halt
from veospec.run.limits import Departures, Downloads, Gates, Limits, Pace, Slots
from veospec.run.looks import Looks
from veospec.run.materials import Materials
from veospec.run.ports import Bench
from veospec.run.rows import Record
from veospec.run.scribe import Scribe
from veospec.store.lock import Holder

T = TypeVar("T")

VIDEO, IMAGE = "video", "image"


class Settings(Struct, frozen=True):
    """One paid run. `run` is its id, `process` names this process for people.

    `usual_s` tells how long a job of a model usually takes (None: unknown), `deadline_s` how long one is watched,
    `most_takes` how many takes of a node fit in one request. `new_id` returns 32 random hex letters. `say` writes a
    line for people when nothing else can hold it any more.
    """

    run: str
    process: str
    ceiling: Ceiling
    policy: Policy
    limits: Limits
    usual_s: Callable[[str], float | None]
    deadline_s: Callable[[str], float]
    most_takes: Callable[[Node], int]
    new_id: Callable[[], str]
    rescue_folder: Path
    say: Callable[[str], None]


class Denial(Struct, frozen=True):
    """Why an account, or a model of it, is of no use in this run. `is_stopped`: it may be of use in the next one."""

    reason: str
    hint: str
    is_stopped: bool


class Kit:
    """The shared objects of one paid run."""

    def __init__(
        self,
        bench: Bench,
        remote: Remote,
        scribe: Scribe,
        halt: Halt,
        listener: Listener,
        settings: Settings,
        rnd: random.Random,
    ) -> None:
        limits = settings.limits
        self.bench = bench
        self.remote = remote
        self.scribe = scribe
        self.halt = halt
        self.settings = settings
        self.rnd = rnd
        self.materials = Materials(bench)
        self.slots = Slots({VIDEO: limits.videos_per_account, IMAGE: limits.images_per_account})
        self.gates = Gates(bench.clock)
        self.pace = Pace(bench.clock, limits.gap_s)
        self.departures = Departures()
        self.downloads = Downloads(limits.downloads, lambda: self.slots.most_in_use)
        self.looks = Looks(limits, rnd)
        self._listener = listener
        self._told: set[str] = set()
        self._denials: dict[tuple[str, str], Denial] = {}
        self._followed: set[asyncio.Task[Any]] = set()

    def now(self) -> datetime:
        """Return the instant."""
        return self.bench.clock.now()

    def tell(self, event: RunEvent) -> None:
        """Tell the listeners."""
        self._listener.tell(event)

    def note(self, text: str, step: StepId | None = None) -> None:
        """Tell a sentence."""
        self.tell(Note(text, step))

    def explain(self, error: ApiError) -> None:
        """Tell why something is not made in this run, once however many steps it concerns."""
        text = f"{error.message}. {error.hint}".rstrip(". ")
        if text not in self._told:
            self._told.add(text)
            self.note(text)

    def progress(
        self, steps: tuple[StepId, ...], phase: Phase, elapsed_s: float = 0.0, expected_s: float | None = None
    ) -> None:
        """Tell how far steps have come."""
        for step in steps:
            self.tell(StepProgress(step, phase, elapsed_s, expected_s))

    def waits_for(self, steps: tuple[StepId, ...]) -> Callable[[Holder], None]:
        """Return what tells that another process holds a key of these steps."""

        def tell(holder: Holder) -> None:
            self.tell(Waiting(steps, f"{holder} makes the same take", None))

        return tell

    async def stop_for(self, error: ApiError, account: str, model: str) -> None:
        """Stop as much as the scope of an error says: nothing, a model of an account, the account, the run."""
        if error.scope is Scope.RUN:
            self.halt.dead(error)
        if error.scope not in (Scope.ACCOUNT, Scope.MODEL):
            return
        name = model if error.scope is Scope.MODEL else ""
        is_stopped = error.scope is Scope.ACCOUNT or error.retry_after_s is not None
        if is_stopped and (account, name) not in self._denials:
            self.explain(error)
        self._denials[account, name] = Denial(error.message, error.hint, is_stopped)
        self.remote.bar(account, name, error)
        run, now = self.settings.run, self.now()
        await self.scribe.do(lambda journal: journal.deny(run, account, name, error.message, now))

    def denied(self, account: str, model: str) -> Denial | None:
        """Return why an account may not use a model in this run, or None."""
        return self._denials.get((account, "")) or self._denials.get((account, model))

    def follow(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that must come to its end, whatever becomes of who asked for it; `settle` waits for it."""
        task = asyncio.ensure_future(work)
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return task

    async def settle(self) -> None:
        """Wait for the end of everything that is followed."""
        while self._followed:
            await asyncio.gather(*self._followed, return_exceptions=True)


def steps_of(record: Record) -> tuple[StepId, ...]:
    """Return the steps that an attempt was made for."""
    return tuple((record.attempt.node, entry.take) for entry in record.entries)


def lane_of(node: Node) -> str:
    """Return the lane of a node's requests: pictures are made while one waits, videos are jobs."""
    is_picture = node.kind is Kind.STILL or (node.kind is Kind.UPSCALE and node.request.duration is None)
    return IMAGE if is_picture else VIDEO


def lane_of_path(path: str) -> str:
    """Return the lane of a request by the path it went to."""
    return IMAGE if "images" in path else VIDEO


def resolve_hint(node: NodeId) -> str:
    """Return the command with which a person ends an unclear state."""
    return f"veospec resolve {node} --adopt JOB | --retry | --forget"
