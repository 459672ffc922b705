"""How an emulator is set up: accounts, table, times, faults. Values only."""

from __future__ import annotations

import math
import re
from pathlib import Path

from msgspec import Struct

from veospec.emulator.faults import Rule
from veospec.errors import UsageError

PLANS = ("free", "plus", "pro", "ultra-100", "ultra-200", "ultra-200-member", "ws-ultra")
"""What `--account` takes; `ultra-200-member` is a family member of the $199.99 plan, `ws-ultra` Workspace Ultra."""

_PLAN_ALIASES = {"ultra": "ultra-200"}
TABLES = ("june", "november")
MEDIA = ("full", "small")
DEFAULT_TOKEN = "user:777-emulator"  # noqa: S105  (made up, and good for nothing but this server)
_LONGEST_S = 30 * 86_400
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_EMAIL = re.compile(r"[^@\s:]{1,64}@[A-Za-z0-9.-]{1,190}\Z")


class AccountOption(Struct, frozen=True):
    """One connected Google account."""

    email: str
    plan: str = "ultra-200"
    credits: int = 25_000


DEFAULT_ACCOUNT = AccountOption("studio.one@example.com")


class Options(Struct, frozen=True):
    """Everything that decides how the emulator behaves.

    Attributes:
        accounts: connected accounts; none means those that `state` knows, or one Ultra account with 25,000 credits.
            One that `state` knows keeps its balance.
        port: 0 takes a free one.
        token: the only accepted token; empty accepts every token of the shape `user:<digits>-<suffix>`.
        job_seconds: how long a video job takes from 201 to `completed`.
        job_spread: up to how many seconds longer, drawn for each job in turn; every start draws the same.
        image_seconds: how long `POST /images` takes; None is a tenth of `job_seconds`, at most two seconds.
        concurrency: videos in flight per account before 429 `USER_REQUESTS_THROTTLED`; 0 is no limit.
        throttle_seconds: what that 429 tells the client to wait (the real service: about 1,800).
        media: `full` makes clips and pictures of the true size, `small` a quarter of each side.
        state: a folder that keeps everything for the next start; None keeps it in memory.
    """

    host: str = "127.0.0.1"
    port: int = 0
    accounts: tuple[AccountOption, ...] = ()
    table: str = "november"
    job_seconds: float = 2.0
    job_spread: float = 0.0
    image_seconds: float | None = None
    concurrency: int = 0
    throttle_seconds: float = 30.0
    faults: tuple[Rule, ...] = ()
    state: Path | None = None
    token: str = ""
    media: str = "full"

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK:
            raise UsageError(f"the emulator serves on loopback only, not on {self.host}", "use --host 127.0.0.1")
        if self.table not in TABLES:
            raise UsageError(f"no model table '{self.table}'", f"tables: {', '.join(TABLES)}")
        if self.media not in MEDIA:
            raise UsageError(f"no media size '{self.media}'", f"sizes: {', '.join(MEDIA)}")
        if not 0 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port")
        for seconds in (self.job_seconds, self.job_spread, self.throttle_seconds, self.image_seconds or 0.0):
            if not math.isfinite(seconds) or not 0 <= seconds <= _LONGEST_S:
                raise UsageError(f"the emulator's times are 0 to {_LONGEST_S:,} seconds, not {seconds:g}")
        if self.concurrency < 0:
            raise UsageError("the emulator's concurrency cannot be negative; 0 is no limit")
        emails = [account.email.lower() for account in self.accounts]
        if len(set(emails)) != len(emails):
            raise UsageError("an account is given twice")
        if self.token and not is_token(self.token):
            raise UsageError("a token has the shape user:<digits>-<suffix>")

    @property
    def sync_seconds(self) -> float:
        """How long a synchronous image call takes."""
        return min(2.0, self.job_seconds / 10) if self.image_seconds is None else self.image_seconds


def is_token(text: str) -> bool:
    """True for the shape that the service gives out: `user:1234-abc`."""
    return re.match(r"user:\d{1,12}-[\x21-\x7e]{1,200}\Z", text) is not None


def parse_account(text: str) -> AccountOption:
    """Read `email`, `email:plan` or `email:plan:credits`. Raises `UsageError`."""
    parts = text.split(":")
    shape = "write email:plan:credits, as studio@example.com:pro:1000"
    if len(parts) > 3 or not _EMAIL.match(parts[0]):
        raise UsageError(f"'{text}' is not an account", shape)
    plan = parts[1].lower() if len(parts) > 1 else "ultra-200"
    plan = _PLAN_ALIASES.get(plan, plan)
    if plan not in PLANS:
        raise UsageError(f"no plan '{plan}'", f"plans: {', '.join(PLANS)}")
    amount = parts[2].replace("_", "") if len(parts) > 2 else "25000"
    if not re.match(r"\d{1,9}\Z", amount):
        raise UsageError(f"'{parts[2]}' is not a number of credits", shape)
    return AccountOption(parts[0], plan, int(amount))
