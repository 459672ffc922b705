"""Take the leases of some keys without blocking the event loop: who holds a key makes it, everybody else waits.

Keys are always taken in the same order, so that two runs cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from veospec.model import Key
from veospec.run.halt import Halt
from veospec.run.ports import Bench
from veospec.store.lock import Holder, Lease, Locks

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0


@asynccontextmanager
async def leases(
    bench: Bench, keys: Iterable[Key], halt: Halt, waiting: Callable[[Holder], None] | None
) -> AsyncIterator[bool]:
    """Hold every key; yields False when the run was told to stop before all of them were free.

    `waiting` is told once per key who is waited for; without it nobody is waited for. Lock files are made and removed
    beside the event loop: that waits for the disk while others write to it.
    """
    held: list[Lease] = []
    try:
        for key in sorted(set(keys)):
            lease = await _take(bench, key, halt, waiting)
            if lease is None:
                break
            held.append(lease)
        yield len(held) == len(set(keys))
    finally:
        # Given back even when the caller is cancelled here: the work is on its way to the executor already.
        await bench.quickly(_release, held)


async def _take(bench: Bench, key: Key, halt: Halt, waiting: Callable[[Holder], None] | None) -> Lease | None:
    pause_s, is_told = FIRST_PAUSE_S, False
    while True:
        got = await bench.quickly(_attempt, bench.store.locks, key)
        if isinstance(got, Lease):
            return got
        if waiting is None or halt.is_stopping():
            return None
        if not is_told:
            waiting(got)
            is_told = True
        await halt.sleep(bench.clock, pause_s, until_stop=True)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _attempt(locks: Locks, key: Key) -> Lease | Holder:
    return locks.attempt(key, doing="apply")


def _release(held: list[Lease]) -> None:
    for lease in held:
        lease.release()
