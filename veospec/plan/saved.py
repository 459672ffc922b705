"""A plan on paper: the JSON of `plan --format json`, and the saved plan that `apply FILE` obeys once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from veospec.errors import UsageError
from veospec.model import Cost
from veospec.plan.values import Plan, Step

VERSION = 1
_NAME = re.compile(r"[0-9a-f]{32}")


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON values; `schemas/plan.schema.json` describes them."""
    return {
        "veospec_plan": VERSION,
        "spec": plan.storyboard.file,
        "provider": plan.provider,
        "catalogue": plan.table,
        "plan_class": plan.plan_class,
        "totals": {
            "buy": cost_document(plan.totals.buy),
            "owned": cost_document(plan.totals.owned),
            "in_flight": cost_document(plan.totals.in_flight),
            "held": cost_document(plan.totals.held),
        },
        "ceiling": {
            "credits": plan.ceiling.credits,
            "micro_usd": plan.ceiling.micro_usd,
            "source": plan.ceiling.source,
        },
        "steps": [step_document(step) for step in plan.steps],
        "notes": list(plan.notes),
    }


def step_document(step: Step) -> dict[str, Any]:
    """Return one step as JSON values."""
    return {
        "node": step.node.id,
        "kind": step.node.kind.value,
        "shot": step.node.name,
        "cell": dict(step.node.cell.axes),
        "take": step.take,
        "selected": step.is_selected,
        "action": step.action.value,
        "why": step.reason.why.value,
        "reason": step.reason.text,
        "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in step.reason.changes],
        "key": step.key,
        "identity": step.identity,
        "model": step.node.request.model,
        "mode": step.node.request.mode.value,
        "cost": cost_document(step.cost),
        "worth": cost_document(step.worth),
        "digest": step.digest or None,
        "stale": step.stale,
        "shares": None if step.shares is None else {"node": step.shares[0], "take": step.shares[1]},
        "requires": [{"node": node, "take": take} for node, take in step.requires],
    }


def cost_document(cost: Cost) -> dict[str, Any]:
    """Return a price as JSON values; null means unknown."""
    return {"credits": cost.credits, "micro_usd": cost.micro_usd, "is_ceiling": cost.is_ceiling}


class SavedPlan(Struct, frozen=True):
    """A plan file: which storyboard, with which options, and the fingerprint of everything it promised.

    `name` is unique to the file, so that it can be carried out once even where nothing moves.
    """

    name: str
    spec: str
    options: Mapping[str, Any]
    fingerprint: str
    steps: Mapping[str, str]


def fingerprint(plan: Plan) -> str:
    """Return a digest that moves with any step, key, price, ceiling, model table or input of a plan."""
    text = json.dumps(plan_document(plan), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def render_saved(plan: Plan, options: Mapping[str, Any], name: str) -> str:
    """Return the text of a plan file.

    `options` are the command-line choices that shaped the plan, `name` is 32 hex characters that no other file has.
    """
    document = {
        "saved": VERSION,
        "name": name,
        "fingerprint": fingerprint(plan),
        "options": dict(options),
        **plan_document(plan),
    }
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def parse_saved(text: str, file: str) -> SavedPlan:
    """Read a plan file. Raises `UsageError` when it is none, or of another version."""
    try:
        document = json.loads(text)
        if document["saved"] != VERSION:
            raise UsageError(f"{file} was saved by another version of veospec", "make the plan again")
        steps = {_name(s): _promise(s) for s in document["steps"]}
        name = document["name"]
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise ValueError(name)
        options = dict(document["options"])
        return SavedPlan(name, str(document["spec"]), options, str(document["fingerprint"]), steps)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} is not a saved plan", "save one with `veospec plan SPEC -o FILE`") from error


def moved(saved: SavedPlan, plan: Plan) -> tuple[str, ...]:
    """Return what differs between a saved plan and the plan of now, in words; empty when they are the same."""
    if saved.fingerprint == fingerprint(plan):
        return ()
    now = {_name(s): _promise(s) for s in map(step_document, plan.steps)}
    found = [
        f"{name}: was {saved.steps[name]}, is {promise}"
        for name, promise in now.items()
        if name in saved.steps and saved.steps[name] != promise
    ]
    found += [f"{name} is new" for name in now if name not in saved.steps]
    found += [f"{name} is gone" for name in saved.steps if name not in now]
    return tuple(found) or ("prices, the model table or a ceiling moved",)


def _name(step: Mapping[str, Any]) -> str:
    return f"{step['node']} T{step['take']:02}"


def _promise(step: Mapping[str, Any]) -> str:
    cost = step["cost"]["credits"]
    return f"{step['action']} {step['identity'][:12]} at {'an unknown price' if cost is None else f'{cost} credits'}"
