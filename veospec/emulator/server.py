"""The web server's side: every request through the same gates, faults where the script wants them.

Gates in the order of the real service: the edge looks at the User-Agent, then the token is checked, then the path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.types import Message, Receive, Scope, Send

from veospec.emulator import admin, downloads, faults, ids, refusals, routes, rules, troubles
from veospec.emulator.faults import Rule, Sight
from veospec.emulator.options import is_token
from veospec.emulator.replies import DOWNLOAD
from veospec.emulator.web import Answer, Call, House, refused

Json: TypeAlias = Any

_READ_LIMIT = 128 << 20
_LOG = logging.getLogger(__name__)


class Server:
    """An ASGI application."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        wire = troubles.Wire(scope, receive, send)
        try:
            await self._answer(scope, receive, wire)
        except asyncio.CancelledError:  # the server stops and waits no longer
            await wire.cut()
        except Exception as error:  # noqa: BLE001  (told, and answered as a server does)
            _LOG.exception("a bug in the emulator")
            if wire.status:
                await wire.cut()
            else:
                await wire.answer(Answer(500, {"error": f"a bug in the emulator: {error!r}", "code": 500}))

    async def _answer(self, scope: Scope, receive: Receive, wire: troubles.Wire) -> None:
        raw_path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if raw_path.startswith("/_emulator"):
            content, _ = await _content(receive)
            await wire.answer(admin.answer(self.house, scope["method"], raw_path, content))
            return
        logged: dict[str, Json] = {
            "at": self.house.state.clock.now(),
            "method": scope["method"],
            "path": raw_path,
            "agent": headers.get("user-agent", ""),
            "hasToken": "authorization" in headers,
            "status": 0,
        }
        self.house.calls.append(logged)
        if raw_path.startswith(DOWNLOAD + "/"):
            await self._download(scope, headers, raw_path, wire, logged)
        else:
            await self._call(scope, headers, raw_path, wire, receive, logged)
        logged["status"] = wire.status

    async def _download(
        self, scope: Scope, headers: Mapping[str, str], raw_path: str, wire: troubles.Wire, logged: dict[str, Json]
    ) -> None:
        sight = Sight("download", scope["method"], raw_path)
        rule = self._due(sight)
        if rule:
            logged["fault"] = rule.fault
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if rule and rule.is_before("download"):
            await troubles.before(wire, rule, self._before(rule, sight))
            return
        answer = await downloads.answer(self.house, scope["method"], raw_path, query, headers, rule)
        await troubles.after(wire, rule, answer)

    async def _call(
        self,
        scope: Scope,
        headers: Mapping[str, str],
        raw_path: str,
        wire: troubles.Wire,
        receive: Receive,
        logged: dict[str, Json],
    ) -> None:
        try:
            self._check_agent(headers)
            user = self._user(headers)
            route = routes.find(scope["method"], raw_path)
        except refusals.Refusal as refusal:
            await _content(receive)
            await wire.answer(refused(refusal))
            return
        content, size = await _content(receive)
        call = Call(
            house=self.house,
            name=route.name,
            method=scope["method"],
            path=route.path,
            args=route.args,
            raw_args=route.raw_args,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            user=user,
            base=_base(scope, headers),
            content=content,
            size=size,
        )
        sight = _sight(call)
        call.rule = rule = self._due(sight)
        if rule:
            logged["fault"] = rule.fault
        if rule and rule.is_before(route.name):
            instead = self._before(rule, sight)
            if rule.fault != "cut-before-read":
                instead = troubles.logged(self.house, sight, user, instead, always=True)
            await troubles.before(wire, rule, instead)
            return
        try:
            answer = await route.handler(call)
        except refusals.Refusal as refusal:
            answer = troubles.logged(self.house, sight, user, refused(refusal), always=False)
        if rule and rule.is_accepted and answer.status < 300:
            await troubles.before(wire, rule, self._before(rule, sight))
            return
        await troubles.after(wire, rule, answer)

    def _check_agent(self, headers: Mapping[str, str]) -> None:
        """Refuse Python's default agent, as the edge of the real service does (September 2026)."""
        if headers.get("user-agent", "").startswith("Python-urllib"):
            raise refusals.banned_agent()

    def _user(self, headers: Mapping[str, str]) -> str:
        given = headers.get("authorization", "")
        token = given.removeprefix("Bearer ")
        wanted = self.house.options.token
        if token == given or not is_token(token) or (wanted and token != wanted):
            raise refusals.unauthorized()
        return token.partition(":")[2].partition("-")[0]

    def _due(self, sight: Sight) -> Rule | None:
        """Count the call for every rule that speaks of it; return the first that fires."""
        fired: Rule | None = None
        for number, rule in enumerate(self.house.rules):
            if not faults.matches(rule, sight):
                continue
            is_due = faults.is_due(rule, self.house.state.count(f"rule {number}"))
            if is_due and fired is None:
                fired = rule
        return fired

    def _before(self, rule: Rule, sight: Sight) -> Answer:
        """Return what the call is answered with instead."""
        try:
            return refused(troubles.refusal(self.house, rule, sight))
        except refusals.Refusal as refusal:  # an account that does not exist cannot be throttled
            return refused(refusal)


