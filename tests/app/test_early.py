"""What can be looked at while a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_studio import ONE, Film, Studio, studio_of, wait_for

BOARD = ONE + "shots:\n  - {id: A, prompt: A kite}\n  - {id: B, prompt: A dog}\n"


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with studio_of(monkeypatch, job_seconds=30.0) as found:
        yield found


@pytest.fixture
def film(tmp_path: Path, capsys: pytest.CaptureFixture[str], studio: Studio) -> Film:
    film = Film(tmp_path, capsys, studio)
    film.write(BOARD)
    return film


def test_finished_takes_and_the_review_page_appear_before_the_end(film: Film) -> None:
    """The first clip, its posters and the page are there while the second job runs; the manifest comes at the end.

    A run that is killed then leaves nothing that the next one takes for somebody else's.
    """
    process, out = film.process(), film.folder / "out"
    wait_for(lambda: film.studio.credits == 10)
    film.studio.advance(30)
    wait_for(lambda: (out / "review.html").exists())
    assert film.clips() == ["A_T01.mp4"]
    assert len(list((out / "posters").iterdir())) == 3
    assert not (out / "manifest.json").exists()
    assert process.poll() is None
    wait_for(lambda: film.studio.credits == 20)
    process.kill()
    process.communicate()
    film.studio.advance(60)
    assert "note:" not in film.apply().out
    assert film.clips() == ["A_T01.mp4", "B_T01.mp4"]
    assert film.studio.credits == 20
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    film.apply()
    assert before == {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_nothing_early_is_written_over_somebody_s_own_file(film: Film) -> None:
    """A file that appears in the way after the money was agreed to stays, and the end says so."""
    process, mine = film.process(), film.folder / "out/clips/A_T01.mp4"
    wait_for(lambda: film.studio.credits == 10)
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"holiday")
    film.studio.advance(30)
    wait_for(lambda: film.studio.credits == 20)
    film.studio.advance(30)
    said = "".join(process.communicate(timeout=60))
    assert mine.read_bytes() == b"holiday"
    assert "A_T01.mp4 exists and was not written by veospec" in said
    assert "Traceback" not in said
    mine.unlink()
    film.apply()
    assert film.clips() == ["A_T01.mp4", "B_T01.mp4"]
    assert film.studio.credits == 20
