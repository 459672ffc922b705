"""Carry out a plan: every step starts when the takes it needs are stored, and ends in exactly one outcome.

The graph is here, and only here; how a take is made is a `Maker`'s business (`local`, `remote`). One task per node
waits for its inputs, learns the keys that could not be known before, and hands what is missing to the maker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from veospec.errors import StoreError, VeospecError
from veospec.model import FREE, Digest, Key, NodeId
from veospec.plan.keys import upstream_slots
from veospec.plan.values import Action, Document, Plan, Step, StepId
from veospec.run.events import Ended, Listener, RunDone, RunStarted, StepDone
from veospec.run.halt import Halt
from veospec.run.outcome import Outcome, Report
from veospec.run.ports import Bench
from veospec.store.actions import ActionRecord
from veospec.store.heads import heads_name

HEADS_AT_ONCE = 50
"""Finished steps before what the storyboard accepted is first written; twice as many each time after that, because the
whole file is written. Losing some costs history only."""


class Wanted(Struct, frozen=True):
    """One take that is not simply there, with its key."""

    step: Step
    key: Key
    document: Document


class Call(Struct, frozen=True):
    """What a maker gets for one node: the wanted takes, the inputs' records, and where to say how each ended.

    `done` is called exactly once per take, as soon as it ended: others wait for it.
    """

    wanted: tuple[Wanted, ...]
    record_of: Callable[[NodeId], ActionRecord]
    done: Callable[[Outcome], None]


class Maker(Protocol):
    """Makes takes."""

    async def open(self, plan: Plan) -> None:
        """Do what comes before the first step."""
        ...

    async def make(self, call: Call) -> None:
        """Make the takes of one node. May raise `VeospecError`; takes without an outcome then fail with it."""
        ...

    async def close(self) -> None:
        """End what is still going on, without losing anything."""
        ...


class Runner:
    """One apply. `run` is called once; `interrupt` may be called at any time, from the event loop's thread."""

    def __init__(
        self, plan: Plan, bench: Bench, maker: Maker, halt: Halt, listener: Listener, *, run: str = ""
    ) -> None:
        self._plan = plan
        self._bench = bench
        self._maker = maker
        self._halt = halt
        self._listener = listener
        self._run = run
        self._ends: dict[StepId, asyncio.Future[Outcome]] = {}
        self._accepted: dict[StepId, Key] = {}
        self._heads_at_once = HEADS_AT_ONCE
        self._slots = {node.id: upstream_slots(node) for node in plan.storyboard.nodes if node.upstream}

    def interrupt(self) -> None:
        """Begin nothing new; jobs that go on elsewhere stay pending."""
        self._halt.interrupt()

    async def run(self) -> Report:
        """Carry out the plan and return how every step ended.

        A fault of one step is an outcome; only a bug or a cancelled task raises.
        """
        steps = self._plan.steps
        loop = asyncio.get_running_loop()
        self._ends = {step.id: loop.create_future() for step in steps}
        to_do = sum(step.action is not Action.REUSE for step in steps)
        self._listener.tell(RunStarted(self._run, self._plan.provider, len(steps), to_do))
        try:
            await self._all_nodes()
        finally:
            await self._maker.close()
            self._flush_heads()
        outcomes = tuple(self._ends[step.id].result() for step in steps)
        spent = sum((o.cost for o in outcomes), FREE)
        report = Report(self._run, outcomes, spent, self._halt.why, self._halt.error)
        self._listener.tell(RunDone(int(report.exit), _counts(outcomes), spent))
        return report

    async def _all_nodes(self) -> None:
        work: list[tuple[Step, ...]] = []
        for step in self._plan.steps:
            if step.action is Action.REUSE:
                self._done(Outcome(step, Ended.REUSED, step.key, step.digest, reason=step.reason.text))
        waiting = (step for step in self._plan.steps if step.action is not Action.REUSE)
        for _, group in groupby(waiting, key=lambda step: (step.node.id, step.action is Action.SHARE)):
            work.append(tuple(group))
        if not work:
            return
        await self._guarded(self._maker.open(self._plan))
        try:
            async with asyncio.TaskGroup() as tasks:
                for steps in work:
                    tasks.create_task(self._shared(steps) if steps[0].action is Action.SHARE else self._node(steps))
        except BaseExceptionGroup as group:
            raise _first(group) from group

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Let a fault of the store, or of the whole run, stop the run instead of ending the program."""
        try:
            await work
        except VeospecError as error:
            self._halt.fault(error)

    async def _shared(self, steps: Sequence[Step]) -> None:
        """Wait for the step that makes the same take."""
        for step in steps:
            assert step.shares is not None
            other = await self._ends[step.shares]
            if other.has_bytes:
                text = f"the same request as {other.step.label}"
                self._done(replace(other, step=step, state=Ended.REUSED, cost=FREE, reason=text))
            else:
                self._done(replace(other, step=step, cost=FREE))

    async def _node(self, steps: Sequence[Step]) -> None:
        waiting_for: dict[StepId, None] = {need: None for step in steps for need in step.requires}
        needed = [await self._ends[need] for need in waiting_for]
        missing = [outcome for outcome in needed if not outcome.has_bytes]
        if missing:
            names = ", ".join(outcome.step.label for outcome in missing)
            state = Ended.STOPPED if self._halt.is_stopping() else Ended.BLOCKED
            for step in steps:
                self._done(Outcome(step, state, step.key, reason=f"needs {names}", hint=missing[0].hint))
            return
        by_node = {outcome.step.node.id: outcome for outcome in needed}
        try:
            wanted = tuple(self._wanted(step, by_node) for step in steps)
            await self._maker.make(Call(wanted, lambda node: self._record(by_node[node]), self._done))
        except VeospecError as error:
            self._halt.fault(error)
            for step in self._open(steps):
                self._done(Outcome(step, Ended.FAILED, step.key, reason=error.message, hint=error.hint))
        self._stop(self._open(steps))

    def _wanted(self, step: Step, by_node: Mapping[NodeId, Outcome]) -> Wanted:
        if step.key is not None and step.document is not None:
            return Wanted(step, step.key, step.document)
        upstream: dict[NodeId, Digest] = {node: outcome.digest for node, outcome in by_node.items()}
        key, document = self._bench.resolve_key(step, upstream)
        return Wanted(step, key, document)

    def _record(self, outcome: Outcome) -> ActionRecord:
        if outcome.record is not None:
            return outcome.record
        assert outcome.key is not None
        record = self._bench.store.actions.get(outcome.key)
        if record is None:
            raise StoreError(f"the record of {outcome.step.label} is gone", "Run `veospec cache verify`.")
        return record

    def _open(self, steps: Iterable[Step]) -> list[Step]:
        return [step for step in steps if not self._ends[step.id].done()]

    def _stop(self, steps: Iterable[Step]) -> None:
        why = self._halt.why
        for step in steps:
            reason, hint = (why.reason, why.hint) if why else ("not begun", "")
            self._done(Outcome(step, Ended.STOPPED, step.key, reason=reason, hint=hint))

    def _done(self, outcome: Outcome) -> None:
        self._ends[outcome.step.id].set_result(outcome)
        if outcome.step.action is not Action.REUSE:
            self._listener.tell(
                StepDone(outcome.step.id, outcome.state, outcome.digest, outcome.cost, outcome.reason, outcome.hint)
            )
        if outcome.record is not None and outcome.state in (Ended.MADE, Ended.RESUMED):
            self._bench.has_made(outcome.record)
        if outcome.has_bytes and outcome.key is not None and not outcome.step.stale:
            self._accepted[outcome.step.id] = outcome.key
            if outcome.step.action is not Action.REUSE and len(self._accepted) >= self._heads_at_once:
                self._flush_heads()

    def _flush_heads(self) -> None:
        accepted, self._accepted = self._accepted, {}
        self._heads_at_once *= 2
        if not accepted:
            return
        try:
            upstream = {place: self._slots.get(place[0], {}) for place in accepted}
            board = heads_name(self._bench.board, self._plan.provider)
            self._bench.store.heads.accept(board, accepted, upstream)
        except StoreError as error:
            self._halt.fault(error)


def _counts(outcomes: Iterable[Outcome]) -> tuple[tuple[str, int], ...]:
    found = [outcome.state for outcome in outcomes]
    return tuple((state.value, found.count(state)) for state in Ended if state in found)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group of groups: what a person has to see."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
