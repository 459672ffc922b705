"""Approvals bound to bytes: what a person signed off is what the cut plays, or it is a problem.

A spec holds one digest per shot, but a shot may be delivered in several cells. The digest of one file approves
that file; the digest of `approval_digest` approves the shot in all its cells at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from veospec.model import Digest, Kind, Node, Problem, Severity, Storyboard
from veospec.review.cut import build_cuts
from veospec.review.values import Event, Output

_DONE = "done"


def approval_problems(storyboard: Storyboard, outputs: Iterable[Output]) -> tuple[Problem, ...]:
    """Return a problem for every shot in a cut whose chosen bytes nobody approved, sorted by place.

    VS901 not approved, VS902 approved without a digest, VS903 approved other bytes, VS904 no bytes to approve.
    An approval without a digest binds to nothing and is therefore no approval.
    """
    nodes = {n.id: n for n in storyboard.nodes}
    made = list(outputs)
    whole = approvals(made)
    found: list[Problem] = []
    for cut in build_cuts(storyboard, made):
        for event in cut.events:
            node = nodes[event.node]
            problem = _judge(event, node, whole.get((Kind.CLIP, event.shot, event.take), ""))
            if problem is not None:
                code, message, advice = problem
                found.append(Problem(code, message, advice, node.location, event.node, Severity.ERROR))
    return tuple(sorted(found, key=lambda p: (p.location, p.subject, p.code)))


def approval_digest(digests: Iterable[Digest]) -> Digest:
    """Return what approves several files at once: their own digest when there is one, else that of the sorted list."""
    found = sorted(set(digests))
    return found[0] if len(found) == 1 else sha256("\n".join(found).encode()).hexdigest() if found else ""


def approvals(outputs: Iterable[Output]) -> dict[tuple[Kind, str, int], Digest]:
    """Return the approval digest of every take of every shot and still over all its cells."""
    digests: dict[tuple[Kind, str, int], list[Digest]] = {}
    for output in outputs:
        if output.kind in (Kind.CLIP, Kind.STILL) and output.digest:
            digests.setdefault((output.kind, output.shot, output.take), []).append(output.digest)
    return {which: approval_digest(found) for which, found in digests.items()}


def _judge(event: Event, node: Node, whole: Digest) -> tuple[str, str, str] | None:
    status, approved = node.review.status, node.review.approved
    take = f"{event.node} take {event.take}"
    if not event.digest:
        return "VS904", f"{take} is in the cut but has no bytes: {event.missing}", "Make it, look at it, approve it."
    if status != _DONE:
        said = f"its review says {status!r}" if status else "nobody has reviewed it"
        return "VS901", f"{take} is in the cut but not approved: {said}", _approve(whole)
    if not approved:
        return "VS902", f"{take} is marked done but names no bytes", _approve(whole)
    if approved not in (event.digest, whole):
        advice = f"Look at the new bytes, then set `approved: {whole}`."
        return "VS903", f"{take} changed since it was approved ({approved[:8]} then, {event.digest[:8]} now)", advice
    return None


def _approve(whole: Digest) -> str:
    return f"Look at it, then set `review: {{status: done, approved: {whole}}}`, or do it in the review page."
