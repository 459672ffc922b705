"""What a run tells while it goes on: frozen values, and their rendering as versioned NDJSON.

A file of events may be kept by a CI service, so it holds no link, token or job id, and e-mails only masked. An attempt
is named by our own random id.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict

from veospec.model import Cost, Digest
from veospec.plan.values import StepId

VERSION = 1
"""Of the NDJSON form; `schemas/events.schema.json` describes it."""


_EMAIL = re.compile(r"([A-Za-z0-9._%+-]{1,2})[A-Za-z0-9._%+-]*(?=@[A-Za-z0-9.-]+\.[A-Za-z]{2,})")


class Work(StrEnum):
    """What is being done for a step."""

    DRAW = "draw"
    JOIN = "join"
    GENERATE = "generate"
    RESUME = "resume"
    FETCH = "fetch"


class Phase(StrEnum):
    """How far a step has come."""

    QUEUED = "queued"
    PREPARE = "prepare"
    SUBMIT = "submit"
    RUNNING = "running"
    DOWNLOAD = "download"
    STORE = "store"


class Ended(StrEnum):
    """How a step ended.

    `made`: by this run. `reused`: the bytes were here, or another step made them. `resumed`: an earlier run paid.
    `held`: a person decides. `pending`: a job of ours goes on, run again. `stopped`: not begun, because the run ended
    first.
    """

    MADE = "made"
    REUSED = "reused"
    RESUMED = "resumed"
    REFUSED = "refused"
    FAILED = "failed"
    HELD = "held"
    PENDING = "pending"
    BLOCKED = "blocked"
    STOPPED = "stopped"


class RunStarted(Struct, frozen=True):
    """`steps` is how many steps there are, `to_do` how many of them are not simply there."""

    NAME: ClassVar[str] = "run-started"
    run: str
    provider: str
    steps: int
    to_do: int


class StepStarted(Struct, frozen=True):
    """Work on a step begins; its inputs are there."""

    NAME: ClassVar[str] = "step-started"
    step: StepId
    work: Work


class StepProgress(Struct, frozen=True):
    """A step came further; `expected_s` is the usual length of the phase, None when nobody knows."""

    NAME: ClassVar[str] = "step-progress"
    step: StepId
    phase: Phase
    elapsed_s: float
    expected_s: float | None = None


class StepDone(Struct, frozen=True):
    """A step ended; `cost` is what this run spent on it."""

    NAME: ClassVar[str] = "step-done"
    step: StepId
    state: Ended
    digest: Digest
    cost: Cost
    reason: str
    hint: str


class Reserved(Struct, frozen=True):
    """Money is set aside and the intent is on disk."""

    NAME: ClassVar[str] = "reserved"
    attempt: str
    steps: tuple[StepId, ...]
    cost: Cost


class Settled(Struct, frozen=True):
    """A reservation ended: `spent` was used, `released` was not."""

    NAME: ClassVar[str] = "settled"
    attempt: str
    steps: tuple[StepId, ...]
    spent: Cost
    released: Cost


class Waiting(Struct, frozen=True):
    """Nothing can go on for these steps for a while; `seconds` is None when the end is not known."""

    NAME: ClassVar[str] = "waiting"
    steps: tuple[StepId, ...]
    reason: str
    seconds: float | None


class Note(Struct, frozen=True):
    """A sentence for the person; `step` is None when it concerns the run."""

    NAME: ClassVar[str] = "note"
    text: str
    step: StepId | None = None


class Stopping(Struct, frozen=True):
    """Nothing new is submitted from here on."""

    NAME: ClassVar[str] = "stopping"
    reason: str
    hint: str


class RunDone(Struct, frozen=True):
    """The end; `counts` are pairs of state and number of steps, in the order of `Ended`."""

    NAME: ClassVar[str] = "run-done"
    exit: int
    counts: tuple[tuple[str, int], ...]
    spent: Cost


RunEvent: TypeAlias = (
    RunStarted | StepStarted | StepProgress | StepDone | Reserved | Settled | Waiting | Note | Stopping | RunDone
)


class Listener(Protocol):
    """Somebody who is told. Called from the event loop: it must return at once and must not raise."""

    def tell(self, event: RunEvent) -> None:
        """Take one event."""
        ...


class NullListener:
    """Nobody listens."""

    def tell(self, event: RunEvent) -> None:
        """Do nothing."""


class Everyone(Struct, frozen=True):
    """Tells each listener in turn."""

    listeners: tuple[Listener, ...]

    def tell(self, event: RunEvent) -> None:
        """Pass the event on."""
        for listener in self.listeners:
            listener.tell(event)


def ndjson(event: RunEvent, at: datetime) -> str:
    """Return one line without the line end: pure ASCII JSON, so that no text in it can control a terminal."""
    line: dict[str, Any] = {
        "veospec_events": VERSION,
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": event.NAME,
    }
    line |= {name: _plain(name, value) for name, value in asdict(event).items()}
    return json.dumps(line, ensure_ascii=True, allow_nan=False)


def masked(text: str) -> str:
    """Return a text whose e-mails show two letters of their name, as the service shows them: `st***@example.com`."""
    return _EMAIL.sub(r"\1***", text)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Cost):
        return {"credits": value.credits, "micro_usd": value.micro_usd, "is_ceiling": value.is_ceiling}
    if name == "step":
        return None if value is None else _step(value)
    if name == "steps" and isinstance(value, tuple):
        return [_step(step) for step in value]
    if name == "counts":
        return dict(value)
    if isinstance(value, float):
        return round(value, 3)
    if type(value) is str:
        return masked(value)
    return value


def _step(step: StepId) -> dict[str, Any]:
    return {"node": step[0], "take": step[1]}
