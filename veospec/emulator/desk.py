"""The counter at which work is accepted: whose account, is it allowed, may it run now, what does it cost.

In the order of the real service: form and references are checked first (`params`, `references`, `rules`), then the
account is chosen, then Google says yes or no: plan, concurrency, credits. Only then there is a job, and only then a
charge.
"""

from __future__ import annotations

import itertools
import uuid
import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from veospec.emulator import ids, refusals, times
from veospec.emulator.faults import Rule
from veospec.emulator.options import Options
from veospec.emulator.state import Account, Job, Media, Quarantine, State
from veospec.emulator.tables import CAPTCHA_PROVIDERS, PLANS, Plan, Table

Json: TypeAlias = Any

QUARANTINE_S = 1800.0
_RESTING = {
    "USER_REQUESTS_THROTTLED": "*",
    "USER_QUOTA_REACHED": "*",
    "PER_MODEL_DAILY_QUOTA_REACHED": "",
    "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE": "",
}


class Work(Struct, frozen=True):
    """What is to be made, before it has an id. `entries` as in `Job`; one that is filtered is not paid for.

    `media` are the records of what comes out; they are kept together with the job.
    """

    operation: str
    family: str
    account: Account
    user: str
    model: str
    internal: str
    request: Mapping[str, Json]
    entries: list[dict[str, Json]]
    credits_each: int
    seconds: float
    media: tuple[Media, ...] = ()
    shows_operations: bool = False
    is_sync: bool = False


class _Fate(Struct, frozen=True):
    """How a job will end, and what its record will suffer from."""

    failure: str = ""
    status: int = 200
    spoiled: str = ""


def _fate(work: Work, rule: Rule | None) -> _Fate:
    """Return what the script wants to become of a job; a filtered entry is marked where it stands."""
    match rule.fault if rule else "":
        case "moderation" if rule:
            return _Fate(refusals.full_reason(rule.reason), 400)
        case "job-failed":
            return _Fate("API error: 500", 500)
        case "filtered-entry" if rule and work.entries:
            which = min(rule.entry or len(work.entries), len(work.entries)) - 1
            work.entries[which]["filtered"] = refusals.full_reason(rule.reason)
        case ("job-vanished" | "job-expired") as spoiled:
            return _Fate(spoiled=spoiled)
        case "expired-link" if not work.is_sync:
            return _Fate(spoiled="expired-link")
    return _Fate()


