"""Facts of input files, judged: missing, of another kind, too large, of another ratio."""

from __future__ import annotations

import pytest
from spec_builders import compiled

from veospec.model import InputFact, Severity
from veospec.spec.files import check_files

TEXT = """veospec: 1
assets:
  front: refs/front.png
  plate: plates/plate.mp4
  spare: refs/spare.png
characters:
  ada: {images: [refs/ada.jpg]}
shots:
  - id: SH010
    prompt: A kite.
    start: front
  - id: SH020
    prompt: A woman.
    characters: [ada]
  - id: SH030
    model: omni-flash
    prompt: A restyled plate.
    edit: {source: plate, out: 48f}
"""
SOUND = {
    "refs/front.png": InputFact("refs/front.png", "0" * 64, 1_000, "png"),
    "refs/spare.png": InputFact("refs/spare.png", "0" * 64, 1_000, "webp"),
    "refs/ada.jpg": InputFact("refs/ada.jpg", "0" * 64, 20_971_520, "jpeg"),
    "plates/plate.mp4": InputFact("plates/plate.mp4", "0" * 64, 100_000_000, "mp4"),
}


def problems(*changed: InputFact, without: str = "") -> list[str]:
    outcome = compiled(TEXT)
    assert outcome.storyboard is not None
    facts = {path: fact for path, fact in SOUND.items() if path != without} | {fact.path: fact for fact in changed}
    found = check_files(outcome.storyboard, facts, outcome.paths)
    marks = {Severity.ERROR: "", Severity.WARNING: "warning ", Severity.NOTE: "note "}
    assert all(p.advice for p in found)
    return [f"{p.location.line}:{p.location.column} {marks[p.severity]}{p.code} {p.message}" for p in found]


def test_sound_files_are_no_problem() -> None:
    assert problems() == []


def fact(path: str, kind: str, size: int = 10, missing: str = "") -> InputFact:
    return InputFact(path, "" if missing else "0" * 64, size, kind, missing)


FRONT, PLATE = "refs/front.png", "plates/plate.mp4"
LIES = "the name ends like one, but the content is"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (fact(FRONT, "", missing="does not exist"), f"3:10 VS301 the file '{FRONT}' does not exist"),
        (fact(FRONT, "", missing="is a symbolic link"), f"3:10 VS301 the file '{FRONT}' is a symbolic link"),
        (fact(FRONT, ""), f"3:10 VS302 '{FRONT}' should be a picture (PNG, JPEG or WebP); {LIES} no picture or clip"),
        (fact(FRONT, "mp4"), f"3:10 VS302 '{FRONT}' should be a picture (PNG, JPEG or WebP); {LIES} an MP4 file"),
        (fact(FRONT, "png", 0), f"3:10 VS302 the file '{FRONT}' is empty"),
        (fact(FRONT, "png", 20_971_521), f"3:10 VS303 the file '{FRONT}' has 20,971,521 bytes (at most 20,971,520)"),
        (fact("refs/ada.jpg", "", missing="is a folder"), "7:18 VS301 the file 'refs/ada.jpg' is a folder"),
        (fact(PLATE, "png"), f"4:10 VS302 '{PLATE}' should be an MP4 clip; {LIES} a PNG file"),
        (fact(PLATE, "mp4", 100_000_001), f"4:10 VS303 the file '{PLATE}' has 100,000,001 bytes (at most 100,000,000)"),
        (fact("refs/spare.png", "", missing="does not exist"), "5:10 warning VS301 the file 'refs/spare.png' does not"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_where_its_path_is_written(found: InputFact, expected: str) -> None:
    (problem,) = problems(found)
    assert problem.startswith(expected)


def test_a_file_that_nobody_looked_at_is_missing() -> None:
    assert problems(without="refs/front.png") == ["3:10 VS301 the file 'refs/front.png' does not exist"]


def test_a_file_with_a_similar_name_is_suggested() -> None:
    outcome = compiled(TEXT)
    assert outcome.storyboard is not None
    facts = {**SOUND, "refs/front.png": InputFact("refs/front.png", missing="does not exist", near=("refs/Front.png",))}
    (problem,) = check_files(outcome.storyboard, facts, outcome.paths)
    assert problem.advice == "did you mean 'refs/Front.png'?"


@pytest.mark.parametrize(
    ("size", "count"), [((1280, 720), 0), ((1376, 768), 0), ((720, 1280), 1), ((1024, 1024), 1), ((0, 0), 0)]
)
def test_a_start_picture_of_another_ratio_is_a_warning(size: tuple[int, int], count: int) -> None:
    found = problems(InputFact("refs/front.png", "0" * 64, 1_000, "png", width=size[0], height=size[1]))
    assert len(found) == count
    assert all("warning VS304" in line for line in found)
