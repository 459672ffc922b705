"""The emulator's clock: the machine's own, moved forward at will, so that a link or a job can grow old in a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime

DAY_S = 86_400.0
RETENTION_S = 7 * DAY_S
"""How long a job record can be read. Source: GET /jobs/{jobId}, answer 410, May 20, 2026."""


class Clock:
    """Seconds since 1970, UTC, plus an offset."""

    __slots__ = ("offset_s",)

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now(self) -> float:
        """Return the emulator's time."""
        return time.time() + self.offset_s


def iso(at: float) -> str:
    """Return `2026-06-15T10:00:05.120Z`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def midnight_after(at: float) -> float:
    """Return the next midnight UTC."""
    return (at // DAY_S + 1) * DAY_S
