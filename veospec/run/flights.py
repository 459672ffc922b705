"""What stands at each key, read off all attempts: the journal as the planner sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from veospec.model import Key
from veospec.plan.values import Flight
from veospec.run.lifecycle import State
from veospec.run.rows import Entry, Record

FAILED_JOBS = 1
"""How many jobs of one key may fail before a person has to ask for another.

Source: useapi.net Google Flow API v1 reference, errors: of a failed job at most one resubmission. June 2026.
"""


class Snapshot(Struct, frozen=True):
    """The journal as `plan` and `status` read it. `records` are all attempts, oldest first."""

    records: tuple[Record, ...] = ()
    flights: Mapping[Key, Flight] = field(default_factory=dict)

    def flight(self, key: Key) -> Flight | None:
        """Return what stands at a key: live, or refused and remembered."""
        return self.flights.get(key)

    def last(self, key: Key) -> tuple[Record, Entry] | None:
        """Return the newest attempt at a key, whatever became of it."""
        for record in reversed(self.records):
            for entry in record.entries:
                if entry.key == key:
                    return record, entry
        return None


def flights_of(records: Iterable[Record]) -> dict[Key, Flight]:
    """Return what stands at each key: what is live before what was refused, and that before what fails every time.

    What was only reserved is left out: it was never sent, and the next writer releases it.
    """
    failed: dict[Key, list[Flight]] = {}
    refused: dict[Key, Flight] = {}
    live: dict[Key, Flight] = {}
    for record in records:
        for entry in record.entries:
            has_job = bool(record.attempt.job_id) and entry.state is not State.LOST
            flight = Flight(entry.state.value, entry.reason, record.id, has_job)
            if entry.is_live and entry.state is not State.RESERVED:
                live.update({entry.sent_key: flight, entry.key: flight})
            elif entry.state is State.REFUSED:
                refused.update({entry.sent_key: flight, entry.key: flight})
            elif entry.state is State.FAILED and has_job:
                failed.setdefault(entry.key, []).append(flight)
    hopeless = {key: flights[-1] for key, flights in failed.items() if len(flights) > FAILED_JOBS}
    return {**hopeless, **refused, **live}
