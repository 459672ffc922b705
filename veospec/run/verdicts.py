"""What a failed call means for a take and for the run: one place, decided by `charge` and `scope`. Pure.

Two kinds of rejection need more than these two words: whether it passes with time (`Throttled`, `Unreachable`) and
whether the same words may be sent again (`ContentRefused`). Texts are never looked at.
"""

from __future__ import annotations

from msgspec import Struct

from veospec.errors import ApiError, Charge, ContentRefused, JobError, Scope, Throttled, Unreachable
from veospec.run.lifecycle import Event


class Verdict(Struct, frozen=True):
    """The event for the takes, what was charged, and whether the call may be made again."""

    event: Event
    charge: Charge
    is_passing: bool
    scope: Scope


def passes(error: ApiError) -> bool:
    """Tell whether the same call may work later: nothing was taken, and nothing speaks against it for good."""
    return isinstance(error, Throttled | Unreachable) and error.charge is Charge.NO


def on_submit(error: ApiError) -> Verdict:
    """Judge a paid request that was answered with an error."""
    if error.charge is not Charge.NO:
        return Verdict(Event.ANSWER_LOST, Charge.UNKNOWN, is_passing=False, scope=Scope.SHOT)
    if isinstance(error, ContentRefused):
        return Verdict(Event.CONTENT_REFUSED, Charge.NO, is_passing=False, scope=error.scope)
    if passes(error):
        return Verdict(Event.NOT_TAKEN, Charge.NO, is_passing=True, scope=error.scope)
    return Verdict(Event.FAILED, Charge.NO, is_passing=False, scope=error.scope)


def on_job(error: ApiError) -> Verdict:
    """Judge a look at a job, or a download of its result, that raised.

    Only `JobError` and `ContentRefused` end a job; anything else says that the look failed.
    """
    if isinstance(error, ContentRefused):
        return Verdict(Event.CONTENT_REFUSED, error.charge, is_passing=False, scope=error.scope)
    if isinstance(error, JobError):
        event = Event.FAILED if error.charge is Charge.NO else Event.GONE
        charge = Charge.NO if error.charge is Charge.NO else Charge.YES
        return Verdict(event, charge, is_passing=False, scope=error.scope)
    return Verdict(Event.RUNNING, Charge.YES, is_passing=True, scope=error.scope)
