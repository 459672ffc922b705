"""What the emulator tells and lets itself be told beside the service's own calls, under `/_emulator/`.

GET    /_emulator/          this text
GET    /_emulator/ledger    what a real account would have been charged, oldest first
GET    /_emulator/calls     every call: time, method, path, status, fault, whether a token came along
GET    /_emulator/clock     the emulator's time; POST {"advance_s": n} or {"offset_s": n} moves it
GET    /_emulator/faults    the script as it is counted; POST a list of rules replaces it, DELETE empties it
GET    /_emulator/accounts  plans and balances; POST {"email", "credits"?, "health"?} changes one: with a health other
                            than OK its Google session is dead (596)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from veospec.emulator import fault_script, refusals, times
from veospec.emulator.web import Answer, House, refused
from veospec.errors import UsageError

Json: TypeAlias = Any


def answer(house: House, method: str, raw_path: str, content: bytes) -> Answer:
    """Return the answer to a call of the emulator's own; no token is asked for, since it serves on loopback only."""
    name = raw_path.removeprefix("/_emulator").strip("/")
    try:
        body = json.loads(content) if content else {}
    except ValueError:
        return Answer(400, {"error": "not JSON"})
    try:
        return _answer(house, method, name, body)
    except UsageError as error:
        return Answer(400, {"error": error.message, "hint": error.hint})
    except refusals.Refusal as refusal:
        return refused(refusal)


def _answer(house: House, method: str, name: str, body: Json) -> Answer:
    state = house.state
    match method, name:
        case "GET", "":
            return Answer(200, content=(__doc__ or "").encode(), media_type="text/plain; charset=utf-8")
        case "GET", "ledger":
            charges = state.charges
            return Answer(200, {"total_credits": sum(c["credits"] for c in charges), "charges": charges})
        case "GET", "calls":
            return Answer(200, {"calls": list(house.calls)})
        case "GET", "accounts":
            return Answer(200, {a.email: {"plan": a.plan, "credits": a.credits} for a in state.accounts.values()})
        case "POST", "accounts":
            account = house.desk.account(_text(body, "email"))
            if "credits" in body:
                account.credits = int(_number(body, "credits"))
            if "health" in body:
                account.health = _text(body, "health")
            state.put_account(account)
            return Answer(200, {"email": account.email, "credits": account.credits, "health": account.health})
        case (("GET" | "POST"), "clock"):
            if method == "POST":
                _move(house, body)
            return Answer(200, {"now": times.iso(state.clock.now()), "offset_s": state.clock.offset_s})
        case (("GET" | "POST" | "DELETE"), "faults"):
            if method != "GET":
                rules = fault_script.read(body, "rules") if method == "POST" else ()
                house.replace_rules(rules)
            return Answer(200, {"rules": [_rule(house, number) for number in range(len(house.rules))]})
        case _:
            return Answer(404, {"error": f"no {method} /_emulator/{name}"})


def _rule(house: House, number: int) -> dict[str, Json]:
    rule = house.rules[number]
    seen = house.state.counters.get(f"rule {number}", 0)
    return {"call": list(rule.calls), "fault": rule.fault, "reason": rule.reason, "seen": seen}


def _move(house: House, body: Json) -> None:
    state = house.state
    if isinstance(body, Mapping) and "offset_s" in body:
        state.move_clock(_number(body, "offset_s") - state.clock.offset_s)
    else:
        state.move_clock(_number(body, "advance_s"))


def _number(body: Json, name: str) -> float:
    value = body.get(name) if isinstance(body, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e10 < value < 1e10:
        raise UsageError(f"'{name}' must be a number")
    return float(value)


def _text(body: Json, name: str) -> str:
    value = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(value, str):
        raise UsageError(f"'{name}' must be a text")
    return value
