"""A paid service on the simulated clock, with a charge ledger and scripted faults."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from stage import Ears, InlineExecutor, SimClock, bench_on, make_plan

from veospec.errors import ApiError
from veospec.model import Key, Node, Policy
from veospec.plan.values import Ceiling, Plan
from veospec.providers.base import Accepted, Attempt, Fetched, Order, Prepared, Receipt, Recovery, Result
from veospec.run.halt import Halt
from veospec.run.journal import Journal
from veospec.run.kit import Kit, Settings
from veospec.run.landing import Lander
from veospec.run.limits import Limits
from veospec.run.local import LocalMaker
from veospec.run.outcome import Report
from veospec.run.remote import RemoteMaker
from veospec.run.resume import Earlier
from veospec.run.runner import Runner
from veospec.run.scribe import Scribe
from veospec.store.layout import Store


@dataclass
class Fault:
    """One scripted fault: `error` is raised; with `accepts` the job was made, and charged, first."""

    error: BaseException
    accepts: bool = False


@dataclass
class JobState:
    id: str
    reply_ref: str
    node: str
    seeds: tuple[int, ...]
    done_at: float
    filtered: frozenset[int] = frozenset()


@dataclass
class Charge:
    node: str
    seed: int
    credits: int
    reply_ref: str


@dataclass
class FakeService:
    """`faults` maps "call" or "call:node" to what the next such calls do; `filters` maps a seed to a refusal."""

    clock: Any
    job_s: float = 90.0
    price: int = 20
    account: str = "studio@example.com"
    faults: dict[str, list[Fault | BaseException | None]] = field(default_factory=dict)
    filters: dict[int, str] = field(default_factory=dict)
    answers_at_once: frozenset[str] = frozenset()
    hides_jobs: bool = False
    says_seeds: bool = True
    calls: list[str] = field(default_factory=list)
    ledger: list[Charge] = field(default_factory=list)
    jobs: dict[str, JobState] = field(default_factory=dict)
    in_flight_most: int = 0
    submitted_at: list[float] = field(default_factory=list)

    async def _call(self, name: str, node: str) -> Fault | None:
        self.calls.append(f"{name}:{node}")
        await asyncio.sleep(0)
        for key in (f"{name}:{node}", name):
            queue = self.faults.get(key)
            if queue:
                found = queue.pop(0)
                fault = Fault(found) if isinstance(found, BaseException) else found
                if fault is not None and not fault.accepts:
                    raise fault.error
                return fault
        return None

    async def preflight(
        self, nodes: Sequence[Node], credits_needed: int | None, credits_agreed: int | None = None
    ) -> tuple[str, ...]:
        await self._call("preflight", str(credits_needed))
        return ("the account is healthy",)

    async def prepare(self, order: Order) -> Prepared:
        await self._call("prepare", order.node.id)
        body = {"prompt": order.node.request.prompt, "seed": order.seed, "count": len(order.takes)}
        return Prepared(order, self.account, "videos", body)

    async def submit(self, prepared: Prepared, reply_ref: str) -> Accepted:
        node = prepared.order.node.id
        fault = await self._call("submit", node)
        self.submitted_at.append(self.clock.monotonic())
        seeds = tuple(prepared.order.seed + n for n in range(len(prepared.order.takes)))
        job = JobState(
            f"j{len(self.jobs)}:x*@",
            reply_ref,
            node,
            seeds,
            self.clock.monotonic() + self.job_s,
            frozenset(self.filters),
        )
        self.jobs[job.id] = job
        now = self.clock.monotonic()
        self.in_flight_most = max(self.in_flight_most, sum(other.done_at > now for other in self.jobs.values()))
        for seed in seeds:
            if seed not in self.filters:
                self.ledger.append(Charge(node, seed, self.price, reply_ref))
        if fault is not None:
            raise fault.error
        if node in self.answers_at_once:
            job.done_at = 0.0
            found = self._results(job)
            return Accepted(job.id, self.account, tuple(_inside(result) for result in found))
        return Accepted(job.id, self.account)

    async def poll(self, job_id: str, sent_at: datetime | None = None) -> tuple[Result, ...] | None:
        job = self.jobs[job_id]
        await self._call("poll", job.node)
        return self._results(job) if self.clock.monotonic() >= job.done_at else None

    def _results(self, job: JobState) -> tuple[Result, ...]:
        found = []
        for seed in job.seeds:
            said = seed if self.says_seeds else None
            receipt = Receipt("flow", "", job.id, f"user:1-video:{job.id}{seed}", said, "veo")
            if seed in job.filtered:
                found.append(Result(receipt, refused=self.filters.get(seed, "FILTERED")))
            else:
                expires = self.clock.now() + timedelta(hours=6)
                found.append(Result(receipt, url=f"https://x.example/{job.node}/{seed}", expires_at=expires))
        return tuple(found)

    async def fetch(self, result: Result, target: Path) -> Fetched:
        await self._call("fetch", result.url.split("/")[-2] if result.url else "inline")
        content = result.content or _bytes(result)
        target.write_bytes(content)  # noqa: ASYNC240 - a few bytes
        return Fetched(hashlib.sha256(content).hexdigest(), len(content), "mp4")

    async def recover(self, attempt: Attempt) -> Recovery:
        await self._call("recover", attempt.node)
        if self.hides_jobs:
            return Recovery(seen="looked at 0 running jobs; none carries our mark")
        found = [job.id for job in self.jobs.values() if job.reply_ref == attempt.reply_ref]
        return Recovery(found[0] if found else "", self.account, "looked at the running jobs")

    def bar(self, account: str, model: str, error: ApiError) -> None:
        self.calls.append(f"bar:{account}/{model}")

    async def aclose(self) -> None:
        self.calls.append("aclose")

    @property
    def charged(self) -> int:
        return sum(charge.credits for charge in self.ledger)

    def count(self, call: str) -> int:
        return sum(made == call or made.startswith(call + ":") for made in self.calls)


def _inside(result: Result) -> Result:
    return result if result.refused else replace(result, url="", content=_bytes(result))


def _bytes(result: Result) -> bytes:
    return f"MP4 {result.receipt.media_id}".encode()


def _inline(journal: Journal) -> Scribe:
    return Scribe(journal, InlineExecutor())


@dataclass
class World:
    """One machine: a store, a journal, a clock, a service; `apply` is one run on it."""

    root: Path
    clock: SimClock = field(default_factory=SimClock)
    runs: int = 0
    ids: int = 0
    said: list[str] = field(default_factory=list)
    ears: Ears = field(default_factory=Ears)
    most_takes: int = 4
    limits: Limits = field(default_factory=Limits)
    deadline_s: float = 1800.0
    scribe_of: Callable[[Journal], Scribe] = _inline
    executor: Executor = field(default_factory=InlineExecutor)

    def __post_init__(self) -> None:
        self.service = FakeService(self.clock)

    @property
    def journal_path(self) -> Path:
        return self.root / ".veospec/journal.sqlite3"

    def _new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:032x}"

    def apply(self, plan: Plan, *, on_start: Callable[[Halt], None] | None = None) -> Report:
        self.runs += 1
        with Store.open(self.root / ".veospec", write=True) as store:
            journal = Journal.open(store.journal_path)
            try:
                return asyncio.run(self._run(plan, store, journal, on_start))
            finally:
                journal.close()

    def search(self, wanted: Set[Key]) -> None:
        """Look for what was lost, as a run does before it plans."""
        with Store.open(self.root / ".veospec", write=True) as store:
            journal = Journal.open(store.journal_path)
            try:
                asyncio.run(self._search(store, journal, wanted))
            finally:
                journal.close()

    async def _search(self, store: Store, journal: Journal, wanted: Set[Key]) -> None:
        kit = self._kit(make_plan(), store, journal)
        await Earlier(kit, Lander(kit)).search(wanted)

    async def _run(self, plan: Plan, store: Store, journal: Journal, on_start: Callable[[Halt], None] | None) -> Report:
        kit = self._kit(plan, store, journal)
        local = LocalMaker(None, kit.bench, kit.materials, kit.halt, self.ears, workers=2)
        if on_start is not None:
            on_start(kit.halt)
        return await Runner(plan, kit.bench, RemoteMaker(kit, local), kit.halt, self.ears, run=kit.settings.run).run()

    def _kit(self, plan: Plan, store: Store, journal: Journal) -> Kit:
        bench = replace(bench_on(store, provider="flow", clock=self.clock), executor=self.executor)
        settings = Settings(
            run=f"run{self.runs}",
            process="1@here",
            ceiling=plan.ceiling,
            policy=plan.storyboard.policy,
            limits=self.limits,
            usual_s=lambda model: 90.0,
            deadline_s=lambda model: self.deadline_s,
            most_takes=lambda node: self.most_takes,
            new_id=self._new_id,
            rescue_folder=self.root,
            say=self.said.append,
        )
        halt = Halt(self.ears)
        rnd = random.Random(self.runs)
        return Kit(bench, self.service, self.scribe_of(journal), halt, self.ears, settings, rnd)


__all__ = ["ApiError", "Ceiling", "FakeService", "Fault", "Policy", "World"]
