"""What a person sees while a run goes on: a live table on a terminal, plain lines elsewhere, NDJSON in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from veospec.app.writing import check_ours
from veospec.cli.say import complain, has_person
from veospec.errors import UsageError
from veospec.model import Cost
from veospec.plan.budget import price_text
from veospec.plan.values import StepId
from veospec.review.safe import terminal as term
from veospec.run.events import (
    Ended,
    Everyone,
    Listener,
    Note,
    NullListener,
    Phase,
    Reserved,
    RunDone,
    RunEvent,
    RunStarted,
    Settled,
    StepDone,
    StepProgress,
    StepStarted,
    Stopping,
    Waiting,
    ndjson,
)

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

_QUIET_ENDS = frozenset({Ended.REUSED, Ended.STOPPED})
"""Ends without a line of their own: what was there already, and what was not begun after the run said why it stops."""
_ROWS = 24


def name_of(step: StepId) -> str:
    """Return a step as people write it."""
    return f"{step[0]} T{step[1]:02}"


@contextmanager
def watching(events: Path | None, *, quiet: bool) -> Iterator[Listener]:
    """Yield the listener of one run: a view for the person (none when `quiet`) and the events file."""
    with _event_file(events) as recorder:
        if quiet:
            yield recorder
        elif has_person(sys.stderr):
            with LiveView() as view:
                yield Everyone((view, recorder))
        else:
            yield Everyone((PlainView(), recorder))


@contextmanager
def _event_file(path: Path | None) -> Iterator[Listener]:
    if path is None:
        yield NullListener()
        return
    check_ours(path, b'{"veospec_events": ', "file of events")
    try:
        stream = path.open("w", encoding="ascii", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write events to {path}: {error.strerror}") from error
    recorder = Recorder(stream, path)
    try:
        yield recorder
    finally:
        with suppress(OSError):  # the recorder has said so
            stream.close()


class Recorder:
    """Writes each event as one line at once, so that a reader can follow. A full disk does not stop a paid run."""

    def __init__(self, stream: TextIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._is_lost = False

    def tell(self, event: RunEvent) -> None:
        """Write the event."""
        if self._is_lost:
            return
        try:
            self._stream.write(ndjson(event, datetime.now(UTC)) + "\n")
            self._stream.flush()
        except OSError as error:
            self._is_lost = True
            complain(f"note: no more events in {self._path}: {error.strerror}; the run goes on")


class PlainView:
    """One line for each thing that ends or holds a run up; what was there already is not mentioned."""

    def __init__(self) -> None:
        self._done = 0
        self._to_do = 0

    def tell(self, event: RunEvent) -> None:
        """Print the event when it is worth a line."""
        line = self._line(event)
        if line:
            complain(line)

    def _line(self, event: RunEvent) -> str:
        if isinstance(event, RunStarted):
            self._to_do = event.to_do
            return f"{event.to_do} of {event.steps} takes to do" if event.to_do else ""
        if isinstance(event, StepDone) and event.state not in _QUIET_ENDS:
            self._done += 1
            return f"[{self._done}/{max(self._to_do, self._done)}] {ending(event)}"
        return remark(event)


def ending(event: StepDone) -> str:
    """Return how a step ended, in one line."""
    text = f"{name_of(event.step)} {event.state.value}"
    if not event.cost.is_free:
        text += f", {price_text(event.cost)}"
    if event.reason and event.state not in (Ended.MADE, Ended.RESUMED):
        text += f": {term(event.reason, 300)}"
    if event.hint:
        text += f" ({term(event.hint, 300)})"
    return text


def remark(event: RunEvent) -> str:
    """Return the line for what concerns the run as a whole; empty for everything else."""
    if isinstance(event, Note):
        return f"{name_of(event.step)}: {term(event.text, 400)}" if event.step else term(event.text, 400)
    if isinstance(event, Waiting):
        span = "" if event.seconds is None else f" for {event.seconds:.0f} s"
        return f"waiting{span}: {term(event.reason, 300)}"
    if isinstance(event, Stopping):
        return f"stopping: {term(event.reason, 300)}. {term(event.hint, 300)}".rstrip(". ")
    return ""


class LiveView:
    """A table of what is being made, redrawn in place, with the sums below it."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._active: dict[StepId, tuple[str, float, float | None]] = {}
        self._done = 0
        self._to_do = 0
        self._reserved = Cost()
        self._spent = Cost()

    def __enter__(self) -> LiveView:
        return self

    def _begin(self) -> None:
        """Draw from now on; not before, because a question is asked first and a live table would draw over it."""
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=4, transient=True)
            self._live.start()

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: RunEvent) -> None:
        """Take the event into the table; endings and remarks scroll away above it."""
        if isinstance(event, RunStarted):
            self._to_do = event.to_do
            self._begin()
        elif isinstance(event, StepStarted):
            self._active[event.step] = (event.work.value, time.monotonic(), None)
        elif isinstance(event, StepProgress):
            started = self._active.get(event.step, ("", time.monotonic(), None))[1]
            self._active[event.step] = (_phase(event.phase), started, event.expected_s)
        elif isinstance(event, Reserved):
            self._reserved += event.cost
        elif isinstance(event, Settled):
            self._reserved = _less(_less(self._reserved, event.spent), event.released)
            self._spent += event.spent
        elif isinstance(event, StepDone):
            self._active.pop(event.step, None)
            if event.state not in _QUIET_ENDS:
                self._done += 1
                self._above(ending(event))
        elif not isinstance(event, RunDone):
            self._above(remark(event))

    def _above(self, text: str) -> None:
        if text:
            self._console.print(text, markup=False, soft_wrap=True)

    def _table(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        now = time.monotonic()
        for step, (word, started, expected) in list(self._active.items())[:_ROWS]:
            usual = f"of about {expected:.0f} s" if expected else ""
            table.add_row(Text(name_of(step)), Text(word), Text(f"{now - started:.0f} s"), Text(usual))
        more = len(self._active) - _ROWS
        if more > 0:
            table.add_row(Text(f"and {more} more"), "", "", "")
        return Group(table, Text(self._sums()))

    def _sums(self) -> str:
        parts = [f"{self._done}/{max(self._to_do, self._done)} takes"]
        if not self._spent.is_free or not self._reserved.is_free:
            parts.append(f"spent {price_text(self._spent)}, reserved {price_text(self._reserved)}")
        return " · ".join(parts)


def _phase(phase: Phase) -> str:
    return {
        Phase.QUEUED: "waits for a slot",
        Phase.PREPARE: "uploads",
        Phase.SUBMIT: "submits",
        Phase.RUNNING: "generates",
        Phase.DOWNLOAD: "downloads",
        Phase.STORE: "stores",
    }[phase]


def _less(held: Cost, gone: Cost) -> Cost:
    return Cost(
        None if held.credits is None or gone.credits is None else held.credits - gone.credits,
        None if held.micro_usd is None or gone.micro_usd is None else held.micro_usd - gone.micro_usd,
        held.is_ceiling,
    )
