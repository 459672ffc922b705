"""What a model table says, as frozen values: limits, prices, plans, and what is not known for sure.

Nothing here knows a model by name. A price that nobody could tell is `None`, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct, field

from veospec.model import Cost, Mode


class State(StrEnum):
    """`unlisted`: the table does not know the model, so it can neither promise nor refuse anything."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNLISTED = "unlisted"


class Finding(Struct, frozen=True):
    """One reason of a verdict. `about` is the asked field: model, mode, duration, aspect, resolution, images,
    voices, count or plan.
    """

    about: str
    message: str
    advice: str = ""


class Verdict(Struct, frozen=True):
    """Whether a table offers a combination. `notes` do not refuse: what depends on the plan, what is not sure."""

    state: State
    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not allowed, one clause each."""
        return tuple(finding.message for finding in self.findings)

    @property
    def is_allowed(self) -> bool:
        """True when nothing speaks against it."""
        return self.state is State.ALLOWED


class Restriction(Struct, frozen=True):
    """Lengths in seconds that only some plan classes may use."""

    durations: tuple[int, ...]
    plans: tuple[str, ...]


class ModeLimits(Struct, frozen=True):
    """What one model takes in one mode.

    `durations` are the lengths in whole seconds that a request may ask for; empty where a request carries none (an
    edit is as long as its window, at most `max_seconds`). `min_images` and `max_images` count reference pictures
    and the pictures inside characters. `sources` are the families whose clips can be extended; empty means any.
    """

    durations: tuple[int, ...] = ()
    max_images: int = 0
    min_images: int = 0
    max_voices: int = 0
    restricted: tuple[Restriction, ...] = ()
    max_seconds: int | None = None
    sources: tuple[str, ...] = ()

    def plans_for(self, duration: Fraction | int | None) -> tuple[str, ...] | None:
        """Return the classes that may use this length, or None when the length adds no restriction."""
        for entry in self.restricted:
            if duration in entry.durations:
                return entry.plans
        return None


class PriceRule(Struct, frozen=True):
    """One row of a price list: the first row that fits counts. Empty tuples and None fit everything.

    The price is `credits` a generation or `per_second` times the length; both None means that nobody knows it.
    `is_ceiling` marks the larger of two readings of an unclear rule.
    """

    modes: tuple[Mode, ...] = ()
    plans: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    min_seconds: int | None = None
    max_seconds: int | None = None
    credits: int | None = None
    per_second: int | None = None
    is_ceiling: bool = False
    note: str = ""


class Price(Struct, frozen=True):
    """The price of one generation, and what is to be said about it ("" when it is plain)."""

    cost: Cost
    note: str = ""


class MeteredRule(Struct, frozen=True):
    """What Google's own metered API charges; `model` is the id it goes by there. Micro-dollars, exact."""

    provider: str
    model: str
    resolutions: tuple[str, ...] = ()
    micro_usd: int | None = None
    micro_usd_per_second: int | None = None
    note: str = ""


class MeteredPrice(Struct, frozen=True):
    """One generation on a metered API; `micro_usd` None means unknown."""

    provider: str
    model: str
    micro_usd: int | None
    note: str = ""


class Unsure(Struct, frozen=True):
    """What the sources leave open: the field it is about, for which values (empty: all), and what is known."""

    about: str
    values: tuple[str, ...]
    note: str


class Model(Struct, frozen=True):
    """One model of a table. `usual_seconds` is how long a generation usually takes (from, to), for polling.

    `resolutions` with one entry means that a request carries no such field; empty means that there is none.
    """

    id: str
    title: str
    family: str
    kind: str
    modes: Mapping[Mode, ModeLimits]
    aspects: tuple[str, ...]
    resolutions: tuple[str, ...]
    default_resolution: str
    max_count: int
    plans: tuple[str, ...]
    prices: tuple[PriceRule, ...]
    aliases: tuple[str, ...] = ()
    metered: tuple[MeteredRule, ...] = ()
    usual_seconds: tuple[int, int] = (60, 180)
    plan_note: str = ""
    unsure: tuple[Unsure, ...] = ()
    source: str = ""

    @property
    def asks_resolution(self) -> bool:
        """True when there is a choice, so that a request has to name it."""
        return len(self.resolutions) > 1

    @property
    def is_overlaid(self) -> bool:
        """True when a project's own table added or changed this row."""
        return self.source.startswith(OVERLAY_SOURCE)

    def durations(self) -> tuple[int, ...]:
        """Return every length that some mode offers, ascending."""
        return tuple(sorted({seconds for limits in self.modes.values() for seconds in limits.durations}))


OVERLAY_SOURCE = "overlay "


class Operation(Struct, frozen=True):
    """Something that is done to a finished result: upscale, gif, concatenate. `kind` is video or image.

    `models` are the models whose results can be used; empty means all.
    """

    name: str
    kind: str
    plans: tuple[str, ...]
    prices: tuple[PriceRule, ...]
    resolutions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    restricted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    usual_seconds: tuple[int, int] = (15, 60)
    unsure: tuple[Unsure, ...] = ()

    def plans_for(self, resolution: str) -> tuple[str, ...]:
        """Return the classes that may ask for this size."""
        return dict(self.restricted).get(resolution, self.plans)


class Plan(Struct, frozen=True):
    """A Google AI plan. None where nobody told; the free plan has no price per credit."""

    id: str
    title: str
    micro_usd_per_month: int | None
    monthly_credits: int | None
    micro_usd_per_credit: int | None
    skus: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    note: str = ""


class Table(Struct, frozen=True):
    """One dated table, whole; `file` names where it was read from."""

    id: str
    valid_from: date
    source: str
    models: tuple[Model, ...]
    operations: tuple[Operation, ...]
    plans: Mapping[str, Plan]
    voices: tuple[str, ...]
    aspect_aliases: Mapping[str, str]
    defaults: Mapping[str, str]
    retired: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
