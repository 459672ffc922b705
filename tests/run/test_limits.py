"""Slots, gates and downloads: how much at once, how long to wait. No real time passes."""

from __future__ import annotations

import asyncio
import random

import pytest
from stage import Ears, SimClock

from veospec.errors import ApiError, Rejected, Throttled, Unreachable
from veospec.run.halt import Halt
from veospec.run.limits import Downloads, Gates, Limits, Pace, Slots


def test_slots_are_given_in_order() -> None:
    """The first who waits is the first who gets; an account does not hold up another."""

    async def run() -> list[str]:
        slots, got = Slots({"video": 1}), []

        async def user(name: str, account: str) -> None:
            await slots.take(account, "video")
            got.append(name)
            await asyncio.sleep(0)
            slots.give_back(account, "video")

        await asyncio.gather(*(user(f"{account}{n}", account) for n in range(3) for account in "ab"))
        return got

    assert asyncio.run(run()) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_slot_that_nobody_waits_for_any_more_is_not_lost() -> None:
    """Who is cancelled in the queue, or just after the turn came, takes nothing along."""

    async def run() -> None:
        slots = Slots({"video": 1})
        await slots.take("a", "video")
        waiting = [asyncio.ensure_future(slots.take("a", "video")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        slots.give_back("a", "video")
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        slots.give_back("a", "video")
        await slots.take("a", "video")

    asyncio.run(asyncio.wait_for(run(), 5))


def test_halving_and_taking_over() -> None:
    """A throttled account gets half the places; what runs already counts, also past the limit."""

    async def run() -> list[bool]:
        slots = Slots({"video": 4})
        for _ in range(5):
            slots.take_over("a", "video")
        slots.halve("a", "video")
        waiting = asyncio.ensure_future(slots.take("a", "video"))
        seen = []
        for _ in range(4):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(waiting.done())
            slots.give_back("a", "video")
        await waiting
        return seen

    assert asyncio.run(run()) == [False, False, False, False]


def test_the_most_places_in_use_are_remembered() -> None:
    """Over all accounts and lanes, also past a limit, and after they were given back."""

    async def run() -> int:
        slots = Slots({"video": 1, "image": 2})
        for account in "abc":
            await slots.take(account, "video")
        slots.take_over("a", "video")
        for account in "aabc":
            slots.give_back(account, "video")
        await slots.take("a", "image")
        return slots.most_in_use

    assert asyncio.run(run()) == 4


def test_gates_close_for_the_longest_time() -> None:
    """Two closings do not shorten each other; a stop ends the wait."""
    clock = SimClock()

    async def run() -> tuple[float, float]:
        gates, halt = Gates(clock), Halt(Ears())
        gates.close(("account", "a"), 600)
        gates.close(("account", "a"), 30)
        gates.close(("model", "a", "veo"), 700)
        await gates.wait((("account", "a"), ("run",)), halt)
        first = clock.elapsed_s
        halt.interrupt()
        await gates.wait((("model", "a", "veo"),), halt)
        return first, clock.elapsed_s

    assert asyncio.run(run()) == (600, 600)


def test_submissions_of_an_account_keep_their_distance() -> None:
    """Three at once go five seconds apart, another account does not wait, and nobody waits after a stop."""
    clock = SimClock()

    async def run() -> list[tuple[str, float]]:
        pace, halt, sent = Pace(clock, 5.0), Halt(Ears()), []

        async def send(account: str) -> None:
            await pace.turn(account, halt)
            sent.append((account, clock.elapsed_s))

        await asyncio.gather(send("a"), send("a"), send("b"), send("a"))
        halt.interrupt()
        await asyncio.gather(send("a"), send("a"))
        return sent

    assert asyncio.run(run()) == [("a", 0), ("b", 0), ("a", 5), ("a", 10), ("a", 10), ("a", 10)]


@pytest.mark.parametrize(("most_waiting", "fetched_before"), [(0, 2), (1, 1), (2, 0)])
def test_submissions_wait_for_queued_downloads(most_waiting: int, fetched_before: int) -> None:
    """What is paid comes to this disk before more is paid for; a queue as long as may fly at once is no trouble."""

    async def run() -> list[str]:
        downloads, order = Downloads(1, lambda: most_waiting), []

        async def fetch(name: str) -> None:
            async with downloads.place():
                order.append(name)
                await asyncio.sleep(0)

        async def submit() -> None:
            await asyncio.sleep(0)
            await downloads.calm()
            order.append("submit")

        await asyncio.gather(fetch("1"), fetch("2"), fetch("3"), submit())
        return [name for name in order[: order.index("submit")] if name != "1"]

    assert len(asyncio.run(run())) == fetched_before


def test_waits_stay_numbers_through_a_long_outage() -> None:
    """A thousand looks that fail are an hour and a half without a network."""
    assert Limits().look_again_s(5000, Unreachable("away", retry_after_s=5)) == 5
    assert 48 <= Limits().backoff_s(5000, None, random.Random(1)) <= 72


@pytest.mark.parametrize(
    ("tries", "asked", "least", "most"), [(1, None, 1.6, 2.4), (4, None, 12.8, 19.2), (9, None, 48, 72)]
)
def test_backoff_grows_and_ends(tries: int, asked: float | None, least: float, most: float) -> None:
    """Own waits double up to a minute, with jitter."""
    rnd = random.Random(1)
    for _ in range(50):
        assert least <= Limits().backoff_s(tries, asked, rnd) <= most


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (Unreachable("page", retry_after_s=15), [1, 2, 4, 8, 15, 15]),
        (Throttled("busy", retry_after_s=30), [30, 30]),
        (Rejected("strange"), [0, 0]),
    ],
)
def test_a_look_that_failed_is_soon_repeated(error: ApiError, waits: list[float]) -> None:
    """A hiccup of the network costs a second; a service that says when is heard."""
    assert [Limits().look_again_s(n, error) for n in range(1, len(waits) + 1)] == waits


@pytest.mark.parametrize(("asked", "waits"), [(1800.0, 1800.0), (0.0, 1.0), (-5.0, 1.0)])
def test_the_service_decides_its_wait(asked: float, waits: float) -> None:
    """What the service asks for is kept to, a second at least."""
    assert Limits().backoff_s(3, asked, random.Random(1)) == waits
