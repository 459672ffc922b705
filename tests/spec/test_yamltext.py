"""The strict reader: every value as it was typed, every place right, and no exception but its own."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_builders import CASES

from veospec.errors import SpecUnreadable
from veospec.model import Location, Severity
from veospec.spec import rawtext, yamltext
from veospec.spec.tree import Map, Seq, Source
from veospec.spec.yamltext import parse


def read(text: str) -> Any:
    return parse(text.encode(), "a.yaml").root


def code_of(data: bytes | str) -> str:
    with pytest.raises(SpecUnreadable) as caught:
        parse(data if isinstance(data, bytes) else data.encode(), "a.yaml")
    return caught.value.problem.code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16:9", "16:9"), ("1:1", "1:1"), ("off", "off"), ("NO", "NO"), ("1:30", "1:30"), ("2026-11-22", "2026-11-22"),
        ("2026-02-30", "2026-02-30"), ("y", "y"), ("1.5s", "1.5s"), ("8s", "8s"), ("=", "="),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("8", 8), ("-3", -3), ("+4", 4), ("1.5", 1.5), (".5", 0.5), ("2.", 2.0), ("0", 0),
        ("'8'", "8"), ('"true"', "true"), ("'null'", "null"), ("|\n  8\n", "8\n"), (">-\n  a\n  b\n", "a b"),
        ('"\\u00e9\\n"', "é\n"), ("🚢", "🚢"),
    ],
)  # fmt: skip
def test_a_scalar_is_what_was_typed(text: str, value: object) -> None:
    found = read(f"v: {text}")["v"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["017", "0o17", "0x1F", "0b11", "1_000", "1e3", "1.0e+3", ".inf", "-.NaN", "1" * 19, "9" * 5000]
)
def test_a_number_that_readers_disagree_on_is_refused(text: str) -> None:
    tree = parse(f"v: {text}".encode(), "a.yaml")
    assert [problem.code for problem in tree.problems] == ["VS015"]
    assert "quote it" in tree.problems[0].advice


@pytest.mark.parametrize(
    "text", ["no", "On", "OFF", "y", "16:9", "4:3", "1:30", "1:2:3", "2026-11-22", "2026-11-22 10:00:00"]
)
def test_a_word_that_other_tools_read_differently_is_warned_about(text: str) -> None:
    (problem,) = parse(f"v: {text}".encode(), "a.yaml").problems
    assert (problem.code, problem.severity, problem.location) == ("VS020", Severity.WARNING, Location("a.yaml", 1, 4))
    assert parse(f"v: '{text}'".encode(), "a.yaml").problems == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xff\xfea\x00", "VS001"), (b"a: \xe9", "VS001"), (b"a: \xed\xa0\x80", "VS001"),
        (b"", "VS003"), (b"# only\n", "VS003"), (b"---\n", "VS003"), (b"\xef\xbb\xbf", "VS003"),
        (b"a: 1\n---\nb: 2\n", "VS004"), (b"a: x\x00y", "VS005"), ("a: x\u202ey".encode(), "VS005"),
        ("a: \ufeff".encode(), "VS005"),
        (b"a: 1\n<<<<<<< ours\nb: 2\n", "VS006"), (b"a: 1\n>>>>>>> theirs\n", "VS006"), (b"a:\n\tb: 1\n", "VS007"),
        (b"a: [1, 2\n", "VS008"), (b"a: b: c\n", "VS008"), (b"a: 'x\n", "VS008"), (b"%YAML 9.9\n---\na: 1", "VS008"),
        (b"[" * 50_000, "VS009"), (b"- " * 50_000, "VS009"), (b"? " * 50_000, "VS009"), (b"{a: " * 100, "VS009"),
        (b"a: &a [*a]", "VS016"), (b"a: *b", "VS016"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_read_is_refused_with_its_code(text: bytes, code: str) -> None:
    assert code_of(text) == code


def bomb(levels: int, width: int) -> str:
    return "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * width)}]\n" for n in range(1, levels + 1)
    )


def merge_bomb(levels: int) -> str:
    return "m0: &m0 {x: 1}\n" + "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, levels + 1))


def test_a_bomb_of_aliases_ends_with_a_message() -> None:
    assert code_of(bomb(9, 9)) == "VS010"
    assert code_of(merge_bomb(30)) == "VS010"
    assert code_of(bomb(40, 1)) == "VS009"


def test_many_values_are_counted_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltext, "MAX_NODES", 100)
    assert code_of("[" + "a," * 200 + "]") == "VS010"
    assert code_of("\n".join(f"- {{a: {n}}}" for n in range(60))) == "VS010"
    assert len(read("[" + "a," * 90 + "]")) == 90


def test_too_large_a_file_and_too_long_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = parse(("a: " + "x" * 70_000 + "\nb: 1\n").encode(), "a.yaml")
    assert [problem.code for problem in tree.problems] == ["VS011"]
    assert tree.root["b"] == 1
    monkeypatch.setattr(rawtext, "MAX_BYTES", 10)
    assert code_of("a: 12345678") == "VS002"


def test_anchors_aliases_and_merges_mean_what_yaml_says() -> None:
    text = """
