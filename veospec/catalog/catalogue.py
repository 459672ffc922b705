"""Ask a model table: which model a name means, whether a combination is offered, what it costs.

Pure: the text of the tables comes in as an argument (`shipped.py` reads the packaged one). No function here
knows a model by name; a new model is a row of data. Source of every figure: the head of `models.toml`.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any

from msgspec import Struct

from veospec.catalog import parsing, verdicts
from veospec.catalog.values import (
    MeteredPrice,
    MeteredRule,
    Model,
    ModeLimits,
    Operation,
    Plan,
    Price,
    PriceRule,
    Table,
    Verdict,
)
from veospec.model import FREE, Cost, Mode

UNKNOWN = Cost(credits=None, micro_usd=0)
"""A price in credits that nobody could tell; never shown and never counted as 0."""


class Catalogue(Struct, frozen=True):
    """One dated table with a project's overlay laid over it."""

    rows: Table
    fingerprint: str

    @property
    def table(self) -> str:
        """The name of the table, as `2026-11`."""
        return self.rows.id

    @property
    def valid_from(self) -> date:
        """The first day the table speaks of."""
        return self.rows.valid_from

    @property
    def models(self) -> tuple[Model, ...]:
        """Every row, in the order of the table."""
        return self.rows.models

    @property
    def voices(self) -> tuple[str, ...]:
        """The system voices in the spelling that is hashed and sent."""
        return self.rows.voices

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan classes, from the smallest to the largest."""
        return tuple(self.rows.plans.values())

    def model(self, name: str) -> Model | None:
        """Return the row that a name or an alias means in this table, or None."""
        return next((row for row in self.rows.models if name == row.id or name in row.aliases), None)

    def names(self, kind: str = "") -> tuple[str, ...]:
        """Return every accepted model name of a kind (`video`, `image`, empty for both), aliases after ids."""
        rows = [row for row in self.rows.models if kind in ("", row.kind)]
        return tuple(row.id for row in rows) + tuple(alias for row in rows for alias in row.aliases)

    def voice(self, name: str) -> str | None:
        """Return the canonical spelling of a system voice, whatever its case, or None.

        Source: useapi.net Google Flow API v1 reference, POST /videos, `referenceAudio_N`, June 2026.
        """
        folded = name.casefold()
        return next((voice for voice in self.rows.voices if voice.casefold() == folded), None)

    def aspect(self, name: str) -> str:
        """Return the neutral ratio of a spelling: `landscape` is `16:9`; other texts come back as they are."""
        return self.rows.aspect_aliases.get(name, name)

    def default_model(self, kind: str) -> str:
        """Return the model that stands in where a spec names none (`video` or `image`)."""
        return self.rows.defaults[kind]

    def nearest(self, name: str, kind: str = "") -> str:
        """Return the accepted model name that looks most like this one, or ""."""
        return next(iter(difflib.get_close_matches(name, self.names(kind), n=1)), "")

    def models_for(self, mode: Mode, *, duration: Fraction | int | None = None) -> tuple[str, ...]:
        """Return the ids that offer a mode (and a length in it), in the order of the table."""
        return tuple(
            row.id
            for row in self.rows.models
            if (limits := row.modes.get(mode)) is not None and (duration is None or duration in limits.durations)
        )

    def limits(self, name: str, mode: Mode) -> ModeLimits | None:
        """Return what a model takes in a mode, or None when the name or the mode is not offered."""
        row = self.model(name)
        return row.modes.get(mode) if row else None

    def operation(self, name: str, kind: str = "video") -> Operation | None:
        """Return an operation on finished results (`upscale`, `gif`, `concatenate`, `voice`...), or None."""
        return next((row for row in self.rows.operations if row.name == name and row.kind == kind), None)

    def plan(self, plan_class: str) -> Plan | None:
        """Return a plan class, or None when there is no such class."""
        return self.rows.plans.get(plan_class)

    def plan_for_account(self, *, sku: str = "", tier: str = "") -> str:
        """Return the plan class that an account's own report names, or "" when the table does not know it.

        The product name (`sku`) decides before the tier, because several plans may share a tier.
        Source: useapi.net Google Flow API v1 reference, GET /accounts/{email}, June 2026.
        """
        for plan in self.rows.plans.values():
            if sku and sku in plan.skus:
                return plan.id
        return next((plan.id for plan in self.rows.plans.values() if tier and tier in plan.tiers), "")

    def verdict(
        self,
        model_name: str,
        mode: Mode,
        *,
        duration: Fraction | int | None = None,
        aspect: str = "",
        resolution: str = "",
        images: int = 0,
        voices: int = 0,
        count: int = 1,
        plan_class: str = "",
    ) -> Verdict:
        """Say whether the table offers a request, with every reason against it.

        `duration` is the length in seconds, None when the mode carries none. `images` counts references and the
        pictures of characters, `voices` also the voices of characters. Empty texts are not judged. Without a plan
        class whatever some plan allows is allowed, and a note says which. For `upscale` and `join` the model is the
        one that made the source.
        """
        asked = verdicts.Asked(
            model_name, mode, duration, self.aspect(aspect), resolution, images, voices, count, plan_class
        )
        return verdicts.judge(self.rows, self.model(model_name), asked)

    def credits(
        self,
        operation: Mode | str,
        model: str = "",
        *,
        duration: Fraction | int | None = None,
        resolution: str = "",
        plan_class: str | None = None,
    ) -> Cost:
        """Return what one generation or one operation costs in credits; see `price`."""
        return self.price(operation, model, duration=duration, resolution=resolution, plan_class=plan_class).cost

    def price(
        self,
        operation: Mode | str,
        model: str = "",
        *,
        duration: Fraction | int | None = None,
        resolution: str = "",
        plan_class: str | None = None,
    ) -> Price:
        """Return the price of one generation (a mode) or one operation (`upscale`, `gif`...) with its note.

        Without a plan class the dearest class that may run it is taken and the cost is marked as a ceiling when the
        classes differ. A model, a length or a class without a row costs `None` credits: unknown, never 0.
        """
        if operation == Mode.JOIN:
            return Price(FREE, "joined on this machine")
        row = self.model(model)
        found = self._rules(operation, row)
        if found is None:
            return Price(UNKNOWN, f"table {self.table} has no price for {model or operation}")
        rules, may_run = found
        may_run = self._classes(operation, row, may_run, duration, resolution)
        asked_resolution = resolution or (row.default_resolution if row else "")
        if plan_class and plan_class not in may_run:
            return Price(UNKNOWN, f"not offered on {verdicts.plan_title(self.rows, plan_class)}")
        classes = (plan_class,) if plan_class else may_run
        prices = [_first_price(rules, operation, name, duration, asked_resolution) for name in classes]
        return _dearest(prices)

    def _rules(self, operation: Mode | str, row: Model | None) -> tuple[Sequence[PriceRule], tuple[str, ...]] | None:
        """Find the price list of a mode or an operation, and the classes it is open to."""
        if operation in set(Mode) - {Mode.UPSCALE}:
            return (row.prices, row.plans) if row and Mode(operation) in row.modes else None
        action = self.operation(str(operation), row.kind if row else "video") or self.operation(str(operation), "image")
        return (action.prices, action.plans) if action else None

    def _classes(
        self,
        operation: Mode | str,
        row: Model | None,
        open_to: tuple[str, ...],
        duration: Fraction | int | None,
        resolution: str,
    ) -> tuple[str, ...]:
        """Return the plan classes that may run it, so that no class is priced that could not ask for it."""
        narrowed: tuple[str, ...] | None = None
        if operation == Mode.UPSCALE:
            action = self.operation(str(operation), row.kind if row else "video")
            narrowed = action.plans_for(resolution) if action else None
        elif row is not None and operation in row.modes:
            narrowed = row.modes[Mode(operation)].plans_for(duration)
        return tuple(name for name in open_to if narrowed is None or name in narrowed)

    def metered(
        self,
        name: str,
        *,
        duration: Fraction | int | None = None,
        resolution: str = "",
        provider: str = "",
    ) -> tuple[MeteredPrice, ...]:
        """Return what Google's own metered APIs charge for one generation of a model, for comparison.

        Empty when the model is not sold there; a price that depends on a length is unknown without one.
        """
        row = self.model(name)
        if row is None:
            return ()
        asked = resolution or row.default_resolution
        return tuple(
            MeteredPrice(rule.provider, rule.model, _metered_sum(rule, duration), rule.note)
            for rule in row.metered
            if provider in ("", rule.provider) and (not rule.resolutions or asked in rule.resolutions)
        )

    def micro_usd(self, sum_credits: int | None, plan_class: str) -> int | None:
        """Return what credits are worth on a plan in micro-dollars, or None when either is not known."""
        plan = self.plan(plan_class)
        if sum_credits == 0:
            return 0
        if sum_credits is None or plan is None or plan.micro_usd_per_credit is None:
            return None
        return sum_credits * plan.micro_usd_per_credit


def parse_catalogue(
    text: str,
    *,
    overlay: str | None = None,
    as_of: date | None = None,
    file: str = "models.toml",
    overlay_file: str = "catalogue.toml",
) -> Catalogue:
    """Read the tables, take the newest that is valid on `as_of` (None: the newest), and lay the overlay over it.

    Raises: `SpecInvalid` with every problem and its line when the overlay (or the table) breaks the form,
    `SpecError` when no table is old enough for `as_of`.
    """
    rows = parsing.parse_table(text, overlay=overlay, as_of=as_of, file=file, overlay_file=overlay_file)
    return _of(rows)


def catalogue_of(values: dict[str, Any], *, as_of: date | None = None) -> Catalogue:
    """Return the newest table that is valid on `as_of` of values that were read already. Raises: `SpecError`."""
    return _of(parsing.table_of(values, "", overlay=None, as_of=as_of, file="models.json", overlay_file=""))


def _of(rows: Table) -> Catalogue:
    return Catalogue(rows, hashlib.sha256(repr(rows).encode()).hexdigest())


def _first_price(
    rules: Iterable[PriceRule],
    operation: Mode | str,
    plan_class: str,
    duration: Fraction | int | None,
    resolution: str,
) -> Price:
    for rule in rules:
        if rule.modes and operation not in rule.modes:
            continue
        if rule.plans and plan_class not in rule.plans:
            continue
        if rule.resolutions and resolution not in rule.resolutions:
            continue
        if not _is_length_covered(rule, duration):
            continue
        return Price(Cost(_rule_credits(rule, duration), 0, is_ceiling=rule.is_ceiling), rule.note)
    return Price(UNKNOWN, "no price is known for this length, size or plan")


def _is_length_covered(rule: PriceRule, duration: Fraction | int | None) -> bool:
    if duration is None:
        return rule.min_seconds is None and rule.max_seconds is None
    return (rule.min_seconds is None or duration >= rule.min_seconds) and (
        rule.max_seconds is None or duration <= rule.max_seconds
    )


def _rule_credits(rule: PriceRule, duration: Fraction | int | None) -> int | None:
    if rule.per_second is None:
        return rule.credits
    return None if duration is None else ceil(rule.per_second * Fraction(duration))


def _dearest(prices: Sequence[Price]) -> Price:
    """Return the dearest price; unknown is dearer than any number. A ceiling when the prices differ."""
    if not prices:
        return Price(UNKNOWN, "no plan may run it")
    if any(price.cost.credits is None for price in prices):
        return next(price for price in prices if price.cost.credits is None)
    dearest = max(prices, key=lambda price: price.cost.credits or 0)
    differ = len({price.cost.credits for price in prices}) > 1
    cost = Cost(dearest.cost.credits, dearest.cost.micro_usd, is_ceiling=dearest.cost.is_ceiling or differ)
    note = dearest.note or ("the plan is not known; priced at the dearest that may run it" if differ else "")
    return Price(cost, note)


def _metered_sum(rule: MeteredRule, duration: Fraction | int | None) -> int | None:
    if rule.micro_usd_per_second is None:
        return rule.micro_usd
    return None if duration is None else ceil(rule.micro_usd_per_second * Fraction(duration))
