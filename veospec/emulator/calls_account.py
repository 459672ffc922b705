"""Accounts, jobs, captcha and statistics: everything that only reads."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, TypeAlias

from veospec.emulator import ids, refusals, replies, times
from veospec.emulator.replies import Links
from veospec.emulator.state import Job
from veospec.emulator.tables import CAPTCHA_PROVIDERS
from veospec.emulator.web import Answer, Call

Json: TypeAlias = Any

STATS_LATE_S = 300.0
"""captcha-stats runs 5 to 15 minutes late. Source: GET /accounts/captcha-stats, June 4, 2026."""

_OPTIONS = ("summary", "executing", "history")
_HISTORY = 10


# -- accounts ---------------------------------------------------------------------------------------------


async def accounts(call: Call) -> Answer:
    """`GET /accounts`."""
    return Answer(200, {a.email: replies.account_summary(a, call.now) for a in call.house.desk.connected()})


async def account(call: Call) -> Answer:
    """`GET /accounts/{email}`."""
    found = call.house.desk.account(call.args[0])
    return Answer(200, replies.account_details(found, call.house.desk.plan(found), call.house.table, call.now))


async def connect(call: Call) -> Answer:
    """`POST /accounts`: needs a person's cookies, which nobody should give to an emulator."""
    body = call.body()
    if "cookies" not in body:
        raise refusals.required("cookies")
    raise refusals.bad("Cookies are not accepted by the emulator; start it with --account")


async def disconnect(call: Call) -> Answer:
    """`DELETE /accounts/{email}`."""
    found = call.house.desk.account(call.args[0])
    found.is_connected = False
    call.house.state.put_account(found)
    return Answer(200, {"message": f"Account {found.email} deleted"})


async def captcha_providers(call: Call) -> Answer:
    """`GET` and `POST /accounts/captcha-providers`: keys go in whole and come out masked."""
    keys: dict[str, str] = dict(call.house.state.settings.get("captcha", {}))
    if call.method == "POST":
        for name, value in call.body().items():
            if name not in CAPTCHA_PROVIDERS:
                raise refusals.not_supported(name)
            if not isinstance(value, str):
                raise refusals.wrong_format(name)
            keys[name] = f"{value[:3]}***" if value else ""
        keys = {name: value for name, value in keys.items() if value}
        call.house.state.set("captcha", keys)
    shown: dict[str, Json] = dict(keys)
    if not keys:
        shown["freeCaptchaCredits"] = call.house.table.free_captchas
    return Answer(200, shown)


async def captcha_stats(call: Call) -> Answer:
    """`GET /accounts/captcha-stats`: every attempt, some minutes late."""
    query = call.query
    limit = query.get("limit")
    date = query.get("date", times.iso(call.now)[:10])
    if limit is None and not _is_date(date):
        raise refusals.wrong_format("date")
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= 50_000):
        raise refusals.wrong_format("limit")
    newest = times.iso(call.now - STATS_LATE_S)
    rows = [row for row in call.house.state.attempts if row["timestamp"] <= newest]
    shown: dict[str, Json] = {}
    if "provider" in query:
        shown["provider"] = query["provider"]
        rows = [row for row in rows if row["provider"] == query["provider"]]
    if limit is not None:
        shown["limit"] = int(limit)
        rows = rows[-int(limit) :]
    else:
        shown["date"] = date
        rows = [row for row in rows if row["timestamp"].startswith(date)]
    return Answer(200, {**shown, "total": len(rows), "summary": _stats_summary(rows), "data": rows[::-1]})


def _is_date(text: str) -> bool:
    try:
        return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d") == text  # noqa: DTZ007  (a date only)
    except ValueError:
        return False


def _stats_summary(rows: list[dict[str, Json]]) -> dict[str, Json]:
    def by_status(stem: str) -> dict[str, int]:
        return dict(Counter(str(row["statusCode"]) for row in rows if row["route"].startswith(stem)))

    good = sum(1 for row in rows if row["statusCode"] == 200)
    count = max(1, len(rows))
    return {
        "success_rate_by_provider": {"CapSolver": round(good / count, 3)} if rows else {},
        "by_status_code_images": by_status("images"),
        "by_status_code_videos": by_status("videos"),
        "avg_captcha_ms": sum(row["captchaDurationMs"] for row in rows) // count,
        "avg_api_ms": sum(row["apiDurationMs"] for row in rows) // count,
        "avg_attempt": sum(row["attemptNumber"] for row in rows) / count,
    }


# -- jobs -------------------------------------------------------------------------------------------------


async def job(call: Call) -> Answer:
    """`GET /jobs/{jobId}`; the id stands in the path as it is."""
    raw = call.raw_args[0]
    user = ids.job_user(raw)
    if user is None:
        raise refusals.bad("Invalid job ID format")
    if user != call.user:
        raise refusals.foreign(user)
    found = call.house.state.jobs.get(raw)
    if found is None or found.spoiled == "job-vanished":
        raise refusals.not_found("Job not found")
    if found.spoiled == "job-expired" or call.now - found.created > times.RETENTION_S:
        raise refusals.plain(410, "Job has expired")
    return Answer(200, replies.record(found, call.house.state.media, _links(call, found), call.now))


