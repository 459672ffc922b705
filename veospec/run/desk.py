"""Journal work from many tasks, made durable together.

One write to disk costs about a millisecond however much is in it. All work that was asked for while the event loop
was busy goes into one transaction; everybody waits until it is on disk. Work that fails is undone alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from veospec.run.journal import Journal

T = TypeVar("T")


class Desk:
    """The journal's only door in a run."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._queue: list[tuple[Callable[[Journal], Any], asyncio.Future[Any]]] = []

    async def do(self, work: Callable[[Journal], T]) -> T:
        """Do the work in a transaction and return when it is durable.

        The work is done even when the caller is cancelled meanwhile: the journal stays true.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        if not self._queue:
            loop.call_soon(self._flush)
        self._queue.append((work, done))
        return await done

    def _flush(self) -> None:
        queue, self._queue = self._queue, []
        results: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        try:
            with self.journal.transaction():
                results = [(done, *self._one(work)) for work, done in queue]
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            results = [(done, None, error) for _, done in queue]
        for done, value, failure in results:
            if done.cancelled():
                continue
            if failure is None:
                done.set_result(value)
            else:
                done.set_exception(failure)

    def _one(self, work: Callable[[Journal], T]) -> tuple[T | None, Exception | None]:
        try:
            with self.journal.transaction():
                return work(self.journal), None
        except Exception as error:  # noqa: BLE001 - see _flush
            return None, error
