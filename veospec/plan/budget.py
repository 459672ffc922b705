"""Consent: may this plan be paid, must a person be asked, or is it refused."""

from __future__ import annotations

from msgspec import Struct

from veospec.errors import BudgetExceeded, NotConfirmed
from veospec.model import Cost
from veospec.plan.values import Action, Ceiling, Plan

MICRO = 1_000_000
"""Micro-dollars in a dollar."""


class Question(Struct, frozen=True):
    """What a person has to agree to before anything is sent."""

    text: str


def price_text(cost: Cost) -> str:
    """Return a price for people: `20 credits`, `up to 20 credits`, `$0.81`, `unknown`, `free`."""
    if cost.is_free:
        return "free"
    parts = []
    if cost.credits is None or cost.micro_usd is None:
        parts.append("an unknown price")
    if cost.credits:
        parts.append(f"{cost.credits:,} credit{'' if cost.credits == 1 else 's'}")
    if cost.micro_usd:
        parts.append(usd_text(cost.micro_usd))
    return ("up to " if cost.is_ceiling else "") + " + ".join(parts)


def usd_text(micro_usd: int) -> str:
    """Return dollars exactly, with two decimals at least."""
    whole, rest = divmod(micro_usd, MICRO)
    cents = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"${whole:,}.{cents}"


def exposure(plan: Plan) -> Cost:
    """Return what this run may cost at worst: what it buys now, and what is held because its fate is unknown."""
    return plan.totals.buy + plan.totals.held


def ask(plan: Plan, *, is_terminal: bool, accept_unknown_price: bool = False) -> Question | None:
    """Return the question to put to a person, or None when nothing needs to be asked.

    Raises `BudgetExceeded` when the worst case is over the ceiling or cannot be known, `NotConfirmed` when money
    would be spent with neither a terminal nor a ceiling.
    """
    buy = plan.totals.buy
    if buy.is_free:
        return None
    worst = exposure(plan)
    if (worst.credits is None or worst.micro_usd is None) and not accept_unknown_price:
        names = ", ".join(s.label for s in plan.steps if s.action is Action.GENERATE and not _is_known(s.cost))
        raise BudgetExceeded(
            f"the price of {names or 'a held take'} is not known, so no ceiling can hold",
            "choose a listed model, add its price to a catalogue overlay, or say --accept-unknown-price",
        )
    _hold_ceiling(plan.ceiling, worst)
    if not is_terminal:
        if plan.ceiling.credits is None and plan.ceiling.micro_usd is None:
            raise NotConfirmed(
                f"this would buy {price_text(buy)}, and there is neither a terminal to ask nor a ceiling",
                f"say --max-credits {buy.credits or 0}, or set budget.max_credits in the storyboard",
            )
        return None
    above = plan.storyboard.budget.confirm_above
    if above is not None and buy.credits is not None and buy.credits <= above and not buy.micro_usd:
        return None
    return Question(f"Buy {_count(plan)} for {price_text(buy)}?")


def _hold_ceiling(ceiling: Ceiling, worst: Cost) -> None:
    over = []
    if ceiling.credits is not None and worst.credits is not None and worst.credits > ceiling.credits:
        over.append(f"{worst.credits:,} credits, the ceiling is {ceiling.credits:,}")
    if ceiling.micro_usd is not None and worst.micro_usd is not None and worst.micro_usd > ceiling.micro_usd:
        over.append(f"{usd_text(worst.micro_usd)}, the ceiling is {usd_text(ceiling.micro_usd)}")
    if over:
        raise BudgetExceeded(
            f"the plan needs up to {' and '.join(over)} (from {ceiling.source})",
            "raise the ceiling with --max-credits/--max-usd or in `budget`, or make less",
        )


def _is_known(cost: Cost) -> bool:
    return cost.credits is not None and cost.micro_usd is not None


def _count(plan: Plan) -> str:
    paid = sum(1 for s in plan.steps if s.action is Action.GENERATE and not s.cost.is_free)
    return f"{paid} take{'' if paid == 1 else 's'}"
