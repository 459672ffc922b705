"""The comment under a pull request: one line that says it all, then tables, then what is folded away.

The comment is hostile ground: prompts, names and reasons come from the author of the pull request. Every text goes
through the outlets of `safe`; the only links are the ones the caller hands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from urllib.parse import quote

from msgspec import Struct

from veospec.model import Problem, Severity
from veospec.plan.budget import price_text
from veospec.plan.values import Action, Plan, Step
from veospec.review.safe import markdown_block, markdown_code, markdown_text
from veospec.review.values import Manifest

LIMIT_BYTES = 60_000
"""GitHub takes 65,536 characters; counted in UTF-8 bytes and with room for what a job adds."""

_WORDS = {
    Action.REUSE: "keep",
    Action.SHARE: "shared",
    Action.RESUME: "wait",
    Action.FETCH: "download",
    Action.GENERATE: "make",
    Action.HOLD: "held",
    Action.REFUSED: "refused",
    Action.BLOCKED: "blocked",
}
_NOTES = 20
_WORK = (Action.GENERATE, Action.RESUME, Action.FETCH, Action.SHARE)
_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/[!-~]*\Z")


class Links(Struct, frozen=True):
    """Addresses the caller vouches for: a small moving preview, the page (an artefact), the run."""

    preview: str = ""
    page: str = ""
    run: str = ""


_NO_LINKS = Links()


MARK = "<!-- veospec comment "
"""How the last line of every comment begins."""


def plan_comment(
    plan: Plan,
    *,
    before: Manifest | None = None,
    after: Manifest | None = None,
    links: Links = _NO_LINKS,
    show_prompts: bool = True,
    limit_bytes: int = LIMIT_BYTES,
) -> str:
    """Return the Markdown; `before` is the manifest of the target branch, `after` that of the preview.

    It folds first what did not change, then leaves out word diffs, then rows, and says how many.
    """
    rows = list(_rows(plan))
    head = [_summary(plan, before), "", *_money(plan), *_pictures(links)]
    cuts = list(_cuts(before, after))
    kept = list(_kept(plan))
    diffs = list(_diffs(plan)) if show_prompts else []
    notes = [f"- {markdown_text(note, 300)}" for note in plan.notes[:_NOTES]]
    if len(plan.notes) > _NOTES:
        notes.append(f"- … and {_count(len(plan.notes) - _NOTES, 'more note')}")
    foot = ["", marker(plan.storyboard.file)]

    def page(count: int, *, with_diffs: bool, with_kept: bool) -> str:
        lines = [*head, *_table(rows[:count], len(rows) - count, show_reason=show_prompts), *cuts]
        if notes:
            lines += ["", *notes]
        if with_diffs and diffs:
            lines += _folded("Changed prompts", diffs)
        if kept:
            lines += _folded(f"{len(kept)} unchanged", [", ".join(kept)] if with_kept else ["(left out)"])
        return "\n".join([*lines, *foot]) + "\n"

    return _shortest_that_fits(page, len(rows), limit_bytes)


def problems_comment(spec: str, problems: Sequence[Problem], *, limit_bytes: int = LIMIT_BYTES) -> str:
    """Return the comment for a storyboard that cannot be planned."""
    errors = sum(p.severity is Severity.ERROR for p in problems)
    lines = [f"**{markdown_code(spec)} is not valid: {_count(errors, 'problem')}; nothing was planned.**", ""]
    lines += ["| Where | Code | What | What to do |", "|---|---|---|---|"]
    foot = ["", marker(spec)]
    for number, problem in enumerate(problems):
        row = (
            f"| {markdown_code(str(problem.location))} | {markdown_code(problem.code)} "
            f"| {markdown_text(problem.message, 300)} | {markdown_text(problem.advice, 300)} |"
        )
        if len("\n".join([*lines, row, *foot]).encode()) > limit_bytes - 100:
            lines += ["", f"… and {len(problems) - number} more."]
            break
        lines.append(row)
    return "\n".join([*lines, *foot]) + "\n"


def marker(spec: str) -> str:
    """Return the invisible last line by which a job finds its own comment again, one per storyboard."""
    return f"{MARK}1: {quote(spec, safe='/.')[:200].replace('--', '-%2D')} -->"


def _summary(plan: Plan, before: Manifest | None) -> str:
    work = [s for s in plan.steps if s.action in _WORK]
    stale = sum(s.stale for s in plan.steps)
    held = sum(s.action is Action.HOLD for s in plan.steps)
    stuck = sum(s.action in (Action.BLOCKED, Action.REFUSED) for s in plan.steps)
    parts = []
    if work:
        shots = len({s.node.id for s in work})
        parts.append(f"{_count(len(work), 'take')} to make in {_count(shots, 'place')}")
        parts.append(price_text(plan.totals.buy))
    else:
        parts.append("nothing to make")
    if before is not None:
        parts += _moved(plan, before)
    parts += [f"{n} {word}" for n, word in ((stale, "out of date"), (held, "held"), (stuck, "blocked or refused")) if n]
    title = markdown_text(plan.storyboard.project.title or plan.storyboard.file, 80)
    return f"**{title}: {' · '.join(parts)}**"


def _moved(plan: Plan, before: Manifest) -> list[str]:
    old = {o.shot for o in before.outputs}
    new = {s.node.name for s in plan.steps}
    return [f"{n} {word}" for n, word in ((len(new - old), "new"), (len(old - new), "gone")) if n]


def _money(plan: Plan) -> list[str]:
    totals = plan.totals
    parts = [f"to buy now: **{price_text(totals.buy)}**", f"already owned: {price_text(totals.owned)}"]
    if not totals.in_flight.is_free:
        parts.append(f"in flight: {price_text(totals.in_flight)}")
    if not totals.held.is_free:
        parts.append(f"held: {price_text(totals.held)}")
    if plan.ceiling.credits is not None:
        parts.append(f"ceiling: {plan.ceiling.credits:,} credits")
    where = [f"provider {markdown_code(plan.provider)}", f"prices of {markdown_code(plan.table)}"]
    if plan.plan_class:
        where.append(f"plan {markdown_code(plan.plan_class)}")
    return [f"{'; '.join(parts)} ({', '.join(where)})", ""]


def _pictures(links: Links) -> list[str]:
    lines = []
    if _URL.match(links.preview):
        lines.append(f"![Preview of the cut](<{_address(links.preview)}>)")
    found = [(name, url) for name, url in (("Review page", links.page), ("Run", links.run)) if _URL.match(url)]
    if found:
        lines.append(" · ".join(f"[{name}](<{_address(url)}>)" for name, url in found))
    return [*lines, ""] if lines else []


def _address(url: str) -> str:
    return quote(url, safe="/:?&=%#~+,;@!$'*.-_")


def _rows(plan: Plan) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (node, takes, action, price, reason); takes of one node with one fate share a row."""
    shown = [s for s in plan.steps if s.action is not Action.REUSE or s.stale]
    for (name, action, stale, reason), group in groupby(
        shown, key=lambda s: (s.node.id, s.action, s.stale, s.reason.text)
    ):
        steps = list(group)
        cost = steps[0].cost
        for step in steps[1:]:
            cost = cost + step.cost
        word = "out of date" if stale and action is Action.REUSE else _WORDS[action]
        yield name, _takes(steps), word, price_text(cost) if action is Action.GENERATE else "", reason


