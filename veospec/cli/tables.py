"""Plans, statuses and price lists as lines of text: pure, so that they can be compared in tests."""

from __future__ import annotations

from collections.abc import Iterator

from veospec.app.columns import columns
from veospec.model import Cost
from veospec.plan.budget import price_text, usd_text
from veospec.plan.explain import word_diff
from veospec.plan.values import Action, Change, Plan, Step
from veospec.review.safe import terminal as term

_MARKS = {
    Action.GENERATE: "+",
    Action.SHARE: "&",
    Action.REUSE: "=",
    Action.RESUME: ">",
    Action.FETCH: ">",
    Action.HOLD: "?",
    Action.REFUSED: "!",
    Action.BLOCKED: "x",
}


def plan_lines(plan: Plan, *, show_all: bool) -> Iterator[str]:
    """Yield the plan for a person: what would be done with reasons, then the sums."""
    board = plan.storyboard
    title = f"{board.project.title or board.file}"
    against = f"provider {plan.provider}" + (f" on {plan.plan_class}" if plan.plan_class else "")
    yield f"{term(title)} · {against} · catalogue {plan.table}"
    shown = [s for s in plan.steps if show_all or s.action is not Action.REUSE or s.stale]
    rows = [_plan_row(step) for step in shown]
    yield from columns(rows, right=frozenset({4}))
    kept = len(plan.steps) - len(shown) + plan.untold
    if kept:
        yield f"{kept} take{'' if kept == 1 else 's'} unchanged" + ("" if plan.has_work else "; nothing to do")
    for note in plan.notes:
        yield f"note: {term(note, 400)}"
    yield sum_line(plan)


def _plan_row(step: Step) -> tuple[str, ...]:
    mark = "~" if step.stale else _MARKS[step.action]
    word = "stale" if step.stale else step.action.value
    request = step.node.request
    price = price_text(step.cost) if step.action is Action.GENERATE else ""
    return (f"{mark} {word}", step.label, request.mode.value, request.model, price, term(step.reason.text, 160))


def sum_line(plan: Plan) -> str:
    """Return the sums of a plan in one line."""
    totals = plan.totals
    making = sum(1 for s in plan.steps if s.action is Action.GENERATE)
    parts = [f"to make: {making} take{'' if making == 1 else 's'}, {price_text(totals.buy)}"]
    if not totals.owned.is_free:
        parts.append(f"already owned: {price_text(totals.owned)}")
    if not totals.in_flight.is_free:
        parts.append(f"paid, in flight: {price_text(totals.in_flight)}")
    if not totals.held.is_free:
        parts.append(f"held: {price_text(totals.held)}")
    if plan.ceiling.credits is not None and not totals.buy.is_free:
        parts.append(f"ceiling: {plan.ceiling.credits:,} credits ({plan.ceiling.source})")
    if plan.ceiling.micro_usd is not None and not totals.buy.is_free:
        parts.append(f"ceiling: {usd_text(plan.ceiling.micro_usd)} ({plan.ceiling.source})")
    return " · ".join(parts)


def explain_lines(step: Step) -> Iterator[str]:
    """Yield everything that is known about why a step is what it is."""
    yield f"{step.label}: {'stale, kept' if step.stale else step.action.value}"
    yield f"  why     {term(step.reason.text, 1000)}"
    if step.key is not None:
        yield f"  key     {step.key}"
    if step.digest:
        yield f"  bytes   sha256 {step.digest}"
    if step.action is Action.GENERATE:
        yield f"  cost    {price_text(step.cost)}"
    elif not step.worth.is_free:
        yield f"  worth   {price_text(step.worth)}"
    for node, take in step.requires:
        yield f"  needs   {node} T{take:02}"
    for change in step.reason.changes:
        yield from _change_lines(change)


def _change_lines(change: Change) -> Iterator[str]:
    if change.field == "prompt":
        yield f"  changed prompt: {term(word_diff(change.before, change.after), 4000)}"
    else:
        yield f"  changed {change.field}: {term(change.before)} → {term(change.after)}"


def credits_text(cost: Cost) -> str:
    """Return the credits of a price for a table cell."""
    if cost.credits is None:
        return "unknown"
    return f"{'≤ ' if cost.is_ceiling else ''}{cost.credits:,}"
