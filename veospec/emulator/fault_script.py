"""Read fault scripts: strict about what is not known, easy about how it is spelled.

A script is written by hand by somebody who wants to break a client, not to learn a format: names of faults and keys
are understood in the spellings that come to mind, and everything that would do nothing in silence is an error with
its place. What the words mean is told in `faults`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

from veospec.emulator import routes
from veospec.emulator.faults import CALLS, FAULTS, ONLY_FOR, Rule
from veospec.errors import UsageError
from veospec.model import Severity
from veospec.spec import yamltext
from veospec.spec.tree import Map, Seq

Json: TypeAlias = Any

_COMMON = ("call", "number", "fault", "method", "path", "model", "account", "prompt")
_KEYS = {"nth": "number", "n": "number", "endpoint": "call", "email": "account", "retryafter": "retry"}
"""Keys by another name; hyphens, underscores and case do not matter."""

_CALLS = {
    "extend": "videos/extend",
    "upscale": "videos/upscale",
    "concatenate": "videos/concatenate",
    "gif": "videos/gif",
    "upload": "assets",
    "poll": "job",
    "video": "videos",
    "image": "images",
}
_FAULTS = {
    "refused": "400",
    "410": "job-expired",
    "404-job": "job-vanished",
    "filtered": "filtered-entry",
    "moderated": "moderation",
    "truncated": "truncated-body",
    "expired-links": "expired-link",
    "dead-link": "expired-link",
    "silent-refusal": "images-silent-refusal",
    "captcha-zero-balance": "503-captcha",
}
_REASONS: Mapping[str, Mapping[str, str]] = {
    "402": {"CREDITS": "credits", "SUBSCRIPTION": "subscription"},
    "403": {"CAPTCHA_QUALITY": "captcha_quality", "HTML": "html", "MODEL_ACCESS_DENIED": "MODEL_ACCESS_DENIED"},
    "429": {
        "THROTTLED": "USER_REQUESTS_THROTTLED",
        "USER_REQUESTS_THROTTLED": "USER_REQUESTS_THROTTLED",
        "USER_QUOTA": "USER_QUOTA_REACHED",
        "USER_QUOTA_REACHED": "USER_QUOTA_REACHED",
        "PER_MODEL_DAILY": "PER_MODEL_DAILY_QUOTA_REACHED",
        "PER_MODEL_DAILY_QUOTA_REACHED": "PER_MODEL_DAILY_QUOTA_REACHED",
        "PER_MODEL_DAILY_UPGRADEABLE": "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE",
        "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE": "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE",
        "TOO_MUCH_TRAFFIC": "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC",
        "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC": "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC",
        "NO_ELIGIBLE_ACCOUNT": "no_eligible_account",
    },
    "500": {"API_ERROR": "API_ERROR", "INTERNAL": "INTERNAL"},
    "503": {"GOOGLE": "HIGH_TRAFFIC", "CAPTCHA": "ERROR_ZERO_BALANCE", "ZERO_BALANCE": "ERROR_ZERO_BALANCE"},
}
"""Words for a reason, and the reason. The first is what a fault without a reason means."""

_OPEN = frozenset({"400", "403", "503", "moderation", "filtered-entry"})
"""Faults that take any other reason of Google's too."""

_EVERY = ((1, None),)
_PATHS = tuple((method, path.removeprefix(routes.BASE)) for method, path in routes.PATHS)
_METHODS = frozenset(method for method, _ in _PATHS)


