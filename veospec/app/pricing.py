"""`cost` and `models`: what things cost, side by side. Reads the catalogue and the storyboard, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from veospec.app.choices import Choices
from veospec.app.project import Project, catalogue_for, open_project
from veospec.app.tables import Answer, table
from veospec.catalog.catalogue import Catalogue
from veospec.catalog.pricelist import price_lines
from veospec.catalog.values import Model, Plan
from veospec.catalog.verdicts import lengths
from veospec.errors import UsageError
from veospec.model import FREE, Cost, Kind, Mode, Node
from veospec.plan.budget import usd_text
from veospec.plan.keys import document_of, key_of
from veospec.providers.flow.profile import FlowProfile
from veospec.review.safe import terminal as term


class _Column(Struct, frozen=True):
    """The whole storyboard on one plan: `refused` names what the plan cannot make."""

    name: str
    credits: int | None
    micro_usd: int | None
    refused: tuple[str, ...] = ()
    makes_any: bool = True
    note: str = ""


def compare(choices: Choices, environment: Mapping[str, str]) -> Answer:
    """Return what the storyboard costs from nothing on every plan class and on the metered APIs."""
    project = open_project(choices, environment)
    board, catalogue = project.storyboard, project.catalogue
    bought = _bought(project)
    rows = [_on_plan(bought, catalogue, plan) for plan in catalogue.plans]
    rows += _metered(bought, catalogue)
    takes = sum(takes for _, takes in bought)
    text = (
        f"{term(board.project.title or board.file)}: {takes} takes from nothing, catalogue {catalogue.table}",
        *table(
            ("where", "credits", "dollars", "cannot make"), [_row(column) for column in rows], right=frozenset({1, 2})
        ),
        "local: free",
    )
    document = {
        "veospec_cost": 1,
        "spec": board.file,
        "catalogue": catalogue.table,
        "takes": takes,
        "places": [
            {
                "name": c.name,
                "credits": c.credits,
                "micro_usd": c.micro_usd,
                "cannot_make": list(c.refused),
                "note": c.note,
            }
            for c in rows
        ],
    }
    return Answer(text, document)


def _row(column: _Column) -> tuple[str, ...]:
    in_credits = "unknown" if column.credits is None else f"{column.credits:,}"
    if column.name.startswith("metered"):
        in_credits = ""
    dollars = "unknown" if column.micro_usd is None else usd_text(column.micro_usd)
    if not column.makes_any:
        in_credits = dollars = "-"
    refused = ", ".join(column.refused[:4])
    if len(column.refused) > 4:
        refused += f" and {len(column.refused) - 4} more"
    return (column.name, in_credits, dollars, term(refused))


def _bought(project: Project) -> list[tuple[Node, int]]:
    """Return what is not made by this machine, with the number of takes; equal requests are bought once."""
    profile = FlowProfile(project.catalogue, "")
    seen: set[str] = set()
    found = []
    for node in project.storyboard.nodes:
        if node.kind is Kind.JOIN:
            continue
        takes = range(1, node.takes + 1)
        fresh = {key_of(document_of(node, take, project.digests, {}, profile)) for take in takes} - seen
        seen |= fresh
        if fresh:
            found.append((node, len(fresh)))
    return found


def _on_plan(bought: list[tuple[Node, int]], catalogue: Catalogue, plan: Plan) -> _Column:
    total, refused = FREE, []
    for node, takes in bought:
        if not _may_run(node, catalogue, plan.id):
            refused.append(node.id)
            continue
        one = node_price(node, catalogue, plan.id)
        total += Cost(None if one.credits is None else one.credits * takes, 0, one.is_ceiling)
    makes_any = len(refused) < len(bought)
    return _Column(plan.id, total.credits, catalogue.micro_usd(total.credits, plan.id), tuple(refused), makes_any)


def node_price(node: Node, catalogue: Catalogue, plan_class: str) -> Cost:
    """Return the price of one take of a node in credits."""
    request = node.request
    return catalogue.credits(
        request.mode,
        request.model,
        duration=request.duration,
        resolution=request.resolution,
        plan_class=plan_class or None,
    )


def _may_run(node: Node, catalogue: Catalogue, plan_class: str) -> bool:
    request = node.request
    verdict = catalogue.verdict(
        request.model,
        request.mode,
        duration=request.duration if request.mode not in (Mode.EXTEND, Mode.V2V, Mode.UPSCALE) else None,
        resolution=request.resolution if request.mode is Mode.UPSCALE else "",
        plan_class=plan_class,
    )
    return not any(finding.about == "plan" for finding in verdict.findings)


def _metered(bought: list[tuple[Node, int]], catalogue: Catalogue) -> list[_Column]:
    """Price every node on the metered API that sells its model; what no API sells is named."""
    names = sorted({price.provider for model in catalogue.models for price in catalogue.metered(model.id, duration=8)})
    columns = []
    for name in names:
        total: int | None = 0
        refused = []
        for node, takes in bought:
            found = (
                ()
                if node.kind is Kind.UPSCALE
                else catalogue.metered(node.request.model, duration=node.request.duration, provider=name)
            )
            if not found:
                refused.append(node.id)
            elif found[0].micro_usd is None or total is None:
                total = None
            else:
                total += found[0].micro_usd * takes
        columns.append(_Column(f"metered: {name}", None, total, tuple(refused), len(refused) < len(bought)))
    return columns


def list_models(name: str, as_of: str | None, overlay: Path | None) -> Answer:
    """Return the models of a table, or one model in full. Raises `UsageError` for a name that is not listed."""
    day = None
    if as_of is not None:
        try:
            day = date.fromisoformat(as_of)
        except ValueError:
            raise UsageError(f"{as_of!r} is no date like 2026-11-01") from None
    catalogue = catalogue_for(day, overlay)
    if not name:
        rows = [_model_row(model) for model in catalogue.models]
        head = ("model", "kind", "modes", "seconds", "aspects", "plans", "credits")
        text = (f"catalogue {catalogue.table}, valid from {catalogue.valid_from}", *table(head, rows))
        return Answer(text, _models_document(catalogue, catalogue.models))
    model = catalogue.model(name)
    if model is None:
        near = catalogue.nearest(name)
        raise UsageError(
            f"catalogue {catalogue.table} does not list '{term(name)}'",
            f"did you mean {near}?" if near else "see `veospec models`",
        )
    return Answer(tuple(_model_lines(catalogue, model, name)), _models_document(catalogue, (model,)))


def _model_row(model: Model) -> tuple[str, ...]:
    return (
        model.id,
        model.kind,
        " ".join(mode.value for mode in model.modes),
        lengths(model.durations()) if model.durations() else "",
        " ".join(model.aspects),
        " ".join(model.plans) or "all",
        _credit_range(model),
    )


def _credit_range(model: Model) -> str:
    amounts = [rule.credits for rule in model.prices if rule.credits is not None]
    per_second = [rule.per_second for rule in model.prices if rule.per_second is not None]
    parts = []
    if amounts:
        low, high = min(amounts), max(amounts)
        parts.append(f"{low}" if low == high else f"{low}-{high}")
    if per_second:
        parts.append(f"{min(per_second)}-{max(per_second)} a second")
    return ", ".join(parts) or "unknown"


def _model_lines(catalogue: Catalogue, model: Model, asked: str) -> Iterator[str]:
    yield f"{model.id}: {model.title}, catalogue {catalogue.table}"
    if asked != model.id:
        yield f"  '{term(asked)}' is another name for it in this table"
    yield f"  aspects     {', '.join(model.aspects)}"
    if model.resolutions:
        yield f"  resolution  {', '.join(model.resolutions)}"
    yield f"  takes       up to {model.max_count} in one request"
    yield f"  plans       {', '.join(model.plans) or 'all'}{' (' + model.plan_note + ')' if model.plan_note else ''}"
    for mode, limits in model.modes.items():
        made = lengths(limits.durations) if limits.durations else ""
        parts = [made or (f"up to {limits.max_seconds} s" if limits.max_seconds else "")]
        parts += [f"{limits.max_images} pictures" if limits.max_images else ""]
        parts += [f"{limits.max_voices} voice{'s' * (limits.max_voices > 1)}" if limits.max_voices else ""]
        yield f"  {mode.value:<11} {'; '.join(part for part in parts if part)}".rstrip()
        for entry in limits.restricted:
            yield f"              {lengths(entry.durations)} only on {', '.join(entry.plans)}"
    for number, (what, price) in enumerate(price_lines(model)):
        yield f"  {'' if number else 'credits':<11} {what}: {price}"
    for unsure in model.unsure:
        yield f"  not sure    {' '.join((unsure.about, *unsure.values))}: {unsure.note}"
    if model.source:
        yield f"  source      {term(model.source, 300)}"


def _models_document(catalogue: Catalogue, models: tuple[Model, ...]) -> dict[str, Any]:
    return {
        "veospec_models": 1,
        "catalogue": catalogue.table,
        "valid_from": catalogue.valid_from.isoformat(),
        "models": [
            {
                "id": model.id,
                "title": model.title,
                "kind": model.kind,
                "aliases": list(model.aliases),
                "aspects": list(model.aspects),
                "resolutions": list(model.resolutions),
                "max_takes_in_one_request": model.max_count,
                "plans": list(model.plans),
                "modes": {
                    mode.value: {
                        "durations": list(limits.durations),
                        "max_images": limits.max_images,
                        "max_voices": limits.max_voices,
                    }
                    for mode, limits in model.modes.items()
                },
                "unsure": [{"about": u.about, "note": u.note} for u in model.unsure],
                "source": model.source,
            }
            for model in models
        ],
    }
