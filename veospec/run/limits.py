"""How much at once and how long to wait: the numbers of a run and the things that hold them.

No real time in here: the clock and the random source come from outside.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from msgspec import Struct

from veospec.errors import ApiError, Unreachable
from veospec.run.bell import Bell
from veospec.run.halt import Halt
from veospec.run.ports import Clock

_MOST_DOUBLINGS = 32
"""A job may be watched through a thousand looks that fail; a float does not double as often."""


class Limits(Struct, frozen=True):
    """What a person may change. Times are seconds.

    One video in flight per account is the safe start. Source: of three submissions within 7 to 13 s on one account two
    were answered with 429 (measured on the Google Flow API v1, September 2026). Who wants more leaves `gap_s` between
    the submissions of an account, because too many at once rest the whole account.

    `poll_s` None means that the schedule adapts: a look each `poll_share` of the expected time, not more often than
    each `least_poll_s`. `is_near` says that the service is a double on this machine, whose jobs take as long as it was
    told, not as long as models usually do. `patience_s` bounds the waits that a service asks for, summed over one
    request.
    """

    videos_per_account: int = 1
    images_per_account: int = 2
    gap_s: float = 5.0
    preparing: int = 2
    downloads: int = 4
    poll_s: float | None = None
    poll_share: float = 0.03
    least_poll_s: float = 0.5
    is_near: bool = False
    deadline_s: float = 1800.0
    patience_s: float = 3600.0
    submit_tries: int = 6
    fetch_tries: int = 5
    first_backoff_s: float = 2.0
    longest_backoff_s: float = 60.0

    def backoff_s(self, tries: int, asked_s: float | None, rnd: random.Random) -> float:
        """Return how long to wait after the n-th failure: what the service asks for, or longer each time."""
        own = min(self.first_backoff_s * 2.0 ** min(tries - 1, _MOST_DOUBLINGS), self.longest_backoff_s)
        jittered = own * rnd.uniform(0.8, 1.2)
        return jittered if asked_s is None else max(1.0, asked_s)

    def look_again_s(self, failed: int, error: ApiError) -> float:
        """Return the least wait after the n-th look in a row that failed.

        A look is free: one that did not come through is soon repeated, and later less often. What the service itself
        asks for is kept to.
        """
        asked_s = error.retry_after_s or 0.0
        own_s = self.first_backoff_s * 2.0 ** min(failed - 2, _MOST_DOUBLINGS)
        return min(asked_s, own_s) if isinstance(error, Unreachable) else asked_s


class Slots:
    """Places for requests in flight, per account and lane, first come first served."""

    def __init__(self, limit_of_lane: dict[str, int]) -> None:
        self._limit_of_lane = limit_of_lane
        self._limits: dict[tuple[str, str], int] = {}
        self._used: dict[tuple[str, str], int] = defaultdict(int)
        self._queues: dict[tuple[str, str], deque[asyncio.Future[None]]] = defaultdict(deque)
        self._in_use = 0
        self.most_in_use = 0
        """How many places were in use at once so far, over all accounts."""

    async def take(self, account: str, lane: str) -> None:
        """Wait for a place and take it."""
        place = (account, lane)
        if self._used[place] < self._limit(place) and not self._queues[place]:
            self._use(place)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues[place].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(account, lane)
            raise

    def take_over(self, account: str, lane: str) -> None:
        """Count a request that is in flight already, also past the limit."""
        self._use((account, lane))

    def give_back(self, account: str, lane: str) -> None:
        """Free a place; the first in the queue gets it."""
        place = (account, lane)
        self._used[place] -= 1
        self._in_use -= 1
        queue = self._queues[place]
        while queue and self._used[place] < self._limit(place):
            turn = queue.popleft()
            if not turn.done():
                self._use(place)
                turn.set_result(None)

    def halve(self, account: str, lane: str) -> None:
        """Use half as many places from now on, one at least: the account was told that it is too fast."""
        place = (account, lane)
        self._limits[place] = max(1, self._limit(place) // 2)

    def _use(self, place: tuple[str, str]) -> None:
        self._used[place] += 1
        self._in_use += 1
        self.most_in_use = max(self.most_in_use, self._in_use)

    def _limit(self, place: tuple[str, str]) -> int:
        return self._limits.get(place, self._limit_of_lane[place[1]])


class Pace:
    """Keeps the submissions of an account apart, in the order in which they ask."""

    def __init__(self, clock: Clock, gap_s: float) -> None:
        self._clock = clock
        self._gap_s = gap_s
        self._next_at: dict[str, float] = {}

    async def turn(self, account: str, halt: Halt) -> None:
        """Wait until the account may send again, or the run stops."""
        now = self._clock.monotonic()
        at = max(now, self._next_at.get(account, now))
        self._next_at[account] = at + self._gap_s
        if at > now:
            await halt.sleep(self._clock, at - now, until_stop=True)


class Place:
    """A slot that is given back once, by whoever is first."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def free(self) -> None:
        """Give it back."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Gates:
    """Doors that a service closed for a while: for one account, one model of it, or everybody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opens_at: dict[tuple[str, ...], float] = {}

    def close(self, gate: tuple[str, ...], seconds: float) -> None:
        """Keep a gate closed; the later of two times counts."""
        until = self._clock.monotonic() + seconds
        self._opens_at[gate] = max(until, self._opens_at.get(gate, 0.0))

    def remaining_s(self, gates: Iterable[tuple[str, ...]]) -> float:
        """Return how long until all of them are open."""
        now = self._clock.monotonic()
        return max((self._opens_at.get(gate, now) - now for gate in gates), default=0.0)

    async def wait(self, gates: Iterable[tuple[str, ...]], halt: Halt) -> None:
        """Wait until all of them are open, or the run stops."""
        gates = tuple(gates)
        while (left := self.remaining_s(gates)) > 0 and not halt.is_stopping():
            await halt.sleep(self._clock, left, until_stop=True)


class Departures:
    """Requests that hold a place and have not been answered yet: a free place costs time, a finished file does not."""

    def __init__(self) -> None:
        self._open = 0
        self.all_gone = Bell()

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """Count a request until the block ends, or what is yielded is called."""
        self._open += 1
        place = Place(self._gone)
        try:
            yield place.free
        finally:
            place.free()

    def _gone(self) -> None:
        self._open -= 1
        if not self._open:
            self.all_gone.ring()

    def any(self) -> bool:
        """Tell whether any is under way."""
        return self._open > 0


class Downloads:
    """The way of paid files to this disk: a few at once, and no new submission while too many have to queue.

    As many files may queue as jobs were in flight at once. Jobs that end together are a queue for a moment; one that
    does not get shorter says that what is paid does not come home.
    """

    def __init__(self, at_once: int, most_waiting: Callable[[], int]) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._queued = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places."""
        self._queued += 1
        if self._queued > self._most_waiting():
            self._calm.clear()
        try:
            await self._places.acquire()
        finally:
            self._queued -= 1
            if self._queued <= self._most_waiting():
                self._calm.set()
        try:
            yield
        finally:
            self._places.release()

    async def calm(self) -> None:
        """Wait until few enough queue."""
        await self._calm.wait()
