"""What other services, gateways and wires may answer: every take comes, and each is paid for once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance import Person
from flow_studio import files_with
from odd_service import TOKEN, Habits, OddService, odd_service

HEAD = "veospec: 1\nprovider: {name: flow, plan: ultra-200}\nbudget: {max_credits: 500}\ndeliver: {review: none}\n"
BOARD = HEAD + "shots:\n  - {id: A, prompt: A kite}\n  - {id: B, prompt: A dog, takes: 3}\n"
TAKES = HEAD + "shots:\n  - {id: A, prompt: A kite, takes: 4}\n"
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


@contextmanager
def against(habits: Habits, film: Person) -> Iterator[OddService]:
    """Serve, and let the environment of the person name the service."""
    with odd_service(habits) as (service, environment), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield service


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Person:
    return Person(tmp_path, capsys)


SHAPES = {
    "as documented": Habits(),
    "ids of September": Habits(job_form="j0911{n:012}v-u9-email:st***@example.com-bot:google-flow"),
    "ids with the whole e-mail": Habits(job_form="j{n:013}v-u9-email:studio.one@example.com-bot:google-flow"),
    "short ids, media without an owner": Habits(job_form="job_{n}+x.y", media_form="user:9-video:{n}-{take}"),
    "camel case, no response": Habits(id_name="jobId", has_response=False, status=202),
    "mark at the top, results at the top": Habits(mark="top", place="top"),
    "no seeds, new words": Habits(says_seed=False, words=("queued", "", "SUCCEEDING", "in review")),
    "results in another order": Habits(order=-1),
    "chunks with extensions and trailers": Habits(framing="chunked"),
    "no lengths": Habits(framing="close"),
    "HTTP/1.0": Habits(version="HTTP/1.0"),
    "closes without a word": Habits(hangs_up=True),
}


@pytest.mark.parametrize("habits", SHAPES.values(), ids=SHAPES.keys())
def test_answers_in_any_shape(film: Person, habits: Habits) -> None:
    with against(habits, film) as service:
        film.write(BOARD)
        film("apply", "--no-reel", "--jobs-per-account", "2")
        assert (service.posts, len(service.paid), service.troubles) == (2, 4, [])
        film("apply", "--no-reel")
        assert service.posts == 2
    assert len(list((film.folder / "out/clips").iterdir())) == 4
    assert files_with(film.folder, TOKEN.encode()) == []


LOST = {
    "half a body": Habits(cut=25),
    "half a head": Habits(cut=150, has_response=False),
    "half a body, mark at the top": Habits(cut=25, mark="top"),
    "half a body in chunks": Habits(cut=25, framing="chunked"),
    "a gateway's page": Habits(first=(502, PAGE, {"content-type": "text/html"}), pays=True),
    "an empty 504": Habits(first=(504, b"", {}), pays=True),
    "a redirect": Habits(first=(307, b"", {"location": "/v1/google-flow/videos"}), pays=True),
    "an acceptance without an id": Habits(first=(201, b'{"status": "created"}', {}), pays=True),
    "an acceptance that is no object": Habits(first=(201, b"null", {}), pays=True),
    "an id that leads elsewhere": Habits(first=(201, b'{"jobid": "../../v2/account"}', {}), pays=True),
}


@pytest.mark.parametrize("habits", LOST.values(), ids=LOST.keys())
def test_a_lost_answer_is_looked_for_and_not_sent_again(film: Person, habits: Habits) -> None:
    with against(habits, film) as service:
        film.write(TAKES)
        ended = film("apply", "--no-reel")
        assert (service.posts, len(service.paid)) == (1, 4)
        assert "its job is found again" in ended.err
    assert len(list((film.folder / "out/clips").iterdir())) == 4


REJECTED = {
    "429 without a body": Habits(first=(429, b"", {"retry-after": "0"})),
    "a page of 429": Habits(first=(429, PAGE, {"Retry-After": "0", "content-type": "text/html"})),
    "429 as a list": Habits(first=(429, b"[]", {"retry-after": "0"})),
    "503 as JSON": Habits(first=(503, b'{"error": {"code": 503, "status": "UNAVAILABLE"}}', {"retry-after": "0"})),
}


@pytest.mark.parametrize("habits", REJECTED.values(), ids=REJECTED.keys())
def test_a_proven_rejection_is_sent_again(film: Person, habits: Habits) -> None:
    with against(habits, film) as service:
        film.write(TAKES)
        film("apply", "--no-reel")
        assert (service.posts, len(service.paid)) == (2, 4)


@pytest.mark.parametrize("says_seed", [True, False])
def test_one_of_four_is_filtered(film: Person, says_seed: bool) -> None:
    """Three takes are paid and here; the fourth is refused with its reason, and not asked for again."""
    with against(Habits(filtered=frozenset({1}), says_seed=says_seed), film) as service:
        film.write(TAKES)
        ended = film("apply", "--no-reel", code=6)
        assert "A T02 refused: PUBLIC_ERROR_AUDIO_FILTERED" in ended.err
        film("apply", "--no-reel", code=6)
        assert (service.posts, len(service.paid)) == (1, 3)
    names = sorted(path.name for path in (film.folder / "out/clips").iterdir())
    assert names == ["A_T01.mp4", "A_T03.mp4", "A_T04.mp4"]
