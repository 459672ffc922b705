"""The rows of the error table; `faults` reads them from the top and the first that fits counts.

Source: useapi.net Google Flow API v1 reference, errors, June 2026; Google's public reasons as seen in the Flow
front end, 11 September 2026.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from veospec.errors import (
    AccessDenied,
    ApiError,
    Charge,
    ContentRefused,
    JobError,
    OutOfCredits,
    Rejected,
    RequestInvalid,
    Scope,
    SubmissionUnknown,
    Throttled,
    Unauthorized,
    Unreachable,
)

NOT_FOUND = "REFERENCE_NOT_FOUND"
"""`ApiError.reason` of a media, voice or character id that the service no longer knows: upload again, once."""

JOB_GONE = ("JOB_NOT_FOUND", "JOB_EXPIRED")
UNTIL_MIDNIGHT = -1.0


class Kind(StrEnum):
    """What sort of call failed. Only `SUBMIT` may have cost something.

    `MAKE` yields a voice, a character, a gif or a join.
    """

    SUBMIT = "submit"
    POLL = "poll"
    UPLOAD = "upload"
    READ = "read"
    MAKE = "make"


ANY = frozenset(Kind)
_POLL = frozenset({Kind.POLL})
_SUBMIT = frozenset({Kind.SUBMIT})


class Row(Struct, frozen=True):
    """One line of the table. Empty `statuses`, `reasons` and `words` fit everything.

    `wait_s` is the least wait, `repeats` bounds how often the call is made again.
    """

    name: str
    error: type[ApiError]
    says: str
    hint: str
    statuses: frozenset[int] = frozenset()
    reasons: re.Pattern[str] | None = None
    words: re.Pattern[str] | None = None
    kinds: frozenset[Kind] = ANY
    scope: Scope = Scope.SHOT
    charge: Charge = Charge.NO
    wait_s: float | None = None
    is_json: bool | None = True
    reason: str = ""
    repeats: int | None = None


def reasons(*names: str) -> re.Pattern[str]:
    """Match one of Google's public reasons, whole, with either prefix."""
    return re.compile(rf"(?:PUBLIC_ERROR|FINISH_REASON)_(?:{'|'.join(names)})")


def words(pattern: str) -> re.Pattern[str]:
    """Match words of the service in any case."""
    return re.compile(pattern, re.IGNORECASE)


_REFUSED = reasons(
    *("UNSAFE_[A-Z_]+", "PROMINENT_PEOPLE[A-Z_]*", "VIOLENCE[A-Z_]*", "DANGER[A-Z_]*", "SEXUAL[A-Z_]*", "MINOR[A-Z_]*"),
    *("PHOTOREAL[A-Z_]*", "AUDIO_FILTERED", "IP_INPUT_IMAGE", "IMAGE_OUTPUT_IP_FILTER", "REPUTATIONAL[A-Z_]*"),
    *("VERTEX_SAFETY_FILTER_TRIGGERED", "TRUMP_FACE_DETECTED", "(?:CHILD|HATE|SAFETY)[A-Z_]*"),
    "[A-Z_]+_FILTER(?:_FAILED)?",
)
_EDIT = reasons("(?:INPUT_)?VIDEO_EDIT[A-Z_]*", "(?:INPUT_)?SPEECH_EDIT[A-Z_]*")
_TRAFFIC = reasons(
    *("HIGH_TRAFFIC", "MODEL_DISABLED_DUE_TO_TRAFFIC", "GENERATION_ALREADY_IN_PROGRESS", "MODEL_OVERLOADED"),
    *("CONCURRENT_LIMIT_REACHED", "VIDEO_GENERATION_TIMED_OUT", "VIDEO_UPLOAD_TIMEOUT", "SOMETHING_WENT_WRONG"),
    *("VERTEX_SERVICE_UNAVAILABLE", "UNUSUAL_ACTIVITY"),
)
_BAD_INPUT = reasons(
    *("NON_ENGLISH_PROMPT", "UNKNOWN_IMAGE_FILE_FORMAT", "IMAGE_TOO_LARGE", "IMAGE_TOO_SMALL"),
    *("VIDEO_DURATION_TOO_LONG", "VIDEO_UPLOAD_FAILED", "VERTEX_UNSUPPORTED_INPUT"),
)
_PROVEN = frozenset({400, 401, 402, 403, 404, 409, 410, 412, 413, 415, 422, 429, 503, 596})
_CONTENT_STATUSES = _PROVEN | {500}
# 2xx and 503 come here only as a page of somebody in between.
_GATEWAY = frozenset({200, 201, 202, 408, 500, 502, 503, 504, *range(520, 531)})

_CHANGE = "change the prompt or the pictures, most often the start picture; the same request is not sent again"
_LOOK = "nothing was sent again; run apply again to look for the job, or end it with `veospec resolve`"

MODERATED = Row("moderated", ContentRefused, "the content was refused", _CHANGE, frozenset({422}))

