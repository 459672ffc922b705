"""When to look at a job. No real time in here: ages come in, waits go out."""

from __future__ import annotations

import random
from collections import defaultdict

from msgspec import Struct, field

from veospec.run.bell import Bell
from veospec.run.limits import Limits

LEAST_S = 0.01
MOST_S = 15.0
EARLY_S = (1.0, 3.0, 9.0, 27.0)
UNKNOWN_USUAL_S = 60.0
NEWS = 0.98
"""An ending that comes at less than this share of the fastest so far is news for the others."""


class _Known(Struct):
    """What this run has seen of a model. The fastest job still ran at the age of `ran_s` and had ended at `ended_s`."""

    ran_s: float = 0.0
    ended_s: float | None = None
    has_scout: bool = False
    news: Bell = field(default_factory=Bell)


class Looks:
    """The schedule of a run.

    Looking costs nothing, but a look too early is a request too many. Where the usual time of a model is known: a few
    widely spaced looks for services that are faster than expected, then one when that time is near, then steadily.
    Where it is not, one scout is looked at closely and the other jobs hardly. What this run has seen of a model
    replaces what was expected of it; who sleeps is told.
    Source: useapi.net scripts poll every 10 to 15 s, June to November 2026.
    """

    def __init__(self, limits: Limits, rnd: random.Random) -> None:
        self._limits = limits
        self._rnd = rnd
        self._models: dict[str, _Known] = defaultdict(_Known)

    def watch(self, model: str, usual_s: float | None) -> Watch:
        """Begin to watch a job."""
        return Watch(self._models[model], usual_s, self._limits, self._rnd)


class Watch:
    """The looks at one job. An age is the time in seconds since the job was accepted."""

    def __init__(self, known: _Known, usual_s: float | None, limits: Limits, rnd: random.Random) -> None:
        self._known = known
        self._usual_s = usual_s
        self._limits = limits
        self._rnd = rnd
        self._is_scout = known.ended_s is None and not known.has_scout
        known.has_scout |= self._is_scout

    @property
    def news(self) -> Bell:
        """Rings when the next look should be planned anew."""
        return self._known.news

    @property
    def expected_s(self) -> float | None:
        """How long the job will take by what is known now."""
        return self._usual_s if self._known.ended_s is None else self._known.ended_s

    def wait_s(self, age_s: float) -> float:
        """Return how long to wait before the next look."""
        if self._known.ended_s is not None:
            return self._by_the_fastest(self._known.ran_s, self._known.ended_s, age_s)
        if self._limits.poll_s is not None:
            return self._limits.poll_s
        if not self._limits.is_near:
            usual_s = self._usual_s or UNKNOWN_USUAL_S
            first = (*(at for at in EARLY_S if at < 0.9 * usual_s), 0.9 * usual_s)
            return next((at - age_s for at in first if age_s + LEAST_S < at), self._steady(usual_s, age_s))
        if self._is_scout:
            return 0.5 * self._steady(0.0, age_s)
        return max(0.25 * age_s, 10 * self._limits.least_poll_s)

    def ended(self, ran_s: float, ended_s: float) -> None:
        """Learn that the job still ran at one age and had ended at another."""
        known, before_s = self._known, self._known.ended_s
        if before_s is None or ended_s < before_s:
            known.ran_s = max(ran_s, known.ran_s if known.ran_s < ended_s else 0.0)
            known.ended_s = ended_s
            if before_s is None or ended_s < NEWS * before_s:
                known.news.ring()
        elif known.ran_s < ran_s < before_s:
            known.ran_s = ran_s

    def leave(self) -> None:
        """Watch no longer; somebody else may look closely."""
        if self._is_scout:
            self._is_scout = self._known.has_scout = False

    def _by_the_fastest(self, ran_s: float, ended_s: float, age_s: float) -> float:
        """Look between the last look at the fastest job while it ran and the first after its end, then at that age.

        Where jobs take the same time, that halves what is seen too late with each one; where they do not, the looks
        come as much farther apart as the job is slower.
        """
        for at_s in ((ran_s + ended_s) / 2, ended_s):
            if age_s + LEAST_S < at_s:
                return at_s - age_s
        return min(max(0.5 * (age_s - ended_s), 0.005 * ended_s, LEAST_S), self._steady(ended_s, age_s))

    def _steady(self, usual_s: float, age_s: float) -> float:
        limits = self._limits
        if limits.poll_s is not None:
            return limits.poll_s
        steady_s = max(limits.poll_share * max(usual_s, age_s), limits.least_poll_s)
        return min(steady_s, MOST_S) * self._rnd.uniform(0.9, 1.1)
