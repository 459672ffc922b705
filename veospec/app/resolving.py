"""`resolve`: a person ends what no program can decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from veospec.app.choices import Choices
from veospec.app.looking import find_nodes
from veospec.app.project import Project, open_project
from veospec.app.tables import Answer
from veospec.errors import Exit, UsageError
from veospec.plan.budget import price_text
from veospec.plan.saved import cost_document
from veospec.review.safe import terminal as term
from veospec.run import rescue as rescue_files
from veospec.run.journal import Journal
from veospec.run.resume import Decision, Open, resolve, take_in, waiting
from veospec.store.layout import Store


def resolve_shot(
    choices: Choices,
    environment: Mapping[str, str],
    shot: str,
    *,
    adopt: str | None,
    retry: bool,
    forget: bool,
    rescue: Path | None,
) -> Answer:
    """Carry out a decision, or show what waits for one. Raises `UsageError` when nothing does."""
    project = open_project(choices, environment)
    if rescue is not None:
        return _taken_in(project, rescue)
    decision = Decision.ADOPT if adopt else Decision.RETRY if retry else Decision.FORGET if forget else None
    if decision is None:
        return _shown(project, shot)
    if not shot:
        raise UsageError("say which shot", "for example: veospec resolve SH010 --forget")
    nodes = [node.id for node in find_nodes(project, shot)]
    with Store.open(project.store_root, write=True, doing="resolve") as store:
        journal = Journal.open(store.journal_path)
        try:
            touched = resolve(
                journal,
                store.locks,
                nodes,
                decision,
                datetime.now(UTC),
                board=project.board,
                job=adopt or "",
            )
        finally:
            journal.close()
    after = {
        Decision.ADOPT: "the job is adopted; `veospec apply` fetches it, no charge",
        Decision.RETRY: "the next `veospec apply` makes it again, which costs again",
        Decision.FORGET: "released; it counts as never made, so the next `veospec apply` would make it again",
    }[decision]
    names = ", ".join(sorted({record.attempt.node for record in touched}))
    return Answer((f"{names}: {after}",), {"veospec_resolve": 1, "decided": decision.value, "nodes": names.split(", ")})


def _taken_in(project: Project, file: Path) -> Answer:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}") from error
    found = rescue_files.parse(text)
    with Store.open(project.store_root, write=True, doing="resolve") as store:
        journal = Journal.open(store.journal_path)
        try:
            record = take_in(journal, found, datetime.now(UTC))
        finally:
            journal.close()
    line = f"{record.attempt.node}: the job is known again; `veospec apply` fetches it, no charge"
    return Answer((line,), {"veospec_resolve": 1, "decided": "import", "nodes": [record.attempt.node]})


def _shown(project: Project, shot: str) -> Answer:
    with Store.open(project.store_root, write=False) as store:
        asking = waiting(Journal.read(store.journal_path), project.board)
        if shot:
            wanted = {node.id for node in find_nodes(project, shot)}
            asking = tuple(one for one in asking if one.record.attempt.node in wanted)
        at_work = [(one, store.locks.holder(one.entry.key)) for one in asking]
    found = [one for one, holder in at_work if holder is None]
    lines = [line for one in found for line in _lines(one)]
    lines += [f"{_name(one)}: {holder} is at work on it" for one, holder in at_work if holder is not None]
    document = {
        "veospec_resolve": 1,
        "waiting": [
            {
                "node": one.record.attempt.node,
                "take": one.entry.take,
                "state": one.entry.state.value,
                "cost": cost_document(one.entry.cost),
                "reason": one.entry.reason,
                "sent_at": one.record.attempt.created_at.isoformat(),
            }
            for one in found
        ],
    }
    return Answer(tuple(lines) or ("nothing waits for a decision",), document, Exit.PENDING if found else Exit.DONE)


def _lines(one: Open) -> list[str]:
    attempt, entry = one.record.attempt, one.entry
    price = price_text(entry.cost)
    return [
        f"{_name(one)}: a job may have been started at {attempt.created_at:%Y-%m-%d %H:%M:%S} UTC; its answer was lost",
        f"  price if it ran: {price}. Nothing was sent again, and nothing will be without your answer.",
        f"  what is known: {term(entry.reason, 600) or entry.state.value}",
        f"  veospec resolve {attempt.node} --adopt JOB   it ran: use this job, no charge",
        f"  veospec resolve {attempt.node} --retry       it did not run, or I accept a second charge of {price}",
        f"  veospec resolve {attempt.node} --forget      it did not run, or is not wanted: release the {price}",
    ]


def _name(one: Open) -> str:
    return f"{one.record.attempt.node} T{one.entry.take:02}"
