"""Several accounts in one run: who makes what, and what becomes of shots whose account makes nothing any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow_studio import QUIET, Film, Studio, studio_of, wait_for

from veospec.emulator.options import AccountOption

ONE, TWO = "one@example.com", "two@example.com"
HEAD = "veospec: 1\nprovider: {name: flow, plan: ultra-200}\nbudget: {max_credits: 500}\n" + QUIET
SHOTS = "shots:\n" + "".join(f"  - {{id: S{n}, prompt: Shot {n}}}\n" for n in range(4))
SHARING = """\
assets: {quay: refs/quay.png}
shots:
  - {id: S0, prompt: Rain on the quay, start: quay}
  - {id: S1, prompt: A lamp on the quay, start: quay}
  - {id: S2, prompt: A kite}
"""


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio_of(monkeypatch, accounts=(AccountOption(ONE), AccountOption(TWO)), job_seconds=0.05) as found:
        yield found


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str], studio: Studio) -> Film:
    film = Film(tmp_path, capsys, studio)
    film.write(HEAD + SHOTS)
    return film


def charged(film: Film) -> dict[str, int]:
    """Return how many clips each account was charged for."""
    return dict(Counter(charge["account"] for charge in film.studio.ledger()["charges"] if charge["credits"]))


DENIED: list[dict[str, Any]] = [
    {"fault": 403, "reason": "MODEL_ACCESS_DENIED"},
    {"fault": 429, "reason": "PER_MODEL_DAILY"},
    {"fault": 402},
    {"fault": 596},
]


@pytest.mark.parametrize("fault", DENIED, ids=lambda fault: f"{fault['fault']}")
@pytest.mark.parametrize("number", ["every", "2-"])
def test_shots_of_a_refused_account_are_made_by_another_in_the_same_run(
    film: Film, fault: dict[str, Any], number: str
) -> None:
    """What the account made before stays; nothing is charged twice, and the second run has nothing to do."""
    film.studio.faults({"call": "videos", "account": ONE, "number": number, **fault})
    ended = film.apply()
    made_by_one = 0 if number == "every" else 1
    assert charged(film) == {TWO: 4 - made_by_one} | ({ONE: 1} if made_by_one else {})
    assert len(film.clips()) == 4
    assert f"made by {TWO} instead of {ONE}" in ended.err
    film.apply()
    assert film.studio.credits == 40


def test_shots_that_share_media_move_together(film: Film) -> None:
    """The picture is uploaded once more, in the account that makes both."""
    film.picture("refs/quay.png", (320, 180))
    film.write(HEAD + SHARING)
    film.studio.faults({"call": "videos", "account": ONE, "number": "every", **DENIED[0]})
    film.apply()
    assert charged(film) == {TWO: 3}
    uploads = [path for path in film.studio.posts() if path.startswith("/assets")]
    assert len(uploads) == 2
    assert TWO.partition("@")[0] in uploads[1]


def test_a_dead_session_is_noticed_at_an_upload(film: Film) -> None:
    """The account takes no picture any more: its shots move before anything was sent."""
    film.picture("refs/quay.png", (320, 180))
    film.write(HEAD + SHARING)
    film.studio.faults({"call": "assets", "account": ONE, "number": "every", "fault": 596})
    film.apply()
    assert charged(film) == {TWO: 3}


EXTENDED = """\
shots:
  - {id: S0, prompt: A kite}
  - {id: S1, prompt: It pulls free, extend: S0}
  - {id: S2, prompt: A dog}
"""


def test_an_extension_stays_with_its_source(film: Film) -> None:
    """Its clip lies in the account that refuses: it waits with the reason, and the others go on."""
    film.write(HEAD + EXTENDED)
    film.studio.faults({"call": "extend", "account": ONE, "number": "every", "fault": 402})
    ended = film.apply(code=8)
    assert "no credits left" in ended.err
    assert charged(film) == {ONE: 1, TWO: 1}
    assert [name for name in film.clips() if "joined" in name] == []
    film.studio.faults()
    film.apply()
    assert charged(film) == {ONE: 2, TWO: 1}


def test_no_account_is_left(film: Film) -> None:
    """Every account refuses: nothing is charged, each shot says why, and nothing is tried in circles."""
    film.studio.faults({"call": "videos", "number": "every", "fault": 402})
    ended = film.apply(code=8)
    assert "no credits left" in ended.err
    assert film.studio.credits == 0
    assert len(film.studio.posts()) == 2


def test_an_unclear_answer_does_not_move(film: Film) -> None:
    """Its request may have been paid: it is held where it is, while the rest of the account moves."""
    film.studio.faults(
        {"call": "videos", "account": ONE, "number": 1, "fault": "cut-after-accept"},
        {"call": "videos", "account": ONE, "number": "2-", "fault": 402},
        {"call": "jobs", "number": "every", "fault": 503},
        {"call": "captcha-stats", "number": "every", "fault": 503},
    )
    process = film.process()
    wait_for(lambda: charged(film) == {ONE: 1, TWO: 3})
    process.kill()
    process.communicate()
    film.studio.faults()
    film.apply()
    assert film.studio.credits == 40
    assert len(film.clips()) == 4


@pytest.mark.parametrize(
    ("one", "two", "group", "single"),
    [(25_000, 15, ONE, TWO), (15, 25_000, TWO, ONE), (12, 25, TWO, ONE), (100, 100, ONE, TWO)],
)
def test_shots_that_share_media_go_where_they_can_be_paid(
    film: Film, one: int, two: int, group: str, single: str
) -> None:
    """A group of two clips needs twenty credits, the other shot ten."""
    film.picture("refs/quay.png", (320, 180))
    film.write(HEAD + SHARING)
    film.studio.account(ONE, credits=one)
    film.studio.account(TWO, credits=two)
    film.apply()
    assert charged(film) == {group: 2, single: 1}
