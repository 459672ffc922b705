"""Turn a storyboard and what is known into a plan. Pure: the world comes in as an `Inventory`.

Steps come in the storyboard's order, in which every upstream node stands before what needs it. The rule behind
every branch: a miss is a purchase, so whatever is not certain becomes `hold` or `blocked`, never `generate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from veospec.model import FREE, Digest, Kind, Node, NodeId, Storyboard
from veospec.plan.explain import changes, summary
from veospec.plan.keys import document_of, key_of, upstream_slots, without_upstream
from veospec.plan.values import (
    Action,
    Ceiling,
    Document,
    Flight,
    Head,
    Inventory,
    Known,
    Plan,
    Reason,
    Step,
    StepId,
    Totals,
    Why,
)
from veospec.providers.base import Profile

_WILL_HAVE_BYTES = frozenset({Action.GENERATE, Action.RESUME, Action.FETCH, Action.SHARE})
_HELD_STATES = frozenset({"submitting", "unknown", "reserved", "planned"})


_NEW = Reason(Why.NEW, "new")
_UNCHANGED = Reason(Why.UNCHANGED, "unchanged")


class _World(Struct):
    """What one planning pass reads and remembers."""

    files: Mapping[str, Digest]
    inventory: Inventory
    profile: Profile
    cascade: bool
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    steps: dict[StepId, Step] = field(default_factory=dict)
    digests: dict[NodeId, Digest] = field(default_factory=dict)
    awaited: dict[NodeId, str] = field(default_factory=dict)
    makers: dict[str, StepId] = field(default_factory=dict)


def make_plan(
    storyboard: Storyboard,
    files: Mapping[str, Digest],
    inventory: Inventory,
    profile: Profile,
    *,
    table: str = "",
    ceiling: Ceiling | None = None,
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of a storyboard; `files` maps project paths to the digests of their bytes.

    Raises `StoreCorrupt` when a record that decides about a purchase cannot be read.
    """
    world = _World(files, inventory, profile, storyboard.policy.cascade)
    for node in storyboard.nodes:
        world.nodes[node.id] = node
        for take in range(1, node.takes + 1):
            step_id = (node.id, take)
            step = world.steps[step_id] = _step(node, take, world)
            world.makers.setdefault(step.identity, step_id)
        selected = world.steps[(node.id, node.select)]
        if selected.action is Action.REUSE:
            world.digests[node.id] = selected.digest
        else:
            world.awaited[node.id] = selected.identity
    steps = tuple(world.steps.values())
    return Plan(
        storyboard=storyboard,
        provider=profile.name,
        table=table,
        plan_class=storyboard.plan_class,
        steps=steps,
        totals=totals_of(steps),
        ceiling=ceiling or Ceiling(storyboard.budget.max_credits, storyboard.budget.max_micro_usd, "the storyboard"),
        notes=notes,
    )


def totals_of(steps: tuple[Step, ...]) -> Totals:
    """Return the sums of a plan. Shared takes count once; refused and blocked ones not at all."""
    buy = owned = in_flight = held = FREE
    counted: set[str] = set()
    for step in steps:
        if step.action is Action.GENERATE:
            buy += step.cost
        elif step.identity in counted:
            continue
        elif step.action is Action.REUSE:
            owned += step.worth
        elif step.action in (Action.RESUME, Action.FETCH):
            in_flight += step.worth
        elif step.action is Action.HOLD:
            held += step.worth
        counted.add(step.identity)
    return Totals(buy, owned, in_flight, held)


