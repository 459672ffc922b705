"""Plan an edit from the shots that it can reach, and from what the last run with nothing to do remembered of the rest.

Only `plan` does this, and only text for a person comes of it: nothing is made, bought or saved from such a plan.
Whatever is not plain goes the whole way: any finding, any step that is not simply here or to be made, and whatever is
judged by comparing shots of which an excerpt holds some only.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from veospec.app.choices import Choices
from veospec.app.planning import plan_with, stored
from veospec.app.project import read_project
from veospec.errors import VeospecError
from veospec.model import Cost
from veospec.plan.values import Action, Plan, Totals, Why
from veospec.quick import Edit
from veospec.spec.board import Absent
from veospec.spec.excerpt import Cutting, Outline, excerpt_of, layout_of
from veospec.spec.settings import JOINERS
from veospec.spec.yamltext import parse
from veospec.store.project_files import MAX_SPEC_BYTES

_FORM = 1


class Remembered(Struct, frozen=True, array_like=True):
    """What a run with nothing to do planned: the outline of its storyboard, the number of its takes, their worth."""

    form: int
    outline: Outline
    takes: int
    credits: int | None
    micro_usd: int | None
    is_ceiling: bool

    @property
    def owned(self) -> Cost:
        """What the takes are worth."""
        return Cost(self.credits, self.micro_usd, self.is_ceiling)


_encode = Encoder().encode
_decode = Decoder(Remembered).decode


def remembered(outline: Outline | None, plan: Plan) -> bytes:
    """Return what an edit will be compared with; nothing when it could not be told apart from the rest."""
    if outline is None or not stands_alone(plan):
        return b""
    owned, takes = plan.totals.owned, len(plan.steps) + plan.untold
    return _encode(Remembered(_FORM, outline, takes, owned.credits, owned.micro_usd, is_ceiling=owned.is_ceiling))


def stands_alone(plan: Plan) -> bool:
    """Tell whether all takes are here, and each without regard to the others.

    Not when takes are shared, so that no sum can be told apart; nor when Flow joins the reel, because it compares the
    clips with each other.
    """
    return plan.storyboard.reel.join == JOINERS[0] and not has_news(plan)


def plan_of_edit(edit: Edit, choices: Choices, environment: Mapping[str, str]) -> Plan | None:
    """Return the plan of an edited storyboard with the steps that the edit can reach; None when it is not so plain."""
    if choices.only or choices.should_verify or edit.said[1] or len(edit.after) > MAX_SPEC_BYTES:
        return None
    with suppress(VeospecError, MsgspecError, UnicodeDecodeError):
        known = _decode(edit.note)
        excerpt = excerpt_of(known.outline, _text(edit.before), _text(edit.after))
        if known.form != _FORM or excerpt is None:
            return None
        absent = Absent(excerpt.shots, excerpt.scenes)
        before = _planned(excerpt.before, absent, choices, environment)
        after = _planned(excerpt.after, absent, choices, environment)
        if before is not None and after is not None and not has_news(before) and _made_alike(before, after):
            return _merged(known, before, after)
    return None


def _text(content: bytes) -> str:
    """Return the text as the reader counts it; what is wrong with its letters, the reading of the excerpt finds."""
    return content.decode("utf-8-sig")


def _planned(cutting: Cutting, absent: Absent, choices: Choices, environment: Mapping[str, str]) -> Plan | None:
    """Plan a part of a storyboard as if it were the whole; None when anything is to be said of it."""
    content = cutting.text.encode()
    if layout_of(parse(content, choices.spec.name)) != cutting.layout:
        return None
    reading = read_project(choices, environment, content=content, absent=absent)
    project = reading.project
    if project is None or reading.problems:
        return None
    with stored(project) as inventory:
        plan = plan_with(project, inventory)
        if not plan.totals.buy.is_free:
            from veospec.app.flaws import check_bought

            check_bought(project, inventory.store, plan)
    is_plain = all(
        step.action is Action.GENERATE or (step.action is Action.REUSE and step.reason.why is not Why.SHARED)
        for step in plan.steps
    )
    return plan if is_plain else None


def has_news(plan: Plan) -> bool:
    """Tell whether anything is to be said of any take but that it is here."""
    return any(step.reason.why is not Why.UNCHANGED for step in plan.steps)


def _made_alike(before: Plan, after: Plan) -> bool:
    """Tell whether the same shots are left out of both: one that comes back may want the file name of another."""
    return before.storyboard.omitted == after.storyboard.omitted


def _merged(known: Remembered, before: Plan, after: Plan) -> Plan | None:
    """Put the sums of what was left out to those of the excerpt; None when the left-out part has no sum of its own."""
    rest = _less(known.owned, before.totals.owned)
    if rest is None:
        return None
    totals = after.totals
    return replace(
        after,
        totals=Totals(totals.buy, rest + totals.owned, totals.in_flight, totals.held),
        untold=known.takes - len(before.steps),
    )


def _less(whole: Cost, part: Cost) -> Cost | None:
    """Return what is left of a sum without a part of it; None where nobody can tell."""
    if whole.credits is None or whole.micro_usd is None or part.credits is None or part.micro_usd is None:
        return None
    if part.is_ceiling:
        return None
    return Cost(whole.credits - part.credits, whole.micro_usd - part.micro_usd, is_ceiling=whole.is_ceiling)
