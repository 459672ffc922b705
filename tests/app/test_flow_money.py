"""Ceilings, consent, a person's decisions, secrets, what is seen and told, and two ways to stop."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance import schema
from flow_studio import ONE, QUIET, Film, Studio, files_with, studio_of, wait_for

from veospec.emulator.options import AccountOption

TOKEN = "user:4711-canary0token0canary"
EMAIL = "canary.mail@example.com"
HEAD = "veospec: 1\nprovider: {name: flow, plan: ultra-200}\n" + QUIET
SHOTS = "shots:\n" + "".join(f"  - {{id: S{n}, prompt: Shot {n}}}\n" for n in range(6))


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio_of(monkeypatch, token=TOKEN, accounts=(AccountOption(EMAIL),), job_seconds=0.3) as found:
        yield found


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str], studio: Studio) -> Film:
    film = Film(tmp_path, capsys, studio)
    film.write(HEAD + SHOTS)
    return film


# -- ceilings and consent


def test_nobody_to_ask_and_no_ceiling(film: Film) -> None:
    """Without a terminal a sum needs a ceiling; nothing is sent, not even by --yes."""
    film.apply(code=5)
    film.apply("--yes", code=5)
    assert film.studio.posts() == []


@pytest.mark.parametrize(
    ("spec", "options", "code"),
    [(59, (), 5), (60, (), 0), (59, ("--max-credits", "60"), 0), (1000, ("--max-credits", "59"), 5)],
)
def test_the_ceiling_of_the_command_line_beats_the_spec(
    film: Film, spec: int, options: tuple[str, ...], code: int
) -> None:
    """Six shots of ten credits: the sum is refused before anything is sent, or made whole, all at once."""
    film.write(HEAD + f"budget: {{max_credits: {spec}}}\n" + SHOTS)
    film.apply("--jobs-per-account", "6", *options, code=code)
    assert film.studio.credits == (0 if code else 60)


@pytest.mark.parametrize(("ceiling", "code", "spent"), [(60, 5, 0), (119, 5, 0), (120, 0, 120)])
def test_the_ceiling_holds_what_the_account_pays(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ceiling: int,
    code: int,
    spent: int,
) -> None:
    """The storyboard says Ultra, the account is Pro: six shots cost twice what was planned, and the account decides."""
    with studio_of(monkeypatch, token=TOKEN, accounts=(AccountOption(EMAIL, "pro"),), job_seconds=0.1) as studio:
        film = Film(tmp_path, capsys, studio)
        film.write(HEAD + SHOTS)
        said = film.apply("--jobs-per-account", "6", "--max-credits", str(ceiling), code=code)
        assert studio.credits == spent
        assert code == 0 or "--plan-class pro" in f"{said}"


def test_an_unknown_price_is_bought_only_when_a_person_says_so(film: Film) -> None:
    """No ceiling can hold a price that nobody knows; accepted, it is sent, and the ceiling holds all others."""
    board = HEAD + "shots:\n  - {id: A, prompt: A kite, model: veo-9}\n  - {id: B, prompt: A dog}\n"
    film.write(board)
    assert "is not known" in film.apply("--allow-unknown-model", "--max-credits", "9", code=5).err
    film.apply("--allow-unknown-model", "--accept-unknown-price", "--max-credits", "9", code=5)
    assert film.studio.credits == 0
    film.apply("--allow-unknown-model", "--accept-unknown-price", "--max-credits", "10", code=6)
    assert film.studio.credits == 10
    assert film.clips() == ["B_T01.mp4"]


def test_a_second_try_does_not_pass_the_ceiling(film: Film) -> None:
    """Requests of unknown fate count as spent: what is left over is refused in the middle of a run."""
    film.write(HEAD + "budget: {max_credits: 60}\n" + SHOTS)
    film.studio.faults({"call": "videos", "fault": "cut-after-accept", "number": 1},
                       {"call": "jobs", "fault": "503", "number": "every"})  # fmt: skip
    process = film.process()
    wait_for(lambda: film.studio.credits == 10)
    process.kill()
    process.communicate()
    film.studio.faults()
    film.apply(code=None)
    film.apply(code=None)
    assert film.studio.credits <= 60


def test_an_account_with_too_few_credits(film: Film) -> None:
    """The service's own balance is looked at before anything is sent."""
    film.studio.account(EMAIL, credits=50)
    ended = film.apply("--max-credits", "100", code=8)
    assert "the plan needs 60 credits, 50 are left" in ended.err
    assert film.studio.posts() == []


# -- decisions of a person


@contextmanager
def sending(film: Film) -> Iterator[None]:
    """Let another process be at one shot, whose answer takes its time; in the end it is killed."""
    film.write(ONE + QUIET + "shots:\n  - {id: A, prompt: A kite}\n")
    film.studio.faults({"call": "videos", "fault": "slow", "number": 1, "seconds": 30})
    process = film.process()
    try:
        wait_for(lambda: film.studio.credits == 10)
        yield
    finally:
        process.kill()
        process.communicate()


def lost(film: Film) -> str:
    """Leave one shot whose answer was lost and whose job nobody finds; return the job."""
    with sending(film):
        pass
    film.studio.faults()
    film.studio.advance(3600)
    return str(film.studio.ledger()["charges"][0]["jobid"])


def test_what_another_process_is_sending_is_not_lost(film: Film) -> None:
    """Nobody is asked for a decision while its answer may still come."""
    with sending(film):
        assert "another veospec apply (pid " in film("plan").out
        assert film.states() == {"A.1": "in flight"}
        listed = film("resolve")
        assert "A T01: another veospec apply (pid " in listed.out
        assert "--retry" not in listed.out
        assert film.json("resolve")["waiting"] == []
        assert "another veospec apply (pid " in film("resolve", "A", "--retry", code=None).err
    assert film.states() == {"A.1": "held"}
    assert film("resolve", code=7).out.count("A T01") == 1
    assert film.studio.sent() == {"/videos": 1}


