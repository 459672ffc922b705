"""`status`, `explain`, `show`: what is, why, and what would be sent. Reads only, works offline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from veospec.app.choices import Choices
from veospec.app.planning import plan_with, stored
from veospec.app.project import Project, open_project
from veospec.app.tables import Answer, table
from veospec.errors import Charge, Exit, NothingSelected
from veospec.model import FREE, Cost, Node
from veospec.plan.budget import price_text
from veospec.plan.saved import cost_document, step_document
from veospec.plan.values import Action, Document, Plan, Step
from veospec.review.safe import terminal as term
from veospec.run.flights import Snapshot
from veospec.spec.names import did_you_mean

_PENDING = frozenset({Action.RESUME, Action.FETCH, Action.HOLD})


def status_of(choices: Choices, environment: Mapping[str, str]) -> Answer:
    """Return where every take stands, and what was paid."""
    project = open_project(choices, environment)
    with stored(project) as inventory:
        plan = plan_with(project, inventory)
        paid = _paid(project.board, inventory.journal)
    rows = [(_word(s), s.label, term(s.reason.text, 160)) for s in plan.steps]
    counts = _counts(plan)
    text = [*table(("state", "take", "why"), rows)]
    text.append(" · ".join(f"{n} {word}" for word, n in counts.items()) or "no takes")
    text.append(f"paid so far for this storyboard: {price_text(paid)}")
    pending = [s for s in plan.steps if s.action in _PENDING]
    if any(s.action is Action.HOLD for s in pending):
        text.append("what is held needs a decision: veospec resolve SHOT")
    if any(s.action in (Action.RESUME, Action.FETCH) for s in pending):
        text.append("what is in flight goes on with: veospec apply")
    text += _not_downloaded(project.board, inventory.journal)
    document = {
        "veospec_status": 1,
        "spec": plan.storyboard.file,
        "counts": counts,
        "paid": cost_document(paid),
        "takes": [{"state": _word(s), **step_document(s)} for s in plan.steps],
    }
    return Answer(tuple(text), document, Exit.PENDING if pending else Exit.DONE)


def _not_downloaded(board: str, journal: Snapshot) -> list[str]:
    """Say what is paid and not on this disk yet, and when its first link dies."""
    from veospec.run.lifecycle import State
    from veospec.run.resume import in_flight

    waiting = [open_.entry for open_ in in_flight(journal, board) if open_.entry.state is State.GENERATED]
    if not waiting:
        return []
    many = f"{len(waiting)} paid takes are" if len(waiting) > 1 else "a paid take is"
    dies = min((entry.expires_at for entry in waiting if entry.expires_at is not None), default=None)
    until = f"; the first link dies at {dies:%Y-%m-%d %H:%M} UTC, the job is kept for some days" if dies else ""
    return [f"{many} not downloaded yet{until}: veospec apply"]


def _word(step: Step) -> str:
    if step.stale:
        return "stale"
    return {
        Action.REUSE: "made",
        Action.GENERATE: "to make",
        Action.SHARE: "to make",
        Action.RESUME: "in flight",
        Action.FETCH: "to fetch",
        Action.HOLD: "held",
        Action.REFUSED: "refused",
        Action.BLOCKED: "blocked",
    }[step.action]


def _counts(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in plan.steps:
        found[_word(step)] = found.get(_word(step), 0) + 1
    return found


def _paid(board: str, journal: Snapshot) -> Cost:
    """Add up what the journal says was paid for a storyboard, whatever became of the takes."""
    entries = [entry for record in journal.records if record.board == board for entry in record.entries]
    return sum((entry.cost for entry in entries if entry.charge is Charge.YES), FREE)


def find_nodes(project: Project, shot: str) -> tuple[Node, ...]:
    """Return the nodes of a shot, a still, or one node id. Raises `NothingSelected` with the nearest name."""
    nodes = project.storyboard.nodes
    found = tuple(n for n in nodes if shot in (n.id, n.name, f"still:{n.name}"))
    if not found:
        known = {n.name for n in nodes} | {n.id for n in nodes}
        raise NothingSelected(f"there is no shot or still '{term(shot)}'", did_you_mean(shot, known))
    return found


def explain_shot(choices: Choices, environment: Mapping[str, str], shot: str) -> tuple[Step, ...]:
    """Return the steps of a shot, compared with the last accepted take or the nearest one on record."""
    project = open_project(choices, environment)
    wanted = {node.id for node in find_nodes(project, shot)}
    with stored(project, near=True) as inventory:
        plan = plan_with(project, inventory)
    return tuple(step for step in plan.steps if step.node.id in wanted)


class Shown(Struct, frozen=True):
    """The final request of one take."""

    step: Step
    provider: str
    request: Mapping[str, Any]
    key_document: Document | None

    def lines(self) -> Iterator[str]:
        """Yield the request for a person: prompt first, then the body."""
        node = self.step.node
        yield f"{self.step.label}  {node.request.mode.value}  {node.request.model}  {self.provider}"
        yield "prompt:"
        for line in node.request.prompt.split("\n"):
            yield f"  {term(line, 6000)}"
        yield "request:"
        for line in json.dumps(self.request, indent=2, ensure_ascii=True).split("\n"):
            yield f"  {line}"
        if self.step.key is not None:
            yield f"key: {self.step.key}"
        yield ""

    def document(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        return {
            "node": self.step.node.id,
            "take": self.step.take,
            "provider": self.provider,
            "mode": self.step.node.request.mode.value,
            "model": self.step.node.request.model,
            "prompt": self.step.node.request.prompt,
            "request": dict(self.request),
            "key": self.step.key,
            "key_document": self.key_document,
        }


def show_shot(choices: Choices, environment: Mapping[str, str], shot: str) -> tuple[Shown, ...]:
    """Return the request of every take of a shot as it would be sent."""
    project = open_project(choices, environment)
    wanted = {node.id for node in find_nodes(project, shot)}
    with stored(project) as inventory:
        plan = plan_with(project, inventory)
        profile = project.profile
        return tuple(
            Shown(
                step,
                profile.name,
                profile.preview(step.node, step.take),
                step.document or (inventory.document(step.key) if step.key is not None else None),
            )
            for step in plan.steps
            if step.node.id in wanted
        )
