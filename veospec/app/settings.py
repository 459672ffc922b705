"""How a run goes about its work; nothing here changes what is made."""

from __future__ import annotations

from msgspec import Struct


class Settings(Struct, frozen=True):
    """Wishes of a person for one apply. Times are seconds; None leaves the choice to the program."""

    accept_unknown_price: bool = False
    retry_failed: bool = False
    regenerate: bool = False
    jobs: int | None = None
    jobs_per_account: int = 1
    poll_s: float | None = None
    deadline_s: float | None = None
    join_reel: bool = True