def _links(call: Call, found: Job) -> Links:
    """Return the signer of a record's links; a job can be made with dead ones, which the next look renews."""
    if found.spoiled != "expired-link" or found.ends > call.now:
        return call.links(found.ends)
    found.spoiled = ""
    call.house.state.put_job(found)
    return call.dead_links()


async def jobs(call: Call) -> Answer:
    """`GET /jobs?options=`: what the load balancer sees of the last 15 minutes."""
    options = [option for option in call.query.get("options", "").split(",") if option]
    if any(option not in _OPTIONS for option in options):
        raise refusals.wrong_format("options")
    house = call.house
    emails = [account.email for account in house.desk.connected()]
    since = call.now - 900
    recent = [
        j
        for j in reversed(house.state.jobs.values())
        if j.user == call.user and j.ends >= since and j.spoiled != "job-vanished"
    ]
    shown: dict[str, Json] = {"emails": [ids.mask(email) for email in emails]}
    families = {
        "videos": [j for j in recent if j.family == "videos"],
        "images": [j for j in recent if j.family == "images"],
        "combined": recent,
    }
    for family, rows in families.items():
        shown[family] = {"summary": {ids.mask(email): _summary(call, email, rows) for email in emails}}
        if "executing" in options:
            shown[family]["executing"] = {j.id: _executing(j, call.now) for j in rows if j.ends > call.now}
        if "history" in options:
            ended = sorted((j for j in rows if j.ends <= call.now), key=lambda j: -j.ends)[:_HISTORY]
            shown[family]["history"] = {j.id: _history(j) for j in ended}
        resting = house.state.active_quarantines()
        if resting:
            shown[family]["quarantined"] = [
                {
                    "email": ids.mask(entry.email), "model": entry.model, "reason": entry.reason,
                    "since": times.iso(entry.since), "until": times.iso(entry.until),
                }
                for entry in resting
            ]  # fmt: skip
    return Answer(200, shown)


def _summary(call: Call, email: str, rows: list[Job]) -> dict[str, Json]:
    own = [j for j in rows if j.email == email]
    ended = [j for j in own if j.ends <= call.now]
    took = [int((j.ends - j.created) * 1000) for j in ended]
    return {
        "executing": len(own) - len(ended),
        "completed": sum(1 for j in ended if not j.failure),
        "failed": sum(1 for j in ended if j.failure),
        "rateLimited": sum(1 for _, kind, _ in call.house.state.recent(email) if kind == "rateLimited"),
        "avgResponseTime": sum(took) // max(1, len(took)),
        "score": call.house.desk.score(email),
    }


def _executing(j: Job, now: float) -> dict[str, Json]:
    elapsed = max(0, int(now - j.created))
    return {
        "email": ids.mask(j.email),
        "timestamp": times.iso(j.created),
        "elapsed": f"{elapsed // 60}:{elapsed % 60:02d}",
    }


def _history(j: Job) -> dict[str, Json]:
    return {
        "email": ids.mask(j.email),
        "timestamp": times.iso(j.ends),
        "httpStatus": j.http_status,
        "responseTime": int((j.ends - j.created) * 1000),
    }


# -- the user's account at useapi.net ---------------------------------------------------------------------


async def user_account(call: Call) -> Answer:
    """`GET` and `POST /v2/account`: the default webhook."""
    if call.method == "POST":
        body = call.body()
        for name in body:
            if name != "replyUrl":
                raise refusals.not_supported(name)
        url = body.get("replyUrl", "")
        if not isinstance(url, str):
            raise refusals.wrong_format("replyUrl")
        if len(url) > 1024:
            raise refusals.bad("replyUrl is too long")
        call.house.state.set("replyUrl", url)
    shown: dict[str, Json] = {"user": f"user:{call.user}", "subscription": "active"}
    if url := call.house.state.settings.get("replyUrl"):
        shown["replyUrl"] = url
    return Answer(200, shown)


async def user_stats(call: Call) -> Answer:
    """`GET /v2/account/stats`: counts per account, endpoint, model and status."""
    late = times.iso(call.now - STATS_LATE_S)
    counts = Counter(
        (j.email, j.operation, j.model, j.http_status)
        for j in call.house.state.jobs.values()
        if times.iso(j.created) <= late
    )
    data = [
        {
            "api": "google-flow", "email": ids.mask(email), "endpoint": operation, "model": model, "status": status,
            "count": count,
        }
        for (email, operation, model, status), count in counts.items()
    ]  # fmt: skip
    return Answer(200, {"total": sum(counts.values()), "data": data})
