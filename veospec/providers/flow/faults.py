"""What a failed call means, as one table: which error, what it may have cost, what else stops, how long to wait.

The first row that fits counts. A row is found by status *and* reason, because one status has several meanings
here; a reason nobody has listed is judged by its status alone. Pure: the clock and the answer come in.

The rule behind the table: only a rejection that the service itself wrote (JSON) proves that nothing was
started. Whatever else answers a paying request (a gateway's page, a redirect, 408, 500, 502, 504, an accepting
status without a job id) leaves it *unknown*, and an unknown request is never sent again by the program.

Source: useapi.net Google Flow API v1 reference, errors, June 2026; Google's public reasons as seen in the Flow
front end, 11 September 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from veospec.errors import AccessDenied, ApiError, ContentRefused, RequestInvalid, Scope
from veospec.providers.base import Json
from veospec.providers.flow import readers, replies
from veospec.providers.flow.fault_table import (
    JOB_FAILED,
    MODERATED,
    PICTURE_500,
    TABLE,
    UNTIL_MIDNIGHT,
    Kind,
    Row,
    words,
)


class Failure(Struct, frozen=True):
    """An answer that is no success. `document` is None when the body is no JSON; `path` is for the message.

    What the service said is not printed.
    """

    kind: Kind
    path: str
    status: int
    document: Json = None
    retry_after: str = ""
    page: str = ""

    def __repr__(self) -> str:
        return f"Failure({self.kind!r}, {self.path!r}, {self.status})"


_FINAL = (ContentRefused, AccessDenied, RequestInvalid)
_REFUSED_WORDS = words(
    r"\b(?:danger|prominent|safety|policy|filter\w*|unsafe|sexual|child|violence|blocked|moderat\w+)\b"
)


def explain(
    failure: Failure, *, now: datetime, email: str = "", redact: Callable[[str], str] = str, is_picture: bool = False
) -> ApiError:
    """Return the error of a failed call. `redact` is applied to everything that the service said."""
    found = replies.reasons(failure.document)
    said = replies.failure_text(failure.document) if failure.document is not None else failure.page
    searched = f"{said} {' '.join(found)}"
    row = next(row for row in TABLE if _fits(row, failure, found, searched))
    if is_picture and failure.status == 500 and row.name == "submission-unknown" and failure.document is not None:
        row = PICTURE_500
    return _error(row, failure, found, redact(said), now, email)


def explain_job(document: Json, *, now: datetime, email: str = "", redact: Callable[[str], str] = str) -> ApiError:
    """Return the error of a job record whose state is `failed`."""
    found = replies.reasons(document)
    said = replies.failure_text(document)
    status = readers.number(readers.dig(document, "code")) or readers.number(
        readers.dig(document, "response", "error", "code")
    )
    failure = Failure(Kind.POLL, "job", status or 200, document)
    row = next((row for row in TABLE if row.error in _FINAL and row.reasons and _named(row.reasons, found)), JOB_FAILED)
    if not found and _REFUSED_WORDS.search(said):
        row = MODERATED
    return _error(row, failure, found, redact(said), now, email)


def _fits(row: Row, failure: Failure, found: tuple[str, ...], searched: str) -> bool:
    if failure.kind not in row.kinds or (row.statuses and failure.status not in row.statuses):
        return False
    if row.is_json is not None and row.is_json != isinstance(failure.document, Mapping):
        return False
    if row.reasons is not None and not _named(row.reasons, found):
        return False
    return row.words is None or row.words.search(searched) is not None


def _named(pattern: re.Pattern[str], found: tuple[str, ...]) -> bool:
    return any(pattern.fullmatch(reason) for reason in found)


def _error(row: Row, failure: Failure, found: tuple[str, ...], said: str, now: datetime, email: str) -> ApiError:
    wait = row.wait_s
    if wait is not None:
        told = readers.retry_after_s(failure.retry_after, failure.document, now)
        least = _to_midnight_s(now) if wait == UNTIL_MIDNIGHT else wait
        wait = max(told, 1.0) if told is not None else least
    code = str(failure.status) if failure.status != 200 else ""
    detail = ": ".join(part for part in (code, said[:300] or ", ".join(found)) if part)
    who = f" of {email}" if email and row.scope is Scope.ACCOUNT else ""
    return row.error(
        f"{failure.path}{who}: {row.says}{f' ({detail})' if detail else ''}",
        row.hint,
        operation=failure.path,
        charge=row.charge,
        scope=row.scope,
        retry_after_s=wait,
        reason=row.reason or (found[0] if found else ""),
        repeats=row.repeats,
    )


def _to_midnight_s(now: datetime) -> float:
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
