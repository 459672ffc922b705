"""The life of one paid take as a table: (state, event) leads to (state, next action), and nothing else happens.

Pure: no clock, no disk, no network. `now` comes in because links die and because a request whose answer was lost
can only be looked for while the service remembers it. What is not in the table is a bug and raises.

Two roads lead to the wire, `RESERVE` then `SEND`, and `SEND` starts from `reserved` only, so one attempt is sent
once. Another attempt at the same key may begin only where `may_begin` says so; after an unclear answer that takes
an event that a person sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """Where a take stands. `planned` is not written down: it means that the journal has no attempt."""

    PLANNED = "planned"
    RESERVED = "reserved"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    GENERATED = "generated"
    STORED = "stored"
    SETTLED = "settled"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    LOST = "lost"
    ABANDONED = "abandoned"


class Event(StrEnum):
    """What happened to a take.

    `not-taken` is a proven rejection that passes with time; `worthless` gives up a lost request that cost nothing,
    whatever became of it; `gone` a paid result that nobody can hand out any more;
    `restarted` is what a new process says of everything it finds. The `person-` events come from `resolve` only.
    """

    RESERVE = "reserve"
    SEND = "send"
    RELEASE = "release"
    ACCEPTED = "accepted"
    NOT_TAKEN = "not-taken"
    ANSWER_LOST = "answer-lost"
    CONTENT_REFUSED = "content-refused"
    FAILED = "failed"
    RUNNING = "running"
    COMPLETED = "completed"
    LINK_DEAD = "link-dead"
    GONE = "gone"
    STORED = "stored"
    SETTLED = "settled"
    FOUND = "found"
    NOT_FOUND = "not-found"
    WORTHLESS = "worthless"
    RESTARTED = "restarted"
    PERSON_ADOPT = "person-adopt"
    PERSON_RETRY = "person-retry"
    PERSON_FORGET = "person-forget"


class Next(StrEnum):
    """What the runner has to do then. `ask` waits for a person, `none` is the end."""

    WAIT_TURN = "wait-turn"
    SUBMIT = "submit"
    POLL = "poll"
    RENEW_LINK = "renew-link"
    FETCH = "fetch"
    SETTLE = "settle"
    RECOVER = "recover"
    ASK = "ask"
    NONE = "none"


LIVE = frozenset(
    {
        State.RESERVED,
        State.SUBMITTING,
        State.SUBMITTED,
        State.GENERATED,
        State.STORED,
        State.UNKNOWN,
        State.LOST,
    }
)
"""States of which a key may have one attempt at most. `lost` is one: what was paid and vanished is not bought again
without a person."""

PERSON = frozenset({Event.PERSON_ADOPT, Event.PERSON_RETRY, Event.PERSON_FORGET})

RECOVERABLE_FOR = timedelta(days=7)
"""How long a lost request can be looked for. Source: useapi.net Google Flow API v1, GET /jobs/{jobId}: job records
expire after 7 days (410 `Job has expired`); captcha statistics name job ids for as long. May to June 2026."""

LINK_MARGIN = timedelta(minutes=2)
"""A link that dies within this time is renewed first: a download takes a while, and clocks differ."""


class Move(Struct, frozen=True):
    """The answer of the table."""

    state: State
    action: Next


class MoveError(Exception):
    """An event that cannot happen in a state: a bug in veospec, never a fault of the world."""


_S, _E, _N = State, Event, Next

TABLE: dict[tuple[State, Event], Move] = {
    (_S.PLANNED, _E.RESERVE): Move(_S.RESERVED, _N.WAIT_TURN),
    (_S.RESERVED, _E.SEND): Move(_S.SUBMITTING, _N.SUBMIT),
    (_S.RESERVED, _E.RELEASE): Move(_S.ABANDONED, _N.NONE),
    (_S.SUBMITTING, _E.ACCEPTED): Move(_S.SUBMITTED, _N.POLL),
    (_S.SUBMITTING, _E.NOT_TAKEN): Move(_S.ABANDONED, _N.NONE),
    (_S.SUBMITTING, _E.CONTENT_REFUSED): Move(_S.REFUSED, _N.NONE),
    (_S.SUBMITTING, _E.FAILED): Move(_S.FAILED, _N.NONE),
    (_S.SUBMITTING, _E.ANSWER_LOST): Move(_S.UNKNOWN, _N.RECOVER),
    # The answer came after all, to a process that another one had believed gone.
    (_S.UNKNOWN, _E.ACCEPTED): Move(_S.SUBMITTED, _N.POLL),
    (_S.UNKNOWN, _E.FOUND): Move(_S.SUBMITTED, _N.POLL),
    (_S.UNKNOWN, _E.NOT_FOUND): Move(_S.UNKNOWN, _N.ASK),
    # Only for requests that are free: a second one costs as little as the first.
    # Source: useapi.net Google Flow API v1 reference, lost answers: free models may be submitted again. June 2026.
    (_S.UNKNOWN, _E.WORTHLESS): Move(_S.ABANDONED, _N.NONE),
    (_S.SUBMITTED, _E.RUNNING): Move(_S.SUBMITTED, _N.POLL),
    (_S.SUBMITTED, _E.COMPLETED): Move(_S.GENERATED, _N.FETCH),
    (_S.SUBMITTED, _E.CONTENT_REFUSED): Move(_S.REFUSED, _N.NONE),
    (_S.SUBMITTED, _E.FAILED): Move(_S.FAILED, _N.NONE),
    (_S.SUBMITTED, _E.GONE): Move(_S.LOST, _N.ASK),
    (_S.GENERATED, _E.COMPLETED): Move(_S.GENERATED, _N.FETCH),
    (_S.GENERATED, _E.LINK_DEAD): Move(_S.GENERATED, _N.RENEW_LINK),
    (_S.GENERATED, _E.GONE): Move(_S.LOST, _N.ASK),
    (_S.GENERATED, _E.STORED): Move(_S.STORED, _N.SETTLE),
    (_S.STORED, _E.SETTLED): Move(_S.SETTLED, _N.NONE),
    # A new process: what was only reserved was never sent; what was being sent may have been taken.
    (_S.RESERVED, _E.RESTARTED): Move(_S.ABANDONED, _N.NONE),
    (_S.SUBMITTING, _E.RESTARTED): Move(_S.UNKNOWN, _N.RECOVER),
    (_S.SUBMITTED, _E.RESTARTED): Move(_S.SUBMITTED, _N.POLL),
    (_S.GENERATED, _E.RESTARTED): Move(_S.GENERATED, _N.FETCH),
    (_S.STORED, _E.RESTARTED): Move(_S.STORED, _N.SETTLE),
    (_S.UNKNOWN, _E.RESTARTED): Move(_S.UNKNOWN, _N.RECOVER),
    (_S.LOST, _E.RESTARTED): Move(_S.LOST, _N.ASK),
    # A person may name the job of a request that has none or whose job was given up, drop what stands in the way,
    # or accept that it may be paid again.
    (_S.SUBMITTING, _E.PERSON_ADOPT): Move(_S.SUBMITTED, _N.POLL),
    (_S.UNKNOWN, _E.PERSON_ADOPT): Move(_S.SUBMITTED, _N.POLL),
    (_S.LOST, _E.PERSON_ADOPT): Move(_S.SUBMITTED, _N.POLL),
    **{
        (state, event): Move(_S.ABANDONED, _N.NONE)
        for state in (
            _S.SUBMITTING,
            _S.UNKNOWN,
            _S.SUBMITTED,
            _S.GENERATED,
            _S.LOST,
            _S.REFUSED,
            _S.FAILED,
        )
        for event in (_E.PERSON_RETRY, _E.PERSON_FORGET)
    },
}


def advance(
    state: State,
    event: Event,
    now: datetime,
    *,
    created_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Move:
    """Return where an event leads and what is to be done then.

    `created_at` is when the attempt was written down, `expires_at` when the link of the take dies (None: unknown).
    Raises `MoveError`.
    """
    if event is Event.RESTARTED and state in ENDS:
        return Move(state, Next.NONE)
    found = TABLE.get((state, event))
    if found is None:
        raise MoveError(f"{event} cannot happen to a take that is {state}")
    if found.action is Next.FETCH and expires_at is not None and now + LINK_MARGIN >= expires_at:
        return Move(found.state, Next.RENEW_LINK)
    if found.action is Next.RECOVER and created_at is not None and now - created_at > RECOVERABLE_FOR:
        return Move(found.state, Next.ASK)
    return found


ENDS = frozenset({State.SETTLED, State.REFUSED, State.FAILED, State.ABANDONED})


def may_begin(states: Iterable[State]) -> bool:
    """Tell whether another attempt at a key may begin, given the states of all attempts at it so far.

    A refused key is not sent again: a person's `retry` turns the refusal into `abandoned` first.
    """
    return not any(state in LIVE or state is State.REFUSED for state in states)
