"""Look for the job of a request whose answer was lost. Reads only; finding nothing proves nothing.

There is no list of jobs and no search. For fifteen minutes the load balancer's telemetry names jobs, for longer
the captcha log does (five to fifteen minutes late); each named job's record echoes the request it came from. Our
mark in that echo (`replyRef`) decides; where the service keeps no marks at all, a single record of the same
request within two minutes does.

Source: useapi.net Google Flow API v1 reference, `GET /jobs`, `GET /jobs/{jobId}`, captcha-stats, June 2026.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct, field

from veospec.errors import ApiError, Scope
from veospec.providers.base import Attempt, Json, Recovery
from veospec.providers.flow import ids, replies
from veospec.providers.flow.api import JOB, LOG, FlowApi
from veospec.providers.flow.fault_table import Kind

_BEFORE = timedelta(seconds=30)
_AFTER = timedelta(hours=1)
_TWIN = timedelta(minutes=2)
_LISTED_FOR = timedelta(minutes=20)
_LATE_LOG_AFTER = timedelta(minutes=2)
_MAX_RECORDS = 200
_LOG_ROWS = 500


class _Search(Struct):
    read: set[str] = field(default_factory=set)
    unmarked: list[replies.Job] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    unreadable: int = 0


async def find(api: FlowApi, attempt: Attempt, now: datetime) -> Recovery:
    """Return the job of an attempt when exactly one can be it."""
    search = _Search()
    age = now - attempt.created_at
    if age <= _LISTED_FOR:
        for option, words in (("executing", "running"), ("history", "recent")):
            seen = replies.telemetry(await _list(api, f"/jobs?options={option}"), option)
            found = await _look(api, attempt, seen, search, f"{words} jobs")
            if found:
                return _found(found, attempt, search)
    if age >= _LATE_LOG_AFTER:
        seen = replies.captcha_log(await _list(api, f"/accounts/captcha-stats?limit={_LOG_ROWS}"))
        found = await _look(api, attempt, seen, search, "jobs of the captcha log")
        if found:
            return _found(found, attempt, search)
    twins = {job.id: job for job in search.unmarked if _is_twin(job, attempt)}
    if len(twins) == 1 and not search.unreadable:  # what could not be read may be a twin as well
        return _found(next(iter(twins)), attempt, search)
    return Recovery(seen=_said(search, "none carries our mark"))


async def _list(api: FlowApi, path: str) -> Json:
    try:
        return await api.get(path, limits=LOG)
    except ApiError as error:
        if error.scope is Scope.RUN:
            raise
        return None


async def _look(api: FlowApi, attempt: Attempt, seen: Iterable[replies.Seen], search: _Search, words: str) -> str:
    fitting = [entry for entry in seen if _may_be(entry, attempt)]
    search.places.append(f"{len(fitting)} {words}")
    for entry in fitting:
        if entry.job_id in search.read:
            continue
        if len(search.read) >= _MAX_RECORDS:
            search.unreadable += 1
            continue
        search.read.add(entry.job_id)
        try:
            job = replies.job(await api.get(ids.job_path(entry.job_id), kind=Kind.POLL, limits=JOB))
        except ApiError as error:
            if error.scope is Scope.RUN:
                raise
            search.unreadable += 1
            continue
        if job.reply_ref == attempt.reply_ref:
            return entry.job_id
        if not job.reply_ref:
            search.unmarked.append(
                job if job.id else replies.Job(entry.job_id, job.state, (), "", job.request, entry.at)
            )
    return ""


def _may_be(entry: replies.Seen, attempt: Attempt) -> bool:
    if entry.email and attempt.account and not ids.same_email(entry.email, attempt.account):
        return False
    return entry.at is None or attempt.created_at - _BEFORE <= entry.at <= attempt.created_at + _AFTER


def _is_twin(job: replies.Job, attempt: Attempt) -> bool:
    at = job.created_at
    near = at is not None and abs(at - attempt.created_at) <= _TWIN
    return near and replies.same_request(job.request, attempt.body)


def _found(job_id: str, attempt: Attempt, search: _Search) -> Recovery:
    return Recovery(job_id, attempt.account, _said(search, "one of them is ours"))


def _said(search: _Search, verdict: str) -> str:
    looked = "looked at " + " and ".join(search.places) if search.places else "nothing could be looked at"
    unread = f"; {search.unreadable} could not be read" if search.unreadable else ""
    return f"{looked}; {verdict}{unread}"
