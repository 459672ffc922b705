"""A picture that was cut off is told at its place, before anything is paid for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance import SMALL, Person, write_clip
from flow_studio import ONE, Film, studio_of
from PIL import Image

from veospec.media.probe import flaw_of

BOARD = """\
veospec: 1
assets:
  whole: refs/whole.png
  cut: refs/cut.jpg
  plate: refs/plate.mp4
characters:
  ada: {name: Ada, describe: a woman, images: [cut]}
shots:
  - {id: A, prompt: Rain., start: whole, duration: 4s}
  - {id: B, prompt: Wind., start: cut, duration: 4s}
  - {id: C, prompt: "Snow on @ada.", characters: [ada]}
  - {id: D, model: omni-flash, prompt: Make it night., edit: {source: plate, in: 0f, out: 72f}}
"""


def inputs(folder: Path) -> None:
    (folder / "refs").mkdir()
    picture = Image.effect_mandelbrot((320, 180), (-2, -1.5, 1, 1.5), 50)
    picture.save(folder / "refs/whole.png")
    picture.save(folder / "refs/cut.jpg")
    whole = (folder / "refs/cut.jpg").read_bytes()
    (folder / "refs/cut.jpg").write_bytes(whole[: len(whole) // 2])
    write_clip(folder / "refs/plate.mp4")
    plate = (folder / "refs/plate.mp4").read_bytes()
    (folder / "refs/plate.mp4").write_bytes(plate[:-400])


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_damage_is_told_where_the_file_is_written(veospec: Person, command: str) -> None:
    inputs(veospec.folder)
    veospec.write(BOARD)
    veospec(command, code=0)
    said = veospec(command, "--provider", "flow", "--plan-class", "ultra-200", code=3).said
    assert "shots.yaml:4:8: error VS305 [B]: the file 'refs/cut.jpg' is damaged: image file is truncated" in said
    assert "shots.yaml:4:8: error VS305 [C]" in said
    assert "shots.yaml:5:10: error VS305 [D]: the file 'refs/plate.mp4' is damaged: box 'moov' needs" in said
    assert said.count("VS305") == 3
    assert "whole.png" not in said


def test_the_comment_of_a_pull_request_tells_damage(veospec: Person) -> None:
    inputs(veospec.folder)
    veospec.write(BOARD)
    told = veospec("comment", "--provider", "flow", "--plan-class", "ultra-200").out
    assert "is not valid: 3 problems; nothing was planned" in told
    assert told.count("`VS305`") == 3


def test_each_content_is_decoded_once(veospec: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs(veospec.folder)
    veospec.write("veospec: 1\nshots: [{id: A, prompt: Rain.}]\n" + SMALL)
    veospec("apply")
    veospec.write(BOARD)
    looked: list[str] = []

    def look(content: bytes, kind: str) -> str:
        looked.append(kind)
        return flaw_of(content, kind)

    monkeypatch.setattr("veospec.media.probe.flaw_of", look)
    for _ in range(2):
        assert "VS305" in veospec("plan", "--provider", "flow", "--plan-class", "ultra-200", code=3).said
    assert sorted(looked) == ["jpeg", "mp4", "png"]


def test_nothing_is_sent_for_a_damaged_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with studio_of(monkeypatch) as studio:
        film = Film(tmp_path, capsys, studio)
        inputs(film.folder)
        film.write(BOARD.replace("veospec: 1\n", ONE))
        said = film.apply("--max-credits", "3000", code=3).said
        assert said.count("VS305") == 3
        assert studio.posts() == []
        assert studio.credits == 0
        Image.effect_mandelbrot((320, 180), (-2, -1.5, 1, 1.5), 50).save(film.folder / "refs/cut.jpg")
        write_clip(film.folder / "refs/plate.mp4")
        film.apply("--max-credits", "3000")
        assert studio.credits > 0


def test_a_damaged_picture_of_a_slate_is_named_as_it_is_written(veospec: Person) -> None:
    inputs(veospec.folder)
    veospec.write(BOARD + SMALL)
    said = veospec("apply", code=6).said
    assert "B: refs/cut.jpg is a broken picture: image file is truncated" in said
    assert "(named at shots.yaml:10:" in said
    assert "D: refs/plate.mp4 is not a whole MP4" in said