def _takes(steps: Sequence[Step]) -> str:
    return f"T{steps[0].take:02}" if len(steps) == 1 else f"T{steps[0].take:02}–T{steps[-1].take:02}"


def _table(rows: Sequence[tuple[str, str, str, str, str]], left: int, *, show_reason: bool) -> list[str]:
    if not rows and not left:
        return []
    lines = ["| Shot | Take | Action | Cost | Why |", "|---|---|---|---|---|"]
    for name, takes, word, price, reason in rows:
        why = markdown_text(reason if show_reason else reason.partition(":")[0], 200)
        lines.append(f"| {markdown_code(name)} | {takes} | {word} | {price} | {why} |")
    return [*lines, "", f"… and {left} more rows."] if left else lines


def _cuts(before: Manifest | None, after: Manifest | None) -> Iterator[str]:
    if after is None or not after.cuts:
        return
    old = {c.slug: c for c in before.cuts} if before is not None else {}
    yield ""
    for cut in after.cuts:
        length = f"{cut.frames / cut.fps:.2f} s"
        missing = sum(bool(e.missing) for e in cut.events)
        line = f"- cut {markdown_code(cut.slug)}: {_count(len(cut.events), 'shot')}, {length}"
        earlier = old.get(cut.slug)
        if earlier is not None and earlier.frames != cut.frames:
            line += f" ({cut.frames - earlier.frames:+} frames)"
        yield line + (f", {missing} without picture" if missing else "")


def _diffs(plan: Plan) -> Iterator[str]:
    """Yield every change of a prompt once, under the names of all that it touches."""
    touched: dict[tuple[str, str], dict[str, None]] = {}
    for step in plan.steps:
        for change in step.reason.changes:
            if step.action is Action.GENERATE and change.field == "prompt":
                touched.setdefault((change.before, change.after), {})[step.node.id] = None
    for (before, after), names in touched.items():
        lines = [f"{sign} {line}" for sign, text in (("-", before), ("+", after)) for line in text.splitlines()]
        shown = markdown_block("\n".join(lines))
        yield f"{', '.join(map(markdown_code, names))}\n\n{shown}\n"


def _kept(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        if step.action is Action.REUSE and not step.stale:
            yield markdown_code(step.label)


def _folded(title: str, body: Sequence[str]) -> list[str]:
    return ["", f"<details><summary>{title}</summary>", "", *body, "", "</details>"]


def _shortest_that_fits(page: Callable[..., str], rows: int, limit_bytes: int) -> str:
    for with_diffs, with_kept in ((True, True), (True, False), (False, False)):
        text = page(rows, with_diffs=with_diffs, with_kept=with_kept)
        if len(text.encode()) <= limit_bytes:
            return text
    fits, too_many = 0, rows
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if len(page(middle, with_diffs=False, with_kept=False).encode()) <= limit_bytes:
            fits = middle
        else:
            too_many = middle
    return page(fits, with_diffs=False, with_kept=False)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
