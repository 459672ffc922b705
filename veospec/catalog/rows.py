"""One row of a table each: plan, model, operation, price; what a row may say, and what has to fit together."""

from __future__ import annotations

import re
from collections.abc import Mapping

from veospec.catalog.sections import Section
from veospec.catalog.values import (
    MeteredRule,
    Model,
    ModeLimits,
    Operation,
    Plan,
    PriceRule,
    Restriction,
    Unsure,
)
from veospec.model import Mode

UNKNOWN_PRICE = "unknown"
KINDS = ("video", "image")

_RATIO = re.compile(r"(?:[1-9][0-9]?:[1-9][0-9]?|auto)\Z")
_VIDEO_MODES = tuple(str(mode) for mode in (Mode.T2V, Mode.I2V, Mode.I2V_FL, Mode.R2V, Mode.V2V, Mode.EXTEND))
_TOPICS = ("aspect", "mode", "duration", "resolution", "images", "voices", "plan")


def plan(name: str, row: Section) -> Plan:
    """Read a plan class."""
    read = Plan(
        id=name,
        title=row.text("title"),
        micro_usd_per_month=row.dollars("usd_per_month"),
        monthly_credits=row.whole("monthly_credits", default=None) if row.has("monthly_credits") else None,
        micro_usd_per_credit=row.dollars("usd_per_credit"),
        skus=row.texts("skus"),
        tiers=row.texts("tiers"),
        note=row.text("note", default=""),
    )
    row.close()
    return read


