"""Killed at any moment, alone or many at once: each key is charged once, every clip comes, nothing is sent twice."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_studio import ONE, QUIET, Film, Studio, studio_of, wait_for

THREE = (
    ONE
    + QUIET
    + """shots:
  - {id: A, prompt: A kite}
  - {id: B, prompt: It turns, start: {shot: A, frame: last}}
  - {id: C, prompt: It flies on, extend: B}
"""
)
DONE = ["A_T01.mp4", "B_T01.mp4", "C_T01.mp4", "C_T01_joined.mp4"]


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio_of(monkeypatch, job_seconds=0.3) as found:
        yield found


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str], studio: Studio) -> Film:
    film = Film(tmp_path, capsys, studio)
    film.write(THREE)
    return film


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def kill_after(film: Film, calls: int) -> None:
    """Start a run and kill it when the double has seen so many calls, or it ended."""
    process = film.process()
    wait_for(lambda: process.poll() is not None or len(film.studio.calls()) >= calls)
    kill(process)


def check_paid_once(film: Film) -> None:
    charges = [charge for charge in film.studio.ledger()["charges"] if charge["credits"]]
    paid = Counter(charge["replyRef"].split(":")[1] for charge in charges)
    assert set(paid.values()) == {1}, "a key was charged twice"
    assert len(paid) == 3
    assert film.studio.credits == 30
    assert film.clips() == DONE


def test_killed_after_every_call(film: Film) -> None:
    """A process dies after each new call of the service; those who come after it finish, and pay nothing twice."""
    for calls in (1, 4, 6, 9):
        kill_after(film, len(film.studio.calls()) + calls)
    film.recover()
    check_paid_once(film)


def test_killed_while_the_answer_is_on_its_way(film: Film) -> None:
    """The request was taken and paid, its answer was not read: one run later everything is here."""
    film.studio.faults({"call": "videos", "fault": "slow", "number": 2, "seconds": 3})
    process = film.process()
    wait_for(lambda: film.studio.credits == 20)
    kill(process)
    film.studio.faults()
    ended = film.apply()
    assert "its job is found again" in ended.err
    check_paid_once(film)


EVENTS = [("step-progress", "running"), ("step-progress", "download"), ("settled", "")]


@pytest.mark.parametrize(("event", "phase"), EVENTS, ids=lambda value: value or "any")
def test_killed_at_every_word_of_its_events(film: Film, event: str, phase: str) -> None:
    """Dies as soon as it says that it has come so far with its first shot."""
    events = film.folder / "events.ndjson"
    process = film.process("--events", "events.ndjson")

    def has_come() -> bool:
        text = events.read_text() if events.exists() else ""
        return any(f'"event": "{event}"' in line and phase in line for line in text.splitlines())

    wait_for(lambda: process.poll() is not None or has_come())
    kill(process)
    film.recover()
    check_paid_once(film)


@pytest.mark.parametrize("many", [2, 8])
def test_many_at_once(film: Film, many: int) -> None:
    """Processes on one storyboard share the work: everyone ends well, nothing is bought twice."""
    together = [film.process() for _ in range(many)]
    ended = [(process.communicate()[1], process.returncode) for process in together]
    assert {code for _, code in ended} <= {0, 7, 9}, ended
    film.apply()
    check_paid_once(film)
    assert film.studio.sent() == {"/videos": 2, "/videos/extend": 1}
