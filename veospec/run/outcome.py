"""How the steps of a run ended, and which exit code that is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from veospec.errors import Exit, VeospecError
from veospec.model import FREE, Cost, Digest, Key
from veospec.plan.values import Step, StepId
from veospec.run.events import Ended
from veospec.store.actions import ActionRecord

HAS_BYTES = frozenset({Ended.MADE, Ended.REUSED, Ended.RESUMED})
"""Outcomes on which other steps can build."""


class Outcome(Struct, frozen=True):
    """How one step ended. `record` is what the store holds; None without bytes, and for a step that was reused as
    planned, whose record lies in the store under `key`. `cost` is what this run spent."""

    step: Step
    state: Ended
    key: Key | None = None
    digest: Digest = ""
    record: ActionRecord | None = None
    cost: Cost = FREE
    reason: str = ""
    hint: str = ""

    @property
    def has_bytes(self) -> bool:
        """True when other steps can build on it."""
        return self.state in HAS_BYTES


class Stop(Struct, frozen=True):
    """Why nothing new is begun any more; `exit` is the code that this alone would give."""

    reason: str
    hint: str
    exit: Exit


class Report(Struct, frozen=True):
    """The result of a run: outcomes in the order of the plan, the frames that were taken from clips (PNG files in the
    scratch folder, by (clip digest, frame)), and why it stopped early."""

    run: str
    outcomes: tuple[Outcome, ...]
    spent: Cost
    stop: Stop | None = None
    error: VeospecError | None = None

    @property
    def exit(self) -> Exit:
        """The exit code of the whole run."""
        return exit_code(self.outcomes, self.stop)

    def of(self, step: StepId) -> Outcome | None:
        """Return the outcome of a step."""
        return next((o for o in self.outcomes if o.step.id == step), None)


def exit_code(outcomes: Iterable[Outcome], stop: Stop | None) -> Exit:
    """Return the exit code: what stopped the run, else pending before failed, else done."""
    if stop is not None:
        return stop.exit
    states = {outcome.state for outcome in outcomes}
    if states & {Ended.STOPPED}:
        return Exit.STOPPED
    if states & {Ended.PENDING, Ended.HELD}:
        return Exit.PENDING
    if states & {Ended.FAILED, Ended.REFUSED, Ended.BLOCKED}:
        return Exit.FAILED
    return Exit.DONE
