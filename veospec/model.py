"""The nouns that several rooms share: frozen values without I/O.

A storyboard is compiled once into these values; from then on nothing in the program sees YAML, dicts of
unknown shape, or paths outside the project. Lengths of time are exact `Fraction` seconds, lengths of film
are whole frames at the project's rate, money is whole credits or micro-dollars.

Values that come once for every shot are `gc=False`: frozen, and made of older values only, they are never part of a
cycle, so Python's collector has nothing to find in them and needs to remember none.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from msgspec import Struct, field

NodeId: TypeAlias = str
"""Readable and unique in a storyboard: `SH010@16:9`, `still:quay`, `upscale:SH080@16:9`, `join:SH080`."""

Digest: TypeAlias = str
"""64 lower-case hex characters: the SHA-256 of some bytes."""

Key: TypeAlias = str
"""64 lower-case hex characters: the SHA-256 of a key document, so of everything that decides one take."""


# -- problems ---------------------------------------------------------------------------------------------


class Location(Struct, frozen=True, gc=False, order=True):
    """A place in a text file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """`error` stops the run, `warning` and `note` do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(Struct, frozen=True):
    """One finding in a spec: what, where, why, and what to do about it."""

    code: str
    message: str
    advice: str
    location: Location
    subject: str = ""
    severity: Severity = Severity.ERROR


# -- the graph --------------------------------------------------------------------------------------------


class Mode(StrEnum):
    """What a request does with its inputs; the six video modes and the operations around them."""

    T2V = "t2v"
    I2V = "i2v"
    I2V_FL = "i2v-fl"
    R2V = "r2v"
    V2V = "v2v"
    EXTEND = "extend"
    IMAGE = "image"
    UPSCALE = "upscale"
    JOIN = "join"


class Kind(StrEnum):
    """What a node of the graph yields."""

    STILL = "still"
    CLIP = "clip"
    UPSCALE = "upscale"
    JOIN = "join"


class Cell(Struct, frozen=True):
    """One combination of the matrix: (axis, value) pairs in the order of the spec; empty without a matrix."""

    axes: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """For node ids and people: `16:9`, `16:9,lang=de`, or nothing."""
        return ",".join(v if a == "aspect" else f"{a}={v}" for a, v in self.axes)

    @property
    def slug(self) -> str:
        """For file names: `16x9`, `16x9_de`; what no file name should hold becomes a hyphen."""
        return "_".join(
            "".join(c if c.isalnum() or c in "._-" else "-" for c in v.replace(":", "x")) for _, v in self.axes
        )


class FileSource(Struct, frozen=True, gc=False):
    """A file of the project. `path` is POSIX, relative to the folder of the main spec file."""

    path: str
    asset: str = ""


class NodeSource(Struct, frozen=True, gc=False):
    """The selected take of another node; `frame` is `first`, `last` or a frame number, empty for the whole file."""

    node: NodeId
    frame: str = ""


class PresetVoice(Struct, frozen=True, gc=False):
    """A system voice by its catalogue spelling."""

    name: str


class OwnVoice(Struct, frozen=True, gc=False):
    """A voice made once per account from a preset, a line to speak (1-120) and a performance note (1-120)."""

    name: str
    preset: str
    line: str
    performance: str


class Character(Struct, frozen=True):
    """A character made once per account from one or two pictures."""

    name: str
    display_name: str
    notes: str
    images: tuple[FileSource | NodeSource, ...]
    voice: PresetVoice | OwnVoice | None


Source: TypeAlias = FileSource | NodeSource | PresetVoice | OwnVoice | Character


class Input(Struct, frozen=True, gc=False):
    """One filled slot of a request.

    Slots: `start`, `end`, `reference_1`..., `character_1`..., `voice_1`..., `source` (the clip that is edited,
    extended, upscaled or joined to) and `segment` (the extension that is joined on).
    """

    slot: str
    source: Source
    location: Location


class Caption(Struct, frozen=True, gc=False):
    """A line of dialogue; `at` and `until` are seconds from the start of the clip as generated."""

    who: str
    line: str
    at: Fraction
    until: Fraction


class Burn(Struct, frozen=True, gc=False):
    """What an animatic writes into the picture. Part of the key for the `local` provider only."""

    code: str = ""
    scene: str = ""
    slug: str = ""
    shot: str = ""
    size: str = ""
    move: str = ""
    text: str = ""
    continues: str = ""
    captions: tuple[Caption, ...] = ()


class Request(Struct, frozen=True, gc=False):
    """Everything the storyboard says about one generation, before its inputs have digests.

    `model` is the catalogue's own id (aliases are resolved), `prompt` the final text that is sent (NFC, LF,
    markers already numbered), `duration` the exact length of the output (None for stills), `seed` that of
    take 1 (take k uses seed + k - 1), `window` the edited frames on a 24 fps line, end exclusive.
    """

    model: str
    mode: Mode
    prompt: str
    aspect: str
    resolution: str
    duration: Fraction | None
    seed: int
    retake: int = 0
    inputs: tuple[Input, ...] = ()
    window: tuple[int, int] | None = None
    overlap: Fraction = Fraction(0)


def _pictures(inputs: tuple[Input, ...]) -> list[Source]:
    """Return what fills some slots; a character stands for its pictures."""
    found: list[Source] = []
    for entry in inputs:
        source = entry.source
        if isinstance(source, Character):
            found += source.images
        else:
            found.append(source)
    return found


class TransitionKind(StrEnum):
    """How a shot is joined to the next one in the cut."""

    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE = "fade"


class Cut(Struct, frozen=True, gc=False):
    """How the cut uses a shot; whole frames at the project's rate. The transition leads *out of* the shot."""

    head: int = 0
    tail: int = 0
    transition: TransitionKind = TransitionKind.CUT
    transition_frames: int = 0


