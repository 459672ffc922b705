"""The life of a paid take: the table is complete, has no way around a person, and 20,000 random lives pay once."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from stage import START

from veospec.run.lifecycle import (
    ENDS,
    LINK_MARGIN,
    LIVE,
    PERSON,
    RECOVERABLE_FOR,
    TABLE,
    Event,
    MoveError,
    Next,
    State,
    advance,
    may_begin,
)

ROWS = [
    (State.PLANNED, Event.RESERVE, State.RESERVED, Next.WAIT_TURN),
    (State.RESERVED, Event.SEND, State.SUBMITTING, Next.SUBMIT),
    (State.RESERVED, Event.RESTARTED, State.ABANDONED, Next.NONE),
    (State.SUBMITTING, Event.RESTARTED, State.UNKNOWN, Next.RECOVER),
    (State.SUBMITTING, Event.ANSWER_LOST, State.UNKNOWN, Next.RECOVER),
    (State.SUBMITTING, Event.CONTENT_REFUSED, State.REFUSED, Next.NONE),
    (State.UNKNOWN, Event.RESTARTED, State.UNKNOWN, Next.RECOVER),
    (State.UNKNOWN, Event.NOT_FOUND, State.UNKNOWN, Next.ASK),
    (State.SUBMITTED, Event.RESTARTED, State.SUBMITTED, Next.POLL),
    (State.GENERATED, Event.RESTARTED, State.GENERATED, Next.FETCH),
    (State.STORED, Event.RESTARTED, State.STORED, Next.SETTLE),
    (State.LOST, Event.RESTARTED, State.LOST, Next.ASK),
    (State.SETTLED, Event.RESTARTED, State.SETTLED, Next.NONE),
]


@pytest.mark.parametrize(("state", "event", "then", "action"), ROWS)
def test_rows(state: State, event: Event, then: State, action: Next) -> None:
    """The rows that decide about money are as the design says."""
    move = advance(state, event, START)
    assert (move.state, move.action) == (then, action)


def test_only_a_person_leads_out_of_the_unclear() -> None:
    """From `unknown` and `lost` nothing leads to another attempt but a person's event, or being free."""
    for (state, event), move in TABLE.items():
        if state in (State.UNKNOWN, State.LOST) and not may_begin([state]) and may_begin([move.state]):
            assert event in PERSON or event is Event.WORTHLESS


def test_only_the_reserved_are_sent() -> None:
    """One edge leads to `submitting`, and it starts where nothing was sent yet."""
    ways = [(state, event) for (state, event), move in TABLE.items() if move.state is State.SUBMITTING]
    assert ways == [(State.RESERVED, Event.SEND)]
    assert [key for key, move in TABLE.items() if move.state is State.RESERVED] == [(State.PLANNED, Event.RESERVE)]


def test_every_live_state_survives_a_restart() -> None:
    """A new process knows what to do with whatever it finds."""
    for state in State:
        if state is not State.PLANNED:
            assert advance(state, Event.RESTARTED, START).state in State


def test_the_impossible_raises() -> None:
    """An event that cannot happen is a bug, not a move."""
    with pytest.raises(MoveError, match="send cannot happen to a take that is unknown"):
        advance(State.UNKNOWN, Event.SEND, START)


@pytest.mark.parametrize(
    ("left", "action"), [(LINK_MARGIN, Next.RENEW_LINK), (LINK_MARGIN + timedelta(seconds=1), Next.FETCH)]
)
def test_a_dying_link_is_renewed_first(left: timedelta, action: Next) -> None:
    """Expiry is looked at before a download, with a margin."""
    assert advance(State.GENERATED, Event.RESTARTED, START, expires_at=START + left).action is action


def test_nobody_looks_for_a_request_for_ever() -> None:
    """After the service's own memory ends, only a person can say what became of it."""
    long_ago = START - RECOVERABLE_FOR - timedelta(seconds=1)
    assert advance(State.UNKNOWN, Event.RESTARTED, START, created_at=long_ago).action is Next.ASK


CHOICES: dict[State, list[Event]] = {}
for _state, _event in TABLE:
    # The requests of these lives cost something, so none of them is worthless.
    if _event not in (Event.RESTARTED, Event.WORTHLESS):
        CHOICES.setdefault(_state, []).append(_event)


class World:
    """A service and a machine that fail at random; `ledger` counts what was charged for one key."""

    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self.ledger = 0
        self.consents = 1
        self.attempts: list[State] = []
        self.jobs: set[int] = set()

    def life(self) -> None:
        for _ in range(30):
            if not self.attempts or (self.attempts[-1] in ENDS and may_begin(self.attempts)):
                if self.attempts and self.attempts[-1] is State.SETTLED:
                    return
                self.attempts.append(advance(State.PLANNED, Event.RESERVE, START).state)
            self.step(len(self.attempts) - 1)

    def step(self, n: int) -> None:
        state = self.attempts[n]
        if self.rnd.random() < 0.15:
            event = Event.RESTARTED
        else:
            if state not in CHOICES:
                return
            event = self.rnd.choice(CHOICES[state])
        if state is State.UNKNOWN and event in (Event.FOUND, Event.ACCEPTED) and n not in self.jobs:
            return  # nothing is found that is not there
        if state is State.SUBMITTING and event is Event.ACCEPTED and n not in self.jobs:
            return
        if state is State.SUBMITTING and n in self.jobs and event in (Event.NOT_TAKEN, Event.CONTENT_REFUSED):
            return  # a service that took the request does not also prove that it did not
        if state is State.SUBMITTING and n in self.jobs and event is Event.FAILED:
            return
        if event in PERSON:
            if self.rnd.random() < 0.7:
                return
            if event is Event.PERSON_RETRY or event is Event.PERSON_FORGET:
                self.consents += 1
        move = advance(state, event, START)
        self.attempts[n] = move.state
        if move.action is Next.SUBMIT and self.rnd.random() < 0.7:
            self.jobs.add(n)
            self.ledger += 1
        if event in (Event.FAILED, Event.CONTENT_REFUSED) and state is State.SUBMITTED:
            self.ledger -= 1  # a job that yields nothing is not charged


def test_random_lives_pay_once() -> None:
    """20,000 random schedules of crashes, lost answers and decisions: never more charges than consents."""
    paid: Counter[int] = Counter()
    for seed in range(20_000):
        world = World(random.Random(seed))
        world.life()
        assert world.ledger <= world.consents, seed
        assert sum(state in LIVE for state in world.attempts) <= 1, seed
        paid[world.ledger] += 1
    assert paid[1] > 3_000, "the schedules must get somewhere"


def test_the_random_lives_would_see_a_bug() -> None:
    """With one wrong row (an unclear answer counts as not sent) the same schedules pay twice."""
    row = (State.SUBMITTING, Event.RESTARTED)
    right = TABLE[row]
    TABLE[row] = advance(State.RESERVED, Event.RESTARTED, START)
    try:
        seen = 0
        for seed in range(3_000):
            world = World(random.Random(seed))
            world.life()
            seen += world.ledger > world.consents
    finally:
        TABLE[row] = right
    assert seen > 50
