"""Look at a long storyboard with two processes when all of it seems to be here already: a half each, both at once.

Only `plan` does this, where no witness tells of an earlier run, and only the answer "nothing to do" comes of it. At
the first thing that is not plain (any finding, anything to make, takes that are shared, files that are included) the
whole way is gone, as if this had not been tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from veospec.app.choices import Choices
from veospec.app.edited import stands_alone
from veospec.app.inventory import StoredInventory
from veospec.app.planning import plan_with, stored
from veospec.app.project import read_project
from veospec.app.witness import Asked, Sights, sights_of_plan
from veospec.aside import beside, can_start
from veospec.errors import VeospecError
from veospec.model import Cost, Kind
from veospec.plan.planner import totals_of
from veospec.plan.values import Plan, Totals
from veospec.spec.excerpt import Outline
from veospec.spec.halves import Halves, in_halves, joined
from veospec.spec.names import folded
from veospec.store.layout import Store
from veospec.store.project_files import read_spec

Beside: TypeAlias = Callable[[Callable[[], bytes], Callable[[], Any]], tuple[Any, bytes | None]]

_SAMPLE = 32 << 10
_SLACK = 1.2
_STORE = re.compile(r"^store:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)

LEAST_BYTES = 1 << 20
"""Of shorter ones nobody waits for the whole, and a look in vain costs two fifths of it."""


class Whole(Struct, frozen=True):
    """What was found of a storyboard of which everything is here; the plan has the steps of the first half only."""

    plan: Plan
    sights: Sights
    outline: Outline


class _Half(Struct, frozen=True, array_like=True):
    """What one half adds to the other. `stems` are the folded names of its files, `asked` the variables it read."""

    outline: Outline
    sights: Sights
    takes: int
    owned: Cost
    stems: frozenset[str]
    asked: dict[str, str | None]


_encode = Encoder().encode
_decode = Decoder(_Half).decode


def look_by_halves(choices: Choices, environment: Asked) -> Whole | None:
    """Return the plan of a storyboard of which all takes are here; None when it is not so plain, or not so long."""
    return look(choices, environment, beside, LEAST_BYTES) if can_start() else None


def look(choices: Choices, environment: Asked, beside: Beside, least_bytes: int) -> Whole | None:
    """Do so with any way of doing two things beside each other."""
    if choices.only or choices.should_verify:
        return None
    try:
        halves = _cut(choices, environment, least_bytes)
    except VeospecError:
        halves = None
    if halves is None:
        return None

    kept = []  # the copy ends all at once: taking its half apart before would only keep others waiting

    def second() -> bytes:
        kept.append(_looked(halves.second, choices, environment, with_pictures=False))
        return _encode(kept[0].half)

    try:
        first, answer = beside(second, lambda: _looked(halves.first, choices, environment))
        return None if answer is None else _together(halves, first, _decode(answer), environment)
    except (_NotPlainError, VeospecError, MsgspecError):
        return None


class _NotPlainError(Exception):
    """Something is to be said of a half."""


def _cut(choices: Choices, environment: Asked, least_bytes: int) -> Halves | None:
    content = read_spec(choices.spec).content
    if content is None or len(content) < least_bytes:
        return None
    try:
        halves = in_halves(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None
    return halves if halves is not None and _seems_here(halves, choices, environment) else None


def _seems_here(halves: Halves, choices: Choices, environment: Asked) -> bool:
    """Guess whether there are about as many records as prompts: with fewer, something is to be made, so that a look by
    halves would only come before the look at the whole. A wrong guess costs time.
    """
    named = _STORE.search(halves.first[: halves.items] + halves.first[halves.cut :])
    root = Store.for_project(choices.spec.absolute().parent, environment.get("VEOSPEC_HOME"), named[1] if named else "")
    sample = halves.first[halves.items : halves.cut][-_SAMPLE:] + halves.second[halves.items : halves.tail][:_SAMPLE]
    share = len(sample) / (halves.cut - halves.items + halves.tail - halves.items)
    with Store.open(root, write=False) as store:
        return store.actions.about() * _SLACK >= sample.count("prompt:") / share


class _Looked(NamedTuple):
    """One half, and what it was found from."""

    half: _Half
    plan: Plan
    inventory: StoredInventory


def _looked(text: str, choices: Choices, environment: Asked, *, with_pictures: bool = True) -> _Looked:
    """Plan one half as if it were the whole. Raises `_NotPlainError` or a `VeospecError`.

    Both halves hold all stills; they and what is made larger of them are counted in one.
    """
    project = read_project(choices, environment, content=text.encode(), outlines=True).project
    if project is None or project.notes or project.outline is None or project.includes or project.searched:
        raise _NotPlainError
    with stored(project) as inventory:
        plan = plan_with(project, inventory)
        sights = sights_of_plan(project, inventory, plan, environment) if stands_alone(plan) else None
    if sights is None or environment.is_whole:
        raise _NotPlainError
    steps = tuple([step for step in plan.steps if with_pictures or step.node.request.duration is not None])
    half = _Half(
        project.outline,
        sights,
        len(steps),
        totals_of(steps).owned,
        frozenset([folded(step.node.stem) for step in steps if step.node.kind in (Kind.CLIP, Kind.STILL)]),
        environment.used,
    )
    return _Looked(half, plan, inventory)


def _together(halves: Halves, found: _Looked, second: _Half, environment: Asked) -> Whole:
    first = found.half
    outline = joined(halves, first.outline, second.outline)
    if outline is None or not first.stems.isdisjoint(second.stems):
        raise _NotPlainError
    first.sights.see_also(second.sights)
    environment.used.update(second.asked)
    whole = replace(found.plan, totals=Totals(owned=first.owned + second.owned), untold=second.takes)
    return Whole(whole, first.sights, outline)
