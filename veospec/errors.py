"""Every error that can reach a person, with its exit code.

    VeospecError            message, hint, exit_code
    ├─ UsageError           the command line cannot be obeyed: NothingSelected
    ├─ SpecError            SpecUnreadable · SpecInvalid (all problems)
    ├─ PlanRefused          BudgetExceeded · NotConfirmed · PlanStale
    ├─ StoreError           StoreLocked · StoreFull · StoreReadOnly · StoreCorrupt · OutputForeign
    │   └─ JournalError     the money state cannot be read or written
    ├─ ApiError             operation, charge, scope, retry_after_s
    │   ├─ Unreachable · Throttled · SubmissionUnknown
    │   └─ Rejected         Unauthorized · OutOfCredits · AccessDenied · ContentRefused · RequestInvalid
    ├─ JobError             the provider ended a job without a result
    └─ MediaError           a file is not what it should be

`charge` and `scope` are data: the runner decides by them and never by class names or texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from veospec.model import Problem


class Exit(IntEnum):
    """Exit codes of the command line; the README prints this table and a test compares them."""

    DONE = 0
    BUG = 1
    USAGE = 2
    SPEC = 3
    CHANGES = 4
    REFUSED = 5
    FAILED = 6
    PENDING = 7
    STOPPED = 8
    STORE = 9
    INTERRUPTED = 130


class Charge(StrEnum):
    """Whether a failed paid call may have cost something."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """How much stops with a failed call."""

    SHOT = "shot"
    MODEL = "model"
    ACCOUNT = "account"
    RUN = "run"


class VeospecError(Exception):
    """`message` says what, where and why; `hint` says what to do."""

    exit_code: Exit = Exit.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(VeospecError):
    """The command line names something that is not there or does not fit together."""

    exit_code = Exit.USAGE


class SpecError(VeospecError):
    """The storyboard cannot be used."""

    exit_code = Exit.SPEC


class SpecUnreadable(SpecError):
    """The text is no YAML document that we read; carries the one problem that says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.location}: {problem.message}", problem.advice)
        self.problem = problem


class SpecInvalid(SpecError):
    """The document breaks rules; carries all problems, sorted by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the storyboard")
        self.problems = tuple(problems)


class PlanRefused(VeospecError):
    """Nothing was paid and nothing was sent."""

    exit_code = Exit.REFUSED


class BudgetExceeded(PlanRefused):
    """The plan costs more than a ceiling allows."""


class NotConfirmed(PlanRefused):
    """Nobody agreed to the sum."""


class PlanStale(PlanRefused):
    """A saved plan no longer describes what would happen."""


class NothingSelected(UsageError):
    """The command line names no shot of the storyboard."""


class StoreError(VeospecError):
    """The private folder cannot be used."""

    exit_code = Exit.STORE


class StoreLocked(StoreError):
    """Another process works on the same store."""


class StoreFull(StoreError):
    """No space left."""


class StoreReadOnly(StoreError):
    """The folder cannot be written."""


class StoreCorrupt(StoreError):
    """A record or a blob is not what it says; it is never served and never counted as absent."""


class OutputForeign(StoreError):
    """A file in the output folder is somebody's own; it is never replaced."""


class JournalError(StoreError):
    """The money state cannot be read or written; nothing may be bought."""


class ApiError(VeospecError):
    """A call to a provider failed.

    `repeats` says how often the same call may be made again at most; None leaves that to what else is known.
    """

    exit_code = Exit.FAILED

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        operation: str = "",
        charge: Charge = Charge.NO,
        scope: Scope = Scope.SHOT,
        retry_after_s: float | None = None,
        reason: str = "",
        repeats: int | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.repeats = repeats
        self.operation = operation
        self.charge = charge
        self.scope = scope
        self.retry_after_s = retry_after_s
        self.reason = reason


class Unreachable(ApiError):
    """No byte of the request was read by the service."""


class Throttled(ApiError):
    """A proven rejection that passes with time; `retry_after_s` is the later of the server's two hints."""


class SubmissionUnknown(ApiError):
    """The request may or may not have created a paid job. It is never sent again by the program."""

    exit_code = Exit.PENDING


class Rejected(ApiError):
    """A proven rejection that does not pass by itself."""


class Unauthorized(Rejected):
    """The token or the session is not accepted."""

    exit_code = Exit.STOPPED


class OutOfCredits(Rejected):
    """No subscription, or no credits left."""

    exit_code = Exit.STOPPED


class AccessDenied(Rejected):
    """The account has no right to the model or the reference."""


class ContentRefused(Rejected):
    """The content was refused; the same key is not sent again."""


class RequestInvalid(Rejected):
    """The service does not accept the form of the request."""


class JobError(ApiError):
    """An accepted job ended without a usable result."""


class MediaError(VeospecError):
    """A media file is broken, of another kind than asked, or cannot be made."""

    exit_code = Exit.FAILED
