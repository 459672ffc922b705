"""Events come out as versioned NDJSON that fits its schema and cannot control a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from veospec.model import Cost
from veospec.run import events
from veospec.run.events import (
    Ended,
    Everyone,
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
    Work,
    ndjson,
)

AT = datetime(2026, 6, 15, 10, 0, 5, 120_000, tzinfo=UTC)
STEP = ("SH010@16:9", 2)
COST = Cost(20, None, is_ceiling=True)
EVENTS: list[RunEvent] = [
    RunStarted("r1", "flow", 8, 3),
    *(StepStarted(STEP, work) for work in Work),
    *(StepProgress(STEP, phase, 1.23456, None) for phase in Phase),
    *(StepDone(STEP, state, "ab" * 32 if state is Ended.MADE else "", COST, "why \x1b[2J", "") for state in Ended),
    Reserved("0" * 32, (STEP,), COST),
    Settled("0" * 32, (STEP,), COST, Cost()),
    Waiting((STEP,), "429", 60.0),
    Note("a sentence", None),
    Note("a sentence", STEP),
    Stopping("the token is not accepted", "set it"),
    RunDone(7, (("made", 2), ("held", 1)), COST),
]


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((Path(events.__file__).parents[2] / "schemas/events.schema.json").read_text())


def test_every_kind_is_shown_here() -> None:
    """A new kind of event must come into this test, and so into the schema."""
    assert {type(event) for event in EVENTS} == set(get_args(RunEvent))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.NAME)
def test_events_fit_the_schema(schema: Any, event: RunEvent) -> None:
    """Each line is one object of the published form, in pure ASCII."""
    line = ndjson(event, AT)
    assert "\n" not in line
    assert line.isascii()
    assert "\x1b" not in line
    found = json.loads(line)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert found["at"] == "2026-06-15T10:00:05.120Z"


def test_the_schema_refuses_what_it_should(schema: Any) -> None:
    """The schema says something: a wrong state and a missing member are found."""
    judge = jsonschema.Draft202012Validator(schema)
    good = json.loads(ndjson(EVENTS[-1], AT))
    assert judge.is_valid(good)
    assert not judge.is_valid({**good, "counts": {"made": "2"}})
    assert not judge.is_valid({name: value for name, value in good.items() if name != "spent"})
    assert not judge.is_valid({**good, "event": "run-finished"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/videos of studio.one@example.com: busy", "/videos of st***@example.com: busy"),
        ("a@b.co and bob+x@mail.example.org", "a***@b.co and bo***@mail.example.org"),
        ("needs SH010@16:9 T01", "needs SH010@16:9 T01"),
        ("@ alone, x@y", "@ alone, x@y"),
    ],
)
def test_no_account_is_named(text: str, shown: str) -> None:
    """What the service says of an account is masked; node ids are not."""
    assert json.loads(ndjson(Note(text), AT))["text"] == shown


def test_everyone_hears() -> None:
    """Several listeners are told in turn; nobody listening is fine."""
    heard: list[RunEvent] = []

    class Ear:
        def tell(self, event: RunEvent) -> None:
            heard.append(event)

    Everyone((Ear(), NullListener(), Ear())).tell(EVENTS[0])
    assert heard == [EVENTS[0]] * 2