class Desk:
    """Accounts, jobs and money of one emulator."""

    def __init__(self, options: Options, state: State, table: Table) -> None:
        self._options = options
        self._state = state
        self._table = table
        self._numbers = itertools.count()
        self._turns = itertools.count()

    # -- accounts -----------------------------------------------------------------------------------------

    def account(self, email: str) -> Account:
        """Return a connected account. Raises `Refusal` 404."""
        account = self._state.accounts.get(email.lower())
        if account is None or not account.is_connected:
            raise refusals.not_found(f"Account {email} not found")
        return account

    def working(self, email: str) -> Account:
        """Return a connected account whose Google session is alive. Raises `Refusal` 404 or 596."""
        account = self.account(email)
        if account.health != "OK":
            raise refusals.plain(596, f"Failed to refresh session {ids.mask(account.email)}: {account.health}")
        return account

    def connected(self) -> list[Account]:
        """Return every connected account, in the order they were given."""
        return [account for account in self._state.accounts.values() if account.is_connected]

    def plan(self, account: Account) -> Plan:
        """Return the plan of an account."""
        return PLANS[account.plan]

    def chosen(self, email: str | None, owners: tuple[str, ...], model: str) -> Account:
        """Return the account of a request: the one it names, the owner of its references, or the balancer's choice.

        Raises:
            Refusal: 400 when they contradict each other, 404 when it is not connected, 429 when all rest.
        """
        foreign = [owner for owner in owners if email is not None and owner.lower() != email.lower()]
        if foreign:
            raise refusals.bad(f"Email mismatch: body has '{email}', references have '{foreign[0]}'")
        if len(owners) > 1:
            raise refusals.bad(f"Email mismatch: references have '{owners[0]}' and '{owners[1]}'")
        if email is not None or owners:
            return self.working(email if email is not None else owners[0])
        return self._balanced(model)

    def _balanced(self, model: str) -> Account:
        accounts = self.connected()
        if not accounts:
            raise refusals.not_found("No accounts configured")
        if len(accounts) == 1:  # with one account nothing is filtered: it gets Google's own 429
            return self.working(accounts[0].email)
        resting = self.resting(model)
        eligible = [account for account in accounts if account.email not in resting and account.health == "OK"]
        if not eligible:
            raise self.nobody(model)
        scores = {account.email: self.score(account.email) for account in eligible}
        best = [account for account in eligible if scores[account.email] == min(scores.values())]
        return best[next(self._turns) % len(best)]  # two uploads without an account land on two

    def resting(self, model: str) -> dict[str, Quarantine]:
        """Return the accounts that rest for a model, each with the reason that lasts longest."""
        found: dict[str, Quarantine] = {}
        for entry in self._state.active_quarantines():
            if entry.model in ("*", model) and (entry.email not in found or found[entry.email].until < entry.until):
                found[entry.email] = entry
        return found

    def nobody(self, model: str, *, retry_s: float | None = None) -> refusals.Refusal:
        """Return the 429 of a balancer that has no account left."""
        now = self._state.clock.now()
        resting = self.resting(model)
        skipped = [
            {"email": ids.mask(entry.email), "reason": entry.reason, "model": entry.model} for entry in resting.values()
        ]
        if not skipped:  # a script says so, whatever is true
            throttled = refusals.full_reason("USER_REQUESTS_THROTTLED")
            skipped = [{"email": ids.mask(a.email), "reason": throttled, "model": "*"} for a in self.connected()]
        until = min((entry.until for entry in resting.values()), default=now + 2)
        return refusals.no_eligible_account(skipped, now=now, retry_s=retry_s if retry_s is not None else until - now)

    def score(self, email: str) -> int:
        """Return the balancer's score: the lowest gets the next request."""
        kinds = [kind for _, kind, _ in self._state.recent(email)]
        later = 0 if self._table.is_june else kinds.count("completed")
        executing = len(self._state.in_flight(email))
        return executing + 10 * kinds.count("failed") + 20 * kinds.count("rateLimited") + later

    def throttle(self, account: Account, model: str, reason: str, retry_s: float | None) -> refusals.Refusal:
        """Return a 429 of Google and let the balancer leave the account alone.

        With a wait the account rests for as long; without, as the real service does it, and only the answer asks for
        no more than two seconds, so that a test goes on.
        """
        now = self._state.clock.now()
        self._state.note(account.email, "rateLimited", now)
        daily_s = times.midnight_after(now) - now if reason.startswith("PER_MODEL_DAILY") else None
        if (scope := _RESTING.get(reason)) is not None:
            rest_s = retry_s if retry_s is not None else daily_s or QUARANTINE_S
            full = refusals.full_reason(reason)
            self._state.put_quarantine(Quarantine(account.email, scope or model, full, now, now + rest_s))
        if retry_s is None:
            retry_s = daily_s or 2.0
        return refusals.throttled(refusals.full_reason(reason), now=now, retry_s=retry_s)

    # -- work ---------------------------------------------------------------------------------------------

    def admit(self, account: Account, model: str, *, credits_needed: int, is_video: bool) -> None:
        """Refuse what cannot run now or cannot be paid. Raises `Refusal` 429 or 402."""
        limit = self._options.concurrency
        if is_video and limit:
            running = sum(1 for job in self._state.in_flight(account.email) if job.family == "videos")
            if running >= limit:
                raise self.throttle(account, model, "USER_REQUESTS_THROTTLED", self._options.throttle_seconds)
        if credits_needed > account.credits:
            raise refusals.out_of_credits(credits_needed, account.credits)

    def accept(self, work: Work, rule: Rule | None) -> Job:
        """Make the job and charge it; a fault may decide how it will end."""
        fate = _fate(work, rule)
        good = sum(1 for entry in work.entries if not entry.get("filtered"))
        paid = 0 if fate.failure else work.credits_each * good
        now = self._state.clock.now()
        account = work.account
        account.credits -= paid
        job = Job(
            id=self._job_id(work, now),
            user=work.user,
            email=account.email,
            family=work.family,
            operation=work.operation,
            request=echo(work.request),
            created=now,
            ends=now + work.seconds,
            model=work.model,
            internal=work.internal,
            entries=work.entries,
            captcha=self.captcha(work.request),
            remaining=account.credits,
            failure=fate.failure,
            http_status=fate.status,
            shows_operations=work.shows_operations,
            is_sync=work.is_sync,
            spoiled=fate.spoiled,
        )
        with self._state.whole():
            self._state.put_account(account)
            for media in () if fate.failure else work.media:
                self._keep(media, job)
            self._state.put_job(job)
            if not fate.failure:
                self.charge(work.operation, account, model=work.model, credits=paid, request=job.request, job=job.id)
            if work.entries:  # joining needs no captcha
                self._attempt(account, job.id, job.operation, job.captcha)
        return job

    def _keep(self, media: Media, job: Job) -> None:
        """Remember what a job makes: it is there when the job has ended, and never when it was filtered.

        Upscales of one clip to two sizes share an id: the later takes nothing from the earlier.
        """
        known = self._state.media.get(media.key)
        known = known if known and not known.is_deleted else None
        is_filtered = any(entry.get("filtered") and media.key in (entry["key"], entry["file"]) for entry in job.entries)
        if not (known and is_filtered):
            created = min(job.ends, known.created) if known else job.ends
            self._state.put_media(replace(media, created=created, is_deleted=is_filtered))

    def note_refusal(self, account: Account, *, user: str, operation: str, status: int, reason: str) -> str:
        """Log a submission that came to nothing; return the id under which `captcha-stats` shows it."""
        family = "images" if operation.startswith("images") else "videos"
        number, now = next(self._numbers), self._state.clock.now()
        job = ids.job_id(
            user=user, email=account.email, family=family, at=now, number=number, is_june=self._table.is_june
        )
        self._attempt(account, job, operation, self.captcha(), status=status, reason=reason)
        return job

    def _job_id(self, work: Work, now: float) -> str:
        while True:
            number = next(self._numbers)
            text = ids.job_id(
                user=work.user, email=work.account.email, family=work.family, at=now, number=number,
                is_june=self._table.is_june,
            )  # fmt: skip
            if text not in self._state.jobs:
                return text

    def charge(
        self,
        operation: str,
        account: Account,
        *,
        model: str = "",
        credits: int = 0,  # noqa: A002
        request: Mapping[str, Json] | None = None,
        job: str = "",
    ) -> None:
        """Write a line of the ledger."""
        echoed = dict(request or {})
        self._state.add_charge(
            {
                "at": times.iso(self._state.clock.now()),
                "account": account.email,
                "operation": operation,
                "model": model,
                "credits": credits,
                "jobid": job,
                "replyRef": echoed.get("replyRef", ""),
                "request": echoed,
            }
        )

    def captcha(self, request: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Return the captcha part of an answer; the first provider that the request names solves it."""
        task = str(uuid.uuid4())
        took = 3000 + zlib.crc32(task.encode()) % 4000
        order = str((request or {}).get("captchaOrder") or CAPTCHA_PROVIDERS[0])
        attempt = {"service": order.partition(",")[0].strip(), "taskId": task, "durationMs": took}
        return {**attempt, "attempts": [{**attempt, "success": True}]}

    def _attempt(
        self,
        account: Account,
        job: str,
        operation: str,
        captcha: Mapping[str, Json],
        *,
        status: int = 200,
        reason: str = "",
    ) -> None:
        plan = self.plan(account)
        self._state.add_attempt(
            {
                "timestamp": times.iso(self._state.clock.now()),
                "jobId": job,
                "provider": captcha["service"],
                "taskId": captcha["taskId"],
                "route": operation,
                "statusText": "OK" if status == 200 else "Error",
                "pageAction": "IMAGE_GENERATION" if operation.startswith("images") else "VIDEO_GENERATION",
                "error": reason,
                "reason": reason,
                "tier": plan.tier,
                "sku": plan.sku,
                "statusCode": status,
                "captchaDurationMs": captcha["durationMs"],
                "apiDurationMs": 900,
                "attemptNumber": 1,
            }
        )


def echo(request: Mapping[str, Json]) -> dict[str, Json]:
    """Return a request as the service shows it again: the e-mail masked, the captcha token cut."""
    shown = dict(request)
    if isinstance(shown.get("email"), str):
        shown["email"] = ids.mask(shown["email"])
    if isinstance(shown.get("captchaToken"), str):
        shown["captchaToken"] = shown["captchaToken"][:6] + "…"
    return shown