class Review(Struct, frozen=True, gc=False):
    """What a person said of a shot; `approved` is the digest that was approved, or empty."""

    status: str = ""
    by: str = ""
    approved: Digest = ""
    note: str = ""


class Node(Struct, frozen=True, gc=False):
    """One thing to make: a still, a shot in one cell, the upscale of a selected take, a joined extension."""

    id: NodeId
    kind: Kind
    name: str
    cell: Cell
    request: Request
    takes: int
    select: int
    stem: str
    location: Location
    scene: str = ""
    burn: Burn = field(default_factory=Burn)
    cut: Cut = field(default_factory=Cut)
    review: Review = field(default_factory=Review)
    title: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()

    @property
    def upstream(self) -> tuple[NodeId, ...]:
        """The nodes whose selected take this one needs, in slot order, without repeats."""
        inputs = self.request.inputs
        if not inputs:
            return ()
        return tuple(dict.fromkeys([s.node for s in _pictures(inputs) if isinstance(s, NodeSource)]))


# -- the storyboard ---------------------------------------------------------------------------------------


class Project(Struct, frozen=True):
    """`handles` are frames kept outside the cut at head and tail; `leader` is seconds of countdown in an animatic."""

    code: str
    title: str
    fps: int
    handles: int
    leader: Fraction
    beep: bool


class Scene(Struct, frozen=True):
    """A scene heading, in the order of the spec; `notes` are for people."""

    id: str
    slug: str
    notes: str = ""


class Budget(Struct, frozen=True):
    """Ceilings of one run; None means that the spec gives none."""

    max_credits: int | None = None
    max_micro_usd: int | None = None
    confirm_above: int | None = None


class Policy(Struct, frozen=True):
    """What a run may do on its own. `reject_change` is `seed` or empty; ambiguous answers always stop."""

    reject_retries: int = 0
    reject_change: str = ""
    cascade: bool = False


class Reel(Struct, frozen=True):
    """The cut: shot names in playing order; `join` is `local` or `flow`; `is_asked` tells a `reel:` in the spec."""

    join: str
    order: tuple[str, ...]
    is_asked: bool = True


class Deliver(Struct, frozen=True):
    """What lies in `out/` besides the clips."""

    animatic_size: str = "720p"
    ken_burns: bool = True
    timecode: bool = True
    sheet_columns: int = 4
    sheet_frames: tuple[str, ...] = ("first", "middle", "last")
    review: str = "html"
    preview: str = "webp"
    timeline: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    c2pa: str = "none"
    disclose: str = ""


class Storyboard(Struct, frozen=True):
    """A compiled spec. `nodes` are in an order in which every upstream comes before what needs it."""

    file: str
    project: Project
    provider: str
    plan_class: str
    scenes: tuple[Scene, ...]
    cells: tuple[Cell, ...]
    nodes: tuple[Node, ...]
    reel: Reel
    budget: Budget
    policy: Policy
    deliver: Deliver
    store: str = ""
    omitted: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Every project file that a node reads, sorted, without repeats."""
        return tuple(
            sorted({s.path for node in self.nodes for s in _pictures(node.request.inputs) if isinstance(s, FileSource)})
        )


# -- facts and money --------------------------------------------------------------------------------------


class InputFact(Struct, frozen=True, gc=False):
    """What is known of a project file: `type` is `png`, `jpeg`, `webp`, `mp4` or empty when it is none of these.

    `missing` says why the file could not be read, as a clause ("does not exist", "is a symbolic link"); `near` are
    paths of the project that may have been meant instead. `width` and `height` are 0 where nobody looked.
    """

    path: str
    digest: Digest = ""
    size_bytes: int = 0
    type: str = ""
    missing: str = ""
    near: tuple[str, ...] = ()
    width: int = 0
    height: int = 0


class MediaFacts(Struct, frozen=True):
    """What was read from a finished file. `frames` is 1 for a picture; `fps` and `duration` are None for it."""

    container: str
    codec: str
    width: int
    height: int
    frames: int
    fps: Fraction | None
    duration: Fraction | None
    has_audio: bool
    audio_codec: str = ""


class Cost(Struct, frozen=True, gc=False):
    """A price. `credits`/`micro_usd` None means unknown, which is never the same as 0.

    `is_ceiling` marks the dearest reading of a price that depends on something not known (the plan class).
    """

    credits: int | None = 0
    micro_usd: int | None = 0
    is_ceiling: bool = False

    def __add__(self, other: Cost) -> Cost:
        if other is FREE:
            return self
        return Cost(
            None if self.credits is None or other.credits is None else self.credits + other.credits,
            None if self.micro_usd is None or other.micro_usd is None else self.micro_usd + other.micro_usd,
            self.is_ceiling or other.is_ceiling,
        )

    @property
    def is_free(self) -> bool:
        """True only when both parts are known to be nothing."""
        return self.credits == 0 and self.micro_usd == 0


FREE = Cost(0, 0)