base: &base {model: fast, takes: 1}
more: &more {takes: 2, seed: 3}
list: &list [a, b]
key: &key name
one: {<<: *base, takes: 9}
two: {takes: 9, <<: [*base, *more]}
three: *list
*key : x
"""
    assert read(text) == yaml.load(text, Loader=yaml.CSafeLoader)
    assert list(read(text)["two"]) == ["takes", "model", "seed"]


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        ("&k name: x\nother: *k\n", {"name": "x", "other": "name"}, []),
        ("!t name: x\n", {"name": "x"}, ["VS014"]),
        ("a: &l [1]\n*l : x\nb: z\n", {"a": [1], "b": "z"}, ["VS013"]),
        ("a: &k b\nb: 1\n*k : 2\n", {"a": "b", "b": 1}, ["VS012"]),
        ("? !t {z: &in 1}\n: w\nlast: *in\n", {"last": 1}, ["VS013", "VS014"]),
        ("<<: 1\na: 2\n", {"a": 2}, ["VS017"]),
        ("? " + "x" * 70_000 + "\n: 1\nb: 2\n", {"...": 1, "b": 2}, ["VS011"]),
        ('- "a\\x07b"\n- &q "c\\x07"\n- *q\n', ["ab", "c", "c"], ["VS005", "VS005"]),
        ("&root {a: 1}\n", {"a": 1}, []),
    ],
)
def test_odd_keys_and_values_are_read_as_far_as_they_mean_something(
    text: str, expected: object, codes: list[str]
) -> None:
    tree = parse(text.encode(), "a.yaml")
    assert tree.root == expected
    assert sorted(problem.code for problem in tree.problems) == codes


def test_an_anchor_of_what_is_thrown_away_is_none() -> None:
    assert code_of("? &k [1]\n: w\nb: *k\n") == "VS016"


def test_too_many_values_are_too_many_in_a_mapping_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltext, "MAX_NODES", 100)
    assert code_of("".join(f"k{n}: v\n" for n in range(200))) == "VS010"


@pytest.mark.parametrize("text", ["a\nbb\n\nc", "a\r\nbb\r\n\r\nc\r\n", "a\rbb\n\r\nc\r", "", "\n", "\u2028x\n\x0by"])
def test_places_count_the_lines_as_editors_do(text: str) -> None:
    source = Source("a", text)
    lines = re.split(r"\r\n|\r|\n", text)
    at = 0
    for number, line in enumerate(lines, 1):
        assert source.location(at) == Location("a", number, 1)
        assert source.location(at + len(line)) == Location("a", number, len(line) + 1)
        at += len(line) + (2 if text[at + len(line) :].startswith("\r\n") else 1)


def test_merged_values_keep_the_place_where_they_are_written() -> None:
    root = read("a: &a\n  model: fast\nb:\n  <<: *a\n  id: x\n")
    assert root["b"].at("model") == Location("a.yaml", 2, 10)
    assert root["b"].at_key("model") == Location("a.yaml", 2, 3)


def test_a_quoted_merge_key_is_a_plain_key() -> None:
    assert read('"<<": {a: 1}') == {"<<": {"a": 1}}


def test_a_quoted_merge_key_takes_nothing_from_the_plain_ones_after_it() -> None:
    root = parse(b'base: &b {x: 1}\nquoted: {"<<": 1}\nmerged: {<<: *b}\n', "f.yaml").root
    assert root["quoted"] == {"<<": 1}
    assert root["merged"] == {"x": 1}


def test_duplicates_tags_and_odd_keys_are_reported_and_the_rest_is_read() -> None:
    text = "id: a\nid: b\ncafé: 1\ncafe\u0301: 2\n1: x\n[q]: v\n? {z: 1}\n: w\nt: !!int 8\nlast: ok\n"
    tree = parse(text.encode(), "a.yaml")
    assert [(p.code, p.location.line) for p in tree.problems] == [
        ("VS012", 2), ("VS012", 4), ("VS013", 5), ("VS013", 6), ("VS013", 7), ("VS014", 9),
    ]  # fmt: skip
    assert tree.root == {"id": "a", "café": 1, "t": "8", "last": "ok"}


def test_the_number_of_findings_is_bounded() -> None:
    text = "\n".join(f"k{n}: 0{n}1" for n in range(3000))
    assert len(parse(text.encode(), "a.yaml").problems) == yamltext.MAX_PROBLEMS


PLACES = """veospec: 1
# a comment
scenes:
  - id: SC01
    shots:
      - {id: SH010, prompt: "été 🚢", tags: [a, bb]}
      - id: SH020
        prompt: >-
          two
          lines
        seed:   7
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_places_are_those_of_an_editor(ending: str) -> None:
    tree = parse(PLACES.replace("\n", ending).encode(), "a.yaml")
    shots = ["scenes", 0, "shots"]
    for path, is_key, line, column in [
        ([], False, 1, 1), (["veospec"], False, 1, 10), (["scenes"], True, 3, 1), (["scenes", 0], False, 4, 5),
        (["scenes", 0, "id"], False, 4, 9), ([*shots, 0, "prompt"], False, 6, 29),
        ([*shots, 0, "tags", 1], False, 6, 48),
        ([*shots, 0, "tags"], True, 6, 38), ([*shots, 1, "prompt"], False, 8, 17), ([*shots, 1, "seed"], False, 11, 17),
        ([*shots, 1, "nowhere"], False, 7, 9), ([*shots, 9, "id"], False, 6, 7),
        ([*shots, 1, "nowhere", "deep"], True, 7, 9),
    ]:  # fmt: skip
        assert tree.locate(path, key=is_key) == Location("a.yaml", line, column), path


