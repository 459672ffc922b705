"""The cut, to the frame."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from review_boards import TALL, WIDE, absent, board, clip_facts, extension, ferry, shot, take

from veospec.model import Cell, Cut, Node, TransitionKind
from veospec.review.cut import build_cuts
from veospec.review.manifest import output_of
from veospec.review.values import CutList, Transition

DISSOLVE, FADE = TransitionKind.DISSOLVE, TransitionKind.FADE


def cut_of(*nodes: Node, handles: int = 0, order: tuple[str, ...] = (), fps: int = 24) -> CutList:
    """Return the one cut of shots that are all made."""
    [cut] = build_cuts(board(*nodes, handles=handles, order=order, fps=fps), [output_of(take(n)) for n in nodes])
    return cut


def ranges(cut: CutList) -> list[tuple[int, int]]:
    return [(e.source_in, e.source_out) for e in cut.events]


def out(kind: TransitionKind, frames: int, **trims: int) -> Cut:
    return Cut(transition=kind, transition_frames=frames, **trims)


def tail_to_extension() -> tuple[Node, Node]:
    ramp = shot("SH1")
    return ramp, extension("SH2", ramp)


EXTENDED = tail_to_extension()
CASES = {
    "plain": ((shot("SH1"), shot("SH2", seconds=6)), 0, [(0, 192), (0, 144)], [None, None]),
    "handles stay outside": ((shot("SH1"),), 6, [(6, 186)], [None]),
    "trims come on top of handles": ((shot("SH1", cut=Cut(head=4, tail=18)),), 6, [(10, 168)], [None]),
    "a dissolve lives from the handles": (
        (shot("SH1", cut=out(DISSOLVE, 12)), shot("SH2")),
        6,
        [(6, 186), (6, 186)],
        [Transition(DISSOLVE, 6, 6), None],
    ),
    "without handles the cut moves inward": (
        (shot("SH1", cut=out(DISSOLVE, 13)), shot("SH2")),
        0,
        [(0, 185), (6, 192)],
        [Transition(DISSOLVE, 6, 7), None],
    ),
    "a trimmed tail is enough for a dissolve": (
        (shot("SH1", cut=out(DISSOLVE, 12, tail=6)), shot("SH2", cut=Cut(head=6))),
        0,
        [(0, 186), (6, 192)],
        [Transition(DISSOLVE, 6, 6), None],
    ),
    "a fade needs no frames from outside": (
        (shot("SH1", cut=out(FADE, 25)), shot("SH2")),
        0,
        [(0, 192), (0, 192)],
        [Transition(FADE, 12, 13), None],
    ),
    "the last transition fades to black": (
        (shot("SH1", cut=out(DISSOLVE, 24)),),
        0,
        [(0, 192)],
        [Transition(FADE, 24, 0)],
    ),
    "a transition of no frames is a cut": (
        (shot("SH1", cut=out(DISSOLVE, 0)), shot("SH2")),
        0,
        [(0, 192)] * 2,
        [None] * 2,
    ),
    "an extension goes on without a seam": (EXTENDED, 6, [(6, 192), (24, 186)], [None, None]),
    "an extension first in the reel is whole": ((EXTENDED[1],), 0, [(0, 192)], [None]),
    "a trim longer than the clip leaves a frame": ((shot("SH1", cut=Cut(head=500, tail=9)),), 6, [(191, 192)], [None]),
}


@pytest.mark.parametrize(("nodes", "handles", "expected", "leaving"), CASES.values(), ids=CASES)
def test_ranges_and_transitions(
    nodes: tuple[Node, ...], handles: int, expected: list[tuple[int, int]], leaving: list[Transition | None]
) -> None:
    cut = cut_of(*nodes, handles=handles)
    assert expected == ranges(cut)
    assert leaving == [e.leaving for e in cut.events]


def test_an_extension_apart_from_its_source_is_whole() -> None:
    source, more = EXTENDED
    cut = cut_of(source, more, shot("SH3"), order=("SH1", "SH3", "SH2"))
    assert [e.overlap for e in cut.events] == [0, 0, 0]
    assert [e.frames for e in cut.events] == [192, 192, 192]


def test_the_order_of_the_reel_is_obeyed_and_may_repeat_nothing_else() -> None:
    cut = cut_of(shot("SH1"), shot("SH2"), shot("SH3"), order=("SH3", "SH1", "GONE"))
    assert [e.shot for e in cut.events] == ["SH3", "SH1"]
    assert [(e.record_in, e.record_out) for e in cut.events] == [(0, 192), (192, 384)]


def test_a_missing_shot_has_the_length_it_asked_for_and_a_reason() -> None:
    node = shot("SH1", seconds=6)
    [cut] = build_cuts(board(node, handles=6), [output_of(absent(node, why="refused: a famous person"))])
    [event] = cut.events
    assert (event.media_frames, event.frames, event.file, event.missing) == (144, 132, "", "refused: a famous person")


def test_without_any_outputs_everything_is_missing() -> None:
    storyboard, _ = ferry()
    assert all(e.missing == "not made yet" for c in build_cuts(storyboard, []) for e in c.events)


def test_the_length_of_the_file_counts_and_not_the_one_asked_for() -> None:
    node = shot("SH1")
    [cut] = build_cuts(board(node), [output_of(take(node, facts=clip_facts(180)))])
    assert cut.frames == 180


def test_a_file_at_another_rate_is_counted_in_frames_of_the_project() -> None:
    node = shot("SH1")
    facts = replace(clip_facts(240), fps=Fraction(30), duration=Fraction(8))
    [cut] = build_cuts(board(node, fps=25), [output_of(take(node, facts=facts))])
    assert (cut.frames, cut.fps) == (200, 25)


def test_one_cut_per_cell_and_aspect_each_with_its_own_name() -> None:
    german = Cell((("aspect", "9:16"), ("lang", "de")))
    plain = Cell()
    assert [c.slug for c in build_cuts(board(shot("A", WIDE), shot("A", TALL)), [])] == ["16x9", "9x16"]
    assert [c.slug for c in build_cuts(board(shot("A", german)), [])] == ["9x16_de"]
    assert [c.slug for c in build_cuts(board(shot("A", plain)), [])] == ["16x9"]
    odd = shot("B", WIDE)
    odd = replace(odd, request=replace(odd.request, aspect="9:16"))
    assert [c.slug for c in build_cuts(board(shot("A", WIDE), odd), [])] == ["16x9", "9x16_16x9"]


KINDS = st.sampled_from(list(TransitionKind))
SMALL = st.integers(0, 60)


@given(
    shots=st.lists(st.tuples(st.integers(1, 60), SMALL, SMALL, KINDS, SMALL, st.booleans()), min_size=1, max_size=6),
    handles=st.integers(0, 30),
)
def test_every_cut_can_be_played(shots: list[tuple[int, int, int, TransitionKind, int, bool]], handles: int) -> None:
    """Whatever trims and transitions ask for: no gap, no frame outside a file, no two transitions at once."""
    nodes: list[Node] = []
    takes = []
    for index, (frames, head, tail, kind, length, extends) in enumerate(shots):
        cut = Cut(head, tail, kind, length)
        node = extension(f"S{index}", nodes[-1], cut=cut) if extends and nodes else shot(f"S{index}", cut=cut)
        nodes.append(node)
        takes.append(take(node, facts=clip_facts(frames)))
    [cut_list] = build_cuts(board(*nodes, handles=handles), [output_of(t) for t in takes])
    at, taken = 0, 0
    for event, following in zip(cut_list.events, [*cut_list.events[1:], None], strict=True):
        assert event.record_in == at < event.record_out
        assert 0 <= event.source_in < event.source_out <= event.media_frames
        assert event.frames == event.source_out - event.source_in
        at = event.record_out
        leaving = event.leaving
        if leaving is None:
            taken = 0
            continue
        assert 0 < leaving.frames <= length_of(shots, event.number)
        assert leaving.before + taken <= event.frames
        if following is not None:
            assert leaving.after <= following.frames
            if leaving.kind is DISSOLVE:
                assert leaving.after <= event.media_frames - event.source_out
                assert leaving.before <= following.source_in
        taken = leaving.after


def length_of(shots: list[tuple[int, int, int, TransitionKind, int, bool]], number: int) -> int:
    return shots[number - 1][4]
