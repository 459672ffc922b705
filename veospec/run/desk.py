"""Journal work from many tasks, made durable together and beside the event loop.

One write to disk costs milliseconds however much is in it. All work that was asked for while the last write was under
way goes into the next transaction; everybody waits until theirs is on disk. Work that fails is undone alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

from msgspec import Struct

from veospec.run.journal import Journal

T = TypeVar("T")


class Item(Struct, frozen=True):
    """Work that waits, and who waits for it."""

    work: Callable[[Journal], Any]
    done: asyncio.Future[Any]
    is_reading: bool


class Outcome(Struct, frozen=True):
    """What work came to."""

    value: Any = None
    error: Exception | None = None


class Desk:
    """The journal's only door in a run. Without an executor it has a thread of its own."""

    def __init__(self, journal: Journal, executor: Executor | None = None) -> None:
        self.journal = journal
        self._executor = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix="veospec-journal")
        self._queue: list[Item] = []
        self._is_busy = False

    async def do(self, work: Callable[[Journal], T]) -> T:
        """Do the work in a transaction and return when it is durable.

        The work is done even when the caller is cancelled meanwhile: the journal stays true.
        """
        return await self._ask(work, is_reading=False)

    async def look(self, work: Callable[[Journal], T]) -> T:
        """Do work that changes nothing."""
        return await self._ask(work, is_reading=True)

    def close(self) -> None:
        """Let the thread go; nothing waits any more."""
        self._executor.shutdown()

    async def _ask(self, work: Callable[[Journal], T], *, is_reading: bool) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.append(Item(work, done, is_reading))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._begin, loop)  # what other tasks ask for in this turn of the loop goes along
        return await done

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._queue = self._queue, []
        carried = loop.run_in_executor(self._executor, self.carry_out, batch)
        carried.add_done_callback(lambda found: self._deliver(loop, batch, found))

    def _deliver(
        self, loop: asyncio.AbstractEventLoop, batch: list[Item], found: asyncio.Future[list[Outcome]]
    ) -> None:
        for item, outcome in zip(batch, found.result(), strict=True):
            if item.done.cancelled():
                continue
            if outcome.error is None:
                item.done.set_result(outcome.value)
            else:
                item.done.set_exception(outcome.error)
        if self._queue:
            self._begin(loop)
        else:
            self._is_busy = False

    def carry_out(self, batch: list[Item]) -> list[Outcome]:
        """Do a batch; blocks. Runs where the executor says."""
        is_writing = not all(item.is_reading for item in batch)
        try:
            with self.journal.lock, self.journal.transaction() if is_writing else nullcontext():
                if len(batch) == 1:
                    return [Outcome(batch[0].work(self.journal))]
                return [self._one(item) for item in batch]
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            return [Outcome(error=error) for _ in batch]

    def _one(self, item: Item) -> Outcome:
        try:
            with nullcontext() if item.is_reading else self.journal.part():
                return Outcome(item.work(self.journal))
        except Exception as error:  # noqa: BLE001 - as above
            return Outcome(error=error)
