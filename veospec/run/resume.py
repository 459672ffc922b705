"""What earlier runs left: every live attempt is taken over, and a person's word ends what no program can decide.

`apply` is the resume: it begins here. An attempt whose keys another process holds is that process's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Set
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from itertools import chain

from msgspec import Struct

from veospec.errors import JournalError, StoreError, UsageError
from veospec.model import Key, NodeId
from veospec.run.events import Waiting
from veospec.run.flights import Snapshot
from veospec.run.journal import Journal
from veospec.run.kit import Kit, lane_of_path, steps_of
from veospec.run.landing import Landed, Lander
from veospec.run.leases import FIRST_PAUSE_S, LONGEST_PAUSE_S, leases
from veospec.run.lifecycle import LIVE, TABLE, Event, Next, State
from veospec.run.limits import Place
from veospec.run.rescue import Rescued
from veospec.run.rows import Entry, Record
from veospec.store.lock import Lease, Locks, locked_by


class Earlier:
    """The attempts that were live when the run began, or that a step met on its way."""

    def __init__(self, kit: Kit, lander: Lander) -> None:
        self._kit = kit
        self._lander = lander
        self._flights: dict[str, asyncio.Task[Landed]] = {}
        self._elsewhere: set[str] = set()

    async def begin(self) -> None:
        """Go on with every live attempt that no other process works on."""
        for record in await self._kit.scribe.look(lambda journal: journal.live()):
            self._fly(record, waits=False)
        await asyncio.sleep(0)

    async def search(self, wanted: Set[Key]) -> None:
        """Look for the job of every request whose answer was lost and that no other process works on.

        What another process is sending is not lost: when it is for a wanted key, it is waited for until its fate is
        known.
        """
        live = await self._kit.scribe.look(lambda journal: journal.live())
        lost = [record for record in live if _is_lost(record)]
        await asyncio.gather(*(self._sought(record, waits=not wanted.isdisjoint(_keys(record))) for record in lost))

    async def _sought(self, record: Record, *, waits: bool) -> None:
        kit, is_told, pause_s = self._kit, False, FIRST_PAUSE_S
        while True:
            async with leases(kit.bench, _keys(record), kit.halt, None) as are_ours:
                if are_ours:
                    await self._recovered(record)
                    return
            if not waits:
                return
            if not is_told:
                kit.tell(Waiting(steps_of(record), "another veospec works on its request", None))
                is_told = True
            await kit.halt.sleep(kit.bench.clock, pause_s, until_stop=True)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            found = await kit.scribe.look(lambda journal: journal.record(record.id))
            if kit.halt.is_stopping() or not _is_lost(found):
                return

    async def _recovered(self, record: Record) -> None:
        """Look for a lost request. The leases of its keys are held."""
        kit, now = self._kit, self._kit.now()
        kit.note("an answer was lost, looking for its job", steps_of(record)[0])
        record, moves = await kit.scribe.do(lambda journal: journal.restarted(record.id, now))
        if any(move.action is Next.RECOVER for move in moves.values()):
            await self._lander.recover(record, is_fresh=False)

    async def land(self, record: Record) -> Landed:
        """Go on with an attempt, once in this process however many steps wait for it; another process is waited for."""
        flight = self._flights.get(record.id)
        if flight is not None:
            landed = await asyncio.shield(flight)
            if record.id not in self._elsewhere:
                return landed
        return await asyncio.shield(self._fly(record, waits=True))

    def end(self) -> None:
        """Raise what ended a flight that nobody waited for; every flight is over."""
        for flight in self._flights.values():
            if flight.done() and not flight.cancelled():
                flight.result()

    def _fly(self, record: Record, *, waits: bool) -> asyncio.Task[Landed]:
        flight = self._flights[record.id] = self._kit.follow(self._continue(record, waits=waits))
        return flight

    async def _continue(self, record: Record, *, waits: bool) -> Landed:
        kit = self._kit
        waiting = kit.waits_for(steps_of(record)) if waits else None
        async with leases(kit.bench, _keys(record), kit.halt, waiting) as are_ours:
            if not are_ours:
                self._elsewhere.add(record.id)
                return Landed(record, "another veospec works on it", "Run the same command again.")
            self._elsewhere.discard(record.id)
            try:
                return await self._resumed(record)
            except StoreError as error:
                kit.halt.fault(error)
                return Landed(record, error.message, error.hint)

    async def _resumed(self, record: Record) -> Landed:
        """Take an attempt over from a process that is gone. The leases of its keys are held."""
        kit, now = self._kit, self._kit.now()
        record, moves = await kit.scribe.do(lambda journal: journal.restarted(record.id, now))
        landed = Landed(record)
        if any(move.action is Next.RECOVER for move in moves.values()):
            landed = await self._lander.recover(record, is_fresh=False)
            record = landed.record
        account, lane = record.attempt.account, lane_of_path(record.attempt.path)
        if any(entry.state is State.SUBMITTED for entry in record.entries):
            kit.slots.take_over(account, lane)
            place = Place(lambda: kit.slots.give_back(account, lane))
            landed = await self._lander.land(record, accepted_at=None, generated=place.free)
        elif any(entry.state is State.GENERATED for entry in record.entries):
            landed = await self._lander.land(record, accepted_at=None, generated=lambda: None)
        return landed


def _keys(record: Record) -> set[Key]:
    return {key for entry in record.entries for key in (entry.key, entry.sent_key)}


def _is_lost(record: Record) -> bool:
    return any(entry.state in (State.SUBMITTING, State.UNKNOWN) for entry in record.entries)


class Decision(StrEnum):
    """What a person says about a take that the program cannot decide.

    `adopt`: it became this job. `retry`: it may have been paid, buy it again. `forget`: it was not paid, or is not
    wanted; its reservation is released.
    """

    ADOPT = "adopt"
    RETRY = "retry"
    FORGET = "forget"


class Open(Struct, frozen=True):
    """One take that waits for a person, and the attempt it belongs to."""

    record: Record
    entry: Entry


_EVENTS = {
    Decision.ADOPT: Event.PERSON_ADOPT,
    Decision.RETRY: Event.PERSON_RETRY,
    Decision.FORGET: Event.PERSON_FORGET,
}
_ASKS = frozenset({State.SUBMITTING, State.UNKNOWN, State.LOST})


def waiting(snapshot: Snapshot, board: str = "") -> tuple[Open, ...]:
    """Return the takes that only a person can decide, oldest first; of every storyboard without `board`."""
    return tuple(
        Open(record, entry)
        for record in snapshot.records
        if not board or record.board == board
        for entry in record.entries
        if entry.state in _ASKS
    )


def in_flight(snapshot: Snapshot, board: str = "") -> tuple[Open, ...]:
    """Return the takes that are paid and not stored yet, oldest first."""
    return tuple(
        Open(record, entry)
        for record in snapshot.records
        if not board or record.board == board
        for entry in record.entries
        if entry.state in LIVE - _ASKS and entry.state is not State.RESERVED
    )


def resolve(
    journal: Journal,
    locks: Locks,
    nodes: Iterable[NodeId],
    decision: Decision,
    now: datetime,
    *,
    board: str,
    job: str = "",
) -> tuple[Record, ...]:
    """Carry out a person's decision about what stands in the way of these nodes; return the attempts it touched.

    `retry` and `forget` also lift a remembered refusal. Raises `UsageError` when nothing waits or a job is named for
    several attempts, `StoreLocked` when another process works on the takes.
    """
    event = _EVENTS[decision]
    wanted = set(nodes)
    records = [
        record
        for record in journal.snapshot().records
        if record.board == board
        and record.attempt.node in wanted
        and any((entry.state, event) in TABLE and entry.state is not State.FAILED for entry in record.entries)
    ]
    if not records:
        raise UsageError(f"nothing of {', '.join(sorted(wanted))} waits for a decision", "See `veospec status`.")
    if decision is Decision.ADOPT and (len(records) > 1 or not job):
        raise UsageError("--adopt names one job of one request", "Name the shot with its cell, or decide one by one.")
    with ExitStack() as held:
        for key in sorted(set(chain.from_iterable((e.key, e.sent_key) for r in records for e in r.entries))):
            lease = locks.attempt(key, doing="resolve")
            if not isinstance(lease, Lease):
                raise locked_by(lease, locks.folder.parent)
            held.enter_context(lease)
        if decision is Decision.ADOPT:
            return (journal.found(records[0].id, job, "", now, by_person=True),)
        return tuple(journal.decided(record.id, event, now) for record in records)


def take_in(journal: Journal, found: Rescued, now: datetime) -> Record:
    """Give an attempt the job id from a rescue file. Raises `JournalError` when it is not of this journal."""
    record = journal.record(found.attempt)
    if record.attempt.reply_ref != found.reply_ref:
        raise JournalError("the rescue file names another request than the journal", "Nothing was changed.")
    if record.attempt.job_id == found.job_id:
        return record
    return journal.found(record.id, found.job_id, found.account, now, by_person=True)
