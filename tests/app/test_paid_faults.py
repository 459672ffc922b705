"""Every fault of the double through `apply`: the exit code, the sentence, the charge, and what a second run does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow_studio import ONE, QUIET, Film, Studio, studio_of

SHOT = ONE + QUIET + "shots:\n  - {id: A, prompt: A kite}\n"


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio_of(monkeypatch) as found:
        yield found


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str], studio: Studio) -> Film:
    film = Film(tmp_path, capsys, studio)
    film.write(SHOT)
    return film


def rule(call: str, fault: str, number: Any = 1, **more: Any) -> dict[str, Any]:
    return {"call": call, "fault": fault, "number": number, **more}


STOPS = [
    (rule("videos", "401"), "the token was not accepted", "USEAPI_TOKEN"),
    (rule("videos", "402"), "no credits left", "add Flow credits"),
    (rule("videos", "402", reason="subscription"), "no valid subscription", "renew"),
    (rule("videos", "596"), "the Google session of the account is dead", "reconnect the account"),
    (rule("account", "596"), "the Google session of the account is dead", "reconnect the account"),
    (rule("videos", "captcha-zero-balance"), "no balance left", "top up the captcha provider"),
    (rule("videos", "html-403"), "edge of the network", "not about the token"),
    (rule("accounts", "401"), "the token was not accepted", "USEAPI_TOKEN"),
]


@pytest.mark.parametrize(("fault", "words", "advice"), STOPS, ids=lambda value: str(value)[:60])
def test_what_stops_the_run(film: Film, fault: dict[str, Any], words: str, advice: str) -> None:
    """Exit 8 and one sentence that says what to do; nothing was charged, and the next run goes on."""
    film.studio.faults(fault)
    ended = film.apply(code=8)
    assert words in ended.err
    assert advice in ended.err
    assert film.studio.credits == 0
    film.apply()
    assert film.clips() == ["A_T01.mp4"]
    assert film.studio.credits == 10


PASSES = [
    rule("videos", "throttled", retry=1),
    rule("videos", "user-quota", retry=1),
    rule("videos", "per-model-daily", retry=1),
    rule("videos", "no-eligible-account", retry=1),
    rule("videos", "too-much-traffic", retry=1),
    rule("videos", "503", retry=1),
    rule("videos", "503", reason="MODEL_OVERLOADED", retry=1),
]


@pytest.mark.parametrize("fault", PASSES, ids=lambda fault: f"{fault['fault']}-{fault.get('reason', '')}")
def test_what_passes_is_sent_again(film: Film, fault: dict[str, Any]) -> None:
    """A proven rejection with a wait: the run waits as told and sends once more."""
    film.studio.faults(fault)
    assert "waiting for 1 s" in film.apply().err
    assert film.studio.credits == 10
    assert film.studio.sent() == {"/videos": 2}


FOUND = [
    rule("videos", "cut-after-accept"),
    rule("videos", "truncated-body"),
    rule("videos", "wrong-length"),
    rule("videos", "bad-json"),
    rule("videos", "408", accepted=True),
    rule("videos", "500", accepted=True),
    rule("videos", "502", accepted=True),
    rule("videos", "504", accepted=True),
]


@pytest.mark.parametrize("fault", FOUND, ids=lambda fault: fault["fault"])
def test_a_lost_answer_is_found_by_its_mark(film: Film, fault: dict[str, Any]) -> None:
    """The job is there: it is adopted by its mark, and the request is never sent twice."""
    film.studio.faults(fault)
    assert "its job is found again" in film.apply().err
    assert film.studio.sent() == {"/videos": 1}
    assert film.studio.credits == 10
    assert film.clips() == ["A_T01.mp4"]


HARMLESS = [
    rule("videos", "no-length"),
    rule("videos", "huge-json"),
    rule("job", "expired-link"),
    rule("job", "596"),
    rule("job", "huge-json"),
    rule("job", "cut-before-read"),
    rule("download", "truncated-body"),
    rule("download", "wrong-length"),
    rule("download", "cut-before-read"),
    rule("download", "no-length"),
    rule("download", "expired-link"),
    rule("account", "403", reason="MODEL_ACCESS_DENIED"),
]


@pytest.mark.parametrize("fault", HARMLESS, ids=lambda fault: f"{fault['call']}-{fault['fault']}")
def test_what_nobody_notices(film: Film, fault: dict[str, Any]) -> None:
    """Faults of free calls are repeated: one request, one charge, a whole clip."""
    film.studio.faults(fault)
    film.apply()
    assert film.studio.sent() == {"/videos": 1}
    assert film.studio.credits == 10
    assert film.clips() == ["A_T01.mp4"]
    film("cache", "verify")


REFUSALS = [
    (rule("videos", "refused"), "PUBLIC_ERROR_UNSAFE_GENERATION"),
    (rule("videos", "400", reason="PROMINENT_PEOPLE_FILTER_FAILED"), "PROMINENT_PEOPLE_FILTER_FAILED"),
    (rule("videos", "moderation", reason="AUDIO_FILTERED"), "PUBLIC_ERROR_AUDIO_FILTERED"),
    (rule("videos", "filtered-entry"), "PUBLIC_ERROR_UNSAFE_GENERATION"),
]


@pytest.mark.parametrize(("fault", "reason"), REFUSALS, ids=lambda value: str(value)[:60])
def test_a_refusal_is_remembered_until_the_words_change(film: Film, fault: dict[str, Any], reason: str) -> None:
    """Refused once: not sent again, shown beside its line with the reason, sent when the prompt is another one."""
    film.studio.faults(fault)
    assert reason in film.apply(code=6).err
    film.apply(code=6)
    assert film.studio.sent() == {"/videos": 1}
    assert film.studio.credits == 0
    for command in ("status", "plan"):
        shown = film(command, code=None).said
        assert "shots.yaml:6" in shown
        assert "refused" in shown
    assert reason in film.json("status", code=None)["takes"][0]["reason"]
    film.edit("A kite", "A red kite")
    film.apply()
    assert film.studio.sent() == {"/videos": 2}
    assert film.studio.credits == 10


def test_a_refused_picture_is_remembered_until_it_is_another(film: Film) -> None:
    """Its bytes are refused every time: nothing is uploaded again, by no shot that uses it in the same way."""
    film.picture("kite.png", (320, 180))
    film.write(ONE + QUIET + "shots:\n  - {id: A, prompt: A kite, start: kite.png}\n")
    film.studio.faults(rule("assets", "400", number="every", reason="MINOR_UPLOAD"))
    assert "PUBLIC_ERROR_MINOR_UPLOAD" in film.apply(code=6).err
    film.apply(code=6)
    assert len(film.studio.posts()) == 1
    assert "refused" in film("status", code=None).said
    film.studio.faults()
    film.picture("kite.png", (320, 180), "red")
    film.apply()
    assert film.studio.credits == 10


def test_a_refusal_can_be_allowed_once_more(film: Film) -> None:
    """A person may send the same words again."""
    film.studio.faults(rule("videos", "refused"))
    film.apply(code=6)
    film("resolve", "A", "--retry")
    film.apply()
    assert film.studio.sent() == {"/videos": 2}


def test_moderation_is_tried_once_with_another_seed_where_asked(film: Film) -> None:
    """`policy.on_reject` allows one more request, with a seed of its own."""
    film.write(SHOT + "policy: {on_reject: {retries: 1, change: seed}}\n")
    film.studio.faults(rule("videos", "moderation"))
    film.apply()
    assert film.studio.sent() == {"/videos": 2}
    assert film.studio.credits == 10
    film.apply()
    assert film.studio.sent() == {"/videos": 2}


FAILS = [
    (rule("videos", "403", reason="MODEL_ACCESS_DENIED"), "no right to this model"),
    (rule("videos", "404"), "does not accept the request"),
]


@pytest.mark.parametrize(("fault", "words"), FAILS, ids=lambda value: str(value)[:60])
def test_what_fails_alone(film: Film, fault: dict[str, Any], words: str) -> None:
    """Exit 6: the shot is told, the others are made."""
    film.write(SHOT + "  - {id: B, prompt: A dog, model: veo-3.1-lite}\n")
    film.studio.faults({**fault, "prompt": "kite"})
    assert words in film.apply(code=6).err
    assert film.clips() == ["B_T01.mp4"]


def test_a_failed_job_is_made_again_once_and_then_only_on_demand(film: Film) -> None:
    """Another run tries it once more; after the second failure only `--retry-failed` does."""
    film.studio.faults(rule("videos", "job-failed", "1-2"))
    film.apply(code=6)
    film.apply(code=6)
    assert "--retry-failed" in film.apply(code=6).said
    assert film.studio.sent() == {"/videos": 2}
    film.apply("--retry-failed")
    assert film.studio.sent() == {"/videos": 3}
    assert film.studio.credits == 10
    assert film.clips() == ["A_T01.mp4"]


STILL = (
    ONE + QUIET + "stills: {room: {model: nano-banana-2, prompt: A room}}\n"
    'shots:\n  - {id: A, prompt: A kite, start: "still:room"}\n'
)


def test_a_picture_without_bytes_is_a_refusal(film: Film) -> None:
    """200 without link and bytes: refused, remembered, and what needs the picture waits."""
    film.write(STILL)
    film.studio.faults(rule("images", "503", retry=1), rule("images", "images-silent-refusal", 2))
    film.apply(code=6)
    assert film.states() == {"still:room.1": "refused", "A.1": "blocked"}
    assert film.studio.credits == 0


def test_a_lost_free_picture_is_asked_for_again(film: Film) -> None:
    """Its answer was lost and no job is found: it costs nothing, so nobody has to decide anything."""
    film.write(STILL)
    film.studio.faults(rule("images", "408"))
    film.apply()
    assert film.studio.sent() == {"/images": 2, "/videos": 1}
    assert film.states() == {"still:room.1": "made", "A.1": "made"}


@pytest.mark.parametrize("where", ["image", "entry"])
def test_a_picture_may_come_inside_the_answer(film: Film, where: str) -> None:
    """Base64 in either place is as good as a link; its id is used without an upload."""
    film.write(STILL)
    film.studio.faults(rule("images", "encoded-image", where=where))
    film.apply()
    assert film.studio.posts() == ["/images", "/videos"]


def test_a_dead_job_record_is_held_and_told(film: Film) -> None:
    """410 before the file came: paid and gone, which only a person can end."""
    film.studio.faults(rule("job", "job-expired", "every"))
    assert "paid, but its result is gone" in film.apply(code=7).err
    film.apply(code=7)
    assert film.studio.sent() == {"/videos": 1}
    assert film.states() == {"A.1": "held"}
    assert "paid so far for this storyboard: 10 credits" in film("status", code=None).out
    film("resolve", "A", "--retry")
    film.studio.faults()
    film.apply()
    assert film.studio.sent() == {"/videos": 2}


@pytest.mark.parametrize("later_s", [3600, 23 * 3600, 6 * 24 * 3600])
def test_a_job_is_found_again_later(film: Film, later_s: int) -> None:
    """Left in flight, fetched hours and days later: links die, the job's record gives new ones."""
    film.studio.faults(rule("job", "500", "every"))
    film.apply("--deadline", "1", code=7)
    assert film.states() == {"A.1": "in flight"}
    film.studio.faults()
    film.studio.advance(later_s)
    film.apply()
    assert film.studio.sent() == {"/videos": 1}
    assert film.clips() == ["A_T01.mp4"]
