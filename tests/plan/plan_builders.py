"""Short ways to write nodes, storyboards and inventories for tests of the plan room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from veospec.model import (
    FREE,
    Budget,
    Burn,
    Cell,
    Cost,
    Deliver,
    FileSource,
    Input,
    Kind,
    Location,
    Mode,
    Node,
    NodeSource,
    Policy,
    Project,
    Reel,
    Request,
    Source,
    Storyboard,
)
from veospec.plan.keys import canonical
from veospec.plan.values import Document, Flight, Head, Known, Plan, StepId

HERE = Location("shots.yaml", 1, 1)


def slot(name: str, source: Source) -> Input:
    return Input(name, source, HERE)


def file(path: str) -> FileSource:
    return FileSource(path)


def frame(node: str, which: str = "last") -> NodeSource:
    return NodeSource(node, which)


def request(**changes: Any) -> Request:
    plain = Request(
        model="veo-3.1-fast",
        mode=Mode.T2V,
        prompt="A paper kite pulls free of a fence.",
        aspect="16:9",
        resolution="720p",
        duration=Fraction(8),
        seed=1,
    )
    return replace(plain, **changes)


def clip(name: str, *inputs: Input, takes: int = 1, select: int = 1, **changes: Any) -> Node:
    return Node(
        id=name,
        kind=Kind.CLIP,
        name=name,
        cell=Cell(),
        request=request(inputs=inputs, **changes),
        takes=takes,
        select=select,
        stem=name,
        location=HERE,
        burn=Burn(shot=name),
    )


def upscale(of: str) -> Node:
    return replace(
        clip(f"upscale:{of}", slot("source", NodeSource(of)), mode=Mode.UPSCALE, model=""), kind=Kind.UPSCALE
    )


def board(*nodes: Node, cascade: bool = False, budget: Budget | None = None) -> Storyboard:
    return Storyboard(
        file="shots.yaml",
        project=Project("NFY", "The Night Ferry", 24, 0, Fraction(0), beep=False),
        provider="flow",
        plan_class="ultra-200",
        scenes=(),
        cells=(Cell(),),
        nodes=nodes,
        reel=Reel("local", ()),
        budget=budget or Budget(),
        policy=Policy(cascade=cascade),
        deliver=Deliver(),
    )


@dataclass
class FakeProfile:
    name: str = "flow"
    is_remote: bool = True
    cost: Cost = field(default_factory=lambda: Cost(10, 0))
    extra: Mapping[str, Any] = field(default_factory=dict)

    def document(self, node: Node, take: int) -> Mapping[str, Any]:
        return self.extra

    def price(self, node: Node) -> Cost:
        return self.cost

    def preview(self, node: Node, take: int) -> Mapping[str, Any]:
        return {}


FREE_PROFILE = FakeProfile("local", is_remote=False, cost=FREE)


@dataclass
class Memory:
    """An inventory in memory; `accept` files a plan as if it had been applied, bytes named after their key."""

    records: dict[str, Known] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    flights: dict[str, Flight] = field(default_factory=dict)
    heads: dict[StepId, Head] = field(default_factory=dict)
    manifest: dict[tuple[StepId, str], str] = field(default_factory=dict)

    def known(self, key: str) -> Known | None:
        return self.records.get(key)

    def document(self, key: str) -> Document | None:
        return self.documents.get(key)

    def flight(self, key: str) -> Flight | None:
        return self.flights.get(key)

    def head(self, step: StepId) -> Head | None:
        return self.heads.get(step)

    def elsewhere(self, step: StepId, key: str) -> str | None:
        return self.manifest.get((step, key))

    def nearest(self, document: Document) -> str | None:
        return None

    def file(self, key: str, document: Document, node: str, *, present: bool = True, can_fetch: bool = False) -> str:
        digest = f"bytes-of-{key}"
        self.records[key] = Known(key, digest, present, node, "shots.yaml", can_fetch)
        self.documents[key] = document
        return digest


def actions(plan: Plan) -> dict[str, str]:
    return {step.label: step.action.value for step in plan.steps}


def same(a: Document, b: Document) -> bool:
    return canonical(a) == canonical(b)
