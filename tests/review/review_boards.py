"""Small storyboards and takes for the tests of the review room: values only, nothing on disk."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256

from msgspec.structs import replace

from veospec.model import (
    Budget,
    Burn,
    Caption,
    Cell,
    Cost,
    Cut,
    Deliver,
    FileSource,
    Input,
    Kind,
    Location,
    MediaFacts,
    Mode,
    Node,
    NodeSource,
    Policy,
    Project,
    Reel,
    Request,
    Review,
    Scene,
    Storyboard,
    TransitionKind,
)
from veospec.review.values import Disposition, InputLine, Take, UpstreamLine

WIDE = Cell((("aspect", "16:9"),))
TALL = Cell((("aspect", "9:16"),))
HERE = Location("shots.yaml", 3, 5)


def digest(text: str) -> str:
    """Return a digest that stands for the bytes of `text`."""
    return sha256(text.encode()).hexdigest()


def shot(name: str, cell: Cell = WIDE, *, seconds: int = 8, mode: Mode = Mode.T2V, **fields: object) -> Node:
    """Return a shot; `inputs`, `prompt`, `overlap` go to its request, the rest to the node."""
    request = Request(
        model="veo-3.1-fast",
        mode=mode,
        prompt=str(fields.pop("prompt", f"The prompt of {name}.")),
        aspect=dict(cell.axes).get("aspect", "16:9"),
        resolution="720p",
        duration=Fraction(seconds),
        seed=1,
        inputs=fields.pop("inputs", ()),  # type: ignore[arg-type]
        overlap=Fraction(fields.pop("overlap", 0)),  # type: ignore[arg-type]
    )
    node = Node(
        id=f"{name}@{cell.label}" if cell.label else name,
        kind=Kind.CLIP,
        name=name,
        cell=cell,
        request=request,
        takes=2,
        select=1,
        stem=f"NFY_SC01_{name}" + (f"_{cell.slug}" if cell.slug else ""),
        location=HERE,
        scene="SC01",
        burn=Burn(slug="EXT. HARBOUR - NIGHT", shot=name, size="WS", move="slow push-in"),
    )
    return replace(node, **fields)  # type: ignore[arg-type]


def extension(name: str, source: Node, cell: Cell = WIDE, **fields: object) -> Node:
    """Return a shot that extends another."""
    return shot(
        name,
        cell,
        mode=Mode.EXTEND,
        overlap=1,
        inputs=(Input("source", NodeSource(source.id), HERE),),
        **fields,
    )


def board(
    *nodes: Node, handles: int = 0, order: tuple[str, ...] = (), title: str = "The Night Ferry", fps: int = 24
) -> Storyboard:
    """Return a storyboard of the nodes; the reel plays them in the order given."""
    names = dict.fromkeys(n.name for n in nodes if n.kind is Kind.CLIP)
    return Storyboard(
        file="shots.yaml",
        project=Project("NFY", title, fps, handles, Fraction(2), True),
        provider="local",
        plan_class="",
        scenes=(Scene("SC01", "EXT. HARBOUR - NIGHT"), Scene("SC02", "INT. ENGINE ROOM - NIGHT")),
        cells=tuple(dict.fromkeys(n.cell for n in nodes)),
        nodes=nodes,
        reel=Reel("local", order or tuple(names)),
        budget=Budget(),
        policy=Policy(),
        deliver=Deliver(),
    )


def clip_facts(frames: int = 192, fps: int = 24) -> MediaFacts:
    """Return the facts of a clip of the length."""
    return MediaFacts("mp4", "h264", 1280, 720, frames, Fraction(fps), Fraction(frames, fps), True, "aac")


def take(node: Node, number: int = 1, **fields: object) -> Take:
    """Return a take that exists, its length as asked."""
    seconds = node.request.duration or Fraction(8)
    name = f"{node.stem}_T{number:02}.mp4"
    made = Take(
        node=node,
        take=number,
        selected=number == node.select,
        disposition=Disposition.MADE,
        key=digest(f"key {node.id} {number}"),
        digest=digest(f"bytes {node.id} {number}"),
        size_bytes=1000 + number,
        file=f"clips/{name}",
        provider="local",
        seed=number,
        facts=clip_facts(int(seconds * 24)),
        source_type="digitalCreation",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def absent(node: Node, number: int = 1, why: str = "not made yet") -> Take:
    """Return a take without bytes."""
    return Take(node, number, number == node.select, Disposition.MISSING, reason=why)


def ferry() -> tuple[Storyboard, list[Take]]:
    """Return a storyboard of two cells with every kind of entry, and its takes."""
    nodes: list[Node] = []
    takes: list[Take] = []
    for cell in (WIDE, TALL):
        opening = shot("SH010", cell, review=Review("done", "mk", digest(f"bytes SH010@{cell.label} 1")))
        gauges = shot(
            "SH020",
            cell,
            seconds=6,
            mode=Mode.I2V,
            inputs=(Input("start", FileSource("refs/wheel.png", "wheel"), HERE),),
            cut=Cut(transition=TransitionKind.DISSOLVE, transition_frames=12),
            notes="watch the left hand",
            burn=Burn(
                slug="EXT. HARBOUR - NIGHT",
                shot="SH020",
                captions=(Caption("ADA", "Hold her there.", Fraction(2), Fraction(4)),),
            ),
        )
        ramp = shot("SH070", cell, scene="SC02")
        walk = extension("SH080", ramp, cell, scene="SC02", cut=Cut(tail=18))
        nodes += [opening, gauges, ramp, walk]
        wheel = InputLine("start", "file", digest("wheel"), "refs/wheel.png")
        takes += [take(opening, 1), take(opening, 2, cost=Cost(20)), take(gauges, 1, inputs=(wheel,)), take(ramp, 1)]
        source = UpstreamLine("source", ramp.id, digest(f"key {ramp.id} 1"), digest(f"bytes {ramp.id} 1"))
        takes += [absent(walk)] if cell is TALL else [take(walk, 1, upstream=(source,), disposition=Disposition.STALE)]
    return board(*nodes, handles=6), takes
