"""Journal work from many tasks, made durable together.

One write to disk costs milliseconds however much is in it. All work that was asked for while the last write was under
way goes into the next transaction; everybody waits until theirs is on disk. Work that fails is undone alone.

What may wait for the disk or for another process, the begin and the commit, happens in a thread; the work between
them on the event loop. In a thread, each of its hundreds of small statements would give the interpreter away and queue
for it again: with fifty jobs that end together 70 ms instead of 15 (measured, November 2026).
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

MOST_AT_ONCE = 100
"""How much work goes into one transaction: the event loop does nothing else meanwhile, some 15 ms."""


class Item(Struct, frozen=True):
    """Work that waits, and who waits for it."""

    work: Callable[[Journal], Any]
    done: asyncio.Future[Any]
    is_reading: bool


class Written(Struct, frozen=True):
    """What work came to."""

    value: Any = None
    error: Exception | None = None


class Scribe:
    """The journal's only door in a run. Without an executor it has a thread of its own."""

    def __init__(self, journal: Journal, executor: Executor | None = None) -> None:
        self.journal = journal
        self._executor = executor or ThreadPoolExecutor(max_workers=1, thread_name_prefix="veospec-journal")
        self._urgent: list[Item] = []
        self._queue: list[Item] = []
        self._writing: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[Journal], T], *, is_urgent: bool = False) -> T:
        """Do the work in a transaction and return when it is durable; what is urgent goes before what is not.

        The work is done even when the caller is cancelled meanwhile: the journal stays true.
        """
        return await self._ask(work, is_reading=False, is_urgent=is_urgent)

    async def look(self, work: Callable[[Journal], T]) -> T:
        """Do work that changes nothing."""
        return await self._ask(work, is_reading=True)

    def note(self, work: Callable[[Journal], object]) -> None:
        """Have work done that nobody waits for, and whose loss costs nothing."""
        self._ask(work, is_reading=False).add_done_callback(lambda done: done.cancelled() or done.exception())

    async def close(self) -> None:
        """Let the thread go when everything is written; nothing is asked for any more."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait((self._writing,))
        self._executor.shutdown()

    def _ask(self, work: Callable[[Journal], T], *, is_reading: bool, is_urgent: bool = False) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        (self._urgent if is_urgent else self._queue).append(Item(work, done, is_reading))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write())
        return done

    async def _write(self) -> None:
        await asyncio.sleep(0)  # what other tasks ask for in this turn of the loop goes along
        while waiting := self._urgent + self._queue:
            batch = waiting[:MOST_AT_ONCE]
            urgent = min(len(self._urgent), MOST_AT_ONCE)
            self._urgent, self._queue = self._urgent[urgent:], self._queue[len(batch) - urgent :]
            for item, written in zip(batch, await self.carry_out(batch), strict=True):
                if item.done.cancelled():
                    continue
                if written.error is None:
                    item.done.set_result(written.value)
                else:
                    item.done.set_exception(written.error)

    async def carry_out(self, batch: list[Item]) -> list[Written]:
        """Do a batch and return what each part of it came to, as it is on disk."""
        if all(item.is_reading for item in batch):
            return [self._one(item) for item in batch]
        loop, journal = asyncio.get_running_loop(), self.journal
        try:
            await loop.run_in_executor(self._executor, journal.begin)
            try:
                written = [self._one(item) for item in batch]
                await loop.run_in_executor(self._executor, journal.commit)
            except BaseException:
                await loop.run_in_executor(self._executor, journal.undo)
                raise
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            # A disk that takes nothing can still be read.
            return [self._one(item) if item.is_reading else Written(error=error) for item in batch]
        return written

    def _one(self, item: Item) -> Written:
        try:
            with nullcontext() if item.is_reading else self.journal.part():
                return Written(item.work(self.journal))
        except Exception as error:  # noqa: BLE001 - as above
            return Written(error=error)
