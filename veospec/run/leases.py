"""Take the leases of some keys without blocking the event loop: who holds a key makes it, everybody else waits.

Keys are always taken in the same order, so that two runs cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager

from veospec.model import Key
from veospec.run.halt import Halt
from veospec.run.ports import Clock
from veospec.store.lock import Holder, Lease, Locks

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0


@asynccontextmanager
async def leases(
    locks: Locks, keys: Iterable[Key], clock: Clock, halt: Halt, waiting: Callable[[Holder], None] | None
) -> AsyncIterator[bool]:
    """Hold every key; yields False when the run was told to stop before all of them were free.

    `waiting` is told once per key who is waited for; without it nobody is waited for.
    """
    with ExitStack() as held:
        for key in sorted(set(keys)):
            lease = await _take(locks, key, clock, halt, waiting)
            if lease is None:
                yield False
                return
            held.enter_context(lease)
        yield True


async def _take(
    locks: Locks, key: Key, clock: Clock, halt: Halt, waiting: Callable[[Holder], None] | None
) -> Lease | None:
    pause_s, is_told = FIRST_PAUSE_S, False
    while True:
        got = locks.attempt(key, doing="apply")
        if isinstance(got, Lease):
            return got
        if waiting is None or halt.is_stopping():
            return None
        if not is_told:
            waiting(got)
            is_told = True
        await halt.sleep(clock, pause_s, until_stop=True)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
