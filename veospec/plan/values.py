"""The plan as a value: what `plan` prints is the very object that `apply` carries out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from veospec.model import FREE, Cost, Digest, Key, Node, NodeId, Storyboard

StepId: TypeAlias = tuple[NodeId, int]
"""A node and a take, counted from 1."""

Document: TypeAlias = Mapping[str, Any]
"""A key document: JSON values only."""


class Action(StrEnum):
    """What `apply` will do with one take.

    `reuse`: the bytes are here. `share`: an earlier step of this plan makes the same key. `resume`: a job of ours
    runs. `fetch`: it is generated and must only be downloaded. `generate`: make it. `hold`: its fate is not known,
    a person decides. `refused`: the same key was refused before and is not sent again. `blocked`: something it
    needs cannot be made now.
    """

    REUSE = "reuse"
    SHARE = "share"
    RESUME = "resume"
    FETCH = "fetch"
    GENERATE = "generate"
    HOLD = "hold"
    REFUSED = "refused"
    BLOCKED = "blocked"


class Why(StrEnum):
    """The reason of a step in one word, for programs; `Reason.text` is for people."""

    UNCHANGED = "unchanged"
    SHARED = "shared"
    STALE = "stale"
    NEW = "new"
    MORE_TAKES = "more-takes"
    RETAKE = "retake"
    CHANGED = "changed"
    UPSTREAM = "upstream"
    LOST_BYTES = "lost-bytes"
    IN_FLIGHT = "in-flight"
    NOT_DOWNLOADED = "not-downloaded"
    UNKNOWN_FATE = "unknown-fate"
    ELSEWHERE = "elsewhere"
    REFUSED_BEFORE = "refused-before"
    WAITS_FOR = "waits-for"


class Change(Struct, frozen=True):
    """One field of the key document that differs from the last accepted take; values are shown as text."""

    field: str
    before: str
    after: str


class Reason(Struct, frozen=True, gc=False):
    """Why a step is what it is."""

    why: Why
    text: str
    changes: tuple[Change, ...] = ()


class Step(Struct, frozen=True, gc=False):
    """One take of one node.

    `key` is None while an input is not made yet; then `identity` still tells equal steps apart: it is the digest
    of the same document with the awaited take named instead of hashed. `document` is None for a take that is here as
    the plan wants it: its record holds the same one. `cost` is what this step spends now, `worth` the price of the
    take wherever it comes from. `digest` is set when the bytes are here. `stale` marks a kept take whose upstream
    changed (policy `stale_downstream: report`).
    """

    node: Node
    take: int
    action: Action
    reason: Reason
    key: Key | None
    identity: str
    document: Document | None
    cost: Cost = FREE
    worth: Cost = FREE
    digest: Digest = ""
    stale: bool = False
    shares: StepId | None = None
    requires: tuple[StepId, ...] = ()

    @property
    def id(self) -> StepId:
        """The node and the take."""
        return (self.node.id, self.take)

    @property
    def is_selected(self) -> bool:
        """True for the circled take, the one that others build on."""
        return self.take == self.node.select

    @property
    def label(self) -> str:
        """The step as people write it: `SH010@16:9 T02`."""
        return f"{self.node.id} T{self.take:02}"


class Totals(Struct, frozen=True):
    """Sums of a plan: to buy now, already owned, paid and in flight, held because the fate is unknown."""

    buy: Cost = FREE
    owned: Cost = FREE
    in_flight: Cost = FREE
    held: Cost = FREE


class Ceiling(Struct, frozen=True):
    """What a run may spend at most; None means no ceiling. `source` says who set it.

    With `is_for_known` it holds what has a known price, and a person agreed to buy the rest beside it.
    """

    credits: int | None = None
    micro_usd: int | None = None
    source: str = ""
    is_for_known: bool = False


class Plan(Struct, frozen=True):
    """The whole intention, steps in an order in which every requirement comes first.

    `untold` counts takes that are here and unchanged and have no step: only the part of a storyboard was planned that
    an edit can reach. Nothing can be carried out from such a plan.
    """

    storyboard: Storyboard
    provider: str
    table: str
    plan_class: str
    steps: tuple[Step, ...]
    totals: Totals
    ceiling: Ceiling
    notes: tuple[str, ...] = ()
    untold: int = 0

    @property
    def has_work(self) -> bool:
        """True when applying would do more than look."""
        return any(s.action not in (Action.REUSE, Action.REFUSED) for s in self.steps)


class Known(Struct, frozen=True, gc=False):
    """A stored take: `present` tells whether its bytes are there as the record says."""

    key: Key
    digest: Digest
    present: bool
    node: NodeId
    board: str
    can_fetch: bool


class Flight(Struct, frozen=True):
    """What the journal knows of a key: `state` is the journal's word, `reason` its last text.

    `holder` names the process that works on it right now, when somebody looked for one.
    """

    state: str
    reason: str
    attempt: str
    job: bool
    holder: str = ""


class Head(Struct, frozen=True):
    """The take that a step accepted last; `upstream` maps its slots to the nodes that filled them then."""

    key: Key
    upstream: Mapping[str, str]


class Inventory(Protocol):
    """What store, journal and the committed manifest know together, as questions about one key or take."""

    def known(self, key: Key) -> Known | None:
        """Return the stored take of a key. Raises `StoreCorrupt` for an unreadable record."""
        ...

    def document(self, key: Key) -> Document | None:
        """Return the key document that was stored with a take."""
        ...

    def flight(self, key: Key) -> Flight | None:
        """Return the last attempt at a key that is live or was refused, or None."""
        ...

    def head(self, step: StepId) -> Head | None:
        """Return what this step accepted last."""
        ...

    def elsewhere(self, step: StepId, key: Key) -> Digest | None:
        """Return the digest that a committed manifest gives for a key which is not in this store."""
        ...

    def nearest(self, document: Document) -> Key | None:
        """Return the stored key most like a document, for a shot without a head; None when nothing is near."""
        ...