def _base(scope: Scope, headers: Mapping[str, str]) -> str:
    host = headers.get("host") or "{}:{}".format(*scope["server"])
    return f"http://{host}"


async def _content(receive: Receive) -> tuple[bytes, int]:
    """Return the body and its size; what is beyond every limit is thrown away, so that an answer can follow."""
    message: Message = await receive()
    content = message.get("body", b"")
    if not message.get("more_body"):
        content = content if isinstance(content, bytes) else b""
        return content, len(content)
    parts, size = [content], len(content)
    while message.get("more_body"):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        parts.append(part if size <= _READ_LIMIT else b"")
    return b"".join(parts), size


def _sight(call: Call) -> Sight:
    """Return what fault rules can see of a call."""
    accounts = set() if call.name == "job" else _owners([("email", arg) for arg in call.args])
    model, prompt, tries = "", "", 0
    if call.content[:1] == b"{" or call.headers.get("content-type", "").startswith("multipart/"):
        body: dict[str, Json] = {}
        with contextlib.suppress(refusals.Refusal):
            body = call.body(allows_form=call.name in ("videos", "images", "voices", "characters"))
        model = body["model"] if isinstance(body.get("model"), str) else _default_model(call)
        prompt = body["prompt"] if isinstance(body.get("prompt"), str) else ""
        accounts |= _owners(body.items())
        tries = _captcha_tries(body)
    if call.name == "job" and (job := call.house.state.jobs.get(call.raw_args[0])):
        accounts.add(job.email.lower())
        model, prompt = job.model, str(job.request.get("prompt", ""))
    if not accounts and len(connected := call.house.desk.connected()) == 1:
        accounts.add(connected[0].email.lower())
    return Sight(call.name, call.method, call.path, model, frozenset(accounts), prompt, tries)


def _default_model(call: Call) -> str:
    if call.name == "images":
        return call.house.table.default_image
    return rules.DEFAULT_VIDEO if call.name in ("videos", "videos/extend") else ""


def _captcha_tries(body: Mapping[str, Json]) -> int:
    """Return how many captcha tokens the caller allows; 0 leaves it to the service."""
    if isinstance(order := body.get("captchaOrder"), str):
        return len(order.split(","))
    given = body.get("captchaRetry", 1 if "captchaToken" in body else 0)
    return given if isinstance(given, int) else 0


def _owners(fields: Iterable[tuple[str, Json]]) -> set[str]:
    found: set[str] = set()
    for name, value in fields:
        if not isinstance(value, str):
            continue
        if value.startswith("user:"):
            ref = ids.read_media(value) or ids.read_character(value) or ids.read_voice(value)
            if ref:
                found.add(ref.email.lower())
        elif name == "email" and "@" in value:
            found.add(value.lower())
    return found
