"""What does not change the meaning of a storyboard changes nothing in its nodes; nothing that is written crashes it."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
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
