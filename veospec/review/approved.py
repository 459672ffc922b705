"""Approvals bound to bytes: what a person signed off is what the cut plays, or it is a problem."""

from __future__ import annotations

from collections.abc import Iterable

from veospec.model import Problem, Severity, Storyboard
from veospec.review.cut import build_cuts
from veospec.review.values import Event, Output

_DONE = "done"


def approval_problems(storyboard: Storyboard, outputs: Iterable[Output]) -> tuple[Problem, ...]:
    """Return a problem for every shot in a cut whose chosen bytes nobody approved, sorted by place.

    VS901 not approved, VS902 approved without a digest, VS903 approved other bytes, VS904 no bytes to approve.
    An approval without a digest binds to nothing and is therefore no approval. One spec line may stand for
    several cells; its approval then holds for the cell whose bytes it names, and each other cell is a problem.
    """
    nodes = {n.id: n for n in storyboard.nodes}
    made = list(outputs)
    found: list[Problem] = []
    for cut in build_cuts(storyboard, made):
        for event in cut.events:
            node = nodes[event.node]
            problem = _judge(event, node.review.status, node.review.approved)
            if problem is not None:
                code, message, advice = problem
                found.append(Problem(code, message, advice, node.location, event.node, Severity.ERROR))
    return tuple(sorted(found, key=lambda p: (p.location, p.subject, p.code)))


def _judge(event: Event, status: str, approved: str) -> tuple[str, str, str] | None:
    take = f"{event.node} take {event.take}"
    if not event.digest:
        return "VS904", f"{take} is in the cut but has no bytes: {event.missing}", "Make it, look at it, approve it."
    if status != _DONE:
        said = f"its review says {status!r}" if status else "nobody has reviewed it"
        return "VS901", f"{take} is in the cut but not approved: {said}", _approve(event)
    if not approved:
        return "VS902", f"{take} is marked done but names no bytes", _approve(event)
    if event.digest not in approved.split():
        advice = f"Look at the new bytes, then set `approved: {event.digest}`."
        return "VS903", f"{take} changed since it was approved ({approved[:8]} then, {event.digest[:8]} now)", advice
    return None


def _approve(event: Event) -> str:
    return f"Look at it, then set `review: {{status: done, approved: {event.digest}}}`, or do it in the review page."
