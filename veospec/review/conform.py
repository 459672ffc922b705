"""What a cutting room needs beside the bare cut: the files of every shot, its other takes, and its notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from msgspec import Struct

from veospec.model import Kind, Node, NodeSource, Storyboard
from veospec.review.values import CutList, Event, Output


class Shot(Struct, frozen=True):
    """One event with its material. `others` are the takes that were not chosen, then upscales of the chosen one."""

    event: Event
    node: Node
    output: Output | None
    others: tuple[Output, ...]
    notes: tuple[str, ...]

    @property
    def label(self) -> str:
        """How an editor sees the shot: `SH010 T02`."""
        return f"{self.event.shot} T{self.event.take:02}"


def conform(cut: CutList, storyboard: Storyboard, outputs: Iterable[Output]) -> tuple[Shot, ...]:
    """Return the events of a cut with their material, in playing order."""
    nodes = {n.id: n for n in storyboard.nodes}
    made = [o for o in outputs if o.file]
    upscaled = {n.id: _source(n) for n in storyboard.nodes if n.kind is Kind.UPSCALE}
    shots = []
    for event in cut.events:
        node = nodes[event.node]
        own = [o for o in made if o.node == event.node]
        chosen = next((o for o in own if o.take == event.take), None)
        finer = [o for o in made if upscaled.get(o.node) == event.node]
        others = tuple(o for o in [*own, *finer] if o is not chosen)
        shots.append(Shot(event, node, chosen, others, _notes(node)))
    return tuple(shots)


def delivery_name(stem: str, suffix: str, cut: CutList, cuts: Sequence[CutList]) -> str:
    """Return the file name of something made once per cut: `timeline.otio`, or `timeline_9x16.otio` among several."""
    return f"{stem}{suffix}" if len(cuts) == 1 else f"{stem}_{cut.slug}{suffix}"


def take_label(output: Output) -> str:
    """Return the name of a take among the media of one shot: `T02`, and `T02 4k` for what was made of it."""
    if output.kind in (Kind.CLIP, Kind.STILL):
        return f"T{output.take:02}"
    _, mark, tail = output.file.rpartition(".")[0].rpartition("_T")
    return f"T{tail.replace('_', ' ')}" if mark else f"T{output.take:02} {output.kind.value}"


def relative_url(file: str) -> str:
    """Return a path relative to the timeline's own folder as a URL."""
    return quote(file, safe="/")


def _source(node: Node) -> str:
    return next((e.source.node for e in node.request.inputs if isinstance(e.source, NodeSource)), "")


def _notes(node: Node) -> tuple[str, ...]:
    review = node.review
    said = f"{review.status}{f' ({review.by})' if review.by else ''}{f': {review.note}' if review.note else ''}"
    return tuple(text for text in (" ".join(node.notes.split()), said) if text)
