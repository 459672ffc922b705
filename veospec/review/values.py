"""What the review room is told about takes, and what a manifest says of them: frozen values, nothing else.

`Take` is what a run knows and hands in; `Output` is the same fact as the manifest keeps it, without anything that
only this machine, this account or this moment knows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from veospec.model import FREE, Cell, Cost, Digest, Key, Kind, MediaFacts, Mode, Node, NodeId, TransitionKind

MANIFEST_VERSION = 1

OutputId: TypeAlias = tuple[NodeId, int]
"""A node and a take, counted from 1."""


class Disposition(StrEnum):
    """The state of a take, never of a run: two runs in a row say the same.

    `made`: its bytes answer this node's own record. `reused`: they were made for another node or storyboard.
    `stale`: kept, although something upstream has changed. `refused`: the content was refused. `failed`: it
    could not be made. `held`: its fate is not known, a person decides. `pending`: a job runs or waits for its
    download. `missing`: nothing was made yet, or the bytes are gone.
    """

    MADE = "made"
    REUSED = "reused"
    STALE = "stale"
    REFUSED = "refused"
    FAILED = "failed"
    HELD = "held"
    PENDING = "pending"
    MISSING = "missing"


class C2pa(StrEnum):
    """What is known of the Content Credentials in a file; `unchecked` when nobody looked."""

    PRESENT = "present"
    ABSENT = "absent"
    INVALID = "invalid"
    UNCHECKED = "unchecked"


class InputLine(Struct, frozen=True):
    """One filled slot by its bytes. `role` is the kind of source (`file`, `still`, `clip`, `voice`, `character`).

    `file` is the project path of a file, empty for everything else; `origin` is an IPTC digital source type or
    `unknown`, which is the honest word for every file whose maker did not say.
    """

    slot: str
    role: str
    digest: Digest
    file: str = ""
    origin: str = "unknown"


class UpstreamLine(Struct, frozen=True):
    """The selected take that filled a slot."""

    slot: str
    node: NodeId
    key: Key
    digest: Digest


class Take(Struct, frozen=True):
    """Everything a run knows of one take. `file` is relative to the manifest's folder, POSIX; empty without bytes."""

    node: Node
    take: int
    selected: bool
    disposition: Disposition
    key: Key = ""
    digest: Digest = ""
    size_bytes: int = 0
    file: str = ""
    provider: str = "local"
    seed: int | None = None
    cost: Cost = FREE
    facts: MediaFacts | None = None
    inputs: tuple[InputLine, ...] = ()
    upstream: tuple[UpstreamLine, ...] = ()
    reason: str = ""
    flags: tuple[str, ...] = ()
    source_type: str = "unknown"
    c2pa: C2pa = C2pa.UNCHECKED


class Output(Struct, frozen=True):
    """One line of a manifest."""

    node: NodeId
    kind: Kind
    shot: str
    scene: str
    cell: Cell
    take: int
    selected: bool
    disposition: Disposition
    key: Key
    digest: Digest
    size_bytes: int
    file: str
    provider: str
    model: str
    mode: Mode
    seed: int | None
    cost: Cost
    media: MediaFacts | None
    inputs: tuple[InputLine, ...]
    upstream: tuple[UpstreamLine, ...]
    source_type: str
    c2pa: C2pa
    flags: tuple[str, ...] = ()
    reason: str = ""

    @property
    def id(self) -> OutputId:
        """The node and the take."""
        return (self.node, self.take)


class Transition(Struct, frozen=True):
    """How one event hands over to the next: `before` and `after` are frames on either side of the cut point."""

    kind: TransitionKind
    before: int
    after: int

    @property
    def frames(self) -> int:
        """The whole length."""
        return self.before + self.after


class Event(Struct, frozen=True):
    """One shot in a cut. All positions are whole frames at the project's rate, ends exclusive.

    `source_*` count from the first frame of the file, `record_*` from the first frame of the cut.
    `media_frames` is the length of the whole file, so what lies outside the source range are the handles.
    `overlap` frames at the head repeat the end of the event before (an extension after its source).
    `file` is empty and `missing` says why when there are no bytes to show; the lengths are then those asked for.
    """

    number: int
    shot: str
    scene: str
    node: NodeId
    take: int
    digest: Digest
    file: str
    missing: str
    has_audio: bool
    media_frames: int
    source_in: int
    source_out: int
    record_in: int
    record_out: int
    overlap: int = 0
    leaving: Transition | None = None

    @property
    def frames(self) -> int:
        """The length in the cut."""
        return self.record_out - self.record_in


class CutList(Struct, frozen=True):
    """The whole cut of one delivery. `slug` is unique and fit for file names: `16x9`, `9x16_de`."""

    cell: Cell
    slug: str
    aspect: str
    fps: int
    events: tuple[Event, ...]

    @property
    def frames(self) -> int:
        """The length of the cut."""
        return self.events[-1].record_out if self.events else 0


class Bought(Struct, frozen=True):
    """A take that cost money and that the outputs do not carry: made by another provider, or elsewhere."""

    node: NodeId
    take: int
    provider: str
    key: Key
    digest: Digest


class Manifest(Struct, frozen=True):
    """The written account of a storyboard's results. `bought` is what must not be bought again beside the outputs."""

    code: str
    title: str
    fps: int
    spec: str
    provider: str
    catalogue: str
    outputs: tuple[Output, ...]
    cuts: tuple[CutList, ...] = field(default=())
    bought: tuple[Bought, ...] = ()

    def output(self, node: NodeId, take: int) -> Output | None:
        """Return the line of one take."""
        return next((o for o in self.outputs if o.id == (node, take)), None)

    def selected(self, node: NodeId) -> Output | None:
        """Return the line of the selected take of a node."""
        return next((o for o in self.outputs if o.node == node and o.selected), None)