def _step(node: Node, take: int, world: _World) -> Step:
    document = document_of(node, take, world.files, world.digests, world.profile, world.awaited)
    identity = key_of(document)
    worth = FREE if node.kind is Kind.JOIN else world.profile.price(node)
    upstream = node.upstream
    waits = [need for need in upstream if need not in world.digests] if upstream else upstream
    requires = tuple([(need, world.nodes[need].select) for need in upstream]) if upstream else ()
    known = None if waits else world.inventory.known(identity)
    if known is not None and known.present:
        reason = _reuse_reason(node, known)
        here = Step(node, take, Action.REUSE, reason, identity, identity, None, worth=worth, digest=known.digest,
                    requires=requires)  # fmt: skip
        return _on_stale(here, world) if requires else here
    key = None if waits else identity
    step = Step(node, take, Action.GENERATE, _NEW, key, identity, document, worth=worth, requires=requires)
    step = _waiting(step, waits, world) if waits else _decided(step, known, world)
    if step.action is Action.GENERATE:
        return replace(step, cost=step.worth)
    return _on_stale(step, world)


def _on_stale(step: Step, world: _World) -> Step:
    """Mark a take that is itself unchanged but builds on a stale one: what it shows is out of date all the same."""
    stale = [world.steps[need].label for need in step.requires if world.steps[need].stale]
    if step.action is not Action.REUSE or step.stale or not stale:
        return step
    text = f"builds on {', '.join(stale)}, which is stale"
    return replace(step, stale=True, reason=Reason(Why.STALE, text, step.reason.changes))


def _decided(step: Step, known: Known | None, world: _World) -> Step:
    """Decide a step whose every input is known and whose bytes are not here."""
    assert step.key is not None
    if known is not None:
        return _without_bytes(step, known, world)
    flight = world.inventory.flight(step.key)
    if flight is not None:
        return _in_flight(step, flight)
    elsewhere = None if _is_local(step.node, world) else world.inventory.elsewhere(step.id, step.key)
    if elsewhere is not None:
        text = (
            f"the committed manifest says it was made elsewhere (sha256 {elsewhere[:12]}…), but it is not in this store"
        )
        return replace(step, action=Action.HOLD, reason=Reason(Why.ELSEWHERE, text))
    return _kept(step, world) or _shared(step, world) or replace(step, reason=_why_generate(step, world))


def _waiting(step: Step, waits: Sequence[NodeId], world: _World) -> Step:
    """Decide a step that needs a take which is not made yet."""
    kept = _kept(step, world)
    if kept is not None:
        return kept
    names = ", ".join(waits)
    for node in waits:
        upstream = world.steps[(node, world.nodes[node].select)]
        if upstream.action not in _WILL_HAVE_BYTES:
            text = f"needs {upstream.label}, which is {_state_words(upstream.action)}"
            return replace(step, action=Action.BLOCKED, reason=Reason(Why.WAITS_FOR, text))
    shared = _shared(step, world)
    if shared is not None:
        return shared
    head = _head(step, world)
    if head is None:
        return replace(step, reason=Reason(Why.NEW, f"new; made after {names}"))
    return replace(step, reason=Reason(Why.UPSTREAM, f"{names} will change"))


def _kept(step: Step, world: _World) -> Step | None:
    """Keep the last accepted take when only upstream bytes moved and the policy says to report, not to cascade."""
    if world.cascade or step.node.kind is Kind.JOIN or not step.node.upstream:
        return None
    head = _head(step, world)
    if head is None or head[0].key == step.key:
        return None
    accepted, before = head
    slots = upstream_slots(step.node)
    assert step.document is not None
    if accepted.upstream != slots or without_upstream(before, slots) != without_upstream(step.document, slots):
        return None
    known = world.inventory.known(accepted.key)
    if known is None or not known.present:
        return None
    names = ", ".join(step.node.upstream)
    text = f"kept as it is although {names} changed (policy.stale_downstream: report)"
    return replace(
        step,
        key=accepted.key,
        document=before,
        action=Action.REUSE,
        digest=known.digest,
        stale=True,
        reason=Reason(Why.STALE, text, changes(before, step.document)),
    )


def _shared(step: Step, world: _World) -> Step | None:
    maker = world.makers.get(step.identity)
    if maker is None:
        return None
    first = world.steps[maker]
    if first.action not in _WILL_HAVE_BYTES:
        return None
    text = f"compiles to the same request as {first.label}"
    return replace(step, action=Action.SHARE, shares=maker, reason=Reason(Why.SHARED, text))


