"""Carry out the faults of a script on the wire: wrong answers, torn connections, slow bytes.

What HTTP forbids (a length that is not true, no answer at all) is written to the socket past the web server; its
protocol class puts the transport into the scope for that (`serve`).
"""

from __future__ import annotations

import asyncio
import json
import re
from asyncio import Transport
from http import HTTPStatus

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from veospec.emulator import refusals
from veospec.emulator.faults import GENERATING, Rule, Sight
from veospec.emulator.refusals import Refusal
from veospec.emulator.state import Account
from veospec.emulator.web import Answer, House

TRANSPORT = "veospec.transport"
_CHUNK = 256 << 10
_PADDING = 16 << 20


class Wire:
    """The connection of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.status = 0

    async def answer(self, answer: Answer) -> None:
        """Send an answer as it should be."""
        content, media_type = answer.encoded()
        await self.begin(answer, media_type, length=int(answer.headers.get("Content-Length", len(content))))
        if self._scope["method"] == "HEAD":
            content = b""
        last = max(0, len(content) - 1) // _CHUNK * _CHUNK
        for at in range(0, last + 1, _CHUNK):
            await self.send(content[at : at + _CHUNK], more=at < last)

    async def begin(self, answer: Answer, media_type: str, *, length: int) -> None:
        """Send the head."""
        self.status = answer.status
        headers = [(b"content-type", media_type.encode("latin-1")), (b"content-length", str(length).encode())]
        for name, value in answer.headers.items():
            if name != "Content-Length":
                headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def send(self, content: bytes, *, more: bool) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": content, "more_body": more})

    async def cut(self) -> None:
        """Close the connection without a word."""
        transport = self._transport()
        if transport:
            transport.abort()
        await self._gone()

    async def raw(self, answer: Answer, content: bytes, *, length: int | None) -> None:
        """Write an answer past the web server, with any length or none, then close."""
        self.status = answer.status
        _, media_type = answer.encoded()
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = ""
        lines = [f"HTTP/1.1 {answer.status} {phrase}", f"content-type: {media_type}", "connection: close"]
        if length is not None:
            lines.append(f"content-length: {length}")
        lines += [f"{name.lower()}: {value}" for name, value in answer.headers.items() if name != "Content-Length"]
        transport = self._transport()
        if transport:
            transport.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content)
            transport.close()
        await self._gone()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _transport(self) -> Transport | None:
        found = self._scope.get("extensions", {}).get(TRANSPORT)
        return found if isinstance(found, Transport) else None


async def before(wire: Wire, rule: Rule, answer: Answer) -> None:
    """Answer instead of the call."""
    if rule.fault == "cut-before-read":
        await wire.cut()
    else:
        await wire.answer(answer)


async def after(wire: Wire, rule: Rule | None, answer: Answer) -> None:
    """Send what the call answered, the way the rule wants it."""
    fault = rule.fault if rule else ""
    content, media_type = answer.encoded()
    if fault == "cut-after-accept":
        await wire.cut()
    elif fault == "truncated-body":
        await wire.raw(answer, content[: len(content) // 2], length=len(content))
    elif fault == "wrong-length":
        await wire.raw(answer, content[: len(content) // 2], length=len(content) // 2)
    elif fault == "no-length":
        await wire.raw(answer, content, length=None)
    elif fault == "bad-json":
        half = replace(answer, content=content[: len(content) // 2], media_type=media_type)
        await wire.answer(half)
    elif fault == "huge-json":
        await wire.answer(_huge(answer, content))
    elif fault == "slow":
        await asyncio.sleep(5.0 if rule is None or rule.seconds is None else rule.seconds)
        await wire.answer(answer)
    elif fault == "drip":
        await _drip(wire, answer, 0.5 if rule is None or rule.seconds is None else rule.seconds)
    else:
        await wire.answer(answer)


def _huge(answer: Answer, content: bytes) -> Answer:
    body = json.loads(content) if isinstance(answer.body, dict) else {}
    padded = json.dumps({"padding": "x" * _PADDING, **body}).encode()
    return replace(answer, content=padded, media_type=answer.encoded()[1])


async def _drip(wire: Wire, answer: Answer, seconds: float) -> None:
    content, media_type = answer.encoded()
    await wire.begin(answer, media_type, length=len(content))
    for at in range(len(content)):
        await wire.send(content[at : at + 1], more=True)
        await asyncio.sleep(seconds)
    await wire.send(b"", more=False)


_HTML = {
    502: ("502 Bad Gateway", "error code: 502"),
    504: ("504 Gateway Time-out", "error code: 504"),
}


def refusal(house: House, rule: Rule, sight: Sight) -> Refusal:  # noqa: C901  (one row of the table a line)
    """Return what a fault answers instead of the call."""
    match rule.fault:
        case "400":
            return refusals.google(400, refusals.full_reason(rule.reason))
        case "401":
            return refusals.unauthorized()
        case "402":
            return refusals.no_subscription() if rule.reason == "subscription" else refusals.out_of_credits(20, 0)
        case "403":
            return _forbidden(house, rule, sight)
        case "404":
            return refusals.not_found(rule.text or "Not found")
        case "408":
            return refusals.plain(408, "Polling timeout")
        case "412":
            return refusals.plain(412, "Not enough credits")
        case "413":
            return refusals.plain(413, "Payload too large")
        case "422":
            return refusals.plain(422, "Content moderated")
        case "429":
            return _throttled(house, rule, sight)
        case "500" if rule.reason == "INTERNAL":
            return refusals.internal()
        case "500":
            return refusals.plain(500, "API error: 500")
        case "502" | "504":
            return refusals.html(int(rule.fault), *_HTML[int(rule.fault)])
        case "503":
            return _unavailable(house, rule)
        case "596":
            return refusals.plain(596, "Failed to refresh session: Google has signed your account out")
        case "redirect":
            return Refusal(307, {"error": "Moved"}, {"Location": rule.to or f"/moved{sight.path}"})
        case "job-vanished":
            return refusals.not_found("Job not found")
        case "job-expired":
            return refusals.plain(410, "Job has expired")
        case _:
            return refusals.plain(500, "API error: 500")


def _forbidden(house: House, rule: Rule, sight: Sight) -> Refusal:
    if rule.reason == "html":
        return refusals.banned_agent()
    if rule.reason == "captcha_quality":
        return refusals.captcha_quality(sight.captcha_tries or house.table.captcha_retry)
    return refusals.google(403, refusals.full_reason(rule.reason))


def _throttled(house: House, rule: Rule, sight: Sight) -> Refusal:
    model = sight.model or "veo-3.1-fast"
    if rule.reason == "no_eligible_account":
        return house.desk.nobody(model, retry_s=2.0 if rule.retry_s is None else rule.retry_s)
    return house.desk.throttle(_account(house, sight), model, rule.reason, rule.retry_s)


def _account(house: House, sight: Sight) -> Account:
    """Return the account that a call would have gone to."""
    email = next(iter(sight.accounts), None)
    return house.desk.account(email) if email else house.desk.chosen(None, (), sight.model or "veo-3.1-fast")


def logged(house: House, sight: Sight, user: str, answer: Answer, *, always: bool) -> Answer:
    """Let captcha-stats show a submission that Google refused, or a script did (`always`).

    When Google trusted no captcha token the answer names the job that came to nothing: an error body may carry a
    `jobId`. Source: error bodies, June 2026.
    """
    body = answer.body
    error = body.get("error") if isinstance(body, dict) else ""
    found = re.search(r"(?:PUBLIC_ERROR|FINISH_REASON)_[A-Z_]+", json.dumps(error))
    if sight.call not in {*GENERATING, "images/upscale"} or not (found or always):
        return answer
    if error == "no_eligible_account":  # the balancer said so: no captcha was solved
        return answer
    try:
        account = _account(house, sight)
    except Refusal:
        return answer
    job = house.desk.note_refusal(
        account, user=user, operation=sight.call, status=answer.status, reason=found[0] if found else ""
    )
    if isinstance(error, str) and error.startswith("captcha_quality"):
        return replace(answer, body={"jobId": job, **body, "response": {}})
    return answer


def _unavailable(house: House, rule: Rule) -> Refusal:
    if rule.reason.startswith("ERROR_"):
        found = refusals.captcha_service(rule.reason)
    else:
        found = refusals.google(503, refusals.full_reason(rule.reason))
    if rule.retry_s is not None:
        throttle = refusals.throttled("HIGH_TRAFFIC", now=house.state.clock.now(), retry_s=rule.retry_s)
        assert isinstance(found.body, dict)
        assert isinstance(throttle.body, dict)
        found.body["retryAfter"] = throttle.body["retryAfter"]
        found.headers |= throttle.headers
    return found
