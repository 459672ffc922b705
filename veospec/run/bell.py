"""Waits that can be ended early, by as many reasons as there are bells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from veospec.run.ports import Clock


class Bell:
    """Wakes everybody who sleeps by it."""

    def __init__(self) -> None:
        self._sleepers: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """End the waits of now; later ones are not touched."""
        for sleeper in self._sleepers:
            sleeper.cancel()

    def wakes(self, sleeper: asyncio.Future[None]) -> None:
        """Let the sleeper be woken."""
        self._sleepers.add(sleeper)

    def leaves(self, sleeper: asyncio.Future[None]) -> None:
        """Let it sleep on."""
        self._sleepers.discard(sleeper)


async def sleep(clock: Clock, seconds: float, bells: Iterable[Bell]) -> None:
    """Wait until the time is over or one of the bells rings."""
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    bells = tuple(bells)
    for bell in bells:
        bell.wakes(sleeper)
    try:
        await asyncio.wait((sleeper,))  # not the sleeper itself: its cancellation is not that of the caller
    finally:
        sleeper.cancel()
        for bell in bells:
            bell.leaves(sleeper)
