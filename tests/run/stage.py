"""Builders and fakes for tests of the run room: a real store, tiny "media" files, a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from veospec.errors import MediaError
from veospec.model import (
    FREE,
    Budget,
    Cell,
    Cost,
    Deliver,
    Digest,
    FileSource,
    Input,
    Kind,
    Location,
    MediaFacts,
    Mode,
    Node,
    NodeId,
    NodeSource,
    Policy,
    Project,
    Reel,
    Request,
    Storyboard,
)
from veospec.plan.keys import document_of, key_of
from veospec.plan.values import Action, Ceiling, Document, Plan, Reason, Step, Totals, Why
from veospec.providers.base import Order
from veospec.run.events import Ended, RunEvent, StepDone
from veospec.run.ports import Bench
from veospec.store.layout import Store

HERE = Location("shots.yaml", 1, 1)
START = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)


def slot(name: str, source: FileSource | NodeSource) -> Input:
    return Input(name, source, HERE)


def clip(name: str, *inputs: Input, takes: int = 1, select: int = 1, kind: Kind = Kind.CLIP, **changes: Any) -> Node:
    request = Request("veo-3.1-fast", Mode.T2V, f"The prompt of {name}.", "16:9", "720p", Fraction(8), 1, inputs=inputs)
    return Node(
        id=name,
        kind=kind,
        name=name,
        cell=Cell(),
        request=replace(request, **changes),
        takes=takes,
        select=select,
        stem=name,
        location=HERE,
    )


def still(name: str, *inputs: Input, **changes: Any) -> Node:
    return clip(name, *inputs, kind=Kind.STILL, mode=Mode.IMAGE, duration=None, **changes)


def storyboard(*nodes: Node, policy: Policy | None = None) -> Storyboard:
    return Storyboard(
        file="shots.yaml",
        project=Project("NFY", "A film", 24, 0, Fraction(0), beep=False),
        provider="local",
        plan_class="",
        scenes=(),
        cells=(Cell(),),
        nodes=nodes,
        reel=Reel("local", ()),
        budget=Budget(),
        policy=policy or Policy(),
        deliver=Deliver(),
    )


@dataclass(frozen=True)
class Extras:
    """What a provider adds to identity: nothing."""

    name: str = "local"

    def document(self, node: Node, take: int) -> Mapping[str, Any]:
        return {}


FILES = {"refs/a.png": hashlib.sha256(b"PNG a").hexdigest()}


def make_plan(
    *nodes: Node,
    provider: str = "local",
    price: Cost = FREE,
    have: Mapping[tuple[str, int], Digest] | None = None,
    policy: Policy | None = None,
    ceiling: Ceiling | None = None,
    actions: Mapping[tuple[str, int], Action] | None = None,
) -> Plan:
    """Plan as the plan room does, for a store that holds `have`."""
    there = dict(have or {})
    digests: dict[NodeId, Digest] = {}
    steps: list[Step] = []
    seen: dict[str, tuple[str, int]] = {}
    by_id = {node.id: node for node in nodes}
    for node in nodes:
        for take in range(1, node.takes + 1):
            document = document_of(node, take, FILES, digests, Extras(provider))
            waits = [n for n in node.upstream if n not in digests]
            key = None if waits else key_of(document)
            action = (actions or {}).get((node.id, take), Action.GENERATE)
            shares = seen.setdefault(key_of(document), (node.id, take))
            if (node.id, take) in there:
                action = Action.REUSE
            elif shares != (node.id, take):
                action = Action.SHARE
            steps.append(
                Step(
                    node=node,
                    take=take,
                    action=action,
                    reason=Reason(Why.NEW, "new"),
                    key=key,
                    identity=key_of(document),
                    document=document,
                    cost=price if action is Action.GENERATE and node.kind is not Kind.JOIN else FREE,
                    worth=FREE if node.kind is Kind.JOIN else price,
                    digest=there.get((node.id, take), ""),
                    shares=shares if action is Action.SHARE else None,
                    requires=tuple((n, by_id[n].select) for n in node.upstream),
                )
            )
        if (node.id, node.select) in there:
            digests[node.id] = there[(node.id, node.select)]
    return Plan(
        storyboard=storyboard(*nodes, policy=policy),
        provider=provider,
        table="2026-06",
        plan_class="",
        steps=tuple(steps),
        totals=Totals(buy=sum((s.cost for s in steps), FREE)),
        ceiling=ceiling or Ceiling(),
    )


def resolver(provider: str = "local") -> Callable[[Step, Mapping[NodeId, Digest]], tuple[str, Document]]:
    def resolve(step: Step, upstream: Mapping[NodeId, Digest]) -> tuple[str, Document]:
        document = document_of(step.node, step.take, FILES, upstream, Extras(provider))
        return key_of(document), document

    return resolve


class FakeMedia:
    """Media files are text: the first word is the container."""

    def __init__(self) -> None:
        self.frames_taken = 0

    def probe(self, path: Path) -> MediaFacts:
        word = path.read_bytes().split(b" ", 1)[0]
        if word == b"MP4":
            return MediaFacts("mp4", "h264", 1280, 720, 192, Fraction(24), Fraction(8), has_audio=True)
        if word == b"PNG":
            return MediaFacts("png", "png", 1280, 720, 1, None, None, has_audio=False)
        raise MediaError("the file is no media file")

    def frame(self, clip: Path, frame: str, target: Path) -> None:
        self.frames_taken += 1
        target.write_bytes(b"PNG " + frame.encode() + b" of " + clip.read_bytes())

    def join(self, source: Path, segment: Path, overlap: Fraction, target: Path) -> None:
        target.write_bytes(b"MP4 " + source.read_bytes() + b"+" + segment.read_bytes())


class FakeRenderer:
    """Draws the order as text; `broken` names nodes that cannot be drawn."""

    def __init__(self, *, broken: frozenset[str] = frozenset()) -> None:
        self.drawn: list[tuple[str, int]] = []
        self._broken = broken

    def render(self, order: Order, target: Path) -> None:
        if order.node.id in self._broken:
            raise MediaError("no font for these letters", "Install one.")
        self.drawn.append((order.node.id, order.takes[0]))
        word = b"MP4 " if target.suffix == ".mp4" else b"PNG "
        inputs = [(m.entry.slot, m.digest, m.path.read_text() if m.path else "") for m in order.materials]
        target.write_bytes(word + json.dumps([order.node.request.prompt, order.seed, inputs]).encode())


class InlineExecutor(Executor):
    """Runs work at once, in the caller's thread: nothing in a test depends on scheduling."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor hands on whatever was raised
            future.set_exception(error)
        return future


