"""Choose the accounts of a run and look at them before anything is sent.

`health: OK` means only that the session refreshed: it says nothing of throttling, flags or the plan. So what is
known to be too little stops the run, and what is not known is a note.

Source: useapi.net Google Flow API v1 reference, `GET /accounts`, `GET /accounts/{email}`, June 2026.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from veospec.catalog.catalogue import Catalogue
from veospec.errors import OutOfCredits, Rejected, Scope, Unauthorized
from veospec.providers.flow import ids, replies
from veospec.providers.flow.api import FlowApi
from veospec.providers.flow.config import FlowConfig


class Checked(Struct, frozen=True):
    """The accounts that can work, and what a person should know."""

    accounts: tuple[replies.Account, ...]
    plan_class: str
    reported: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def emails(self) -> tuple[str, ...]:
        """Their e-mails, in the configured order."""
        return tuple(account.email for account in self.accounts)


async def choose(api: FlowApi, config: FlowConfig) -> tuple[str, ...]:
    """Return the configured e-mails, or the one account that the service knows. Raises `Unauthorized`."""
    return config.emails or (_only(replies.accounts(await api.get("/accounts"))),)


async def check(api: FlowApi, config: FlowConfig, catalogue: Catalogue, credits_needed: int | None) -> Checked:
    """Return the usable accounts. Raises `Unauthorized` or `OutOfCredits` when the run cannot end well."""
    known = replies.accounts(await api.get("/accounts"))
    emails = config.emails or (_only(known),)
    notes: list[str] = []
    usable: list[replies.Account] = []
    for email in emails:
        listed = next((account for account in known if ids.same_email(account.email, email)), None)
        if listed is None:
            raise Unauthorized(
                f"the account {email} is not connected at useapi.net",
                f"set USEAPI_EMAIL to one of: {_shown(known)}",
                operation="/accounts",
                scope=Scope.RUN,
                reason="ACCOUNT_NOT_FOUND",
            )
        found = await _looked_at(api, listed, email, notes) if listed.is_healthy else listed
        if found.is_healthy:
            usable.append(found)
        else:
            notes.append(f"the account {email} is not used: {found.health or 'its session is not healthy'}")
    if not usable:
        raise Unauthorized(
            notes[0],
            "reconnect the account on useapi.net's setup page, and do not open it in a normal browser meanwhile",
            operation="/accounts",
            scope=Scope.RUN,
            reason="SESSION_DEAD",
        )
    _check_credits(usable, credits_needed, notes)
    classes = {catalogue.plan_for_account(sku=account.sku, tier=account.tier) for account in usable}
    reported = tuple(sorted(classes - {""}))
    others = [name for name in reported if config.plan_class not in ("", name)]
    if others:
        notes.append(f"the account reports the plan {', '.join(others)}, {config.plan_class} is configured")
    only = reported[0] if len(classes) == len(reported) == 1 else ""
    return Checked(tuple(usable), config.plan_class or only, reported, tuple(notes))


async def _looked_at(api: FlowApi, listed: replies.Account, email: str, notes: list[str]) -> replies.Account:
    try:
        return replies.account(await api.get(ids.account_path(email), email=email), email)
    except Rejected as error:
        if error.scope is Scope.RUN:
            raise
        if isinstance(error, Unauthorized) and error.reason == "SESSION_DEAD":
            return replace(listed, email=email, is_healthy=False, health=error.message)
        notes.append(f"credits and plan of {email} are not known: {error.message}")
        return replace(listed, email=email)


def _check_credits(usable: Sequence[replies.Account], needed: int | None, notes: list[str]) -> None:
    unknown = [account.email for account in usable if account.credits is None]
    if unknown:
        notes.append(f"the service does not say how many credits are left on {', '.join(unknown)}")
        return
    left = sum(account.credits or 0 for account in usable)
    if needed is None:
        notes.append(f"{left} credits are left; the price of the plan is not known")
    elif needed > left:
        raise OutOfCredits(
            f"the plan needs {needed} credits, {left} are left on {', '.join(account.email for account in usable)}",
            "add Flow credits, use another account, or make less at once",
            operation="/accounts",
            scope=Scope.RUN,
            reason="NOT_ENOUGH_CREDITS",
        )


def _only(known: Sequence[replies.Account]) -> str:
    if len(known) == 1 and "***" not in known[0].email:
        return known[0].email
    if not known:
        raise Unauthorized(
            "no Google account is connected at useapi.net",
            "connect one on useapi.net's setup page",
            operation="/accounts",
            scope=Scope.RUN,
            reason="ACCOUNT_NOT_FOUND",
        )
    raise Unauthorized(
        f"useapi.net knows {len(known)} account(s) and none is chosen",
        f"set USEAPI_EMAIL to one of: {_shown(known)}",
        operation="/accounts",
        scope=Scope.RUN,
        reason="ACCOUNT_NOT_CHOSEN",
    )


def _shown(known: Sequence[replies.Account]) -> str:
    return ", ".join(ids.mask(account.email) for account in known[:10]) or "(none is connected)"