class Reader:
    """Reads rows that name plan classes or groups of them."""

    def __init__(self, groups: Mapping[str, tuple[str, ...]], plans: tuple[str, ...]) -> None:
        self._groups = groups
        self._plans = plans

    def model(self, name: str, row: Section, source: str) -> Model:
        """Read a model."""
        kind = row.text("kind", allowed=KINDS)
        aspects = row.texts("aspects")
        for aspect in aspects:
            if not _RATIO.match(aspect):
                row.problem(f"aspects: {aspect!r} is no ratio", "write it as 16:9, or auto", "aspects")
        resolutions = row.texts("resolutions")
        default = resolutions[0] if resolutions else ""
        read = Model(
            id=name,
            title=row.text("title", default=name),
            family=row.text("family", default=name),
            kind=kind,
            modes=self._modes(row, kind),
            aspects=aspects,
            resolutions=resolutions,
            default_resolution=row.text("default_resolution", default=default),
            max_count=row.whole("max_count", default=1) or 1,
            plans=self._classes(row, "plans"),
            prices=self._prices(row),
            aliases=row.texts("aliases"),
            metered=tuple(_metered(each) for each in row.rows("metered")),
            usual_seconds=_span(row),
            plan_note=row.text("plan_note", default=""),
            unsure=_unsure(row),
            source=source,
        )
        if not aspects and not row.has("aspects"):
            row.problem("aspects is missing", "list the ratios the model makes", code="VS193")
        if resolutions and read.default_resolution not in resolutions:
            row.problem("default_resolution is not one of resolutions", "name one of them", "default_resolution")
        row.close()
        return read

    def operation(self, name: str, row: Section) -> Operation:
        """Read an operation on finished results."""
        resolutions = row.texts("resolutions")
        limits = Section(row.table("restricted"), (*row.path, "restricted"), row.problems)
        read = Operation(
            name=row.text("name", default=name),
            kind=row.text("kind", allowed=KINDS),
            plans=self._classes(row, "plans"),
            prices=self._prices(row),
            resolutions=resolutions,
            models=row.texts("models"),
            restricted=tuple((size, self._classes(limits, size)) for size in limits.values),
            usual_seconds=_span(row),
            unsure=_unsure(row),
        )
        row.close()
        return read

    def _modes(self, row: Section, kind: str) -> dict[Mode, ModeLimits]:
        known = _VIDEO_MODES if kind == "video" else (str(Mode.IMAGE),)
        modes: dict[Mode, ModeLimits] = {}
        for name, limits in row.sections("modes"):
            if name not in known:
                row.problem(f"modes: {name!r} is no mode of a {kind} model", f"use {', '.join(known)}", "modes", name)
                continue
            modes[Mode(name)] = self._limits(limits, Mode(name))
        if not modes:
            row.problem("modes is missing", "say what the model can do: " + ", ".join(known), "modes", code="VS193")
        return modes

    def _limits(self, row: Section, mode: Mode) -> ModeLimits:
        durations = row.wholes("durations")
        limits = ModeLimits(
            durations=durations,
            max_images=row.whole("max_images", default=0) or 0,
            min_images=row.whole("min_images", default=0) or 0,
            max_voices=row.whole("max_voices", default=0) or 0,
            restricted=tuple(self._restriction(each, durations) for each in row.rows("restricted")),
            max_seconds=row.whole("max_seconds")
            if row.has("max_seconds")
            else row.whole("max_seconds", default=0) or None,
            sources=row.texts("sources"),
        )
        if mode not in (Mode.V2V, Mode.IMAGE) and not durations:
            row.problem(f"{mode}: durations is missing", "list the lengths in seconds", code="VS193")
        if limits.min_images > limits.max_images:
            row.problem("min_images is above max_images", "raise max_images", "min_images")
        row.close()
        return limits

    def _restriction(self, row: Section, durations: tuple[int, ...]) -> Restriction:
        read = Restriction(row.wholes("durations"), self._classes(row, "plans"))
        for seconds in read.durations:
            if seconds not in durations:
                row.problem(f"restricted: {seconds} s is not in durations", "list it there as well", "durations")
        row.close()
        return read

    def _classes(self, row: Section, key: str) -> tuple[str, ...]:
        """Return plan classes with groups written out, in the order of the plans."""
        written = row.texts(key, allowed=(*self._plans, *self._groups))
        if not row.has(key):
            row.problem(f"{key} is missing", f"say who may use it: {', '.join(self._groups)}", code="VS193")
        wanted = {name for each in written for name in self._groups.get(each, (each,))}
        return tuple(name for name in self._plans if name in wanted)

    def _prices(self, row: Section) -> tuple[PriceRule, ...]:
        if not row.has("credits"):
            row.problem("credits is missing", 'give a price, or credits = [{ credits = "unknown" }]', code="VS193")
        return tuple(self._price(each) for each in row.rows("credits"))

    def _price(self, row: Section) -> PriceRule:
        exact = row.whole("seconds", default=0) or None
        written = row.values.get("credits")
        read = PriceRule(
            modes=tuple(Mode(name) for name in row.texts("modes", allowed=_VIDEO_MODES)),
            plans=self._classes(row, "plans") if row.has("plans") else (),
            resolutions=row.texts("resolutions"),
            min_seconds=row.whole("min_seconds", default=0) or exact,
            max_seconds=row.whole("max_seconds", default=0) or exact,
            credits=_credits(row),
            per_second=row.whole("per_second", default=0) or None,
            is_ceiling=row.flag("ceiling"),
            note=row.text("note", default=""),
        )
        if (written is None) == (read.per_second is None):
            advice = 'use one of them; credits = "unknown" when nobody knows'
            row.problem("a price needs either credits or per_second", advice)
        row.texts("plans")
        row.close()
        return read


def _credits(row: Section) -> int | None:
    if not row.has("credits"):
        row.text("credits", default="")
        return None
    if row.values["credits"] == UNKNOWN_PRICE:
        row.text("credits")
        return None
    return row.whole("credits", default=None)


def _metered(row: Section) -> MeteredRule:
    read = MeteredRule(
        provider=row.text("provider"),
        model=row.text("model"),
        resolutions=row.texts("resolutions"),
        micro_usd=row.dollars("usd"),
        micro_usd_per_second=row.dollars("usd_per_second"),
        note=row.text("note", default=""),
    )
    row.close()
    return read


def _span(row: Section) -> tuple[int, int]:
    seconds = row.wholes("usual_seconds") or (60, 180)
    if len(seconds) > 2:
        row.problem("usual_seconds is a pair: from, to", "write usual_seconds = [60, 180]", "usual_seconds")
    return seconds[0], seconds[-1]


def _unsure(row: Section) -> tuple[Unsure, ...]:
    found: list[Unsure] = []
    for each in row.rows("unsure"):
        found.append(Unsure(each.text("about", allowed=_TOPICS), each.texts("values"), each.text("note")))
        each.close()
    return tuple(found)
