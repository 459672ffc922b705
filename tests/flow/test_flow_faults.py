"""The error table: every row of the service's error list, what it costs, what it stops, how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flow_builders import CANARY, EMAIL, NOW

from veospec.errors import (
    AccessDenied,
    ApiError,
    Charge,
    ContentRefused,
    Exit,
    JobError,
    OutOfCredits,
    RequestInvalid,
    Scope,
    SubmissionUnknown,
    Throttled,
    Unauthorized,
    Unreachable,
)
from veospec.providers.flow.config import Token
from veospec.providers.flow.fault_table import NOT_FOUND, TABLE, Kind
from veospec.providers.flow.faults import Failure, explain, explain_job

SHOT, MODEL, ACCOUNT, RUN = Scope.SHOT, Scope.MODEL, Scope.ACCOUNT, Scope.RUN
TO_MIDNIGHT = 14 * 3600.0


def google(code: int, reason: str, status: str = "") -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": f"PUBLIC_ERROR_{reason}"}]
    return {"error": {"code": code, "message": "from Google", "status": status, "details": details}}


@dataclass
class Case:
    name: str
    status: int
    body: Any
    error: type[ApiError]
    scope: Scope = SHOT
    wait: float | None = None
    charge: Charge = Charge.NO
    retry_after: str = ""
    kind: Kind = Kind.SUBMIT


UNKNOWN = Charge.UNKNOWN
HTML = None
TIER = "Tier 'PAYGATE_TIER_NOT_PAID' does not have access to 'x' model for I2V mode"
CAPTCHA = "captcha_quality: PUBLIC_ERROR_UNUSUAL_ACTIVITY after 5 attempts"
TOO_BIG = "File size (30000000) is over 20971520 bytes"
LATER = {"retryAfter": "2026-06-15T10:30:00.000Z"}
SOON = {"retryAfter": "2026-06-15T10:00:30Z"}
ROWS = [
    Case("parameter", 400, {"error": "Parameter replyUri not supported"}, RequestInvalid),
    Case("mismatch", 400, {"error": "Email mismatch: body has 'a', references have 'b'", "code": 400}, RequestInvalid),
    Case("tier", 400, {"error": TIER}, AccessDenied),
    Case("unsafe", 400, google(400, "UNSAFE_GENERATION"), ContentRefused),
    Case("trump", 400, google(400, "TRUMP_FACE_DETECTED"), ContentRefused),
    Case("minor something", 400, google(400, "MINOR_NEW_WORD"), ContentRefused),
    Case("edit", 400, {"error": {"message": "FINISH_REASON_INPUT_VIDEO_EDIT"}}, ContentRefused),
    Case("speech edit", 400, {"error": "FINISH_REASON_INPUT_SPEECH_EDIT"}, ContentRefused),
    Case("token", 401, {"error": "Unauthorized"}, Unauthorized, RUN),
    Case("token, page", 401, HTML, Unauthorized, RUN),
    Case("subscription", 402, {"error": "Account has no subscription or subscription expired"}, OutOfCredits, RUN),
    Case("credits", 402, {"error": "not enough"}, OutOfCredits, ACCOUNT),
    Case("captcha quality", 403, {"error": CAPTCHA}, Throttled, ACCOUNT, 60),
    Case("no right", 403, google(403, "MODEL_ACCESS_DENIED"), AccessDenied, MODEL),
    Case("foreign", 403, {"error": "Unauthorized access to user:778 detected"}, AccessDenied),
    Case("edge", 403, HTML, Unauthorized, RUN),
    Case("other 403", 403, {"error": "no"}, AccessDenied),
    Case("asset gone", 404, {"error": "Asset user:777-email:61-image:x not found"}, RequestInvalid),
    Case("account gone", 404, {"error": "Account not found"}, Unauthorized, ACCOUNT),
    Case("wrong path", 404, {"error": "Endpoint not found", "hint": {"llm_docs": "x"}}, RequestInvalid),
    Case("sync limit", 408, {"error": "Polling timeout"}, SubmissionUnknown, charge=UNKNOWN),
    Case("412", 412, {"error": "Not enough credits…"}, OutOfCredits, ACCOUNT),
    Case("422", 422, {"error": "moderation"}, ContentRefused),
    Case("low score", 429, google(429, "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"), Throttled, SHOT, 60),
    Case("throttled", 429, google(429, "USER_REQUESTS_THROTTLED") | LATER, Throttled, ACCOUNT, 1800, retry_after="60"),
    Case("throttled, header later", 429, google(429, "USER_REQUESTS_THROTTLED") | SOON,
         Throttled, ACCOUNT, 90, retry_after="90"),
    Case("throttled, no hint", 429, google(429, "USER_REQUESTS_THROTTLED"), Throttled, ACCOUNT, 1800),
    Case("quota", 429, google(429, "USER_QUOTA_REACHED"), Throttled, ACCOUNT, 1800),
    Case("daily", 429, google(429, "PER_MODEL_DAILY_QUOTA_REACHED"), Throttled, MODEL, TO_MIDNIGHT),
    Case("daily, upgradeable", 429, google(429, "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE"), Throttled, MODEL,
         TO_MIDNIGHT),
    Case("nobody", 429, {"error": "no_eligible_account", "message": "m", "retryAfter": "2026-06-15T11:00:00.000Z",
                         "skipReasons": [{"email": "st***@example.com", "model": "veo-3.1-fast",
                                          "reason": "THROTTLED"}]}, Throttled, MODEL, 3600),
    Case("busy", 429, {"error": "busy"}, Throttled, ACCOUNT, 30),
    Case("busy, told", 429, {"error": "busy"}, Throttled, ACCOUNT, 7, retry_after="7"),
    Case("429 of somebody else", 429, HTML, Throttled, ACCOUNT, 30),
    Case("429 without a body", 429, None, Throttled, ACCOUNT, 7, retry_after="7"),
    Case("internal", 500, {"error": "API error: 500"}, SubmissionUnknown, charge=UNKNOWN),
    Case("500 that says refused", 500, google(500, "UNSAFE_GENERATION"), ContentRefused),
    Case("502", 502, HTML, SubmissionUnknown, charge=UNKNOWN),
    Case("502 with JSON", 502, {"error": "bad gateway"}, SubmissionUnknown, charge=UNKNOWN),
    Case("504", 504, HTML, SubmissionUnknown, charge=UNKNOWN),
    Case("520", 520, HTML, SubmissionUnknown, charge=UNKNOWN),
    Case("unavailable", 503, {"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, Throttled, SHOT, 10),
    Case("high traffic", 503, google(503, "HIGH_TRAFFIC"), Throttled, SHOT, 10),
    Case("overloaded", 503, google(503, "MODEL_OVERLOADED"), Throttled, SHOT, 10),
    Case("captcha empty", 503, {"error": "Captcha service failed: ERROR_ZERO_BALANCE"}, OutOfCredits, RUN),
    Case("captcha down", 503, {"error": "Captcha service failed: timeout"}, Throttled, SHOT, 60),
    Case("503 page", 503, HTML, SubmissionUnknown, charge=UNKNOWN),
    Case("session", 596, {"error": "Failed to refresh session"}, Unauthorized, ACCOUNT),
    Case("redirect", 307, HTML, SubmissionUnknown, charge=UNKNOWN),
    Case("accepted without sense", 200, HTML, SubmissionUnknown, charge=UNKNOWN),
    # Free calls can be made again, so nothing about them is ever unknown.
    Case("poll 502", 502, HTML, Unreachable, wait=15, kind=Kind.POLL),
    Case("poll 500", 500, {"error": "x"}, Unreachable, wait=15, kind=Kind.POLL),
    Case("poll 503", 503, {"error": "x"}, Throttled, wait=10, kind=Kind.POLL),
    Case("poll 429", 429, {"error": "x"}, Throttled, ACCOUNT, 30, kind=Kind.POLL),
    Case("poll 404", 404, {"error": "Job not found"}, JobError, charge=UNKNOWN, kind=Kind.POLL),
    Case("poll 410", 410, {"error": "Job has expired", "code": 410}, JobError, charge=UNKNOWN, kind=Kind.POLL),
    Case("poll 400", 400, {"error": "Invalid job ID format"}, RequestInvalid, kind=Kind.POLL),
    Case("poll 403", 403, {"error": "Unauthorized access to user:1"}, AccessDenied, kind=Kind.POLL),
    Case("poll answers a page", 200, HTML, Unreachable, wait=15, kind=Kind.POLL),
    Case("upload too large", 400, {"error": TOO_BIG}, RequestInvalid, kind=Kind.UPLOAD),
    Case("upload too large, 413", 413, {"error": "too large"}, RequestInvalid, kind=Kind.UPLOAD),
    Case("upload refused", 400, google(400, "PROMINENT_PEOPLE_UPLOAD"), ContentRefused, kind=Kind.UPLOAD),
    Case("upload outage", 503, {"error": "x"}, Throttled, wait=10, kind=Kind.UPLOAD),
    Case("upload to nobody", 404, {"error": "Account a@b not found"}, Unauthorized, ACCOUNT, kind=Kind.UPLOAD),
    Case("join limit", 408, {"error": "Polling timeout"}, Unreachable, wait=15, kind=Kind.MAKE),
]  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_row(case: Case) -> None:
    """Status and reason together decide class, charge, scope and wait."""
    failure = Failure(case.kind, "/videos", case.status, case.body, case.retry_after, "<html>")
    error = explain(failure, now=NOW, email=EMAIL)
    assert (case.error, case.charge, case.scope, case.wait) == (
        type(error),
        error.charge,
        error.scope,
        error.retry_after_s,
    )
    assert error.hint
    assert "/videos" in error.message


REASONS: dict[type[ApiError], str] = {
    ContentRefused: "UNSAFE_GENERATION UNSAFE_IMAGE_UPLOAD UNSAFE_VIDEO_UPLOAD PROMINENT_PEOPLE_FILTER_FAILED "
    "PROMINENT_PEOPLE_UPLOAD PROMINENT_PEOPLE_INPUT_IMAGE VIOLENCE_FILTER DANGER_FILTER SEXUAL SEXUAL_UPLOAD MINOR "
    "MINOR_UPLOAD MINOR_HARM_UPLOAD MINOR_INPUT_IMAGE PHOTOREAL_UPLOAD PHOTOREAL_INPUT_IMAGE AUDIO_FILTERED "
    "IP_INPUT_IMAGE IMAGE_OUTPUT_IP_FILTER REPUTATIONAL VERTEX_SAFETY_FILTER_TRIGGERED SPEECH_EDIT VIDEO_EDIT "
    "UNSAFE_SEARCH",
    Throttled: "USER_REQUESTS_THROTTLED HIGH_TRAFFIC MODEL_DISABLED_DUE_TO_TRAFFIC GENERATION_ALREADY_IN_PROGRESS "
    "MODEL_OVERLOADED UNUSUAL_ACTIVITY UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC CONCURRENT_LIMIT_REACHED "
    "VIDEO_GENERATION_TIMED_OUT VIDEO_UPLOAD_TIMEOUT SOMETHING_WENT_WRONG VERTEX_SERVICE_UNAVAILABLE "
    "USER_QUOTA_REACHED PER_MODEL_DAILY_QUOTA_REACHED PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE "
    "WORKSPACE_ACCOUNT_QUOTA_REACHED VERTEX_QUOTA_EXHAUSTED VERTEX_QUOTA_EXHAUSTED_ADMIN",
    AccessDenied: "MODEL_ACCESS_DENIED USER_REGION_DISALLOWED USER_MINOR",
    RequestInvalid: "NON_ENGLISH_PROMPT UNKNOWN_IMAGE_FILE_FORMAT IMAGE_TOO_LARGE IMAGE_TOO_SMALL "
    "VIDEO_DURATION_TOO_LONG VIDEO_UPLOAD_FAILED VERTEX_UNSUPPORTED_INPUT",
}
NAMED = [(error, reason) for error, reasons in REASONS.items() for reason in reasons.split()]


@pytest.mark.parametrize(("error", "reason"), NAMED)
def test_google_reason(error: type[ApiError], reason: str) -> None:
    """Each public reason has its class, whichever of the proven statuses carries it."""
    for status in (400, 403, 429, 503):
        found = explain(Failure(Kind.SUBMIT, "/videos", status, google(status, reason)), now=NOW)
        assert (error, Charge.NO) == (type(found), found.charge), status


@pytest.mark.parametrize(
    ("status", "error"), [(400, RequestInvalid), (403, AccessDenied), (429, Throttled), (503, Throttled)]
)
def test_an_unknown_reason_is_judged_by_status(status: int, error: type[ApiError]) -> None:
    """A word Google made up yesterday does not break the classification."""
    found = explain(Failure(Kind.SUBMIT, "/videos", status, google(status, "BRAND_NEW")), now=NOW)
    assert (error, "PUBLIC_ERROR_BRAND_NEW") == (type(found), found.reason)


def test_a_dead_reference_is_named_as_such() -> None:
    """The caller uploads again; it must not read texts for that."""
    for status, text in ((404, "Asset not found"), (400, "mediaGenerationId user:7-email:61-image:x not found")):
        found = explain(Failure(Kind.SUBMIT, "/videos", status, {"error": text}), now=NOW)
        assert found.reason == NOT_FOUND


def test_a_picture_that_fails_is_a_failure_and_not_a_lost_answer() -> None:
    """500 on pictures is mostly moderation; pictures are free and made while one waits."""
    failure = Failure(Kind.SUBMIT, "/images", 500, {"error": "API error: 500"})
    found = explain(failure, now=NOW, is_picture=True)
    assert (JobError, Charge.NO, 15.0) == (type(found), found.charge, found.retry_after_s)


def test_no_submission_is_called_free_of_charge_by_anything_but_json_or_a_clear_status() -> None:
    """Every status there is, without JSON: either unknown, or one that only a refusal has."""
    for status in (*range(200, 600),):
        found = explain(Failure(Kind.SUBMIT, "/videos", status), now=NOW)
        assert (found.charge is UNKNOWN) == (status not in (401, 402, 403, 412, 429, 596)), status


JOBS: list[tuple[str, dict[str, Any], type[ApiError]]] = [
    (
        "moderated",
        {"error": "API error: 400", "code": 400, "response": google(400, "UNSAFE_GENERATION")},
        ContentRefused,
    ),
    ("moderated in words", {"error": "Blocked by safety filters"}, ContentRefused),
    ("internal", {"error": "API error: 500", "code": 500}, JobError),
    ("traffic: a resubmit is a new purchase", {"error": "x", "response": google(503, "HIGH_TRAFFIC")}, JobError),
    ("no right", {"error": "x", "response": google(403, "MODEL_ACCESS_DENIED")}, AccessDenied),
    ("nothing said", {}, JobError),
    ("our own words", {"error": "x", "request": {"prompt": "PUBLIC_ERROR_UNSAFE_GENERATION"}}, JobError),
]


@pytest.mark.parametrize(("record", "error"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS])
def test_failed_job(record: dict[str, Any], error: type[ApiError]) -> None:
    """A job that failed is never bought again by itself."""
    found = explain_job(record | {"status": "failed"}, now=NOW)
    assert (error, None) == (type(found), found.retry_after_s)


def test_the_token_is_cut_out_of_what_the_service_says() -> None:
    """An answer that repeats the header must not carry it into a log."""
    token = Token(CANARY)
    for spelling in (CANARY, CANARY.replace(":", "%3A")):
        failure = Failure(Kind.SUBMIT, "/videos", 400, {"error": f"bad header Bearer {spelling} x"})
        found = explain(failure, now=NOW, redact=token.redact)
        assert "CANARY" not in found.message
        assert "***" in found.message
    assert "***" == repr(token) == str(token) == f"{token}"


def test_control_characters_do_not_reach_a_message() -> None:
    """A terminal or a log line stays one."""
    found = explain(Failure(Kind.SUBMIT, "/videos", 400, {"error": "a\x1b[2Jb\r\n::stop::\u202ec"}), now=NOW)
    assert not set(found.message) & {"\x1b", "\r", "\n", "\u202e"}


def test_what_stops_the_run_exits_with_8() -> None:
    """401, 402, 596 and an empty captcha provider."""
    for case in ROWS:
        if case.name in ("token", "subscription", "credits", "captcha empty", "session", "edge"):
            found = explain(Failure(case.kind, "/videos", case.status, case.body), now=NOW)
            assert found.exit_code == Exit.STOPPED, case.name


def test_row_names_are_unique_and_the_last_row_fits_everything() -> None:
    """No row shadows another by name, and no answer falls through."""
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
    assert not TABLE[-1].statuses
    assert TABLE[-1].is_json is None
