"""Fault scripts: which call, which number, which fault.

A script is a YAML file, a list of rules (or a mapping whose key `faults` holds the list):

    - call: videos            # what is called; see CALLS below, or "POST /videos", "/jobs/*", any
      number: 2               # the second such call; also 2-4, 3-, [1, 4], every; default 1
      fault: 429              # what goes wrong; see FAULTS below
      reason: THROTTLED       # some faults take a reason
      retry: 5                # seconds that a 429 tells the client to wait

A rule counts the calls that match everything it says about them: `call`, and if given `method`, `path` (behind
/v1/google-flow, with `*`), `model` (as sent), `account` (the e-mail of the request, of its path or of its references),
`prompt` (words that occur in it). Of several rules that fire for one call the first wins; all of them count. Calls
refused before they are read (token, User-Agent, unknown path) are not counted. With `--state` the counts survive a
restart. Hyphens, blanks and case do not matter in the names of faults; `429 user quota`, `html 403` say it in one word.

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
      408, 504             `accepted: true` makes and charges the job first: the client cannot know
      500                  reason: API_ERROR (default) or INTERNAL (Google's error object); `accepted` as above
      502                  an HTML page; `accepted` as above
      412, 413, 422        as other services of the vendor say "not enough credits", "too large", "moderated"
      429                  reason: THROTTLED (default), USER_QUOTA, PER_MODEL_DAILY, PER_MODEL_DAILY_UPGRADEABLE,
                           TOO_MUCH_TRAFFIC, no_eligible_account; retry: seconds (default 2; daily: until UTC midnight).
                           The balancer leaves the account alone for that long, without `retry` for half an hour
      503                  reason: google (default, PUBLIC_ERROR_HIGH_TRAFFIC), MODEL_OVERLOADED or another
                           PUBLIC_ERROR reason, captcha (ERROR_ZERO_BALANCE) or a provider's ERROR_...;
                           retry: seconds, optional
      596                  session of the Google account is dead
      redirect             307 to `to` (default: the same path under another name)
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
      job-vanished         404 for a job: for that look at it, or (videos, extend, upscale) for good; that is charged
      job-expired          410, in the same way
      expired-link         links are dead already: of that answer (job, images, asset, synchronous calls), of the first
                           answer that shows the asynchronous job's result, or of that download (403)
      images-silent-refusal, encoded-image
                           where: image (default) or entry, for encoded-image
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

CALLS = (
    "videos", "videos/extend", "videos/upscale", "videos/concatenate", "videos/gif", "images", "images/upscale",
    "assets", "asset", "assets/delete", "assets/projects", "assets/media", "voices", "voices/list", "voice",
    "voice/delete", "characters", "characters/list", "character", "character/delete", "job", "jobs", "accounts",
    "account", "accounts/connect", "account/delete", "captcha-stats", "captcha-providers", "v2/account",
    "v2/account/stats", "download",
)  # fmt: skip
GENERATING = frozenset({"videos", "videos/extend", "videos/upscale", "images"})

HELP = __doc__
"""The format, for people: `veospec emulator --faults-help` prints it."""

_REASON, _ACCEPTED = frozenset({"reason"}), frozenset({"accepted"})
FAULTS: Mapping[str, frozenset[str]] = {
    "cut-before-read": frozenset(),
    "400": _REASON,
    "401": frozenset(),
    "402": _REASON,
    "403": _REASON,
    "404": frozenset({"text"}),
    "408": _ACCEPTED,
    "412": frozenset(),
    "413": frozenset(),
    "422": frozenset(),
    "429": _REASON | {"retry"},
    "500": _REASON | _ACCEPTED,
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
_AFTER = frozenset(
    {"cut-after-accept", "slow", "drip", "truncated-body", "wrong-length", "no-length", "bad-json", "huge-json"}
)
_INSIDE = frozenset(
    {"moderation", "job-failed", "filtered-entry", "expired-link", "images-silent-refusal", "encoded-image"}
)
_JOB_MAKING = frozenset({"videos", "videos/extend", "videos/upscale"})
_GONE = frozenset({"job-vanished", "job-expired"})
ONLY_FOR: Mapping[str, frozenset[str]] = {
    "moderation": GENERATING,
    "job-failed": GENERATING,
    "filtered-entry": GENERATING,
    "expired-link": GENERATING | {"job", "asset", "download"},
    "images-silent-refusal": frozenset({"images"}),
    "encoded-image": frozenset({"images"}),
    "job-vanished": _JOB_MAKING | {"job"},
    "job-expired": _JOB_MAKING | {"job"},
}
"""Where a fault means something; elsewhere a rule would do nothing in silence."""


class Rule(Struct, frozen=True):
    """One rule of a script; `numbers` are ranges of calls, the second end None is open."""

    calls: tuple[str, ...]
    fault: str
    numbers: tuple[tuple[int, int | None], ...] = ((1, 1),)
    method: str = ""
    path: str = ""
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

    def is_before(self, call: str) -> bool:
        """Return whether it stands in for such a call."""
        if self.fault in _GONE and call in _JOB_MAKING:
            return False
        return self.fault not in _AFTER and self.fault not in _INSIDE and not self.is_accepted


class Sight(Struct, frozen=True):
    """What a rule can see of a call."""

    call: str
    method: str
    path: str
    model: str = ""
    accounts: frozenset[str] = frozenset()
    prompt: str = ""
    captcha_tries: int = 0


def matches(rule: Rule, sight: Sight) -> bool:
    """Return whether a rule speaks of this call."""
    if not any(_is_called(wanted, sight) for wanted in rule.calls):
        return False
    if rule.method and rule.method != sight.method:
        return False
    if rule.path and not fnmatchcase(sight.path, rule.path):
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
        return method in ("*", sight.method) and fnmatchcase(sight.path, pattern)
    return wanted == sight.call


def is_due(rule: Rule, number: int) -> bool:
    """Return whether the rule fires for its n-th call."""
    return any(low <= number and (high is None or number <= high) for low, high in rule.numbers)