def test_adopting_a_job_by_hand(film: Film) -> None:
    """The person names the job: it is fetched, no charge."""
    job = lost(film)
    assert film("resolve", code=7).out.count("A T01") == 1
    film("resolve", "A", "--adopt", job)
    film.apply()
    assert film.studio.sent() == {"/videos": 1}
    assert film.clips() == ["A_T01.mp4"]


@pytest.mark.parametrize("word", ["--retry", "--forget"])
def test_giving_a_lost_request_up(film: Film, word: str) -> None:
    """The person accepts a second charge, or says that there was none: it is bought again."""
    lost(film)
    film("resolve", "A", word)
    film.apply()
    assert film.studio.sent() == {"/videos": 2}
    film.apply()
    assert film.studio.credits == 20


# -- secrets


def test_token_and_e_mail_stay_where_they_belong(film: Film) -> None:
    """The token is written nowhere, the e-mail in the private folder at most."""
    said = ""
    for fault in ("401", "402", "cut-after-accept", "596", "huge-json", "html-403"):
        film.studio.faults({"call": "videos", "fault": fault, "number": 1})
        ran = film.apply("--max-credits", "500", "--events", "events.ndjson", code=None)
        said += ran.said.replace(f"account {EMAIL}", "").replace(f"of {EMAIL}", "")
    film.studio.faults()
    said += film.apply("--max-credits", "500").said
    for command in ("status", "plan", "explain S0", "show S0", "resolve", "doctor --provider flow"):
        said += film(*command.split(), code=None).said.replace(EMAIL, "") if "doctor" in command else ""
        said += film(*command.split(), code=None).said if "doctor" not in command else ""
    assert film.clips()
    for needle in (TOKEN, TOKEN.removeprefix("user:"), "canary0token0canary"):
        assert needle not in said
        assert files_with(film.folder, needle.encode()) == []
    outside = [f for f in files_with(film.folder, EMAIL.encode()) if not f.startswith(".veospec/")]
    assert outside == []
    hexed = EMAIL.encode().hex().encode()
    assert [f for f in files_with(film.folder, hexed) if not f.startswith(".veospec/")] == []


# -- what is told


def test_status_reminds_of_paid_clips_that_are_not_here(film: Film) -> None:
    """A job is done and its file does not come: everybody who looks is told, and until when its link lives."""
    film.studio.faults({"call": "download", "fault": "503", "number": "every"})
    process = film.process("--max-credits", "100")
    wait_for(lambda: film.studio.credits == 60)
    wait_for(lambda: "paid takes are not downloaded yet; the first link dies at 20" in film("status", code=None).out)
    process.kill()
    process.communicate()
    film.studio.faults()
    film.apply("--max-credits", "100")
    assert "not downloaded" not in film("status").out
    assert film.studio.credits == 60
    assert len(film.clips()) == 6


def test_the_doctor_tells_how_captcha_attempts_ended(film: Film) -> None:
    """Token, account and credits, the captcha providers, and how many of their last attempts were accepted."""
    film.apply("--max-credits", "100")
    film.studio.advance(1200)
    said = film("doctor", "--provider", "flow", code=None).said
    assert "accepts the token" in said
    assert "24,940 credits" in said
    assert "free solves left" in said
    assert "accepted of the last attempts: CapSolver 6 of 6" in said


def test_events_keep_their_form(film: Film) -> None:
    """Every line validates; the last says how it ended; what was spent is there to add up."""
    film.studio.faults({"call": "videos", "fault": "throttled", "number": 2, "retry": 1},
                       {"call": "videos", "fault": "refused", "number": 4})  # fmt: skip
    film.apply("--max-credits", "60", "--events", "e.ndjson", "--jobs-per-account", "3", code=6)
    lines = [json.loads(line) for line in (film.folder / "e.ndjson").read_text().splitlines()]
    for line in lines:
        schema("events").validate(line)
    assert lines[-1]["event"] == "run-done"
    assert lines[-1]["spent"]["credits"] == 50
    assert sum(line["spent"]["credits"] for line in lines if line["event"] == "settled") == 50
    assert {line["event"] for line in lines} >= {"run-started", "waiting", "reserved", "step-progress", "step-done"}


@pytest.mark.parametrize("times", [1, 2])
def test_stopping_by_hand(film: Film, times: int) -> None:
    """Once: nothing new is sent, the job goes on elsewhere. Twice: at once. The next run pays nothing twice."""
    process = film.process("--max-credits", "60")
    wait_for(lambda: film.studio.credits == 10)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    if times == 1:
        assert "Run the same command again" in said
    assert "Traceback" not in said
    film.apply("--max-credits", "60")
    assert film.studio.credits == 60
    assert film.studio.sent() == {"/videos": 6}
    assert len(film.clips()) == 6


# -- bought elsewhere


def test_what_the_manifest_names_is_not_bought_again_unless_asked(film: Film) -> None:
    """A clip that another machine bought is held; `--regenerate` buys it here."""
    film.write(ONE + QUIET + "shots:\n  - {id: A, prompt: A kite}\n")
    film.apply()
    manifest = (film.folder / "out/manifest.json").read_bytes()
    shutil.rmtree(film.folder / ".veospec")
    shutil.rmtree(film.folder / "out")
    (film.folder / "out").mkdir()
    (film.folder / "out/manifest.json").write_bytes(manifest)
    film.apply(code=7)
    assert film.studio.credits == 10
    film.apply("--regenerate")
    assert film.studio.credits == 20
