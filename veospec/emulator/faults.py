"""Fault scripts: which call, which number, which fault.

A script is a YAML file, a list of rules (or a mapping whose key `faults` holds the list):

    - call: videos            # what is called; see CALLS below, or "POST /videos", "GET /jobs/*", or any
      number: 2               # the second such call; also "2-4", "3-", [1, 4], every; default 1
      fault: 429              # what goes wrong; see FAULTS below
      reason: THROTTLED       # some faults take a reason
      retry: 5                # seconds that a 429 tells the client to wait

A rule counts the calls that match everything it says about them: `call`, and if given `model` (as sent), `account`
(the e-mail of the request, of its path or of its references), `prompt` (words that occur in it). Of several rules that
fire for one call the first wins; all of them count. Calls refused before they are read (token, User-Agent, unknown
path) are not counted. With `--state` the counts survive a restart.

CALLS (several in a list are one count): videos, videos/extend, videos/upscale, videos/concatenate, videos/gif,
images, images/upscale, assets (upload), asset (GET of one), voices and characters (POST), voice and character (GET of
one), job (GET of one), jobs, accounts, account, captcha-stats, captcha-providers, download; `generate` is every call
that makes a picture or a clip (videos, extend, upscale, images), `any` is every call. Also understood: extend, upscale,
concatenate, gif, upload, poll.

FAULTS
    before anything is done; nothing is charged
      cut-before-read      connection closed, the request is not read
      400 (refused)        reason: PUBLIC_ERROR_... or FINISH_REASON_...; default UNSAFE_GENERATION
      401
      402                  reason: credits (default) or subscription
      403                  reason: captcha_quality (default), MODEL_ACCESS_DENIED, html (also: html-403)
      404                  text: the message
      408, 500, 504        `accepted: true` makes and charges the job first: the client cannot know
      502                  an HTML page; `accepted` as above
      429                  reason: THROTTLED (default), USER_QUOTA, PER_MODEL_DAILY, PER_MODEL_DAILY_UPGRADEABLE,
                           TOO_MUCH_TRAFFIC, no_eligible_account; retry: seconds (default 2; daily: until UTC midnight)
      503                  reason: google (default, PUBLIC_ERROR_HIGH_TRAFFIC), MODEL_OVERLOADED or another
                           PUBLIC_ERROR reason, captcha (ERROR_ZERO_BALANCE) or a provider's ERROR_...;
                           retry: seconds, optional
      596                  session of the Google account is dead
      redirect             307 to `to` (default: the same path under another name)
      job-vanished         404 for a job; job-expired: 410
    done and charged, then
      cut-after-accept     connection closed without an answer
      slow                 the answer comes `seconds` later (default 5)
      drip                 the body comes byte by byte, one each `seconds` (default 0.5)
      truncated-body       half of the body, the length of all of it
      wrong-length         half of the body, and that as its length
      no-length            all of the body, no length, connection closed at the end
      bad-json             half of the JSON, as if it were all
      huge-json            the JSON with 16 MiB of padding
    done, with another outcome
      moderation           the job is accepted and fails; reason: default UNSAFE_GENERATION; nothing is charged
      job-failed           the job is accepted and fails with "API error: 500"; nothing is charged
      filtered-entry       entry: which of `media[]`, from 1 (default the last); it is not charged
      expired-link         links of this answer are dead already (job, videos, images, asset); download: 403
      images-silent-refusal, encoded-image
                           where: image (default) or entry, for encoded-image
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from msgspec import Struct

from veospec.errors import UsageError

Json: TypeAlias = Any

CALLS = (
    "videos", "videos/extend", "videos/upscale", "videos/concatenate", "videos/gif", "images", "images/upscale",
    "assets", "asset", "assets/delete", "assets/projects", "assets/media", "voices", "voices/list", "voice",
    "voice/delete", "characters", "characters/list", "character", "character/delete", "job", "jobs", "accounts",
    "account", "accounts/connect", "account/delete", "captcha-stats", "captcha-providers", "v2/account",
    "v2/account/stats", "download",
)  # fmt: skip
_CALL_ALIASES = {
    "extend": "videos/extend",
    "upscale": "videos/upscale",
    "concatenate": "videos/concatenate",
    "gif": "videos/gif",
    "upload": "assets",
    "poll": "job",
    "video": "videos",
    "image": "images",
}
GENERATING = frozenset({"videos", "videos/extend", "videos/upscale", "images"})

HELP = __doc__
"""The format, for people: `veospec emulator --help` prints it."""

_EVERY = ((1, None),)
_COMMON = frozenset({"call", "number", "fault", "model", "account", "prompt"})
_REASON, _ACCEPTED = frozenset({"reason"}), frozenset({"accepted"})
FAULTS: Mapping[str, frozenset[str]] = {
    "cut-before-read": frozenset(),
    "400": _REASON,
    "401": frozenset(),
    "402": _REASON,
    "403": _REASON,
    "404": frozenset({"text"}),
    "408": _ACCEPTED,
    "429": _REASON | {"retry"},
    "500": _ACCEPTED,
    "502": _ACCEPTED,
    "503": _REASON | {"retry"},
    "504": _ACCEPTED,
    "596": frozenset(),
    "redirect": frozenset({"to"}),
    "job-vanished": frozenset(),
    "job-expired": frozenset(),
    "cut-after-accept": frozenset(),
    "slow": frozenset({"seconds"}),
    "drip": frozenset({"seconds"}),
    "truncated-body": frozenset(),
    "wrong-length": frozenset(),
    "no-length": frozenset(),
    "bad-json": frozenset(),
    "huge-json": frozenset(),
    "moderation": _REASON,
    "job-failed": frozenset(),
    "filtered-entry": _REASON | {"entry"},
    "expired-link": frozenset(),
    "images-silent-refusal": frozenset(),
    "encoded-image": frozenset({"where"}),
}
_FAULT_ALIASES: Mapping[str, tuple[str, str]] = {
    "refused": ("400", ""),
    "html-403": ("403", "html"),
    "403-html": ("403", "html"),
    "captcha-quality": ("403", "captcha_quality"),
    "model-access-denied": ("403", "MODEL_ACCESS_DENIED"),
    "503-google": ("503", "google"),
    "503-captcha": ("503", "captcha"),
    "captcha-zero-balance": ("503", "captcha"),
    "throttled": ("429", "THROTTLED"),
    "user-quota": ("429", "USER_QUOTA"),
    "per-model-daily": ("429", "PER_MODEL_DAILY"),
    "too-much-traffic": ("429", "TOO_MUCH_TRAFFIC"),
    "no-eligible-account": ("429", "no_eligible_account"),
    "silent-refusal": ("images-silent-refusal", ""),
    "404-job": ("job-vanished", ""),
    "410": ("job-expired", ""),
}
_THROTTLES = {
    "": "USER_REQUESTS_THROTTLED",
    "THROTTLED": "USER_REQUESTS_THROTTLED",
    "USER_QUOTA": "USER_QUOTA_REACHED",
    "PER_MODEL_DAILY": "PER_MODEL_DAILY_QUOTA_REACHED",
    "PER_MODEL_DAILY_UPGRADEABLE": "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE",
    "TOO_MUCH_TRAFFIC": "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC",
}
_AFTER = frozenset(
    {"cut-after-accept", "slow", "drip", "truncated-body", "wrong-length", "no-length", "bad-json", "huge-json"}
)
_INSIDE = frozenset(
    {"moderation", "job-failed", "filtered-entry", "expired-link", "images-silent-refusal", "encoded-image"}
)
_LINKING = GENERATING | {"job", "asset", "download"}
_ONLY_FOR: Mapping[str, frozenset[str]] = {
    "moderation": GENERATING,
    "job-failed": GENERATING,
    "filtered-entry": GENERATING,
    "expired-link": _LINKING,
    "images-silent-refusal": frozenset({"images"}),
    "encoded-image": frozenset({"images"}),
    "job-vanished": frozenset({"job"}),
    "job-expired": frozenset({"job"}),
}
"""Where a fault means something; elsewhere a rule would do nothing in silence."""


class Rule(Struct, frozen=True):
    """One rule of a script; `numbers` are ranges of calls, the second end None is open."""

    calls: tuple[str, ...]
    fault: str
    numbers: tuple[tuple[int, int | None], ...] = ((1, 1),)
    model: str = ""
    account: str = ""
    prompt: str = ""
    reason: str = ""
    retry_s: float | None = None
    seconds: float | None = None
    entry: int = 0
    to: str = ""
    text: str = ""
    where: str = "image"
    is_accepted: bool = False

    @property
    def is_before(self) -> bool:
        """True when it stands in for the call."""
        return self.fault not in _AFTER and self.fault not in _INSIDE and not self.is_accepted

    @property
    def is_inside(self) -> bool:
        """True when the call itself has to make it come about."""
        return self.fault in _INSIDE

    @property
    def throttle_reason(self) -> str:
        """Return the reason of a 429 without its prefix."""
        return _THROTTLES.get(self.reason, self.reason)


class Sight(Struct, frozen=True):
    """What a rule can see of a call."""

    call: str
    method: str
    path: str
    model: str = ""
    accounts: frozenset[str] = frozenset()
    prompt: str = ""


def matches(rule: Rule, sight: Sight) -> bool:
    """Return whether a rule speaks of this call."""
    if not any(_is_called(wanted, sight) for wanted in rule.calls):
        return False
    if rule.model and rule.model != sight.model:
        return False
    if rule.account and rule.account.lower() not in sight.accounts:
        return False
    return not rule.prompt or rule.prompt.lower() in sight.prompt.lower()


def _is_called(wanted: str, sight: Sight) -> bool:
    if wanted == "any":
        return True
    if wanted == "generate":
        return sight.call in GENERATING
    method, _, pattern = wanted.partition(" ")
    if pattern:
        return method == sight.method and fnmatchcase(sight.path, pattern)
    return wanted == sight.call


def is_due(rule: Rule, number: int) -> bool:
    """Return whether the rule fires for its n-th call."""
    return any(low <= number and (high is None or number <= high) for low, high in rule.numbers)


# -- reading a script -------------------------------------------------------------------------------------


def read_rules(tree: Json, file: str = "faults") -> tuple[Rule, ...]:
    """Read a script that was parsed from YAML or JSON.

    Raises:
        UsageError: an unknown key, call or fault, or a value of another type, by rule and name.
    """
    if isinstance(tree, Mapping):
        extra = set(tree) - {"faults"}
        if extra or "faults" not in tree:
            raise UsageError(f"{file}: expected a list of rules, or a mapping with the one key 'faults'")
        tree = tree["faults"]
    if tree is None:
        return ()
    if not isinstance(tree, list):
        raise UsageError(f"{file}: expected a list of rules")
    return tuple(_read_rule(entry, f"{file}: rule {number}") for number, entry in enumerate(tree, start=1))


def _read_rule(entry: Json, place: str) -> Rule:
    if not isinstance(entry, Mapping):
        raise UsageError(f"{place}: expected a mapping with call, number and fault")
    for name in ("call", "fault"):
        if entry.get(name) in (None, ""):
            raise UsageError(f"{place}: '{name}' is missing")
    word = re.sub(r"[\s_]+", "-", str(entry["fault"]).strip().lower())
    fault, reason = _FAULT_ALIASES.get(word, (word, ""))
    if fault not in FAULTS:
        raise UsageError(f"{place}: no fault '{entry['fault']}'", f"faults: {', '.join(FAULTS)}")
    allowed = _COMMON | FAULTS[fault]
    for name in entry:
        if name not in allowed:
            raise UsageError(f"{place}: '{name}' is no key of {fault}", f"keys: {', '.join(sorted(allowed))}")
    given = entry["call"] if isinstance(entry["call"], list) else [entry["call"]]
    calls = tuple(_read_call(call, place) for call in given)
    if fault in _ONLY_FOR and (lost := [call for call in calls if call in CALLS and call not in _ONLY_FOR[fault]]):
        able = ", ".join(sorted(_ONLY_FOR[fault]))
        raise UsageError(f"{place}: {fault} does nothing for {lost[0]}", f"it is for {able}")
    accepted = entry.get("accepted", False)
    if not isinstance(accepted, bool):
        raise UsageError(f"{place}: 'accepted' is true or false")
    return Rule(
        calls=calls,
        fault=fault,
        numbers=_read_numbers(entry.get("number", 1), place),
        model=_words(entry, "model", place),
        account=_words(entry, "account", place),
        prompt=_words(entry, "prompt", place),
        reason=_words(entry, "reason", place) or reason,
        retry_s=_seconds(entry, "retry", place),
        seconds=_seconds(entry, "seconds", place),
        entry=_entry(entry, place),
        to=_words(entry, "to", place),
        text=_words(entry, "text", place),
        where=_where(entry, place),
        is_accepted=accepted,
    )


def _read_call(value: Json, place: str) -> str:
    text = str(value).strip()
    if " " in text:
        method, _, path = text.partition(" ")
        path = "/" + path.strip().removeprefix("/v1/google-flow").lstrip("/")
        return f"{method.upper()} {path}"
    name = text.lower().strip("/").replace("_", "-")
    name = _CALL_ALIASES.get(name, name)
    if name not in CALLS and name not in ("any", "generate"):
        raise UsageError(f"{place}: no call '{value}'", f"calls: {', '.join(CALLS)}, generate, any, or 'POST /path'")
    return name


def _read_numbers(value: Json, place: str) -> tuple[tuple[int, int | None], ...]:
    if value in ("every", "all", "*"):
        return _EVERY
    if isinstance(value, list) and value:
        return tuple(pair for item in value for pair in _read_numbers(item, place))
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return ((value, value),)
    found = re.match(r"(\d{1,9})(?:-(\d{1,9})?)?\Z", str(value).replace(" ", ""))
    if not found or int(found[1]) < 1:
        raise UsageError(f"{place}: '{value}' is no call number", "write 2, 2-4, 3-, [1, 4] or every")
    low = int(found[1])
    is_range = "-" in str(value)
    return ((low, int(found[2]) if found[2] else None if is_range else low),)


def _words(entry: Mapping[str, Json], name: str, place: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise UsageError(f"{place}: '{name}' is a text")
    return str(value)


def _seconds(entry: Mapping[str, Json], name: str, place: str) -> float | None:
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
        raise UsageError(f"{place}: '{name}' is a number of seconds")
    return float(value)


def _entry(entry: Mapping[str, Json], place: str) -> int:
    value = entry.get("entry", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4:
        raise UsageError(f"{place}: 'entry' is 1 to 4")
    return value


def _where(entry: Mapping[str, Json], place: str) -> str:
    value = entry.get("where", "image")
    if value not in ("image", "entry"):
        raise UsageError(f"{place}: 'where' is image or entry")
    return str(value)
