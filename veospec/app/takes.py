"""From a plan to what is told about it: every take with its state, its file, its inputs, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from veospec.app.inventory import StoredInventory
from veospec.model import (
    Character,
    FileSource,
    Input,
    Kind,
    Node,
    NodeId,
    NodeSource,
    OwnVoice,
    PresetVoice,
    Storyboard,
)
from veospec.plan.values import Action, Document, Plan, Step, StepId, Why
from veospec.review.provenance import UNKNOWN, source_type
from veospec.review.values import C2pa, Disposition, InputLine, Take, UpstreamLine
from veospec.store.actions import ActionRecord

_DISPOSITIONS = {
    Action.REUSE: Disposition.MADE,
    Action.SHARE: Disposition.MISSING,
    Action.GENERATE: Disposition.MISSING,
    Action.BLOCKED: Disposition.MISSING,
    Action.RESUME: Disposition.PENDING,
    Action.FETCH: Disposition.PENDING,
    Action.HOLD: Disposition.HELD,
    Action.REFUSED: Disposition.REFUSED,
}


_NOTHING_WRONG = frozenset(
    {Why.UNCHANGED, Why.NEW, Why.MORE_TAKES, Why.CHANGED, Why.UPSTREAM, Why.RETAKE, Why.WAITS_FOR, Why.SHARED}
)
"""Why something is simply not made yet; what a person should know of a missing take is everything else."""


def output_path(node: Node, take: int, suffix: str, nodes: Mapping[NodeId, Node]) -> str:
    """Return where a take lies in the output folder; `take` is that of the source for an upscale or a join."""
    source = _source(node, nodes)
    if node.kind is Kind.STILL or (node.kind is Kind.UPSCALE and source is not None and source.kind is Kind.STILL):
        folder = "stills"
    else:
        folder = "clips"
    tail = f"_T{take:02}"
    if node.kind is Kind.UPSCALE:
        tail = f"_T{source.select if source else take:02}_{node.request.resolution}"
    elif node.kind is Kind.JOIN:
        segment = next((e.source for e in node.request.inputs if e.slot == "segment"), None)
        made = nodes.get(segment.node) if isinstance(segment, NodeSource) else None
        tail = f"_T{made.select if made else take:02}_joined"
    return f"{folder}/{node.stem}{tail}{suffix}"


def _source(node: Node, nodes: Mapping[NodeId, Node]) -> Node | None:
    found = next((e.source for e in node.request.inputs if e.slot == "source"), None)
    return nodes.get(found.node) if isinstance(found, NodeSource) else None


class _Teller(Struct):
    nodes: Mapping[NodeId, Node]
    steps: Mapping[StepId, Step]
    inventory: StoredInventory
    failures: Mapping[StepId, str]
    origins: dict[StepId, str]
    c2pa: Mapping[str, C2pa]

    def take(self, step: Step) -> Take:
        record = self._record(step)
        node = step.node
        document = step.document or (record.document if record else {})
        provider = str(document.get("provider", ""))
        origin = self._origin(step, provider, is_made=record is not None)
        self.origins[step.id] = origin
        return Take(
            node=node,
            take=step.take,
            selected=step.is_selected,
            disposition=self._disposition(step, record),
            key=step.key or "",
            digest=step.digest,
            size_bytes=record.size_bytes if record else 0,
            file=output_path(node, step.take, record.suffix, self.nodes) if record else "",
            provider=provider,
            seed=self._seed(step, record),
            cost=record.cost if record else step.worth,
            facts=record.facts if record else None,
            inputs=tuple(line for entry in node.request.inputs for line in self._inputs(entry, document)),
            upstream=tuple(self._upstream(step)),
            reason=self._reason(step, record),
            flags=self._flags(step),
            source_type=origin,
            c2pa=self.c2pa.get(step.digest, C2pa.UNCHECKED),
        )

    def _record(self, step: Step) -> ActionRecord | None:
        return self.inventory.record(step.key) if step.action is Action.REUSE and step.key else None

    def _disposition(self, step: Step, record: ActionRecord | None) -> Disposition:
        if step.stale:
            return Disposition.STALE
        if step.id in self.failures and record is None:
            return Disposition.FAILED
        if record is not None and (record.node != step.node.id or record.board != self.inventory.board):
            return Disposition.REUSED
        return _DISPOSITIONS[step.action]

    def _reason(self, step: Step, record: ActionRecord | None) -> str:
        if record is None and step.id in self.failures:
            return self.failures[step.id]
        return "" if step.reason.why in _NOTHING_WRONG and not step.stale else step.reason.text

    def _flags(self, step: Step) -> tuple[str, ...]:
        return ("stale",) if step.stale else ()

    def _seed(self, step: Step, record: ActionRecord | None) -> int | None:
        if step.node.kind in (Kind.UPSCALE, Kind.JOIN):
            return None
        if record is not None and record.receipt is not None and record.receipt.seed is not None:
            return record.receipt.seed
        return step.node.request.seed + step.take - 1

    def _origin(self, step: Step, provider: str, *, is_made: bool) -> str:
        parts = [self.origins.get((node, self.nodes[node].select), UNKNOWN) for node in step.node.upstream]
        return source_type(provider, step.node.kind, step.node.request.mode, parts) if is_made else UNKNOWN

    def _inputs(self, entry: Input, document: Document) -> list[InputLine]:
        inputs = document.get("inputs", ())
        described: Mapping[str, Any] = next((d for d in inputs if d["slot"] == entry.slot), {})
        source = entry.source
        if isinstance(source, FileSource):
            return [InputLine(entry.slot, "file", described.get("sha256", ""), source.path)]
        if isinstance(source, Character):
            return [
                InputLine(
                    entry.slot,
                    "character",
                    image.get("sha256", ""),
                    picture.path if isinstance(picture, FileSource) else "",
                    UNKNOWN if isinstance(picture, FileSource) else self._made(picture.node),
                )
                for picture, image in zip(source.images, described.get("images", ()), strict=False)
            ]
        if isinstance(source, PresetVoice | OwnVoice):
            return [InputLine(entry.slot, "voice", "")]
        kind = "still" if self.nodes[source.node].kind is Kind.STILL else "clip"
        return [InputLine(entry.slot, kind, described.get("sha256", ""), origin=self._made(source.node))]

    def _made(self, node: NodeId) -> str:
        return self.origins.get((node, self.nodes[node].select), UNKNOWN)

    def _upstream(self, step: Step) -> list[UpstreamLine]:
        lines = []
        for entry in step.node.request.inputs:
            pictures = entry.source.images if isinstance(entry.source, Character) else (entry.source,)
            for source in pictures:
                if isinstance(source, NodeSource):
                    made = self.steps[(source.node, self.nodes[source.node].select)]
                    lines.append(UpstreamLine(entry.slot, source.node, made.key or "", made.digest))
        return lines


def takes_of(
    plan: Plan,
    inventory: StoredInventory,
    failures: Mapping[StepId, str] | None = None,
    c2pa: Mapping[str, C2pa] | None = None,
) -> tuple[Take, ...]:
    """Return every take of a plan as it stands in the store; `failures` are reasons of this run by step."""
    teller = _Teller(
        nodes_of(plan.storyboard), {step.id: step for step in plan.steps}, inventory, failures or {}, {}, c2pa or {}
    )
    return tuple(teller.take(step) for step in plan.steps)


def nodes_of(storyboard: Storyboard) -> dict[NodeId, Node]:
    """Return the nodes by id."""
    return {node.id: node for node in storyboard.nodes}