class SimClock:
    """Time that jumps to the next sleeper as soon as nothing else can run."""

    def __init__(self, start: datetime = START) -> None:
        self.elapsed_s = 0.0
        self._start = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._pump: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed_s + max(0.0, seconds), next(self._number), future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._run())
        await future

    async def _run(self) -> None:
        while self._sleepers:
            for _ in range(20):  # let everything run that can run before time moves on
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if self._sleepers:
                at, _, future = heapq.heappop(self._sleepers)
                self.elapsed_s = max(self.elapsed_s, at)
                future.set_result(None)


@dataclass
class Ears:
    """Remembers what was told."""

    events: list[RunEvent] = field(default_factory=list)

    def tell(self, event: RunEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def ended(self) -> dict[str, Ended]:
        return {f"{e.step[0]}:{e.step[1]}": e.state for e in self.events if isinstance(e, StepDone)}


def take_file(root: Path) -> Callable[[str, Digest], tuple[Path, str]]:
    def take(path: str, digest: Digest) -> tuple[Path, str]:
        copy = root / digest
        copy.write_bytes(b"PNG a")
        return copy, "png"

    return take


def bench_on(store: Store, *, provider: str = "local", clock: Any = None, media: Any = None) -> Bench:
    return Bench(
        store=store,
        board="shots.yaml",
        media=media or FakeMedia(),
        take_file=take_file(store.scratch),
        resolve_key=resolver(provider),
        clock=clock or SimClock(),
        executor=InlineExecutor(),
        quick=InlineExecutor(),
    )
