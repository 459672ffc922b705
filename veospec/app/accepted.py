"""What changed since the last accepted take: the approved one when there is an approval, else the one before.

After an apply every take is what the plan wants, so the plan has no more to say. But a person who reviews wants to
know what is new in a clip since somebody last said yes to it; the store's history of accepted keys can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

from veospec.app.inventory import StoredInventory
from veospec.errors import StoreCorrupt
from veospec.model import Key, Kind, Node, NodeId
from veospec.plan.explain import changes
from veospec.plan.values import Change, Plan, Reason, Step, StepId, Why
from veospec.review.approved import approval_digest
from veospec.store.actions import ActionRecord
from veospec.store.heads import heads_name

_MOST_GUESSES = 256
"""An approval of several deliveries names their digests as one; so many combinations of earlier takes are tried."""

_NAMED = 4
"""So many fields are named in a sentence; the page shows all of them below it."""


def reasons_of(plan: Plan, inventory: StoredInventory) -> dict[StepId, Reason]:
    """Return what changed for every step, in the plan's own words where it still has work to do."""
    history = _History(plan, inventory)
    return {step.id: history.reason(step) for step in plan.steps}


class _History:
    def __init__(self, plan: Plan, inventory: StoredInventory) -> None:
        self._inventory = inventory
        heads = inventory.store.heads.heads(heads_name(inventory.board, inventory.provider))
        self._keys: dict[StepId, tuple[Key, ...]] = {place: head.keys for place, head in heads.items()}
        self._nodes: dict[tuple[Kind, str], list[Node]] = {}
        for step in plan.steps:
            nodes = self._nodes.setdefault((step.node.kind, step.node.name), [])
            if step.node not in nodes:
                nodes.append(step.node)

    def reason(self, step: Step) -> Reason:
        if step.key is None or step.reason.why is not Why.UNCHANGED:
            return step.reason
        before, now = self._accepted(step), self._record(step.key)
        if before is None or now is None or before[0].key == step.key:
            return step.reason
        found = _once(changes(before[0].document, now.document))
        if not found:
            return step.reason
        return Reason(Why.CHANGED, f"Compared with {before[1]}: {_names(found)}", found)

    def _accepted(self, step: Step) -> tuple[ActionRecord, str] | None:
        """Return the record to compare with and how people call it."""
        review = step.node.review
        if review.approved:
            record = self._approved(step)
            if record is not None:
                return record, f"the take that {review.by} approved" if review.by else "the approved take"
        for key in self._keys.get(step.id, ()):
            record = self._record(key)
            if key != step.key and record is not None:
                return record, "the take before"
        return None

    def _approved(self, step: Step) -> ActionRecord | None:
        """Return this node's part of what was approved: one file, or the files of all deliveries at once."""
        approved = step.node.review.approved
        for record in self._records((step.node.id, step.take)):
            if record.digest == approved:
                return record
        nodes = self._nodes[step.node.kind, step.node.name]
        rows = [list(self._records((node.id, step.take))) for node in nodes]
        place = [node.id for node in nodes].index(step.node.id)
        for together in islice(_nearest_first(rows), _MOST_GUESSES):
            if approval_digest(record.digest for record in together) == approved:
                return together[place]
        return None

    def _records(self, place: tuple[NodeId, int]) -> Iterator[ActionRecord]:
        for key in self._keys.get(place, ()):
            record = self._record(key)
            if record is not None:
                yield record

    def _record(self, key: Key) -> ActionRecord | None:
        try:
            return self._inventory.record(key)
        except StoreCorrupt:
            return None  # an old record is only history here; whoever needs it says what is wrong with it


def _once(found: tuple[Change, ...]) -> tuple[Change, ...]:
    """Leave out what a slate burns in of a prompt that is told already."""
    has_prompt = any(change.field == "prompt" for change in found)
    return tuple(change for change in found if not (has_prompt and change.field == "burn.text"))


def _names(found: tuple[Change, ...]) -> str:
    names = [change.field for change in found]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _nearest_first(rows: Sequence[Sequence[ActionRecord]]) -> Iterator[tuple[ActionRecord, ...]]:
    """Yield combinations of one record a row; first those that are equally old, as deliveries are made together."""
    for age in range(max(map(len, rows), default=0)):
        yield tuple(row[min(age, len(row) - 1)] for row in rows if row)
    if all(rows):
        yield from product(*rows)
