"""Requests as they would be sent, for people who want to read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from veospec.plan.values import Plan, StepId
from veospec.providers.base import Profile


def requests_of(plan: Plan, profile: Profile) -> dict[StepId, Mapping[str, Any]]:
    """Return the previewed request of every take that a provider makes."""
    return {step.id: profile.preview(step.node, step.take) for step in plan.steps}
