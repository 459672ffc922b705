"""Apply a paid plan in child processes that die by SIGKILL, or side by side; print what the service charged.

A program of its own, single-threaded, so that it can fork. Usage: crash_driver.py FOLDER kill|together [hide]
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

from fake_service import Charge, FakeService, JobState, World
from stage import InlineExecutor, SimClock, clip, make_plan, slot

from veospec.errors import VeospecError
from veospec.model import Cost, NodeSource
from veospec.plan.values import Plan
from veospec.providers.base import Accepted, Prepared, Result
from veospec.run.events import Ended
from veospec.run.journal import Journal
from veospec.run.outcome import Report
from veospec.run.scribe import Item, Scribe, Written


def plan() -> Plan:
    nodes = [clip("SH0", takes=2), clip("SH1"), clip("SH2", slot("start", NodeSource("SH0", "last")))]
    return make_plan(*nodes, provider="flow", price=Cost(20, 0))


class Killer:
    """Counts the points a run passes, and ends the process at one of them."""

    def __init__(self, at: int = 0) -> None:
        self.passed = 0
        self._at = at

    def point(self) -> None:
        self.passed += 1
        if self.passed == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


class FileService(FakeService):
    """A service that outlives its clients: jobs and charges lie in files; a job is done at the second look."""

    folder: Path
    killer: Killer

    async def submit(self, prepared: Prepared, reply_ref: str) -> Accepted:
        self.killer.point()
        seeds = tuple(prepared.order.seed + n for n in range(len(prepared.order.takes)))
        job = {"id": f"j:{reply_ref}*@", "reply_ref": reply_ref, "node": prepared.order.node.id, "seeds": seeds}
        path = self.folder / f"{reply_ref.replace(':', '_')}.json"
        assert not path.exists(), "one reply_ref was sent twice"
        path.write_text(json.dumps(job))
        self.killer.point()  # accepted and paid, the answer is on its way
        return Accepted(str(job["id"]), self.account)

    async def poll(self, job_id: str, sent_at: datetime | None = None) -> tuple[Result, ...] | None:
        self.killer.point()
        job = next(job for job in self.stored() if job.id == job_id)
        looks = self.folder / f"{job.reply_ref.replace(':', '_')}.looks"
        looks.touch()
        with looks.open("ab") as stream:
            stream.write(b".")
        return self._results(job) if looks.stat().st_size > 1 else None

    async def recover(self, attempt: Any) -> Any:
        self.killer.point()
        self.jobs = {job.id: job for job in self.stored()}
        return await super().recover(attempt)

    async def fetch(self, result: Result, target: Path) -> Any:
        self.killer.point()
        fetched = await super().fetch(result, target)
        self.killer.point()
        return fetched

    def stored(self) -> list[JobState]:
        found = []
        for path in sorted(self.folder.glob("*.json")):
            job = json.loads(path.read_text())
            found.append(JobState(job["id"], job["reply_ref"], job["node"], tuple(job["seeds"]), 0.0))
        return found

    def charges(self) -> list[Charge]:
        return [Charge(job.node, seed, 20, job.reply_ref) for job in self.stored() for seed in job.seeds]


class KillingScribe(Scribe):
    """A scribe with a point before and after each commit."""

    killer: Killer

    async def carry_out(self, batch: list[Item]) -> list[Written]:
        self.killer.point()
        found = await super().carry_out(batch)
        self.killer.point()
        return found


class KillingExecutor(InlineExecutor):
    """Points around everything that touches the store."""

    def __init__(self, killer: Killer) -> None:
        self._killer = killer

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._killer.point()
        future = super().submit(fn, *args, **kwargs)
        self._killer.point()
        return future


def world(root: Path, killer: Killer, *, hides: bool) -> World:
    found = World(root, SimClock())
    service = FileService(found.clock)
    service.folder, service.killer, service.hides_jobs = root / "service", killer, hides

    def scribe_of(journal: Journal) -> Scribe:
        scribe = KillingScribe(journal, InlineExecutor())
        scribe.killer = killer
        return scribe

    found.service, found.scribe_of, found.executor = service, scribe_of, KillingExecutor(killer)
    found.ids = os.getpid() << 32
    return found


def child(work: Callable[[], Report]) -> int:
    """Start a process that applies; its exit status is that of the run, 99 for a bug."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os._exit(int(work().exit))
    except VeospecError as error:
        os.write(2, f"{error.message}\n".encode())
        os._exit(int(error.exit_code))
    except BaseException as error:  # noqa: BLE001 - this is the end of a process
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(99)


def finish(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def verdict(root: Path, *, hides: bool) -> dict[str, Any]:
    """Apply twice more, and compare the ledger with what is there."""
    code = finish(child(lambda: world(root, Killer(), hides=hides).apply(plan())))
    if code not in (0, 7):
        return {"bug": code}
    found = world(root, Killer(), hides=hides)
    report = found.apply(plan())
    service = found.service
    assert isinstance(service, FileService)
    per_take = Counter((charge.node, charge.seed) for charge in service.charges())
    states = [outcome.state for outcome in report.outcomes]
    return {
        "twice": sum(count > 1 for count in per_take.values()),
        "charged": len(per_take),
        "asked": states.count(Ended.HELD),
        "waits": states.count(Ended.BLOCKED),
        "there": sum(outcome.has_bytes for outcome in report.outcomes),
    }


def fresh(folder: Path, name: str) -> Path:
    root = folder / name
    (root / "service").mkdir(parents=True)
    return root


def kill(folder: Path, *, hides: bool) -> list[dict[str, Any]]:
    """Kill at every point in turn (every third when nothing is found again), until a run gets through alive."""
    found = []
    for at in range(1, 10_000, 3 if hides else 1):
        root = fresh(folder, str(at))
        code = finish(child(lambda: world(root, Killer(at), hides=hides).apply(plan())))  # noqa: B023
        found.append({"at": at, "code": code, **verdict(root, hides=hides)})
        if code != -signal.SIGKILL:
            break
    return found


def together(folder: Path) -> list[dict[str, Any]]:
    """Two, then eight processes on one storyboard at once."""
    found = []
    for count in (2, 2, 2, 8):
        root = fresh(folder, f"t{len(found)}")
        pids = [child(lambda: world(root, Killer(), hides=False).apply(plan())) for _ in range(count)]  # noqa: B023
        codes = [finish(pid) for pid in pids]
        found.append({"at": count, "code": max(codes), **verdict(root, hides=False)})
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1])
    rows = together(where) if sys.argv[2] == "together" else kill(where, hides="hide" in sys.argv)
    print(json.dumps(rows))