def _without_bytes(step: Step, known: Known, world: _World) -> Step:
    text = f"the record is here, its bytes (sha256 {known.digest[:12]}…) are missing or damaged"
    if known.can_fetch:
        return replace(step, action=Action.FETCH, reason=Reason(Why.LOST_BYTES, text + "; download again, no charge"))
    if _is_local(step.node, world):
        return replace(step, reason=Reason(Why.LOST_BYTES, text + "; drawn again"))
    return replace(step, action=Action.HOLD, reason=Reason(Why.LOST_BYTES, text))


def _in_flight(step: Step, flight: Flight) -> Step:
    where = step.node.location
    if flight.state == "refused":
        text = f"{where.file}:{where.line}: {flight.reason}"
        return replace(step, action=Action.REFUSED, reason=Reason(Why.REFUSED_BEFORE, text))
    if flight.state == "failed":
        text = (
            f"{where.file}:{where.line}: its job failed more than once ({flight.reason});"
            " `veospec apply --retry-failed` sends it again"
        )
        return replace(step, action=Action.REFUSED, reason=Reason(Why.REFUSED_BEFORE, text))
    if flight.state in ("generated", "stored", "settled"):
        return replace(step, action=Action.FETCH, reason=Reason(Why.NOT_DOWNLOADED, "generated, not downloaded yet"))
    if flight.holder:
        return replace(step, action=Action.RESUME, reason=Reason(Why.IN_FLIGHT, f"{flight.holder} is at work on it"))
    if flight.state in _HELD_STATES and step.worth.is_free:
        text = "its answer was lost; it is free, so it is asked for again when its job is not found"
        return replace(step, action=Action.RESUME, reason=Reason(Why.IN_FLIGHT, text))
    if flight.state in _HELD_STATES or not flight.job:
        return replace(step, action=Action.HOLD, reason=Reason(Why.UNKNOWN_FATE, flight.reason))
    return replace(step, action=Action.RESUME, reason=Reason(Why.IN_FLIGHT, "a job of ours is running"))


def _reuse_reason(node: Node, known: Known) -> Reason:
    if known.node != node.id:
        return Reason(Why.SHARED, f"the same request was made for {known.node}")
    return _UNCHANGED


def _why_generate(step: Step, world: _World) -> Reason:
    assert step.document is not None
    if step.take > 1 and world.inventory.head(step.id) is None and world.inventory.head((step.node.id, 1)) is not None:
        return Reason(Why.MORE_TAKES, f"take {step.take} was added")
    head = _head(step, world)
    before = head[1] if head is not None else None
    if before is None:
        near = world.inventory.nearest(step.document)
        before = world.inventory.document(near) if near is not None else None
        if before is None:
            return Reason(Why.NEW, "new")
        return Reason(Why.NEW, "new; a take on record is near", changes(before, step.document))
    found = changes(before, step.document)
    fields = {change.field for change in found}
    if fields == {"retake"}:
        return Reason(Why.RETAKE, "made again on purpose (retake)", found)
    if fields and all(_is_upstream(f, step.node) for f in fields):
        return Reason(Why.UPSTREAM, f"{', '.join(step.node.upstream)} changed", found)
    return Reason(Why.CHANGED, summary(found), found)


def _is_upstream(field_name: str, node: Node) -> bool:
    return field_name.split(".", maxsplit=1)[0] in upstream_slots(node)


def _head(step: Step, world: _World) -> tuple[Head, Document] | None:
    head = world.inventory.head(step.id)
    if head is None:
        return None
    document = world.inventory.document(head.key)
    return None if document is None else (head, document)


def _is_local(node: Node, world: _World) -> bool:
    """Tell whether this machine draws the node itself, so that making it again costs nothing."""
    return node.kind is Kind.JOIN or not world.profile.is_remote


def _state_words(action: Action) -> str:
    return {
        Action.HOLD: "held until a person decides",
        Action.REFUSED: "refused",
        Action.BLOCKED: "blocked itself",
    }.get(action, "not made")