def load(path: Path) -> tuple[Rule, ...]:
    """Read a fault script.

    Raises:
        UsageError: it cannot be read, or says something that is not known, with file, line and column.
        SpecUnreadable: it is no YAML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the fault script {path} cannot be read: {error.strerror}") from error
    if not content.strip():
        return ()
    tree = yamltext.parse(content, str(path))
    for problem in tree.problems:
        if problem.severity is Severity.ERROR:
            raise UsageError(f"{problem.location}: {problem.message}", problem.advice)
    return read(tree.root, str(path))


def read(tree: Json, name: str = "faults") -> tuple[Rule, ...]:
    """Read a script that was parsed from YAML or JSON; `name` is what errors call it.

    Raises:
        UsageError: an unknown key, call or fault, or a value of another type, with its place.
    """
    if isinstance(tree, Mapping):
        if set(tree) != {"faults"}:
            raise UsageError(f"{_here(tree, name)}: expected a list of rules, or a mapping with the one key 'faults'")
        tree = tree["faults"]
    if tree is None:
        return ()
    if not isinstance(tree, list):
        raise UsageError(f"{_here(tree, name)}: expected a list of rules", "write '- call: ...' for each")
    places = [str(tree.at(n)) if isinstance(tree, Seq) else f"{name}: rule {n + 1}" for n in range(len(tree))]
    return tuple(_Written(node, place).rule() for node, place in zip(tree, places, strict=True))


def _here(node: Json, name: str) -> str:
    return str(node.here) if isinstance(node, Map | Seq) else name


class _Written:
    """One rule as it was written: its values by their proper names, and where each of them stands."""

    def __init__(self, node: Json, place: str) -> None:
        self._place = place
        if not isinstance(node, Mapping):
            raise UsageError(f"{place}: expected a mapping with call, number and fault")
        self._node = node
        self._spelled: dict[str, str] = {}
        for spelled in node:
            folded = re.sub(r"[\s_-]+", "", str(spelled)).lower()
            name = _KEYS.get(folded, folded)
            if name in self._spelled:
                raise self._error(spelled, f"'{spelled}' says the same as '{self._spelled[name]}'")
            self._spelled[name] = spelled

    def _error(self, name: str, text: str, hint: str = "") -> UsageError:
        spelled = self._spelled.get(name, name)
        place = str(self._node.at(spelled)) if isinstance(self._node, Map) else self._place
        return UsageError(f"{place}: {text}", hint)

    def _get(self, name: str, default: Json = None) -> Json:
        return self._node[self._spelled[name]] if name in self._spelled else default

    def rule(self) -> Rule:
        """Return what was written. Raises `UsageError`."""
        fault, reason = self._fault()
        allowed = (*_COMMON, *sorted(FAULTS[fault]))
        for name, spelled in self._spelled.items():
            if name not in allowed:
                raise self._error(name, f"'{spelled}' is no key of {fault}", f"keys: {', '.join(allowed)}")
        return Rule(
            calls=self._calls(fault),
            fault=fault,
            numbers=self._numbers(self._get("number", 1)),
            method=self._method(),
            path=self._path(),
            model=self._words("model"),
            account=self._words("account"),
            prompt=self._words("prompt"),
            reason=self._reason(fault, self._words("reason") or reason),
            retry_s=self._seconds("retry"),
            seconds=self._seconds("seconds"),
            entry=self._entry(),
            to=self._words("to"),
            text=self._words("text"),
            where=self._where(),
            is_accepted=self._flag("accepted"),
        )

    # -- what goes wrong ------------------------------------------------------------------------------------

    def _fault(self) -> tuple[str, str]:
        """Return the fault and the reason that is part of its name, as in `429 user quota` or `html-403`."""
        given = self._get("fault")
        if given in (None, ""):
            raise self._error("fault", "'fault' is missing", f"faults: {', '.join(FAULTS)}")
        word = re.sub(r"[\s_-]+", "-", str(given).strip().lower())
        word = _FAULTS.get(word, word)
        if word in FAULTS:
            return word, ""
        found = re.match(r"(\d{3})-(.+)", word) or re.match(r"(.+)-(\d{3})\Z", word)
        status, text = sorted(found.groups()) if found else ("", word)
        reason = text.replace("-", "_").upper().removeprefix("PUBLIC_ERROR_")
        if status in FAULTS and "reason" in FAULTS[status]:
            return status, reason
        for fault, reasons in _REASONS.items():
            if not status and reason in reasons:
                return fault, reason
        close = get_close_matches(word, FAULTS, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise self._error("fault", f"no fault '{given}'", f"{hint}faults: {', '.join(FAULTS)}")

    def _reason(self, fault: str, given: str) -> str:
        if "reason" not in FAULTS[fault]:
            return ""
        known = _REASONS.get(fault, {})
        word = re.sub(r"[\s-]+", "_", given.strip()).upper()
        short = word.removeprefix("PUBLIC_ERROR_")
        if not word:
            return next(iter(known.values()), "UNSAFE_GENERATION")
        if short in known:
            return known[short]
        if fault not in _OPEN or not re.match(r"[A-Z][A-Z0-9_]*\Z", word):
            also = ", or one of Google's as PUBLIC_ERROR_..." if fault in _OPEN else ""
            names = ", ".join(sorted({*known.values()} - {""}))
            raise self._error("reason", f"'{given}' is no reason of {fault}", f"reasons: {names}{also}")
        return short

    # -- which call -----------------------------------------------------------------------------------------

    def _calls(self, fault: str) -> tuple[str, ...]:
        given = self._get("call", "any" if "path" in self._spelled else None)
        if given in (None, "", []):
            raise self._error("call", "'call' is missing", f"calls: {', '.join(CALLS)}, generate, any")
        calls = tuple(self._call(call) for call in (given if isinstance(given, list) else [given]))
        able = ONLY_FOR.get(fault)
        if able and (lost := [call for call in calls if call in CALLS and call not in able]):
            raise self._error("call", f"{fault} does nothing for {lost[0]}", f"it is for {', '.join(sorted(able))}")
        return calls

    def _call(self, value: Json) -> str:
        text = str(value).strip()
        method, _, path = text.rpartition(" ")
        name = path.removeprefix(routes.BASE).strip("/").lower().replace("_", "-")
        name = _CALLS.get(name, name)
        if not method and (name in CALLS or name in ("any", "generate")):
            return name
        if not method and not path.startswith("/"):
            raise self._error(
                "call", f"no call '{value}'", f"calls: {', '.join(CALLS)}, generate, any, or 'POST /path'"
            )
        return f"{self._known_method('call', method) or '*'} {self._known_path('call', path, method.upper().strip())}"

    def _method(self) -> str:
        return self._known_method("method", self._words("method"))

    def _path(self) -> str:
        given = self._words("path")
        return self._known_path("path", given, self._method()) if given else ""

    def _known_method(self, name: str, given: str) -> str:
        method = given.strip().upper()
        if method and method not in _METHODS:
            raise self._error(name, f"no method '{given}'", f"methods: {', '.join(sorted(_METHODS))}")
        return method

    def _known_path(self, name: str, given: str, method: str) -> str:
        """Return a path behind the base; one that no call can have would make a rule that never fires."""
        pattern = "/" + re.sub(r"\{[^}]*\}", "*", given.strip()).removeprefix(routes.BASE).strip("/")
        for known, path in _PATHS:
            is_like = fnmatchcase(path.replace("{}", "x"), pattern) or fnmatchcase(pattern, path.replace("{}", "*"))
            if is_like and method in ("", "*", known):
                return pattern
        raise self._error(
            name,
            f"no call has the path '{method + ' ' if method else ''}{pattern}'",
            "as 'POST /videos', 'GET /jobs/*'",
        )

    def _numbers(self, value: Json) -> tuple[tuple[int, int | None], ...]:
        if isinstance(value, list) and value:
            return tuple(pair for item in value for pair in self._numbers(item))
        text = str(value).replace(" ", "").lower()
        if text in ("every", "each", "all", "always", "any", "*"):
            return _EVERY
        found = re.match(r"(\d{1,9})(-|\.\.)?(\d{1,9})?\Z", text) if not isinstance(value, bool) else None
        if not found or int(found[1]) < 1 or (found[3] and not found[2]):
            raise self._error("number", f"'{value}' is no call number", "write 2, 2-4, 3-, [1, 4] or every")
        low, high = int(found[1]), int(found[3]) if found[3] else None
        if high is not None and high < low:
            raise self._error("number", f"'{value}' ends before it begins", f"write {high}-{low}")
        return ((low, high if found[2] else low),)

    # -- plain values ---------------------------------------------------------------------------------------

    def _words(self, name: str) -> str:
        value = self._get(name, "")
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self._error(name, f"'{name}' is a text")
        return str(value)

    def _seconds(self, name: str) -> float | None:
        value = self._get(name)
        if value is None:
            return None
        found = re.match(r"(\d{1,9}(?:\.\d{1,9})?)\s*s?\Z", str(value)) if not isinstance(value, bool) else None
        if not found:
            raise self._error(name, f"'{name}' is a number of seconds", "write 5 or 0.5")
        return float(found[1])

    def _entry(self) -> int:
        value = self._get("entry", 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4:
            raise self._error("entry", "'entry' is 1 to 4")
        return value

    def _where(self) -> str:
        value = self._get("where", "image")
        if value not in ("image", "entry"):
            raise self._error("where", "'where' is image or entry")
        return str(value)

    def _flag(self, name: str) -> bool:
        value = self._get(name) if name in self._spelled else False
        if not isinstance(value, bool):
            raise self._error(name, f"'{name}' is true or false")
        return value
