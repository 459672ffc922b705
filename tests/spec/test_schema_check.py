"""Checking a tree: every fault once, at its place, in our words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry

from veospec.catalog.shipped import load_catalogue
from veospec.model import Problem, Severity
from veospec.spec.scaffold import minimal, starter
from veospec.spec.schema import build_schema, check_schema
from veospec.spec.schema_check import Checker, Judge
from veospec.spec.schema_findings import Found
from veospec.spec.schema_fits import compile_schema
from veospec.spec.yamltext import parse

CATALOGUE = load_catalogue()
SCHEMA = build_schema(CATALOGUE)


def check(text: str, **options: bool) -> tuple[Problem, ...]:
    return check_schema(parse(text.encode(), "shots.yaml"), CATALOGUE, **options)


def shot(rest: str) -> str:
    """One shot in flow style on line 2; the first character after `prompt: x, ` is in column 30."""
    return f"veospec: 1\nshots:   [{{id: A, prompt: x, {rest}}}]\n"


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml")), ids=str)
def test_the_storyboards_to_learn_from_have_no_problem(path: Path) -> None:
    assert check(path.read_text(encoding="utf-8")) == ()


@pytest.mark.parametrize("text", [starter(), minimal(), minimal(schema="s.json")])
def test_the_first_files_have_no_problem(text: str) -> None:
    assert check(text) == ()


# text, [(line, column, code, part of the message, part of the advice)]
FAULTS: list[tuple[str, list[tuple[int, int, str, str, str]]]] = [
    # -- keys
    (shot("promt: y"), [(2, 30, "VS101", "unknown key 'promt'", "did you mean 'prompt'?")]),
    (shot("aspectRatio: y"), [(2, 30, "VS101", "'aspectRatio'", "did you mean 'aspect'?")]),
    (shot("x-note: y"), [(2, 30, "VS101", "'x-note'", "")]),
    (shot("replyUrl: y"), [(2, 30, "VS101", "'replyUrl'", "`veospec schema`")]),
    ("veospec: 1\nshots: [{id: A, promt: x}]\n", [(2, 17, "VS101", "'promt'", "did you mean 'prompt'?")]),
    ("veospec: 1\nshots: [{id: A}]\n", [(2, 9, "VS102", "'prompt' is missing", "add it: what is seen")]),
    ("veospec: 1\nshots: [{prompt: x}]\n", [(2, 9, "VS102", "'id' is missing", "add it")]),
    ("veospec: 1\nseed: 3\nshots: [{id: A, prompt: x}]\n", [(2, 1, "VS101", "'seed'", "it belongs in a shot")]),
    ("shots: [{id: A, prompt: x}]\n", [(1, 1, "VS102", "'veospec' is missing", "")]),
    # -- the whole
    ("[1, 2]\n", [(1, 1, "VS103", "the file has to be a mapping, not a list", "")]),
    ("veospec: 1\n", [(1, 1, "VS108", "nothing to make", "shots")]),
    ("veospec: 1\nshot: []\n", [(2, 1, "VS101", "'shot'", "did you mean 'shots'?")]),
    ("veospec: 2\nshots: [{id: A, prompt: x}]\n", [(1, 10, "VS107", "veospec: 2", "write veospec: 1")]),
    ('veospec: "1"\nshots: [{id: A, prompt: x}]\n', [(1, 10, "VS107", "veospec: '1'", "write veospec: 1")]),
    (
        "veospec: 1\nshots: [{id: A, prompt: x}]\nscenes: [{id: S, shots: [{id: B, prompt: x}]}]\n",
        [(2, 1, "VS108", "both 'scenes' and 'shots'", "into a scene")],
    ),
    ("veospec: 1\nshots: []\n", [(2, 8, "VS106", "shots is empty", "")]),
    ("veospec: 1\nshots: [x]\n", [(2, 9, "VS103", "the entry has to be a mapping, not a text", "")]),
    ("veospec: 1\nshots:\n", [(2, 7, "VS103", "shots has no value", "write a list")]),
    # -- kinds and bounds
    (shot("takes: '2'"), [(2, 37, "VS103", "takes has to be a whole number, not a text", "without quotes: 2")]),
    (shot("takes: 0"), [(2, 37, "VS106", "takes 0 is below 1", "use 1 to 4")]),
    (shot("takes: 5"), [(2, 37, "VS106", "takes 5 is above 4", "use 1 to 4")]),
    (shot("takes: true"), [(2, 37, "VS103", "not true or false", "")]),
    (shot("seed: 1.5"), [(2, 36, "VS103", "not a number with a fraction", "")]),
    (shot("seed: 2147483648"), [(2, 36, "VS106", "is above 2147483647", "")]),
    (shot("omit: yes"), [(2, 36, "VS103", "omit has to be true or false, not a text", "")]),
    (shot("notes: ~"), [(2, 37, "VS103", "notes has no value", "remove the key")]),
    (shot("title: 7"), [(2, 37, "VS103", "title has to be a text", '"7"')]),
    (shot("references: a"), [(2, 42, "VS103", "has to be a list", "[a]")]),
    (shot("references: []"), [(2, 42, "VS106", "references is empty", "")]),
    (shot("prompt2: ''"), [(2, 30, "VS101", "'prompt2'", "did you mean 'prompt'?")]),
    ("veospec: 1\nshots: [{id: A, prompt: ''}]\n", [(2, 25, "VS106", "prompt is empty", "")]),
    # -- forms
    ("veospec: 1\nshots: [{id: a/b, prompt: x}]\n", [(2, 14, "VS105", "id 'a/b' holds '/'", "SH010")]),
    ("veospec: 1\nshots: [{id: ..x, prompt: x}]\n", [(2, 14, "VS105", "must begin with", "")]),
    ("veospec: 1\nshots: [{id: a..b, prompt: x}]\n", [(2, 14, "VS105", "holds '..'", "")]),
    ("veospec: 1\nshots: [{id: nul.x, prompt: x}]\n", [(2, 14, "VS105", "device name", "")]),
    (f"veospec: 1\nshots: [{{id: {'x' * 300}, prompt: x}}]\n", [(2, 14, "VS106", "has 300 characters", "")]),
    ("veospec: 1\nassets: {a b: x}\nshots: [{id: A, prompt: x}]\n", [(2, 10, "VS105", "'a b' holds a space", "")]),
    (shot("duration: soon"), [(2, 40, "VS105", "duration 'soon': a length has a unit", "8s")]),
    (shot("duration: 0"), [(2, 40, "VS106", "duration 0 has to be above 0", "")]),
    (shot("trim: {head: 18}"), [(2, 43, "VS105", "head 18: a length has a unit", "write 18f or 18s")]),
    (shot("start: {shot: B, frame: middle}"), [(2, 54, "VS105", "a frame is first, last or a number", "")]),
    ("veospec: 1\nas_of: june\nshots: [{id: A, prompt: x}]\n", [(2, 8, "VS105", "a day is written", "2026-11-15")]),
    (shot("review: {approved: abc}"), [(2, 49, "VS105", "64 characters", "")]),
    # -- choices
    (shot("mode: i3v"), [(2, 36, "VS104", "mode 'i3v' is not t2v", "")]),
    (shot("transition: {type: wipe}"), [(2, 49, "VS104", "'wipe' is not cut, dissolve or fade", "")]),
    (shot("upscale: 2K"), [(2, 39, "VS104", "upscale '2K' is not none, 720p, 1080p or 4k", "")]),
    (shot("upscale: 1080"), [(2, 39, "VS103", "upscale has to be a text", "did you mean 1080p?")]),
    (shot("aspect: 16x9"), [(2, 38, "VS104", "aspect '16x9' is not 16:9", "did you mean 16:9?")]),
    # -- models
    (shot("model: veo-3.1-fst"), [(2, 37, "VS110", "no video model of the table", "did you mean veo-3.1-fast?")]),
    (shot("model: nano-banana-2"), [(2, 37, "VS110", "it makes stills, not clips", "veo-3.1-lite")]),
    (shot("model: veo-3.1-fast-relaxed"), [(2, 37, "VS110", "gone since May 2026", "")]),
    (
        shot("model: veo-3.1-fast, duration: 7"),
        [(2, 61, "VS111", "duration 7: veo-3.1-fast makes 4, 6 or 8 s", "take 8s and trim it")],
    ),
    (shot("model: veo-3.1-quality, duration: 6s"), [(2, 64, "VS111", "veo-3.1-quality makes 8 s", "take 8s")]),
    (
        shot("model: veo-3.1-fast, references: [a], duration: 6s"),
        [(2, 78, "VS111", "veo-3.1-fast makes 8 s with references", "take 8s")],
    ),
    (shot("model: omni-flash, aspect: '1:1'"), [(2, 57, "VS112", "omni-flash makes 16:9", "")]),
    (shot("model: veo-3.1-fast, resolution: 360p"), [(2, 63, "VS113", "veo-3.1-fast makes 720p", "upscale")]),
    (
        shot("model: veo-3.1-fast, references: [a, b, c, d]"),
        [(2, 63, "VS115", "references has 4 entries: veo-3.1-fast takes at most 3 pictures", "character")],
    ),
    (
        shot("model: omni-flash, edit: {source: a, out: 1s}, references: [a, b, c, d, e, f]"),
        [(2, 89, "VS115", "at most 5 pictures for an edit", "")],
    ),
    (shot("model: veo-3.1-fast, references: [a], voices: [Kore, Puck]"), [(2, 76, "VS115", "at most 1 voice", "")]),
    (shot("model: veo-3.1-quality, references: [a]"), [(2, 66, "VS116", "no clip with references", "models that can")]),
    (shot("model: veo-3.1-fast, edit: {source: a, out: 1s}"), [(2, 57, "VS116", "no clip for an edit", "omni-flash")]),
    (shot("model: omni-flash, extend: B"), [(2, 57, "VS116", "no clip for an extension", "veo-3.1-lite")]),
    (shot("model: veo-3.1-fast, mode: v2v"), [(2, 57, "VS116", "veo-3.1-fast offers t2v", "")]),
    # one cause, several echoes
    (
        shot("model: veo-3.1-quality, references: [a], characters: [b], voices: [c], mode: r2v, duration: 6s"),
        [(2, 66, "VS116", "no clip with references", "models that can")],
    ),
    (shot("model: veo-9, duration: 7, aspect: '2:1'"), [(2, 37, "VS110", "", ""), (2, 65, "VS104", "'2:1'", "")]),
    # -- stills
    (
        "veospec: 1\nstills: {s: {prompt: x, model: veo-3.1-fast}}\n",
        [(2, 32, "VS110", "it makes clips, not stills", "nano-banana-2-lite")],
    ),
    ("veospec: 1\nstills: {s: {prompt: x, takes: 9}}\n", [(2, 32, "VS106", "takes 9 is above 4", "")]),
    ("veospec: 1\nstills: {s: {prompt: x, start: y}}\n", [(2, 25, "VS101", "'start'", "it belongs in a shot")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), FAULTS)
def test_each_fault_once_at_its_place(text: str, wanted: list[tuple[int, int, str, str, str]]) -> None:
    found = check(text)
    assert [(p.location.line, p.location.column, p.code) for p in found] == [entry[:3] for entry in wanted], found
    for problem, (_, _, _, message, advice) in zip(found, wanted, strict=True):
        assert message in problem.message
        assert advice in problem.advice


@pytest.mark.parametrize("text", [text for text, _ in FAULTS])
def test_draft_7_gives_the_same_verdict(text: str) -> None:
    """Editors read the file as draft 7."""
    root = parse(text.encode(), "shots.yaml").root
    assert not jsonschema.Draft7Validator(SCHEMA, registry=Registry()).is_valid(root)


@pytest.mark.parametrize(
    "rest",
    [
        "duration: 8", "duration: 8.0", "duration: 8.0s", "duration: 192f", "duration: .5s", "duration: 8 s",
        'duration: "${length}"', 'model: "${model}", duration: 9s', 'model: veo-3.1-fast, duration: "${d}"',
        "model: veo-3.1-fast, duration: 192f", "aspect: portrait", "start: a, end: {shot: B, frame: 12}",
        "model: omni-flash, references: [a, b, c, d, e, f, g]", "avoid: logos", "avoid: [logos, text]",
        "extend: B", "edit: {source: {shot: B}, in: 0f, out: 5s}", "select: 4, takes: 4", "voices: [zephyr]",
        "transition: {type: dissolve, frames: 12}", "dialogue: [{line: hello}]",
    ],
)  # fmt: skip
def test_what_is_allowed(rest: str) -> None:
    assert check(shot(rest)) == ()


def test_a_model_that_is_not_listed_is_a_warning_when_wished() -> None:
    (problem,) = check(shot("model: veo-9, duration: 7s"), may_use_unlisted_models=True)
    assert (problem.code, problem.severity) == ("VS110", Severity.WARNING)


def test_messages_never_show_a_whole_value() -> None:
    secret = "sk-" + "0123456789" * 30
    for rest in (f"mode: {secret}", f"duration: {secret}", f"{secret}: 1", f"takes: {secret}", f"model: {secret}"):
        for problem in check(shot(rest)):
            assert secret[:60] not in problem.message + problem.advice
            assert len(problem.message) < 300


def test_problems_carry_the_shot_and_come_in_the_order_of_the_file() -> None:
    shots = "  shots:\n  - {id: SH1, prompt: 2}\n  - {id: SH2, promt: x}\n"
    found = check(f"veospec: 1\nstills: {{s: {{prompt: 1}}}}\nscenes:\n- id: SC1\n{shots}")
    assert [(p.subject, p.location.line) for p in found] == [("still:s", 2), ("SH1", 6), ("SH2", 7)]


def test_broken_parts_do_not_hide_each_other() -> None:
    found = check("veospec: 1\nscenes: [3, {id: S, shots: x}, {id: T, shots: [{id: A}]}]\nstills: [1]\nmatrix: 7\n")
    assert [p.code for p in found] == ["VS103", "VS103", "VS102", "VS103", "VS103"]


def test_own_keys_at_the_top_are_left_alone() -> None:
    assert check("veospec: 1\nx-common: {a: [1, {b: 2}]}\nshots: [{id: A, prompt: x}]\n") == ()


# -- one check for each shape -------------------------------------------------------------------------------

VALUES: dict[str, list[Any]] = {
    "id": ["A", "SH010", "a/b", "", 7, None, "CON", "x" * 64],
    "prompt": ["x", "", "y" * 5001, None, 3, ["x"]],
    "model": ["veo-3.1-fast", "veo-3.1-quality", "omni-flash", "omni-flash-1.2", "veo-9", "${m}", 1, True],
    "mode": ["t2v", "r2v", "v2v", "x"],
    "duration": ["8s", "6s", "7s", "192f", 8, 8.0, 7, 10, True, "${d}", None],
    "aspect": ["16:9", "1:1", "9x16", "landscape"],
    "resolution": ["720p", "360p", "1080p"],
    "takes": [1, 4, 5, 0, True, 1.0, "1"],
    "select": [1, 9, True],
    "seed": [0, 7, -1, 2**31, 1.5, True],
    "start": ["a", "", {"shot": "A", "frame": "last"}, {"frame": 3}, {"shot": "A", "frame": -1}, 3],
    "end": ["b"],
    "references": [["a"], ["a", "b", "c", "d"], [], [""], ["a"] * 8, "a", [1], [True]],
    "characters": [["c"], ["c"] * 11],
    "voices": [["Kore"], ["Kore", "Puck"], ["a"] * 6],
    "edit": [{"source": "p", "out": "192f"}, {"source": "p"}, {"source": {"shot": "A"}, "in": 3, "out": "1s"}],
    "extend": ["SH1", "", 3],
    "upscale": ["none", "4k", "2k"],
    "dialogue": [[{"line": "x"}], [{"who": "x"}], [{"line": "x", "at": "1s"}, {"line": "", "at": 1}], []],
    "trim": [{"head": "3f"}, {"head": 3}, {"hed": "3f"}],
    "review": [{"status": "done"}, {"approved": "a" * 64}, {"approved": "A"}],
    "omit": [True, 1, "no"],
    "avoid": ["x", ["x", "y"], [""], 3],
    "tags": [["a"], [1]],
    "notes": ["n", "n" * 5001],
    "promt": ["x", 1],
}
SHOTS = st.lists(
    st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in VALUES.items()}), max_size=8
)


@settings(max_examples=80, deadline=None)
@given(SHOTS)
def test_one_check_for_each_shape_says_what_the_plain_check_says(shots: list[dict[str, Any]]) -> None:
    """Many shots in one document, so that a wrong shape would be answered from an earlier shot."""
    tree = parse(json.dumps({"veospec": 1, "shots": shots}).encode(), "shots.yaml")
    shared = CHECKER.check(tree)
    alone: list[Problem] = []
    for number in range(len(shots)):
        single = parse(json.dumps({"veospec": 1, "shots": [shots[number]]}).encode(), "shots.yaml")
        alone += CHECKER.check(single)
    plain = {number for number, entry in enumerate(tree.root["shots"]) if not _is_valid(entry)}
    assert sorted((p.code, p.message) for p in shared if p.code != "VS106" or "shots" not in p.message) == sorted(
        (p.code, p.message) for p in alone
    )
    assert bool(plain) == any("shots is empty" not in p.message for p in shared)


CHECKER = Checker(SCHEMA, {})
PLAIN = jsonschema.Draft202012Validator(
    {"$ref": "#/definitions/shot", "definitions": SCHEMA["definitions"]}, registry=Registry()
)


def _is_valid(shot_: Any) -> bool:
    return bool(PLAIN.is_valid(shot_))


class _Counting:
    """Stands before a judge and counts the questions."""

    def __init__(self, inner: Judge) -> None:
        self.inner = inner
        self.asked = 0

    def findings(self, value: Any) -> tuple[Found, ...]:
        self.asked += 1
        return self.inner.findings(value)


def test_many_shots_of_few_shapes_are_few_checks() -> None:
    models = ("veo-3.1-fast", "omni-flash", "veo-3.1-lite")
    shots = "".join(
        f"- {{id: SH{n}, prompt: shot {n}, seed: {n}, model: {models[n % 3]}, notes: n{n}, size: WS}}\n"
        for n in range(2_000)
    )
    checker = Checker(SCHEMA, {})
    counting = _Counting(checker.judges["shot"])
    checker.judges["shot"] = counting  # type: ignore[assignment]
    assert checker.check(parse(f"veospec: 1\nshots:\n{shots}".encode(), "shots.yaml")) == ()
    assert counting.asked == 3
    broken = shots.replace("size: WS", "size: 3")
    assert len(checker.check(parse(f"veospec: 1\nshots:\n{broken}".encode(), "shots.yaml"))) == 2_000
    assert counting.asked == 6


# -- the quick answer ---------------------------------------------------------------------------------------

SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 1.0, 2.5, -1, "", "x", "8s", "16:9", "1", "a b", "veo-3.1-fast", 24]
)
KEYS = st.sampled_from(
    [*SCHEMA["properties"], *SCHEMA["definitions"]["shot"]["properties"], "aspect", "exclude", "x-a", "?"]
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
WHOLE = jsonschema.Draft202012Validator(SCHEMA, registry=Registry())
QUICK = compile_schema(SCHEMA, SCHEMA["definitions"])


def parts_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of every value inside a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, child in children for inner in parts_of(child, (*path, key)))]


def with_part(value: Any, path: tuple[str | int, ...], part: Any) -> Any:
    """Return a value in which one part is another one."""
    if not path:
        return part
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = with_part(value[path[0]], path[1:], part)
    return copied


SOUND = [json.loads(json.dumps(parse(text.encode(), "x").root)) for text in (starter(), minimal())]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_quick_answer_is_that_of_jsonschema(data: st.DataObject) -> None:
    """Sound storyboards with one part exchanged: most such documents are nearly right."""
    board = data.draw(st.sampled_from(SOUND))
    path = data.draw(st.sampled_from(parts_of(board)))
    document = with_part(board, path, data.draw(ANYTHING))
    assert QUICK(document) is WHOLE.is_valid(document)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in VALUES.items()}))
def test_the_quick_answer_for_shots_is_that_of_jsonschema(candidate: dict[str, Any]) -> None:
    quick = compile_schema({"$ref": "#/definitions/shot"}, SCHEMA["definitions"])
    assert quick(candidate) is _is_valid(candidate)


def test_a_keyword_that_is_not_known_is_no_silent_yes() -> None:
    for schema in ({"multipleOf": 3}, {"patternProperties": {"a": {"type": "string"}}, "additionalProperties": False}):
        with pytest.raises(KeyError):
            compile_schema(schema, {})


def test_a_sound_storyboard_does_not_import_jsonschema() -> None:
    program = (
        "import sys\n"
        "from veospec.catalog.shipped import load_catalogue\n"
        "from veospec.spec.scaffold import starter\n"
        "from veospec.spec.schema import check_schema\n"
        "from veospec.spec.yamltext import parse\n"
        "assert check_schema(parse(starter().encode(), 'x'), load_catalogue()) == ()\n"
        "sys.exit('jsonschema' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
