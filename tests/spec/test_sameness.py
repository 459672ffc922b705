"""What does not change the meaning of a storyboard changes nothing in its nodes; nothing that is written crashes it."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from spec_builders import CASES, catalogue, compiled, compiled_case

from veospec.model import Character, Input, Location, Node
from veospec.spec.compiler import Compiled, compile_storyboard

FERRY = (CASES / "valid/night-ferry.yaml").read_bytes()
NOWHERE = Location("", 0, 0)


def without_places(node: Node) -> Node:
    """Return a node as its request, its cut and its names decide it; where it was written does not count."""
    inputs = tuple(Input(entry.slot, entry.source, NOWHERE) for entry in node.request.inputs)
    return replace(node, location=NOWHERE, request=replace(node.request, inputs=inputs))


def nodes_of(outcome: Compiled) -> list[Node]:
    assert outcome.storyboard is not None, outcome.problems
    return [without_places(node) for node in outcome.storyboard.nodes]


FERRY_NODES = nodes_of(compiled(FERRY))


def shuffled(value: Any, chooser: random.Random) -> Any:
    """Return the same value with the keys of every record in another order; names and axes keep theirs."""
    if isinstance(value, list):
        return [shuffled(each, chooser) for each in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if not {"aspect", "ada", "ada_front", "ada_side", "ada_low", "wheelhouse"} & set(keys):
        chooser.shuffle(keys)
    return {key: shuffled(value[key], chooser) for key in keys}


@settings(max_examples=10, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from(["'", '"']), st.integers(40, 200))
def test_layout_order_of_keys_and_quotes_do_not_matter(seed: int, is_flow: bool, quote: str, width: int) -> None:
    value = shuffled(yaml.load(FERRY, Loader=yaml.CSafeLoader), random.Random(seed))
    text = yaml.dump(value, Dumper=_Plain, default_flow_style=is_flow, allow_unicode=True, width=width)
    wanted = {node.id: node for node in FERRY_NODES}
    assert {node.id: node for node in nodes_of(compiled(text))} == wanted
    if not is_flow:
        simple = re.compile(r"(?m)^(\s+(?:- )?(?:model|duration|size|move): )([a-z][a-z0-9 .,-]*)$")
        quoted = simple.sub(rf"\1{quote}\2{quote}", text)
        assert quoted != text
        assert {node.id: node for node in nodes_of(compiled(quoted))} == wanted


class _Plain(yaml.CSafeDumper):
    """Writes no anchors, so that equal parts stay apart."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.text("abc :#-{}[]'\"@$é", max_size=20)), max_size=20))
def test_comments_and_empty_lines_do_not_matter(comments: list[tuple[int, str]]) -> None:
    lines = FERRY.decode().split("\n")
    for place, words in sorted(comments, reverse=True):
        lines.insert(place % len(lines), f"   # {words}" if words else "")
    assert nodes_of(compiled("\n".join(lines))) == FERRY_NODES


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(ending: str) -> None:
    text = FERRY.decode().replace("\n", ending)
    assert nodes_of(compiled(b"\xef\xbb\xbf" + text.encode())) == FERRY_NODES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("duration: 6s", "duration: 6"), ("duration: 6s", "duration: 144f"), ("duration: 10s", "duration: 10.0s"),
        ("in: 0f, out: 192f", "in: 0s, out: 8s"), ("in: 0f, out: 192f", "out: 192f"), ("{tail: 18f}", "{tail: 0.75s}"),
        ("start: {shot: SH030, frame: last}", "start: {shot: SH030}"), ('["16:9", "9:16"]', "[landscape, portrait]"),
        ('["16:9", "9:16"]', "[16:9, 9:16]"), ("voices: [Zephyr]", "voices: [zephyr]"),
    ],
)  # fmt: skip
def test_two_spellings_of_one_thing(before: str, after: str) -> None:
    text = FERRY.decode()
    assert before in text
    changed = nodes_of(compiled(text.replace(before, after)))
    assert changed == FERRY_NODES


def test_names_of_assets_do_not_matter() -> None:
    text = FERRY.decode().replace("thermos", "flask").replace("refs/flask.jpg", "refs/thermos.jpg")
    for ours, theirs in zip(nodes_of(compiled(text)), FERRY_NODES, strict=True):
        assert ours.request.mode == theirs.request.mode
        assert [_path(entry) for entry in ours.request.inputs] == [_path(entry) for entry in theirs.request.inputs]


def _path(entry: Input) -> object:
    if isinstance(entry.source, Character):
        return [getattr(image, "path", image) for image in entry.source.images]
    return getattr(entry.source, "path", entry.source)


def test_the_same_compilation_twice_is_equal() -> None:
    for path in sorted((CASES / "valid").glob("*.yaml")):
        assert compiled_case(path) == compiled_case(path)


@pytest.mark.parametrize("key", ["notes", "tags", "title"])
def test_what_is_for_people_is_not_in_the_request(key: str) -> None:
    value = "[a, b]" if key == "tags" else "something else"
    text = FERRY.decode().replace("        retake: 1 ", f"        {key}: {value}\n        retake: 1 ")
    if key == "notes":
        text = text.replace('        notes: "v1: mouth drifts after 7 s"\n', "")
    assert text != FERRY.decode()
    assert [node.request for node in nodes_of(compiled(text))] == [node.request for node in FERRY_NODES]


# -- nothing crashes --