TABLE: tuple[Row, ...] = (
    Row(
        "edge-blocked",
        Unauthorized,
        "the edge of the network refused this program before the service saw it (HTML 403, error 1010)",
        "this is not about the token: update veospec, or ask useapi.net which User-Agent it lets through",
        statuses=frozenset({403}),
        scope=Scope.RUN,
        is_json=False,
        reason="EDGE_BLOCKED",
    ),
    Row(
        "token",
        Unauthorized,
        "the token was not accepted",
        "set USEAPI_TOKEN to the whole token, with its leading `user:`",
        statuses=frozenset({401}),
        scope=Scope.RUN,
        is_json=None,
    ),
    Row(
        "edit-refused",
        ContentRefused,
        "the edit was refused by moderation",
        "moderation of edits is random: one more try with another seed may pass, then change the prompt",
        statuses=_CONTENT_STATUSES,
        reasons=_EDIT,
    ),
    Row("content-refused", ContentRefused, "the content was refused", _CHANGE, _CONTENT_STATUSES, _REFUSED),
    Row(
        "subscription",
        OutOfCredits,
        "useapi.net reports no valid subscription",
        "renew the useapi.net subscription, then run apply again",
        statuses=frozenset({402}),
        words=words("subscription"),
        scope=Scope.RUN,
        is_json=None,
    ),
    Row(
        "money",
        OutOfCredits,
        "the account has no credits left, or its plan has ended",
        "add Flow credits or use another account, then run apply again",
        statuses=frozenset({402, 412}),
        scope=Scope.ACCOUNT,
        is_json=None,
    ),
    Row(
        "captcha-quality",
        Throttled,
        "Google refused every captcha token",
        "if it repeats, rest the account for half an hour or configure more captcha providers at useapi.net",
        statuses=frozenset({403}),
        words=words("captcha_quality|UNUSUAL_ACTIVITY"),
        scope=Scope.ACCOUNT,
        wait_s=60,
        reason="CAPTCHA_QUALITY",
        repeats=2,
    ),
    Row(
        "model-denied",
        AccessDenied,
        "the account has no right to this model",
        "choose another model or account; `veospec models` lists the plans that may use it",
        statuses=_PROVEN,
        reasons=reasons("MODEL_ACCESS_DENIED"),
        scope=Scope.MODEL,
    ),
    Row(
        "tier",
        AccessDenied,
        "the plan of the account does not include this request",
        "choose another model, length or account; `veospec models` lists the plans",
        statuses=frozenset({400, 403}),
        words=words(r"\btier\b.*does not have access"),
        reason="PLAN",
    ),
    Row(
        "account-barred",
        AccessDenied,
        "Google does not serve this account",
        "use an account of an adult in a region where Flow is offered",
        statuses=_PROVEN,
        reasons=reasons("USER_REGION_DISALLOWED", "USER_MINOR"),
        scope=Scope.ACCOUNT,
    ),
    Row(
        "foreign",
        AccessDenied,
        "an id in the request belongs to another user of useapi.net",
        "forget the remembered upload: it was made with another token",
        statuses=frozenset({403}),
        words=words("Unauthorized access to user"),
        reason="FOREIGN_REFERENCE",
    ),
    Row("bad-input", RequestInvalid, "an input cannot be used", "replace the input file", _PROVEN, _BAD_INPUT),
    Row(
        "mismatch",
        RequestInvalid,
        "the media of this request belong to several accounts",
        "name one account in USEAPI_EMAIL",
        statuses=frozenset({400}),
        words=words("Email mismatch"),
        reason="EMAIL_MISMATCH",
    ),
    Row(
        "daily-quota",
        Throttled,
        "the daily quota of this model is used up until midnight UTC",
        "use another model or account, or run apply again after midnight UTC",
        statuses=_PROVEN,
        reasons=reasons("PER_MODEL_DAILY_QUOTA_REACHED(?:_UPGRADEABLE)?"),
        scope=Scope.MODEL,
        wait_s=UNTIL_MIDNIGHT,
    ),
    Row(
        "no-account",
        Throttled,
        "no connected account is free for this model",
        "wait, or connect another account at useapi.net",
        statuses=frozenset({429}),
        words=words("no_eligible_account"),
        scope=Scope.MODEL,
        wait_s=60,
        reason="NO_ELIGIBLE_ACCOUNT",
    ),
    Row(
        "quota",
        Throttled,
        "the quota of the account is used up for now",
        "wait, or use another account",
        statuses=_PROVEN,
        reasons=reasons("USER_QUOTA_REACHED", "WORKSPACE_ACCOUNT_QUOTA_REACHED", "VERTEX_QUOTA_EXHAUSTED(?:_ADMIN)?"),
        scope=Scope.ACCOUNT,
        wait_s=1800,
    ),
    Row(
        "throttled",
        Throttled,
        "too many requests at once; every model of the account rests",
        "lower --jobs-per-account to 1",
        statuses=_PROVEN,
        reasons=reasons("USER_REQUESTS_THROTTLED"),
        scope=Scope.ACCOUNT,
        wait_s=1800,
    ),
    Row(
        "low-score",
        Throttled,
        "Google scored the captcha token too low",
        "it passes by itself; more captcha providers at useapi.net help",
        statuses=_PROVEN,
        reasons=reasons("UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"),
        wait_s=60,
    ),
    Row(
        "captcha-empty",
        OutOfCredits,
        "the captcha provider has no balance left",
        "top up the captcha provider that is configured at useapi.net",
        statuses=frozenset({503}),
        words=words("ZERO_BALANCE|no (?:free )?captcha credits"),
        scope=Scope.RUN,
        reason="CAPTCHA_ZERO_BALANCE",
    ),
    Row(
        "captcha-down",
        Throttled,
        "the captcha provider failed",
        "it is tried again; see `veospec doctor` for the configured providers",
        statuses=frozenset({503}),
        words=words("captcha service"),
        wait_s=60,
        reason="CAPTCHA_SERVICE",
    ),
    Row(
        "traffic",
        Throttled,
        "Google is overloaded",
        "wait; fewer references or takes help",
        _PROVEN,
        _TRAFFIC,
        wait_s=10,
    ),
    Row(
        "session",
        Unauthorized,
        "the Google session of the account is dead",
        "reconnect the account on useapi.net's setup page, and do not open it in a normal browser meanwhile",
        statuses=frozenset({596}),
        scope=Scope.ACCOUNT,
        is_json=None,
        reason="SESSION_DEAD",
    ),
    Row(
        "job-expired",
        JobError,
        "the record of the job is gone (kept for about seven days)",
        "look for the clip on Google Flow's own page, then end it with `veospec resolve`",
        statuses=frozenset({410}),
        kinds=_POLL,
        charge=Charge.UNKNOWN,
        reason="JOB_EXPIRED",
    ),
    Row(
        "job-unknown",
        JobError,
        "the service does not know the job (any more)",
        "look for the clip on Google Flow's own page, then end it with `veospec resolve`",
        statuses=frozenset({404}),
        kinds=_POLL,
        charge=Charge.UNKNOWN,
        reason="JOB_NOT_FOUND",
    ),
    Row(
        "reference-gone",
        RequestInvalid,
        "the service no longer knows an uploaded or generated file",
        "it is uploaded again from your copy",
        statuses=frozenset({400, 404, 410}),
        words=words(
            r"(?:asset|media|image|video|reference|character|voice|mediaGenerationId|user:\d).{0,600}"
            r"(?:not found|does not exist|was deleted)"
            r"|(?:not found|unknown).{0,80}(?:asset|media|image|video|character|voice)"
        ),
        reason=NOT_FOUND,
    ),
    Row(
        "account-gone",
        Unauthorized,
        "the account is not connected at useapi.net",
        "compare USEAPI_EMAIL with the accounts that `veospec doctor` lists",
        statuses=frozenset({404}),
        words=words("account|email|user"),
        scope=Scope.ACCOUNT,
        reason="ACCOUNT_NOT_FOUND",
    ),
    Row(
        "parameter",
        RequestInvalid,
        "the service does not accept the request",
        "compare it with `veospec show`; if the spec is right, the service has changed: report it",
        statuses=frozenset({400, 404, 405, 409, 413, 414, 415}),
    ),
    MODERATED,
    Row(
        "forbidden", AccessDenied, "the service forbids this request", "check the plan of the account", frozenset({403})
    ),
    # Also without a document of the service: whoever answers 429 has refused to pass the request on.
    Row(
        "busy", Throttled, "the service is busy", "wait", frozenset({429}), scope=Scope.ACCOUNT, wait_s=30, is_json=None
    ),
    Row("overloaded", Throttled, "Google is unavailable for the moment", "wait", frozenset({503}), wait_s=10),
    Row(
        "submission-unknown",
        SubmissionUnknown,
        "the answer does not tell whether a paid job was started",
        _LOOK,
        kinds=_SUBMIT,
        charge=Charge.UNKNOWN,
        is_json=None,
    ),
    Row(
        "gateway",
        Unreachable,
        "the service did not answer properly",
        "run the same command again",
        _GATEWAY,
        wait_s=15,
        is_json=None,
    ),
    Row("other", Rejected, "the service answered something unexpected", "report it", is_json=None),
)

PICTURE_500 = Row(
    "picture-500",
    JobError,
    "the service failed to make the picture; often this is moderation without a reason",
    "one more try may pass; then change the prompt or the model",
    wait_s=15,
    reason="INTERNAL",
    repeats=1,
)
"""Pictures are free and made while one waits, so their 500 is a failure and not a lost answer."""

JOB_FAILED = Row(
    "job-failed",
    JobError,
    "the job ended without a result",
    "failed jobs are reported as not charged; run apply with the retry option to buy it again",
)
