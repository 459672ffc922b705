"""An approval binds to bytes."""

from __future__ import annotations

import pytest
from review_boards import TALL, WIDE, absent, board, digest, shot, take

from veospec.model import Node, Review
from veospec.review.approved import approval_digest, approval_problems
from veospec.review.manifest import output_of
from veospec.review.values import Take

GOOD = digest("bytes SH010@16:9 1")
OTHER = digest("something else")


@pytest.mark.parametrize(
    ("review", "code"),
    [
        (Review("done", "mk", GOOD), None),
        (Review("done", "mk", OTHER), "VS903"),
        (Review("done", "mk"), "VS902"),
        (Review("todo", "mk", GOOD), "VS901"),
        (Review(), "VS901"),
    ],
)
def test_only_approved_bytes_pass(review: Review, code: str | None) -> None:
    node = shot("SH010", review=review)
    problems = approval_problems(board(node), [output_of(take(node, 1)), output_of(take(node, 2))])
    assert [p.code for p in problems] == ([code] if code else [])
    assert all(p.location == node.location and p.advice for p in problems)


def test_choosing_another_take_withdraws_the_approval() -> None:
    node = shot("SH010", review=Review("done", "mk", GOOD), select=2)
    takes: list[Take] = [take(node, 1), take(node, 2)]
    [problem] = approval_problems(board(node), [output_of(t) for t in takes])
    assert problem.code == "VS903"
    assert "take 2" in problem.message


def test_bytes_that_are_not_there_cannot_be_approved() -> None:
    node = shot("SH010", review=Review("done", "mk", GOOD))
    [problem] = approval_problems(board(node), [output_of(absent(node, why="refused"))])
    assert problem.code == "VS904"
    assert "refused" in problem.message


def test_shots_outside_the_cut_need_no_approval_and_every_cell_needs_its_own() -> None:
    review = Review("done", "mk", GOOD)
    nodes: list[Node] = [shot("SH010", review=review), shot("SH010", TALL, review=review), shot("SH020")]
    storyboard = board(*nodes, order=("SH010",))
    problems = approval_problems(storyboard, [output_of(take(n)) for n in nodes])
    assert [(p.code, p.subject) for p in problems] == [("VS903", "SH010@9:16")]


def test_one_digest_can_approve_a_shot_in_all_its_cells() -> None:
    both = approval_digest([digest("bytes SH010@9:16 1"), GOOD])
    nodes = [shot("SH010", cell, review=Review("done", "mk", both)) for cell in (WIDE, TALL)]
    assert approval_problems(board(*nodes), [output_of(take(n)) for n in nodes]) == ()
    half = [output_of(take(nodes[0])), output_of(absent(nodes[1]))]
    assert [p.code for p in approval_problems(board(*nodes), half)] == ["VS903", "VS904"]


def test_the_approval_of_one_file_is_its_own_digest() -> None:
    assert approval_digest([GOOD, GOOD]) == GOOD
    assert approval_digest([]) == ""
