"""What a person chose on the command line, as one value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from msgspec import Struct


class Choices(Struct, frozen=True):
    """Which storyboard, read how, within which bounds. Empty and None mean: what the storyboard says."""

    spec: Path
    provider: str = ""
    pass_name: str = ""
    plan_class: str = ""
    as_of: date | None = None
    overlay: Path | None = None
    may_use_unlisted_models: bool = False
    should_verify: bool = False
    max_credits: int | None = None
    max_micro_usd: int | None = None
    only: tuple[str, ...] = ()

    def saved(self) -> dict[str, object]:
        """Return the choices that shape a plan, as JSON values for a saved one."""
        return {
            "spec": str(self.spec),
            "provider": self.provider,
            "pass_name": self.pass_name,
            "plan_class": self.plan_class,
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "overlay": None if self.overlay is None else str(self.overlay),
            "may_use_unlisted_models": self.may_use_unlisted_models,
            "max_credits": self.max_credits,
            "max_micro_usd": self.max_micro_usd,
            "only": list(self.only),
        }