def test_maps_and_lists_know_their_places_without_the_tree() -> None:
    shots = read(PLACES)["scenes"][0]["shots"]
    assert isinstance(shots, Seq)
    assert isinstance(shots[1], Map)
    assert shots.here == Location("a.yaml", 6, 7)
    assert shots.at(1) == shots[1].here == Location("a.yaml", 7, 9)
    assert shots[1].at("seed") == Location("a.yaml", 11, 17)
    assert shots[1].at("nothing") == shots[1].here
    assert shots.at(7) == shots.here


def test_a_tree_is_a_plain_value() -> None:
    root = read(PLACES)
    assert json.loads(json.dumps(root)) == root == yaml.load(PLACES, Loader=yaml.CSafeLoader)


def random_text(seed: int) -> bytes:
    chooser = random.Random(seed)
    alphabet = "[]{}:,-?&*!|>'\"%@`#\n  ab01~<=.\t\\\0\x1b\u00e9\ud7ff"
    return "".join(chooser.choice(alphabet) for _ in range(chooser.randrange(1, 60))).encode()


def outcome_of(data: bytes) -> object:
    try:
        tree = parse(data, "a.yaml")
    except SpecUnreadable as error:
        str(error).encode()
        return error.problem.code[:3]
    seen, waiting = 0, [tree.root]
    while waiting:
        value = waiting.pop()
        seen += 1
        assert seen < 100_000
        if isinstance(value, Map):
            assert all(isinstance(key, str) for key in value)
            for key in value:
                assert value.at(key).line >= 1
                assert value.at_key(key).column >= 1
            waiting += value.values()
        elif isinstance(value, Seq):
            assert all(value.at(number).line >= 1 for number in range(len(value)))
            waiting += value
        elif isinstance(value, str):
            value.encode()
        else:
            assert value is None or type(value) in (bool, int, float)
    return tree.root


def test_random_text_ends_with_a_tree_or_with_our_own_error() -> None:
    for seed in range(3_000):
        outcome_of(random_text(seed))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_end_with_a_tree_or_with_our_own_error(data: bytes) -> None:
    outcome_of(data)


NAMES = st.text("abcdefgh_", min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), st.booleans())
def test_what_was_written_is_read_back(value: dict[str, Any], is_flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=is_flow)
    assert parse(text.encode(), "a.yaml").root == value


def test_the_parser_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # An escaped surrogate is a syntax error for one parser and an odd character for the other; both are refused.
    cases = [path for path in sorted(CASES.rglob("*.yaml")) if path.stem != "yaml-surrogate"]
    samples = [PLACES.encode(), *(path.read_bytes() for path in cases)]
    fast = [outcome_of(data) for data in samples]
    monkeypatch.setattr(yamltext, "_CPARSER", None)
    for data, expected in zip(samples, fast, strict=True):
        assert outcome_of(data) == expected
    for seed in range(300):
        outcome_of(random_text(seed))
