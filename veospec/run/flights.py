"""What stands at each key, read off all attempts: the journal as the planner sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from veospec.model import Key
from veospec.plan.values import Flight
from veospec.run.lifecycle import State
from veospec.run.rows import Record

FAILED_JOBS = 1
"""How many jobs of one key may fail before a person has to ask for another.

Source: useapi.net Google Flow API v1 reference, errors: of a failed job at most one resubmission. June 2026.
"""


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
