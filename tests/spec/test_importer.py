"""Storyboards from other tools' files: what comes over, what is named, and that the result is sound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veospec.catalog.shipped import load_catalogue
from veospec.model import Problem, Severity
from veospec.spec.compiler import compile_storyboard
from veospec.spec.importer import import_prompts
from veospec.spec.quoting import field, readable, scalar
from veospec.spec.yamltext import parse

CATALOGUE = load_catalogue()


def imported(text: str, file: str = "prompts.json") -> tuple[Any, tuple[Problem, ...]]:
    """Return the tree of the storyboard, compiled once to see that it is sound, and the problems."""
    board, problems = import_prompts(text, file, CATALOGUE)
    assert board, problems
    tree = parse(board.encode(), "shots.yaml")
    assert tree.problems == ()
    outcome = compile_storyboard({"shots.yaml": board.encode()}, "shots.yaml", env={}, catalogue=CATALOGUE)
    assert outcome.storyboard is not None, (outcome.problems, board)
    return tree.root, problems


def said(problems: tuple[Problem, ...]) -> list[tuple[int, str, str]]:
    return [(p.location.line, p.code, p.severity.value) for p in problems]


PROMPTS = """\
[
  {
    "__comment": "the opening",
    "prompt": "A paper kite pulls free of a fence. Contact: kite@home.example",
    "model": "veo-3.1-fast",
    "aspectRatio": "landscape",
    "duration": 8,
    "count": 2,
    "seed": 41
  },
  {
    "prompt": "The baker in @referenceImage_1 nods to @referenceImage_2. Voice @referenceAudio_1.",
    "model": "omni-flash",
    "aspectRatio": "portrait",
    "duration": 6,
    "referenceImage_1": "./refs/baker one.png",
    "referenceImage_2": "refs/oven.jpg",
    "referenceAudio_1": "KORE"
  },
  {"prompt": "Fog rolls off the pier.", "model": "veo-3.1-lite",
   "startImage": "a/frame.png", "endImage": "b/frame.png"},
  {"prompt": "Turn the street into a pencil sketch.", "model": "omni-flash",
   "referenceVideo_1": "plate.mp4", "startFrameIndex_1": 12, "endFrameIndex_1": 144}
]
"""


def test_the_vendors_form_comes_over_whole() -> None:
    root, problems = imported(PROMPTS)
    assert problems == ()
    assert root["assets"] == {
        "baker-one": "refs/baker one.png",
        "oven": "refs/oven.jpg",
        "frame": "a/frame.png",
        "frame-2": "b/frame.png",
        "plate": "plate.mp4",
    }
    assert root["shots"] == [
        {
            "id": "SH010",
            "model": "veo-3.1-fast",
            "duration": "8s",
            "aspect": "16:9",
            "prompt": "A paper kite pulls free of a fence. Contact: kite@@home.example",
            "seed": 41,
            "takes": 2,
        },
        {
            "id": "SH020",
            "model": "omni-flash",
            "references": ["baker-one", "oven"],
            "voices": ["Kore"],
            "duration": "6s",
            "aspect": "9:16",
            "prompt": "The baker in @baker-one nods to @oven. Voice @Kore.",
        },
        {
            "id": "SH030",
            "model": "veo-3.1-lite",
            "start": "frame",
            "end": "frame-2",
            "prompt": "Fog rolls off the pier.",
        },
        {
            "id": "SH040",
            "model": "omni-flash",
            "edit": {"source": "plate", "in": "12f", "out": "144f"},
            "prompt": "Turn the street into a pencil sketch.",
        },
    ]


def test_what_all_shots_share_becomes_a_default() -> None:
    shots = [{"prompt": p, "model": "veo-3.1-lite", "duration": 8, "aspectRatio": "portrait"} for p in ("a", "b")]
    root, _ = imported(json.dumps(shots))
    assert root["defaults"] == {"model": "veo-3.1-lite", "duration": "8s", "aspect": "9:16"}
    assert root["shots"] == [{"id": "SH010", "prompt": "a"}, {"id": "SH020", "prompt": "b"}]


def test_image_models_make_stills() -> None:
    root, problems = imported(
        '[{"prompt": "like @reference_1", "model": "imagen-4", "reference_1": "x.png", "count": 4, "id": "quay"},'
        ' {"prompt": "a shot"}]'
    )
    assert root["stills"]["quay"]["references"] == ["x"]
    assert root["stills"]["quay"]["prompt"] == "like @x"
    assert [shot["id"] for shot in root["shots"]] == ["SH010"]
    assert problems == ()


# text, [(line, code, severity)], part of the first message
NAMED = [
    ('[{"prompt": "x",\n"modl": "y"}]', [(2, "VS151", "warning")], "unknown key 'modl'"),
    ('[{"prompt": "x",\n\n"negativePrompt": "y"}]', [(3, "VS151", "warning")], "negativePrompt"),
    ('[{"prompt": "x", "__note": "y"}]', [], ""),
    ('[{"prompt": "x",\n"email": "a@b.example", "async": true}]', [(2, "VS153", "warning")] * 2, "'email' is left out"),
    (
        '[{"prompt": "x",\n"startImage": "user:7-email:7-image:a"}]',
        [(2, "VS153", "warning")],
        "media id of one account",
    ),
    ('[{"prompt": "x",\n"startImage": "https://example.org/a.png"}]', [(2, "VS153", "warning")], "an address"),
    (
        '[{"prompt": "x", "referenceImage_1": "a.png",\n"referenceAudio_1": "user:7-voice:a-mid:b"}]',
        [(2, "VS153", "warning")],
        "no system voice",
    ),
    (
        '[{"prompt": "@character_1 waves",\n"character_1": "Ada"}]',
        [(2, "VS153", "warning")],
        "character of one account",
    ),
    (
        '[{"prompt": "x", "model": "omni-flash",\n"duration": 8, "referenceVideo_1": "p.mp4"}]',
        [(2, "VS153", "warning")] * 2,
        "'duration' is left out",
    ),
    ('[{"prompt": "x", "prompt": "y"}]', [(1, "VS152", "warning")], "written twice"),
    ('{"prompts": [{"prompt": "x"}]}', [], ""),
    ('{"prompt": "x"}', [], ""),
    ('[{"prompt": "x",\n"id": "Shot 1"}]', [(2, "VS152", "warning")], "becomes Shot-1"),
]


@pytest.mark.parametrize(("text", "wanted", "message"), NAMED)
def test_what_has_no_place_is_named_with_its_line(text: str, wanted: list[tuple[int, str, str]], message: str) -> None:
    _, problems = imported(text)
    assert said(problems) == wanted
    assert not wanted or message in problems[0].message


REFUSED = [
    ("[{]", 1, "VS150", "not JSON"),
    ('[{"prompt": "x"},\n 3]', 2, "VS152", "no object"),
    ('[{"model": "x"}]', 1, "VS154", "prompt is missing"),
    ('[{"prompt": "  "}]', 1, "VS154", "prompt is missing"),
    ('[{"prompt": "x",\n"count": "two"}]', 2, "VS152", "no whole number"),
    ('[{"prompt": "x",\n"seed": true}]', 2, "VS152", "no whole number"),
    ('[{"prompt": "x",\n"duration": "long"}]', 2, "VS152", "no length"),
    ('[{"prompt": NaN}]', 1, "VS150", "cannot be read"),
    ("[" * 100_000, 1, "VS150", "not JSON"),
    ("[]", 1, "VS150", "no prompt"),
]


@pytest.mark.parametrize(("text", "line", "code", "message"), REFUSED)
def test_what_cannot_be_taken_stops_the_import(text: str, line: int, code: str, message: str) -> None:
    board, problems = import_prompts(text, "prompts.json", CATALOGUE)
    assert board == ""
    assert (problems[0].location.line, problems[0].code, problems[0].severity) == (line, code, Severity.ERROR)
    assert message in problems[0].message


CSV = """\
id,scene,size,prompt,duration,dialogue,notes,mood
SH010,INT. LAB - NIGHT,CU,"A door, opens",8,ada: Hold it. | Slowly.,,dark
SH020,INT. LAB - NIGHT,,"Two
lines",8s,,look at that,
SH030,ROOF,,Third,8,,,
"""


def test_a_shot_list_in_csv() -> None:
    root, problems = imported(CSV, "shots.csv")
    assert said(problems) == [(2, "VS151", "warning")]
    assert root["defaults"] == {"duration": "8s"}
    first, second = root["scenes"]
    assert (first["id"], first["slug"], second["id"]) == ("SC01", "INT. LAB - NIGHT", "ROOF")
    assert first["shots"][0]["dialogue"] == [{"who": "ada", "line": "Hold it."}, {"line": "Slowly."}]
    assert first["shots"][1] == {"id": "SH020", "prompt": "Two\nlines", "notes": "look at that"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_other_separators_and_a_byte_order_mark(separator: str) -> None:
    root, problems = imported("\ufeff" + separator.join(("prompt", "takes")) + f"\r\nx{separator}3\r\n", "list.csv")
    assert root["shots"] == [{"id": "SH010", "prompt": "x", "takes": 3}]
    assert problems == ()


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "VS150"),
        ('prompt\n"x', 2, "VS150"),
        ("prompt,model\nx,veo-3.1-fast,7\n", 2, "VS152"),
        ("model\nveo-3.1-fast\n", 2, "VS154"),
        ("id,prompt\nA,x\n\nB,\n", 4, "VS154"),
    ],
)
def test_a_broken_csv_is_told_with_its_line(text: str, line: int, code: str) -> None:
    board, problems = import_prompts(text, "shots.csv", CATALOGUE)
    assert board == ""
    assert (problems[0].location.line, problems[0].code) == (line, code)


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(ANY.filter(lambda text: readable(text).strip() != ""))
def test_any_prompt_comes_over_as_it_was(prompt: str) -> None:
    board, problems = import_prompts(json.dumps([{"prompt": prompt}]), "prompts.json", CATALOGUE)
    if any(p.code == "VS154" for p in problems):
        assert not prompt.strip()
        return
    tree = parse(board.encode(), "shots.yaml")
    assert tree.problems == ()
    assert tree.root["shots"][0]["prompt"].replace("@@", "@") == readable(prompt.strip())


@given(st.one_of(ANY, st.from_regex(r"[0-9a-fx:._+-]{1,12}", fullmatch=True)).map(readable))
def test_a_written_value_is_read_as_the_same_text(text: str) -> None:
    tree = parse(f"a: {scalar(text)}\nb: [{scalar(text)}]\n".encode(), "x")
    assert (tree.root, tree.problems) == ({"a": text, "b": [text]}, ())
    lines = "\n".join(["m:", *field("k", text, "  "), "z: 1"]) + "\n"
    assert parse(lines.encode(), "x").root == {"m": {"k": text}, "z": 1}
