"""When a job is looked at. No real time passes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from stage import SimClock

from veospec.run.bell import Bell, sleep
from veospec.run.limits import Limits
from veospec.run.looks import Looks

NEAR = Limits(poll_share=0.02, least_poll_s=0.05, is_near=True)


def one_after_the_other(jobs: Sequence[float], usual_s: float | None, limits: Limits) -> list[tuple[int, float]]:
    """Return for each job the number of looks and how late its end was seen."""
    schedule, seen = Looks(limits, random.Random(7)), []
    for job_s in jobs:
        watch = schedule.watch("veo", usual_s)
        age, ran, count = 0.0, 0.0, 0
        while True:
            age += watch.wait_s(age)
            count += 1
            if age >= job_s:
                break
            ran = age
        watch.ended(ran, age)
        watch.leave()
        seen.append((count, age - job_s))
    return seen


@pytest.mark.parametrize(
    ("job_s", "usual_s", "jobs", "most_looks", "late_s"),
    [
        (90, 90, 1, 10, 5),
        (90, 90, 6, 2, 0.5),
        (1.5, 90, 1, 2, 1.6),
        (1.5, 90, 6, 3, 0.1),
        (600, 90, 1, 120, 15.1),
        (75, None, 1, 20, 4),
    ],
)
def test_the_schedule_adapts(job_s: float, usual_s: float | None, jobs: int, most_looks: int, late_s: float) -> None:
    """Few looks, none much too late, also where the service is faster than believed."""
    count, late = one_after_the_other([job_s] * jobs, usual_s, Limits())[-1]
    assert count <= most_looks
    assert late <= late_s


def test_a_slow_job_after_a_fast_one_is_looked_at_steadily() -> None:
    """An outlier that was fast costs a few looks at the others and makes nothing late."""
    seen = one_after_the_other([20, 90, 90, 90], 90, Limits())
    assert all(count <= 60 and late <= 3.3 for count, late in seen[1:])


def test_a_person_s_own_interval_is_taken_at_its_word() -> None:
    """But for looks at about the time that jobs of the model have taken so far."""
    assert one_after_the_other([10], 90, Limits(poll_s=2.0)) == [(5, 0.0)]
    assert one_after_the_other([11, 11], 90, Limits(poll_s=2.0))[1] == (1, 0.0)


def all_at_once(jobs: Sequence[float], limits: Limits) -> list[tuple[int, float]]:
    """Return for each of some jobs that begin together the number of looks and how late its end was seen."""
    clock, schedule = SimClock(), Looks(limits, random.Random(7))

    async def one(job_s: float) -> tuple[int, float]:
        watch, ran, count = schedule.watch("veo", None), 0.0, 0
        due = watch.wait_s(0.0)
        while True:
            while clock.elapsed_s < due:
                await sleep(clock, due - clock.elapsed_s, (watch.news,))
                expected = watch.expected_s
                if clock.elapsed_s < due and expected is not None:
                    due = clock.elapsed_s if clock.elapsed_s >= expected else clock.elapsed_s + watch.wait_s(due)
            count += 1
            if clock.elapsed_s >= job_s:
                watch.ended(ran, clock.elapsed_s)
                watch.leave()
                return count, clock.elapsed_s - job_s
            ran = clock.elapsed_s
            due = clock.elapsed_s + watch.wait_s(clock.elapsed_s)

    async def run() -> list[tuple[int, float]]:
        return list(await asyncio.gather(*(one(job_s) for job_s in jobs)))

    return asyncio.run(run())


def test_a_scout_spares_the_others_their_looks() -> None:
    """Nobody knows how long a job takes: one is looked at closely, and the rest hears of its end."""
    seen = all_at_once([5.0] * 50, NEAR)
    assert max(late for _, late in seen) <= 0.08
    assert sum(count for count, _ in seen) <= 50 * 13


def test_jobs_of_many_lengths_are_all_seen_in_time() -> None:
    """What ends later than the fastest is seen at most a few hundredths of its length too late."""
    jobs = [3.0 + 0.1 * n for n in range(40)]
    seen = all_at_once(jobs, NEAR)
    assert all(late <= 0.03 * job_s + 0.06 for job_s, (_, late) in zip(jobs, seen, strict=True))


def test_a_bell_wakes_those_who_sleep_now() -> None:
    """A ring ends every wait by this bell and no other, and a cancelled sleeper leaves nothing behind."""
    clock = SimClock()

    async def run() -> list[float]:
        bell, other = Bell(), Bell()
        woken: list[float] = []

        async def sleeper(seconds: float, *bells: Bell) -> None:
            await sleep(clock, seconds, bells)
            woken.append(clock.elapsed_s)

        tasks = [asyncio.ensure_future(sleeper(100, bell, other)), asyncio.ensure_future(sleeper(7, other))]
        gone = asyncio.ensure_future(sleeper(50, bell))
        await sleep(clock, 1, ())
        gone.cancel()
        await sleep(clock, 1, ())
        bell.ring()
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(run()) == [2, 7]
