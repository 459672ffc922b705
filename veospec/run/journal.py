"""What may cost money, on disk before it happens: attempts, their takes, and what was set aside for them.

An attempt is one request that is sent at most once; its entries are the takes it asks for, each with a state of
`lifecycle`. Three things cannot go wrong here even when the runner does: a key has one live attempt at most (a unique
index), a move happens only from the state it starts in (`UPDATE … WHERE state = old`), and a reservation that would
break the ceiling is refused in the transaction that would make it.

Beside that: handles of things made once per account (`refs`), and what an account may not use in a run (`denials`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from veospec.errors import BudgetExceeded, Charge, JournalError
from veospec.model import Cost, Digest, Key
from veospec.plan.values import Ceiling
from veospec.providers.base import Result
from veospec.run.flights import Snapshot, flights_of
from veospec.run.lifecycle import LIVE, TABLE, Event, Move, Next, State, advance, may_begin
from veospec.run.rows import (
    SCHEMA,
    TABLES,
    Entry,
    Intent,
    Part,
    Record,
    attempt_row,
    entry_of,
    entry_row,
    instant,
    receipt_text,
    record_of,
)
from veospec.run.sealed_db import SealedDb
from veospec.run.tables import Row, Value

FILE_NAME = "journal.sqlite3"


class Standing(Struct, frozen=True):
    """Why an attempt may not begin: what stands at one of its keys."""

    key: Key
    state: State
    reason: str


class Journal:
    """An open journal. Not for use by several threads at once; other processes may have it open too."""

    def __init__(self, db: SealedDb) -> None:
        self._db = db

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open for writing; makes the file when it was never there. Raises `JournalError`."""
        return cls(SealedDb(path, TABLES, SCHEMA, write=True))

    @staticmethod
    def read(path: Path) -> Snapshot:
        """Read everything; needs no right to write. A journal that never was is empty. Raises `JournalError`."""
        if not path.exists() and not path.with_suffix(".seq").exists():
            return Snapshot()
        db = SealedDb(path, TABLES, SCHEMA, write=False)
        try:
            return Journal(db).snapshot()
        finally:
            db.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several moves durable together, or none of them."""
        with self._db.transaction():
            yield

    def begin(self) -> None:
        """Begin a transaction by hand; waits while another process writes."""
        self._db.begin()

    def commit(self) -> None:
        """Make it durable; after an error it has to be undone."""
        self._db.commit()

    def undo(self) -> None:
        """Give it up; nothing happens when none is open."""
        self._db.undo()

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what fails inside, and leave the rest of a transaction as it is."""
        with self._db.part():
            yield

    # -- reading

    def snapshot(self) -> Snapshot:
        """Return everything."""
        entries: dict[str, list[Entry]] = {}
        for row in self._db.scan("entries"):
            entry = entry_of(row)
            entries.setdefault(entry.attempt, []).append(entry)
        records = tuple(record_of(row, entries.get(str(row["attempt"]), ())) for row in self._db.scan("attempts"))
        return Snapshot(records, flights_of(records))

    def record(self, attempt: str) -> Record:
        """Return an attempt. Raises `JournalError` when there is none of that id."""
        return record_of(self._attempt(attempt), self._entries(attempt))

    def live(self) -> tuple[Record, ...]:
        """Return every attempt with a live take, oldest first."""
        states = [state.value for state in LIVE]
        rows = self._db.search("entries", f"state IN ({', '.join('?' * len(states))})", states)
        return tuple(self.record(attempt) for attempt in dict.fromkeys(str(row["attempt"]) for row in rows))

    def at(self, key: Key) -> tuple[tuple[Record, Entry], ...]:
        """Return all attempts at a key, whether wanted or sent, oldest first."""
        found = (entry_of(row) for row in self._db.search("entries", "key = ? OR sent_key = ?", (key, key)))
        return tuple((self.record(entry.attempt), entry) for entry in found)

    def spent(self, run: str, board: str = "", *, only_known: bool = False) -> Cost:
        """Return what a run has used or set aside, and what requests of unknown fate may have cost the storyboard.

        With `only_known` prices that nobody knows are left out.
        """
        total = Cost(0, 0)
        for charge in (Charge.YES, Charge.UNKNOWN):
            credits_, micro_usd, dearest = self._db.total(
                "entries",
                ("credits", "micro_usd", "is_ceiling"),
                {"run": run, "charge": charge.value},
                skips_null=only_known,
            )
            total += Cost(credits_, micro_usd, bool(dearest))
        for row in self._db.select("entries", {"state": State.UNKNOWN.value}):
            if row["run"] != run and self.record(str(row["attempt"])).board == board:
                cost = entry_of(row).cost
                total += _known(cost) if only_known else cost
        return total

    # -- attempts

    def reserve(self, intent: Intent, ceiling: Ceiling, now: datetime, *, sends: bool = False) -> Record | Standing:
        """Write down the intent and set its price aside, in one transaction; state `reserved`.

        With `sends` the request may leave as soon as this is durable: state `submitting`, as after `sending`.
        Returns what stands in the way when one of the keys has a live attempt or was refused. Raises
        `BudgetExceeded` when the run would pass its ceiling, or when the price is unknown and there is a ceiling.
        """
        with self._db.transaction():
            for part in intent.parts:
                standing = self._standing(part)
                if standing is not None:
                    return standing
            self._hold_ceiling(intent, ceiling)
            state = advance(State.PLANNED, Event.RESERVE, now).state
            if sends:
                state = advance(state, Event.SEND, now).state
            attempt, takes = attempt_row(intent, now), []
            self._db.insert("attempts", attempt)
            try:
                for position, part in enumerate(intent.parts):
                    row = entry_row(intent, position, part, state, now)
                    takes.append(entry_of({**row, "id": self._db.insert("entries", row)}))
            except sqlite3.IntegrityError as error:
                raise JournalError(f"a second live attempt at {intent.node} was prevented ({error})") from error
            return record_of(attempt, takes)

    def sending(self, attempt: str, now: datetime) -> Record:
        """Say that the request may leave from now on; state `submitting`. Raises `JournalError` if it may not."""
        return self._moved(attempt, Event.SEND, now)

    def accepted(self, attempt: str, job_id: str, account: str, now: datetime) -> Record:
        """Write down the job of a request; state `submitted`."""
        with self._db.transaction():
            self._job(attempt, job_id, account)
            return self._moved(attempt, Event.ACCEPTED, now, charge=Charge.YES)

    def unclear(self, attempt: str, reason: str, now: datetime) -> Record:
        """Say that nobody knows what became of a request; state `unknown`."""
        return self._moved(attempt, Event.ANSWER_LOST, now, charge=Charge.UNKNOWN, reason=reason)

    def ended(
        self, attempt: str, event: Event, reason: str, charge: Charge, now: datetime, positions: Iterable[int] = ()
    ) -> Record:
        """End takes without a result: `release`, `not-taken`, `content-refused`, `failed` or `gone`."""
        return self._moved(attempt, event, now, positions, charge=charge, reason=reason)

    def generated(self, attempt: str, results: Mapping[int, Result], now: datetime) -> Record:
        """Write down the links of takes that are generated; state `generated`. Again for a renewed link."""
        with self._db.transaction():
            for position, result in results.items():
                changes: dict[str, Value] = {
                    "url": result.url,
                    "expires_at": instant(result.expires_at),
                    "receipt": receipt_text(result.receipt),
                }
                self._move(attempt, Event.COMPLETED, now, (position,), more=changes)
            return self.record(attempt)

    def stored(self, attempt: str, position: int, digest: Digest, now: datetime) -> Record:
        """Say that bytes and record are in the store, and that the money is spent; states `stored`, `settled`."""
        return self._moved(
            attempt, Event.STORED, now, (position,), then=Event.SETTLED, charge=Charge.YES, more={"digest": digest}
        )

    def found(self, attempt: str, job_id: str, account: str, now: datetime, *, by_person: bool = False) -> Record:
        """Give a request whose answer was lost the job that it became; state `submitted`."""
        with self._db.transaction():
            self._job(attempt, job_id, account)
            event = Event.PERSON_ADOPT if by_person else Event.FOUND
            return self._moved(attempt, event, now, self._able(attempt, event), charge=Charge.YES)

    def restarted(self, attempt: str, now: datetime) -> tuple[Record, dict[int, Move]]:
        """Tell the takes of an attempt that a new process has it, and return what is to be done for each.

        Only for who holds the leases of its keys: else its own process may still be at work.
        """
        moves: dict[int, Move] = {}
        with self._db.transaction():
            for entry in self._entries(attempt):
                move = advance(
                    entry.state, Event.RESTARTED, now, created_at=entry.created_at, expires_at=entry.expires_at
                )
                moves[entry.position] = move
                if move.action is Next.SETTLE:
                    self._move(attempt, Event.SETTLED, now, (entry.position,), charge=Charge.YES)
                if move.state is not entry.state:
                    unclear = move.state is State.UNKNOWN
                    reason = "the process ended before the answer came" if unclear else "was never sent"
                    charge = Charge.UNKNOWN if unclear else Charge.NO
                    self._move(attempt, Event.RESTARTED, now, (entry.position,), charge=charge, reason=reason)
            return self.record(attempt), moves

    def decided(self, attempt: str, event: Event, now: datetime) -> Record:
        """Carry out a person's `retry` (it may have been paid) or `forget` (it was not) on what stands in the way."""
        with self._db.transaction():
            positions = self._able(attempt, event)
            if not positions:
                raise JournalError(f"nothing of attempt {attempt} waits for a decision")
            charge = Charge.UNKNOWN if event is Event.PERSON_RETRY else Charge.NO
            for entry in self._entries(attempt):
                if entry.position in positions:
                    kept = entry.charge if entry.charge is not Charge.UNKNOWN else charge
                    self._move(attempt, event, now, (entry.position,), charge=kept)
            return self.record(attempt)

    # -- things made once per account, and what an account may not do

    def refs(self) -> dict[tuple[str, str], str]:
        """Return the handles of uploads, characters and voices by account and name."""
        return {(str(row["account"]), str(row["name"])): str(row["handle"]) for row in self._db.scan("refs")}

    def remember(self, account: str, name: str, handle: str, now: datetime) -> None:
        """Keep a handle; a newer one takes its place."""
        with self._db.transaction():
            self.forget(account, name)
            row: Row = {"account": account, "name": name, "handle": handle, "made_at": instant(now)}
            self._db.insert("refs", row)

    def forget(self, account: str, name: str) -> None:
        """Drop a handle that the service does not know any more."""
        with self._db.transaction():
            for row in self._db.select("refs", {"account": account, "name": name}):
                self._db.delete("refs", _number(row))

    def deny(self, run: str, account: str, model: str, reason: str, now: datetime) -> None:
        """Remember for a run that an account may not use a model; an empty model means every one."""
        with self._db.transaction():
            if self.denied(run, account, model) is None:
                row: Row = {"run": run, "account": account, "model": model, "reason": reason, "denied_at": instant(now)}
                self._db.insert("denials", row)

    def denied(self, run: str, account: str, model: str) -> str | None:
        """Return why an account may not use a model in this run, or None."""
        for name in (model, ""):
            found = self._db.select("denials", {"run": run, "account": account, "model": name})
            if found:
                return str(found[0]["reason"])
        return None

    # -- inside

    def _attempt(self, attempt: str) -> Row:
        found = self._db.select("attempts", {"attempt": attempt})
        if not found:
            raise JournalError(f"the journal has no attempt {attempt}")
        return found[0]

    def _entries(self, attempt: str) -> tuple[Entry, ...]:
        return tuple(entry_of(row) for row in self._db.select("entries", {"attempt": attempt}))

    def _standing(self, part: Part) -> Standing | None:
        """Return what keeps a take from being asked for: a live attempt, or a refusal of these very words."""
        keys = (part.key, part.sent_key)
        for row in self._db.search("entries", "key IN (?, ?) OR sent_key IN (?, ?)", (*keys, *keys)):
            state = State(str(row["state"]))
            is_other = state is State.REFUSED and row["sent_key"] != part.sent_key
            if not may_begin((state,)) and not is_other:
                return Standing(part.key, state, str(row["reason"]))
        return None

    def _hold_ceiling(self, intent: Intent, ceiling: Ceiling) -> None:
        if ceiling.credits is None and ceiling.micro_usd is None:
            return
        only_known = ceiling.is_for_known
        cost = _known(intent.cost) if only_known else intent.cost
        worst = self.spent(intent.run, intent.board, only_known=only_known) + cost
        for limit, amount, unit in (
            (ceiling.credits, worst.credits, "credits"),
            (ceiling.micro_usd, worst.micro_usd, "millionths of a dollar"),
        ):
            if limit is not None and (amount is None or amount > limit):
                needs = "an unknown amount of" if amount is None else f"{amount:,}"
                raise BudgetExceeded(
                    f"{intent.node} would bring this run to {needs} {unit}, over the ceiling of {limit:,}"
                    f" (from {ceiling.source})",
                    "Raise the ceiling with --max-credits/--max-usd or in `budget`, or make less.",
                )

    def _job(self, attempt: str, job_id: str, account: str) -> None:
        row = self._attempt(attempt)
        changes: dict[str, Value] = {"job_id": job_id, "account": account or row["account"]}
        if self._db.update("attempts", row, changes) is None:
            raise JournalError(f"attempt {attempt} was changed by somebody else")

    def _able(self, attempt: str, event: Event) -> tuple[int, ...]:
        """Return the positions whose take the event can happen to."""
        return tuple(e.position for e in self._entries(attempt) if (e.state, event) in TABLE)

    def _moved(
        self,
        attempt: str,
        event: Event,
        now: datetime,
        positions: Iterable[int] = (),
        *,
        then: Event | None = None,
        charge: Charge | None = None,
        reason: str | None = None,
        more: Mapping[str, Value] | None = None,
    ) -> Record:
        """Move takes as `_move` does and return the attempt as it is then."""
        with self._db.transaction():
            rows = self._move(attempt, event, now, positions, then=then, charge=charge, reason=reason, more=more)
            return record_of(self._attempt(attempt), map(entry_of, rows))

    def _move(
        self,
        attempt: str,
        event: Event,
        now: datetime,
        positions: Iterable[int] = (),
        *,
        then: Event | None = None,
        charge: Charge | None = None,
        reason: str | None = None,
        more: Mapping[str, Value] | None = None,
    ) -> list[Row]:
        """Move takes of an attempt, all of them without `positions`, and on by `then`; every one must be able to.

        Returns the rows of all its takes as they are then.
        """
        chosen = set(positions)
        changes: dict[str, Value] = {**(more or {}), "updated_at": instant(now)}
        if charge is not None:
            changes["charge"] = charge.value
        if reason is not None:
            changes["reason"] = reason
        rows = self._db.select("entries", {"attempt": attempt})
        for number, row in enumerate(rows):
            if chosen and row["position"] not in chosen:
                continue
            state = advance(State(str(row["state"])), event, now).state
            changes["state"] = (state if then is None else advance(state, then, now).state).value
            moved = self._db.update("entries", row, changes)
            if moved is None:
                raise JournalError(f"a take of attempt {attempt} was moved by somebody else")
            rows[number] = moved
        return rows


def _number(row: Row) -> int:
    number = row["id"]
    assert isinstance(number, int)
    return number


def _known(cost: Cost) -> Cost:
    """Return a price without the parts that nobody knows."""
    return Cost(cost.credits or 0, cost.micro_usd or 0, cost.is_ceiling)
