"""Editing in place: the wished value changes, and not one other character does."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veospec.errors import SpecUnreadable, UsageError
from veospec.spec.edit import apply_patch, bump_retake, item_names, set_notes, set_review, set_select
from veospec.spec.yamltext import parse

BOARD = """\
# yaml-language-server: $schema=shots.schema.json
veospec: 1

defaults: {model: veo-3.1-fast, takes: 2}   # for all

stills:
  quay:                       # made first
    prompt: "A quay at dawn."
    takes: 4

    # seed stays
    seed: 4103
  deck: {prompt: "A deck.", takes: 2, select: 2}   # two

scenes:
  - id: SC01
    shots:
      - id: SH010             # opening
        prompt: >-
          A very long line that a dumper would surely wrap in another place than the person who wrote it did.
        takes: 3
        select: 2             # the calm one
        review: {status: done, by: mk}

      # a comment between shots
      - id: SH020
        prompt: |
          Two
          lines
        seed:   7002
        retake: 1             # on purpose
        notes: "v1: mouth drifts"
      - {id: SH030, prompt: "x", tags: [a, b], }   # flow
      -   id: SH040
          prompt: 'it''s fine'
          review:
            status: todo
            by: mk          # who
"""


def changed(before: str, after: str) -> list[str]:
    """Return the lines that went (-) and came (+)."""
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


# what is done, lines that went and came
EDITS: list[tuple[Any, list[str]]] = [
    (
        lambda t: set_select(t, "SH010", 3),
        ["-         select: 2             # the calm one\n", "+         select: 3             # the calm one\n"],
    ),
    (lambda t: set_select(t, "SH020", 2), ["+         select: 2\n"]),
    (
        lambda t: set_select(t, "SH030", 1),
        ['-       - {id: SH030, prompt: "x", tags: [a, b], }   # flow\n',
         '+       - {id: SH030, prompt: "x", tags: [a, b], select: 1, }   # flow\n'],
    ),
    (lambda t: set_select(t, "still:quay", 4), ["+     select: 4\n"]),
    (
        lambda t: set_select(t, "deck", 1),
        ['-   deck: {prompt: "A deck.", takes: 2, select: 2}   # two\n',
         '+   deck: {prompt: "A deck.", takes: 2, select: 1}   # two\n'],
    ),
    (lambda t: set_select(t, "SH010@16:9", 2), []),
    (
        lambda t: bump_retake(t, "SH020"),
        ["-         retake: 1             # on purpose\n", "+         retake: 2             # on purpose\n"],
    ),
    (lambda t: bump_retake(t, "SH010"), ["+         retake: 1\n"]),
    (
        lambda t: set_notes(t, "SH020", 'say: "x" # y'),
        ['-         notes: "v1: mouth drifts"\n', '+         notes: "say: \\"x\\" # y"\n'],
    ),
    (lambda t: set_notes(t, "SH020", ""), ['-         notes: "v1: mouth drifts"\n']),
    (lambda t: set_notes(t, "SH010", ""), []),
    (lambda t: set_notes(t, "SH040", "no"), ['+           notes: "no"\n']),
    (
        lambda t: set_review(t, "SH010", {"status": "changes", "by": None, "approved": "ab" * 32}),
        ["-         review: {status: done, by: mk}\n",
         f"+         review: {{status: changes, approved: {'ab' * 32}}}\n"],
    ),
    (lambda t: set_review(t, "SH010", {"status": "", "by": ""}), ["-         review: {status: done, by: mk}\n"]),
    (
        lambda t: set_review(t, "SH040", {"status": "done"}),
        ["-             status: todo\n", "+             status: done\n"],
    ),
    (lambda t: set_review(t, "SH040", {"by": None}), ["-             by: mk          # who\n"]),
    (lambda t: set_review(t, "SH020", {"status": "done", "note": "a: b"}),
     ['+         review: {status: done, note: "a: b"}\n']),
    (lambda t: set_review(t, "SH020", {"status": None}), []),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "wanted"), EDITS)
def test_only_the_wished_lines_change(edit: Any, wanted: list[str]) -> None:
    found = changed(BOARD, edit(BOARD))
    # ndiff pairs lines in its own order
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(("edit", "wanted"), EDITS)
def test_windows_line_ends_stay(edit: Any, wanted: list[str]) -> None:
    assert edit(BOARD.replace("\n", "\r\n")) == edit(BOARD).replace("\n", "\r\n")


@pytest.mark.parametrize(("edit", "wanted"), EDITS)
def test_a_missing_last_line_end_stays_missing(edit: Any, wanted: list[str]) -> None:
    assert edit(BOARD.rstrip("\n")) == edit(BOARD).rstrip("\n")


PATCH = {
    "veospec_patch": 1,
    "spec": "shots.yaml",
    "shots": {
        "SH010": {"select": 1, "review": {"status": "done", "by": "ab", "approved": "0" * 64}, "notes": "one\ntwo"},
        "SH030": {"review": {"status": "todo"}, "select": 2},
        "still:deck": {"select": 1},
    },
    "stills": {"quay": {"notes": "warmer"}},
}


def test_a_patch_is_applied_as_a_whole() -> None:
    after = apply_patch(BOARD, PATCH)
    assert sorted(changed(BOARD, after)) == sorted(
        [
            "-         select: 2             # the calm one\n",
            "+         select: 1             # the calm one\n",
            "-         review: {status: done, by: mk}\n",
            f'+         review: {{status: done, by: ab, approved: "{"0" * 64}"}}\n',
            '+         notes: "one\\ntwo"\n',
            '-       - {id: SH030, prompt: "x", tags: [a, b], }   # flow\n',
            '+       - {id: SH030, prompt: "x", tags: [a, b], select: 2, review: {status: todo}, }   # flow\n',
            '-   deck: {prompt: "A deck.", takes: 2, select: 2}   # two\n',
            '+   deck: {prompt: "A deck.", takes: 2, select: 1}   # two\n',
            "+     notes: warmer\n",
        ]
    )
    assert apply_patch(after, PATCH) == after


def test_names_of_other_files_are_left_to_them() -> None:
    patch = {"veospec_patch": 1, "shots": {"OTHER": {"select": 9}, "SH010": {"select": 1}}}
    assert len(changed(BOARD, apply_patch(BOARD, patch, elsewhere=["OTHER"]))) == 2


# what is done, message, hint
REFUSED = [
    (lambda: set_select(BOARD, "SH011", 1), "no shot or still 'SH011'", "did you mean SH010?"),
    (lambda: set_select(BOARD, "still:quai", 1), "'still:quai'", "did you mean still:quay?"),
    (lambda: set_select(BOARD, "SH010", 4), "SH010 has 3 takes; there is no take 4", "1 to 3"),
    (lambda: set_select(BOARD, "SH020", 3), "SH020 has 2 takes", "1 to 2"),
    (lambda: set_select(BOARD, "SH020", 3, takes=1), "SH020 has one take", "raise takes"),
    (lambda: set_select(BOARD, "SH010", 0), "no take 0", ""),
    (lambda: apply_patch(BOARD, {"shots": {}}), "no patch of the review page", "veospec_patch"),
    (lambda: apply_patch(BOARD, []), "no patch", ""),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"NO": {}}, "stills": 3}), "stills has to be", ""),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"SH010": {"prompt": "x"}}}), "'prompt'", "this version"),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"SH010": {"select": True}}}), "whole number", ""),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"SH010": {"notes": 3}}}), "SH010.notes", ""),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"SH010": {"review": {"x": "y"}}}}), "review", ""),
    (lambda: apply_patch(BOARD, {"veospec_patch": 1, "shots": {"SH010": 1}}), "SH010 has to be a mapping", ""),
]


@pytest.mark.parametrize(("edit", "message", "hint"), REFUSED)
def test_what_does_not_fit_is_refused(edit: Any, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        edit()
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        # an anchor on the value: others read it
        "veospec: 1\nshots:\n- {id: A, prompt: x, takes: 2, select: &n 1}\n- {id: B, prompt: y, select: *n}\n",
        # the shot is an alias
        "veospec: 1\nx-a: &a {id: A, prompt: x, takes: 2}\nshots: [*a]\n",
        "veospec: 1\nshots:\n- id: A\n  prompt: x\n  takes: 2\n  select: [1]\n",
    ],
)
def test_where_more_would_change_nothing_is_changed(text: str) -> None:
    with pytest.raises(UsageError):
        set_select(text, "A", 2)


def test_a_value_that_comes_from_a_merge_is_overridden_in_the_shot() -> None:
    text = "veospec: 1\nx-a: &a {takes: 2, select: 2}\nshots:\n- id: A\n  prompt: x\n  <<: *a\n"
    after = set_select(text, "A", 1, takes=2)
    assert changed(text, after) == ["+   select: 1\n"]
    assert parse(after.encode(), "x").root["shots"][0]["select"] == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # an empty value, a text that keeps its blank lines, an empty map
        ("shots:\n- id: A\n  notes:\n  prompt: x\n", "shots:\n- id: A\n  notes: hey\n  prompt: x\n"),
        ("shots:\n- id: A\n  prompt: |+\n    x\n\n\n", "shots:\n- id: A\n  notes: hey\n  prompt: |+\n    x\n\n\n"),
        ("stills:\n  A: {}\n", "stills:\n  A: {notes: hey}\n"),
        ("{shots: [{id: A}]}", "{shots: [{id: A, notes: hey}]}"),
        ('{"shots": [{"id": "A", "notes": "old"}]}', '{"shots": [{"id": "A", "notes": "hey"}]}'),
        ('{"shots": [{"id": "A"}]}', '{"shots": [{"id": "A", "notes": "hey"}]}'),
        ("shots:\n- id: A\n  notes: |\n    old\n    text\n\n- id: B\n", "shots:\n- id: A\n  notes: hey\n\n- id: B\n"),
        ("\ufeffshots:\n- id: A\n", "\ufeffshots:\n- id: A\n  notes: hey\n"),
    ],
)  # fmt: skip
def test_odd_layouts(text: str, wanted: str) -> None:
    assert set_notes(text, "A", "hey") == wanted


def test_the_names_of_a_file() -> None:
    assert item_names(BOARD) == ("SH010", "SH020", "SH030", "SH040", "still:quay", "still:deck")


def test_a_broken_file_is_not_touched() -> None:
    with pytest.raises(SpecUnreadable):
        set_select("shots: [", "A", 1)


READABLE = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"]) | st.just("\n"), max_size=60
)


@given(READABLE)
def test_notes_come_back_as_they_were_written(notes: str) -> None:
    for name in ("SH010", "SH030", "still:quay"):
        root = parse(set_notes(BOARD, name, notes).encode(), "x").root
        shots = {shot["id"]: shot for shot in root["scenes"][0]["shots"]}
        item = root["stills"]["quay"] if name == "still:quay" else shots[name]
        assert item.get("notes", "") == notes


def test_a_thousand_picks_at_once() -> None:
    text = "veospec: 1\nshots:\n" + "".join(f"- id: SH{n}\n  prompt: x\n  takes: 2\n" for n in range(1_000))
    patch = {"veospec_patch": 1, "shots": {f"SH{n}": {"select": 2, "notes": f"n {n}"} for n in range(1_000)}}
    root = parse(apply_patch(text, patch).encode(), "x").root
    assert [shot["select"] for shot in root["shots"]] == [2] * 1_000
