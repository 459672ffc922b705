"""The paid path alone: intents and job ids on disk, submissions, looks. Prints what it took, as JSON.

A program of its own: `client.py FOLDER JOBS`. The service is named by the environment. Nothing is downloaded, and
nothing of an `apply` comes before or after.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import sys
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from veospec.app.remoting import NEAR, flow_provider
from veospec.catalog.shipped import load_catalogue
from veospec.model import Cell, Cost, Kind, Location, Mode, Node, Request
from veospec.plan.values import Ceiling
from veospec.providers.base import Order
from veospec.providers.flow.provider import FlowProvider
from veospec.run.bell import sleep
from veospec.run.journal import Journal
from veospec.run.looks import Looks
from veospec.run.ports import WallClock
from veospec.run.rows import Intent, Part
from veospec.run.scribe import Scribe

MODEL = "veo-3.1-fast"


def shot(number: int) -> Node:
    """Return a text-to-video shot."""
    request = Request(MODEL, Mode.T2V, f"A ferry leaves port {number}.", "16:9", "720p", Fraction(4), 1)
    place = Location("shots.yaml", 1, 1)
    name = f"SH{number:05}"
    return Node(name, Kind.CLIP, name, Cell(), request, 1, 1, name, place)


async def one(number: int, provider: FlowProvider, scribe: Scribe, looks: Looks) -> None:
    """Buy one job as a run does, and look until it has ended."""
    clock, node, attempt = WallClock(), shot(number), secrets.token_hex(16)
    key = f"{number:064x}"
    prepared = await provider.prepare(Order(node, (1,), (key,), 1, ()))
    document = {"prompt": node.request.prompt, "model": MODEL, "seed": 1}
    part = Part(key, document, key, document, 1, 1, Cost(10, 0))
    intent = Intent(attempt, f"vs1:{attempt}", "run", "shots.yaml", "flow", "bench", node.id, prepared.account, MODEL,
                    prepared.path, prepared.body, (part,))  # fmt: skip

    def begin(journal: Journal) -> None:
        journal.reserve(intent, Ceiling(10_000_000), datetime.now(UTC), sends=True)

    await scribe.do(begin)
    accepted = await provider.submit(prepared, intent.reply_ref)
    since = clock.monotonic()
    now = datetime.now(UTC)
    await scribe.do(lambda journal: journal.accepted(attempt, accepted.job_id, accepted.account, now), is_urgent=True)
    watch, ran_s = looks.watch(MODEL, None), 0.0
    due = since + watch.wait_s(clock.monotonic() - since)
    while True:
        while (left := due - clock.monotonic()) > 0:
            await sleep(clock, left, (watch.news,))
            age, expected = clock.monotonic() - since, watch.expected_s
            if clock.monotonic() < due and expected is not None:
                due = min(due, clock.monotonic() + (watch.wait_s(age) if age < expected else 0.0))
        age = clock.monotonic() - since
        if await provider.poll(accepted.job_id) is not None:
            watch.ended(ran_s, age)
            watch.leave()
            return
        ran_s = age
        due = clock.monotonic() + watch.wait_s(age)


async def run(folder: Path, jobs: int) -> dict[str, float]:
    """Buy all at once and return the seconds from the first intent to the last end, and the CPU seconds of it."""
    journal = Journal.open(folder / "journal.sqlite3")
    scribe, looks = Scribe(journal), Looks(NEAR, random.Random(1))
    async with flow_provider(os.environ, load_catalogue()) as (provider, _):
        await provider.preflight(tuple(map(shot, range(jobs))), jobs * 10)
        used, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(one(number, provider, scribe, looks) for number in range(jobs)))
        took = {"span": time.perf_counter() - began, "cpu": time.process_time() - used}
    await scribe.close()
    journal.close()
    return took


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))))
