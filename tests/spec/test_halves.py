"""Two halves of a storyboard hold what the whole holds, or they are no halves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from spec_builders import catalogue, compiled

from veospec.errors import SpecUnreadable
from veospec.model import Kind, Location, Node
from veospec.spec.compiler import Compiled
from veospec.spec.excerpt import Outline
from veospec.spec.halves import Halves, in_halves, joined
from veospec.spec.schema import build_schema
from veospec.spec.tree import Map, Seq
from veospec.spec.words import MAX_SCENES, MAX_SHOTS
from veospec.spec.yamltext import parse

HEAD = """veospec: 1
project: {code: HLV}
vars: {how: slow}
assets: {p1: refs/one.png}
stills: {quay: {prompt: The quay., aspect: "16:9"}}
"""


@dataclass(frozen=True)
class Read:
    """A storyboard, read in both ways."""

    whole: Compiled
    halves: Halves | None
    parts: tuple[Compiled, ...]
    outline: Outline | None


def read(text: str) -> Read:
    whole = compiled(text, outlines=True)
    halves = in_halves(text.removeprefix("\ufeff"))
    if halves is None:
        return Read(whole, None, (), None)
    parts = tuple(compiled(half, outlines=True) for half in (halves.first, halves.second))
    first, second = (part.outline for part in parts)
    return Read(whole, halves, parts, joined(halves, first, second) if first and second else None)


def holds_together(found: Read) -> bool:
    """Compare what was put together with the whole; tell whether there was anything."""
    if found.outline is None:
        return False
    assert found.outline == found.whole.outline
    assert found.whole.storyboard is not None
    halves = [part.storyboard.nodes if part.storyboard else () for part in found.parts]
    both = [*halves[0], *(node for node in halves[1] if node.kind is not Kind.STILL)]
    assert sorted(map(str, map(_unplaced, both))) == sorted(map(str, map(_unplaced, found.whole.storyboard.nodes)))
    return True


def _unplaced(node: Node) -> Node:
    """Return a node without the lines in which it is written."""
    here = Location("", 1, 1)
    inputs = tuple(replace(entry, location=here) for entry in node.request.inputs)
    return replace(node, location=here, request=replace(node.request, inputs=inputs))


FOUR = """scenes:
  - id: SC1
    slug: INT. CABIN
    shots:
      - id: A
        prompt: One.
      - id: B
        start: p1
        prompt: >
          Two,
          and more.
  - id: SC2
    shots:
      - {id: C, prompt: "Three: it goes
      on.", notes: 'x'}
    slug: EXT. QUAY
  # the last one
  - id: SC3

    shots:
      - id: D
        extend: C
        prompt: Four.
"""
FLAT = """shots:
  - id: A
    prompt: One ${how} kite.
  - id: B
    start: still:quay
    prompt: Two.
  - id: C
    prompt: |+
      Three.

  - id: D
    end: p1
    start: p1
    prompt: Four.
"""
TAIL = """deliver: {review: none}
# a word at the end
reel:
  join: local
"""
TAKEN = {
    "a list": FLAT,
    "a list and a tail": FLAT + TAIL,
    "no indentation": FLAT.replace("\n  ", "\n"),
    "scenes": FOUR,
    "scenes and a tail": FOUR.replace("extend: C", "move: pan") + TAIL,
    "a list whose second half refers to itself": FLAT.replace("end: p1\n    start: p1", "extend: C"),
    "windows": (FLAT + TAIL).replace("\n", "\r\n"),
    "no line end": FLAT.rstrip("\n"),
}
NO_HALVES = {
    "no shots": "",
    "one shot": "shots:\n  - {id: A, prompt: One.}\n",
    "one scene": FOUR[: FOUR.index("  - id: SC2")],
    "a second document": FLAT.replace("  - id: C", "...\n  - id: C"),
    "a second document with a head": FLAT + "---\n",
    "a lone return": FLAT + "#\r",
    "a reference to the other half": FOUR.replace("extend: C", "extend: A"),
    "an id twice": FLAT.replace("id: D", "id: A"),
    "an id in another case": FLAT.replace("id: D", "id: a"),
    "a scene twice": FOUR.replace("extend: C", "move: pan").replace("SC3", "SC1"),
    "a name that is a path too": FLAT.replace("id: A", "id: A.png"),
    "an anchor": FLAT.replace("One $", "&a One $"),
    "an alias": FLAT.replace("prompt: One ${how} kite.", "prompt: &a One.").replace("prompt: Four.", "prompt: *a"),
    "a name of the order": FLAT + "reel: {order: [A, B, C, D]}\n",
    "an exclusion": FLAT + "matrix: {aspect: ['16:9', '9:16'], exclude: [{aspect: '9:16', shot: A}]}\n",
    "shots and scenes": "shots:\n  - {id: X, prompt: X.}\n" + FOUR.replace("extend: C", "move: pan"),
    "a section between": FLAT.replace("  - id: C", "deliver: {review: none}\nshots:\n  - id: C"),
    "an open quote": FLAT.replace("Two.", '"Two.').replace("Four.", 'Four."'),
    "an open list": FLAT.replace("start: still:quay\n    prompt: Two.", "prompt: Two.\n    references: [") + "  ]\n",
    "a warning": FLAT.replace("prompt: Four.", "prompt: Four.\n    dialogue: [{who: X, line: Hold., at: 9s}]"),
    "an error": FLAT.replace("prompt: Four.", "prompt: Four.\n    seed: -1"),
    "another indentation": FLAT.replace(
        "  - id: C\n    prompt: |+\n      Three.\n", "   - id: C\n     prompt: Three.\n"
    ),
    "an extension behind a link": FLAT.replace("start: p1\n", "start: {shot: B, frame: last}\n"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_halves_hold_what_the_whole_holds(name: str) -> None:
    text = HEAD.replace("\n", "\r\n") + TAKEN[name] if name == "windows" else HEAD + TAKEN[name]
    found = read(text)
    assert not found.whole.problems
    assert holds_together(found)
    assert all(part.outline is not None and part.outline.shots for part in found.parts)


@pytest.mark.parametrize("name", NO_HALVES)
def test_whatever_is_not_plain_has_no_halves(name: str) -> None:
    assert read(HEAD + NO_HALVES[name]).outline is None


@pytest.mark.parametrize(
    ("limit", "text", "count"),
    [("MAX_SHOTS", FLAT, 4), ("MAX_SHOTS", FOUR, 4), ("MAX_SCENES", FOUR, 3)],
    ids=["shots", "shots in scenes", "scenes"],
)
def test_halves_that_hold_more_than_a_storyboard_may_are_none(
    limit: str, text: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each half alone is within the limit."""
    alone = HEAD + text.replace("extend: C", "move: pan")
    monkeypatch.setattr(f"veospec.spec.halves.{limit}", count)
    assert holds_together(read(alone))
    monkeypatch.setattr(f"veospec.spec.halves.{limit}", count - 1)
    assert read(alone).outline is None


def test_the_limits_are_those_of_the_language() -> None:
    parts = build_schema(catalogue())["properties"]
    assert parts["scenes"]["maxItems"] == MAX_SCENES
    assert parts["shots"]["maxItems"] == MAX_SHOTS


def test_a_text_that_may_hold_too_many_values_is_not_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + FLAT
    marks = sum(text.count(mark) for mark in ":-,[{?")
    for letters, values, is_halved in (
        (len(text), 0, True),
        (len(text) - 1, marks, True),
        (len(text) - 1, marks - 1, False),
    ):
        monkeypatch.setattr("veospec.spec.halves._MOST_LETTERS", letters)
        monkeypatch.setattr("veospec.spec.halves.MAX_NODES", values)
        assert (in_halves(text) is not None) is is_halved


def test_a_byte_order_mark_is_no_letter() -> None:
    found = read("\ufeff" + HEAD + FLAT)
    assert holds_together(found)


PROMPTS = [
    "prompt: One.",
    'prompt: "A ${how} kite: it\n      flies."',
    "prompt: |\n      In lines.\n\n        deeper\n",
    "prompt: >-\n      Folded\n      - id: no\n      - words\n",
    "prompt: 'Quoted\n\n      twice.'",
    "prompt: Plain and\n      - longer\n      # gone",
]
PLAIN = ["seed: 7", "start: p1", "start: still:quay", "omit: true", "# a word", "notes: >\n\n", "takes: 2", "move: pan"]
ODD = ["references: [\n      p1\n  ]", "extend: S1", "start: {shot: S0, frame: last}", "...", "---", "-", "start: p1\n"]
BETWEEN = ["", "", "\n", "  # between\n", "# far left\n"]


@st.composite
def boards(draw: st.DrawFn) -> str:
    """A storyboard as somebody writes it; now and then it is none."""
    in_scenes = draw(st.booleans())
    deep = "      " if in_scenes else "  "
    text = HEAD + ("scenes:\n" if in_scenes else "shots:\n")
    for number in range(draw(st.integers(2, 7))):
        parts = [draw(st.sampled_from(PROMPTS))]
        parts += draw(st.lists(st.sampled_from(PLAIN), max_size=2, unique_by=lambda line: line.split(":")[0]))
        parts += [draw(st.sampled_from(ODD))] if draw(st.integers(0, 15)) == 0 else []
        if in_scenes and (number == 0 or draw(st.booleans())):
            text += f"  - id: C{number}\n    shots:\n"
        text += f"{deep}- id: S{number}\n"
        text += "".join(f"{deep}  {line}\n" for part in parts for line in part.split("\n"))
        text += draw(st.sampled_from(BETWEEN))
    return text + draw(st.sampled_from(["", TAIL, "# the end\n", "\n\n", "deliver: {review: none}\n"]))


def test_any_two_halves_are_the_whole_or_none() -> None:
    taken = []

    @given(boards())
    @settings(max_examples=300, deadline=None)
    def hold(text: str) -> None:
        taken.append(holds_together(read(text)))

    hold()
    assert sum(taken) > len(taken) // 10
    assert not all(taken)


@given(boards())
@settings(max_examples=100, deadline=None)
def test_no_value_stands_without_a_mark(text: str) -> None:
    """But the text as a whole, which is one."""
    with suppress(SpecUnreadable):
        root = parse(text.encode(), "shots.yaml").root
        assert _values(root) - 1 <= sum(text.count(mark) for mark in ":-,[{?")


def _values(node: object) -> int:
    inner = node.values() if isinstance(node, Map) else node if isinstance(node, Seq) else ()
    return 1 + sum(map(_values, inner))