ODD: list[Any] = [
    *(None, True, False, 0, -1, 7, 10**18, 1.5, [], [None], ["x"], [["x"]], {}, {"x": None}, [{}]),
    *(
        "",
        " ",
        "²",
        "x",
        "still:",
        "still:x",
        "SH010",
        "ada",
        "@",
        "@ada",
        "${",
        "${x}",
        "../x",
        "a/b.png",
        "é",
        "1" * 70,
    ),
    *({"shot": "SH010"}, {"shot": None, "frame": []}, "8s", "-8s", "CON", "${env:X:-y}"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in children:
        found += places(each, (*path, key))
    return found


def replaced(whole: Any, paths: Sequence[tuple[Any, ...]], chooser: random.Random, odd: Sequence[Any]) -> bytes:
    value = copy.deepcopy(whole)
    for path in paths:
        node = value
        try:
            for step in path[:-1]:
                node = node[step]
            if chooser.random() < 0.05:
                del node[path[-1]]
            else:
                node[path[-1]] = copy.deepcopy(chooser.choice(odd))
        except (KeyError, IndexError, TypeError):
            continue
    return yaml.dump(value, Dumper=_Plain, allow_unicode=True).encode()


def test_a_storyboard_with_any_value_replaced_never_crashes() -> None:
    whole = yaml.load(FERRY, Loader=yaml.CSafeLoader)
    chooser = random.Random(20)
    spots = places(whole)
    of_each_key = {path[-1]: path for path in spots}.values()
    texts = [replaced(whole, [spot], chooser, [[], {}, ["x"], {"x": None}]) for spot in of_each_key]
    texts += [replaced(whole, chooser.sample(spots, 3), chooser, ODD) for _ in range(60)]
    for text in texts:
        outcome = compile_storyboard(
            {"shots.yaml": text}, "shots.yaml", env={}, catalogue=catalogue(),
            pass_name=chooser.choice(["", "draft", "final", "x"]), provider=chooser.choice(["", "flow", "x"]),
            plan_class=chooser.choice(["", "pro", "x"]),
        )  # fmt: skip
        assert (outcome.storyboard is None) == any(p.severity == "error" for p in outcome.problems), text


SPELLINGS: dict[str, list[Any]] = {
    "size": ["CU", "WS", "macro of @p1"],
    "move": ["locked off", "${how} pan", "crane up over @p2"],
    "style": ["none", "dawn", "no such style"],
    "avoid": [["subtitles"], "logos", ["@p1"]],
    "sfx": ["none", "rain"],
    "ambience": ["hum of @p1"],
    "music": ["a harp!"],
    "model": ["veo-3.1-quality", "omni-flash", "veo-9"],
    "duration": [8, "8s", 8.0, "7s", "6s", True],
    "aspect": ["9:16", "portrait", "2:1"],
    "resolution": ["720p", "8k"],
    "upscale": ["1080p", "none", "4k"],
    "takes": [1, True, 1.0, 3, 0],
    "select": [1, 2, 1.0],
    "trim": [{"head": "6f"}, {"head": 400}],
    "transition": [{"type": "dissolve"}, {"type": "cut", "frames": 3}, {"type": "dissolve", "frames": True}],
    "references": [["p1"], ["p2", "p1"], ["p1", "p2"], ["p2", "p3", "p1"]],
    "characters": [["ada"]],
    "start": ["p1", "p2"],
    "voices": [["Kore"]],
    "dialogue": [[{"who": "ada", "line": "Hold her there.", "at": "1s"}], [{"line": "x", "at": "9s"}]],
    "seed": [7, -1],
    "notes": ["later"],
}
HEAD = """
veospec: 1
vars: {how: slow}
assets: {p1: a.png, p2: b.png, p3: c.png}
characters: {ada: {name: Ada, describe: an engineer, images: [p1]}}
style: {base: film, variants: {dawn: "grey dawn, @p1"}}
passes: {draft: {model: veo-3.1-lite, duration: 4s, takes: 1}}
"""


SHOTS = st.dictionaries(st.sampled_from(list(SPELLINGS)), st.integers(0, 3), max_size=4)
CHANGES = st.lists(st.dictionaries(st.sampled_from(list(SPELLINGS)), st.integers(-1, 3), max_size=1), max_size=7)


@settings(max_examples=150, deadline=None)
@given(SHOTS, CHANGES, st.sampled_from(["", "draft"]))
@example({"size": 2, "references": 0}, [{"references": 1}], "")
@example({"characters": 0, "references": 0}, [{"references": 3}], "")
def test_a_shot_is_compiled_alike_alone_and_among_others(
    base: dict[str, int], changes: list[dict[str, int]], pass_name: str
) -> None:
    """What shots that are spelt alike share is made once; nothing of one may reach another."""
    chosen = [base, *({k: n for k, n in {**base, **change}.items() if n >= 0} for change in changes)]
    shots = [{k: SPELLINGS[k][n % len(SPELLINGS[k])] for k, n in shot.items()} for shot in chosen]
    named = [{"id": f"S{number}", "prompt": f"take {number} of @p1", **shot} for number, shot in enumerate(shots)]

    def outcome(some: list[dict[str, Any]]) -> tuple[dict[str, Node], set[tuple[str, ...]]]:
        found = compiled(HEAD + yaml.dump({"shots": some}, Dumper=_Plain), pass_name=pass_name)
        nodes = found.draft.nodes if found.draft is not None else ()
        told = {(p.code, re.sub(r" \(S.*\)$", "", p.message), p.advice, p.subject) for p in found.problems}
        return {node.id: without_places(node) for node in nodes}, told

    apart = [outcome([shot]) for shot in named]
    nodes, told = outcome(named)
    assert nodes == {name: node for alone, _ in apart for name, node in alone.items()}
    assert told == {problem for _, alone in apart for problem in alone}
