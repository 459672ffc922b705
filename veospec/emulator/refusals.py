"""Every "no" of the service: status, body and headers, in the shapes that the real one uses.

Source of all shapes and texts: useapi.net Google Flow API v1 reference, error bodies and status tables, June to
November 2026. Where the reference gives no text the words are ours; a client must not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from veospec.emulator import times

Json: TypeAlias = Any

DOCS = "https://useapi.net/assets/aibot/api-google-flow-v1.txt"


class Refusal(Exception):
    """An answer that is not the wanted one. `body` is JSON when it is a dict, else HTML."""

    def __init__(self, status: int, body: dict[str, Json] | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def plain(status: int, text: str) -> Refusal:
    """`{"error": text, "code": status}`."""
    return Refusal(status, {"error": text, "code": status})


def bad(text: str) -> Refusal:
    """A request that is not valid."""
    return plain(400, text)


def not_supported(name: str) -> Refusal:
    """A field that this call does not know."""
    return bad(f"Parameter {name} not supported")


def wrong_format(name: str) -> Refusal:
    """A value of the wrong type, shape or range."""
    return bad(f"Parameter {name} has incorrect format")


def required(name: str) -> Refusal:
    """A field that must be there."""
    return bad(f"Parameter {name} is required")


def unauthorized() -> Refusal:
    """The token is missing, misspelt or another one."""
    return Refusal(401, {"error": "Unauthorized"})


def not_found(text: str) -> Refusal:
    """An account, asset, voice or character that is not there."""
    return plain(404, text)


def endpoint_not_found() -> Refusal:
    """No such path."""
    return Refusal(404, {"error": "Endpoint not found", "code": 404, "hint": {"llm_docs": DOCS}})


def wrong_method(allowed: str) -> Refusal:
    """The path exists, the method does not."""
    body = {"error": "Method not allowed", "code": 405, "hint": {"llm_docs": DOCS}}
    return Refusal(405, body, {"Allow": allowed})


def foreign(owner: str) -> Refusal:
    """A reference that belongs to another user of the service."""
    return plain(403, f"Unauthorized access to user:{owner} detected")


STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_MESSAGES = {
    400: "Request contains an invalid argument.",
    403: "The caller does not have permission",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}


def google_error(status: int, reason: str) -> dict[str, Json]:
    """Return Google's own error object."""
    return {
        "code": status,
        "message": _MESSAGES.get(status, "Unknown error"),
        "status": STATUS_NAMES.get(status, "UNKNOWN"),
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}],
    }


def google(status: int, reason: str) -> Refusal:
    """A refusal that Google itself gave, passed through."""
    return Refusal(status, {"error": google_error(status, reason)})


def internal() -> Refusal:
    """Google's own failure, which names no reason."""
    error = google_error(500, "")
    del error["details"]
    return Refusal(500, {"error": error})


def full_reason(reason: str) -> str:
    """Return the reason with the prefix that it travels with."""
    return reason if reason.startswith(("PUBLIC_ERROR_", "FINISH_REASON_")) else f"PUBLIC_ERROR_{reason}"


def throttled(reason: str, *, now: float, retry_s: float) -> Refusal:
    """A 429 of Google; the body's time and the header's seconds say the same."""
    body = {"error": google_error(429, reason), "retryAfter": times.iso(now + retry_s)}
    return Refusal(429, body, {"Retry-After": str(math.ceil(retry_s))})


def no_eligible_account(skipped: list[dict[str, Json]], *, now: float, retry_s: float) -> Refusal:
    """The load balancer has nobody left for a model."""
    body = {
        "error": "no_eligible_account",
        "message": "No account is available for this model right now",
        "retryAfter": times.iso(now + retry_s),
        "skipReasons": skipped,
    }
    return Refusal(429, body, {"Retry-After": str(math.ceil(retry_s))})


def captcha_quality(attempts: int) -> Refusal:
    """Google did not like any of the captcha tokens."""
    text = f"captcha_quality: PUBLIC_ERROR_UNUSUAL_ACTIVITY reCAPTCHA evaluation failed after {attempts} attempts"
    return plain(403, text)


def captcha_service(text: str) -> Refusal:
    """The captcha provider failed."""
    return plain(503, f"Captcha service failed: {text}")


def html(status: int, title: str, text: str) -> Refusal:
    """A page of the edge in front of the service."""
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
    return Refusal(status, page, {"Server": "cloudflare"})


def banned_agent() -> Refusal:
    """The edge does not like the User-Agent."""
    return html(403, "Access denied", "error code: 1010. The owner of this website has banned your browser signature.")


def out_of_credits(needed: int, left: int) -> Refusal:
    """The Google account cannot pay."""
    return plain(402, f"Not enough Flow credits: {needed} needed, {left} left")


def no_subscription() -> Refusal:
    """The useapi.net account is not paid."""
    return plain(402, "Account has no subscription or subscription expired")
