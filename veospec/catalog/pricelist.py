"""The price list of a model in words, row by row as the table has it: the first row that fits counts."""

from __future__ import annotations

from collections.abc import Iterator

from veospec.catalog.values import Model, PriceRule


def price_lines(model: Model) -> Iterator[tuple[str, str]]:
    """Yield (for what, price) of each row: `("ultra-100, ultra-200", "5")`, `("4 s, 360p", "4")`."""
    for number, rule in enumerate(model.prices):
        price = _price(rule) + (f" ({rule.note})" if rule.note else "")
        yield _conditions(rule) or ("otherwise" if number else "always"), price


def _conditions(rule: PriceRule) -> str:
    parts = [", ".join(str(mode) for mode in rule.modes), ", ".join(rule.plans), _length(rule), *rule.resolutions]
    return ", ".join(part for part in parts if part)


def _length(rule: PriceRule) -> str:
    low, high = rule.min_seconds, rule.max_seconds
    if low is not None and high is not None:
        return f"{low} s" if low == high else f"{low} to {high} s"
    return f"to {high} s" if high is not None else f"from {low} s" if low is not None else ""


def _price(rule: PriceRule) -> str:
    at_most = "at most " if rule.is_ceiling else ""
    if rule.per_second is not None:
        return f"{at_most}{rule.per_second} a second"
    return "unknown" if rule.credits is None else f"{at_most}{rule.credits}"
