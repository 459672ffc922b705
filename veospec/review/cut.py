"""The cut as a value: which frames of which take play when, to the frame. Reels and timelines are made from it.

Rules, in the order in which they apply:

- Every clip keeps `project.handles` frames outside the cut at both ends, and `trim` takes more off on top of that.
- An extension that follows its own source by a plain cut continues it without a seam: the source plays to its
  end, the extension starts after the part that both share; neither keeps a handle there.
- A dissolve lies centred on the cut and plays frames from outside it. Where a file has not enough of them, the
  cut moves inward by what is missing. A fade dips to black, half before the cut and half after it, and needs none.
- A transition out of the last shot fades to black.
- One shot always keeps at least one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from veospec.model import Cell, Cut, Kind, MediaFacts, Mode, Node, NodeId, NodeSource, Storyboard, TransitionKind
from veospec.review.values import CutList, Event, Output, Transition

NOT_MADE = "not made yet"


def build_cuts(storyboard: Storyboard, outputs: Iterable[Output]) -> tuple[CutList, ...]:
    """Return one cut per matrix cell and aspect, in the order of the matrix.

    Shots of the reel that a cell leaves out are skipped; shots without bytes are in, with the length they asked for.
    """
    chosen = {o.node: o for o in outputs if o.selected}
    shots: dict[tuple[Cell, str], dict[str, Node]] = {}
    for node in storyboard.nodes:
        if node.kind is Kind.CLIP:
            shots.setdefault((node.cell, node.request.aspect), {})[node.name] = node
    cells = list(storyboard.cells) or [Cell()]
    ordered = sorted(shots, key=lambda group: (cells.index(group[0]) if group[0] in cells else len(cells), group[1]))
    cuts = []
    for cell, aspect in ordered:
        nodes = [shots[cell, aspect][name] for name in storyboard.reel.order if name in shots[cell, aspect]]
        if nodes:
            events = _events(nodes, chosen, storyboard.project.fps, storyboard.project.handles)
            cuts.append(CutList(cell, _slug(cell, aspect), aspect, storyboard.project.fps, events))
    return tuple(cuts)


def frames_at(duration: Fraction, fps: int) -> int:
    """Return how many whole frames of the project's rate a length of time holds."""
    return int(duration * fps)


class _Part(Struct, frozen=True):
    """One shot while its range is being decided."""

    node: Node
    output: Output | None
    media: int
    first: int
    last: int
    seamless: bool = False
    leaving: Transition | None = None


def _slug(cell: Cell, aspect: str) -> str:
    if dict(cell.axes).get("aspect") == aspect:
        return cell.slug
    return "_".join(part for part in (aspect.replace(":", "x"), cell.slug) if part)


def _events(nodes: Sequence[Node], chosen: Mapping[NodeId, Output], fps: int, handles: int) -> tuple[Event, ...]:
    parts = [_part(node, chosen.get(node.id), fps) for node in nodes]
    joints = [_is_seamless(left.node, right.node) for left, right in pairwise(parts)]
    ranged = [
        _ranged(part, fps, handles, after_source=before, before_extension=after)
        for part, before, after in zip(parts, [False, *joints], [*joints, False], strict=True)
    ]
    for index, left in enumerate(ranged):
        right = ranged[index + 1] if index + 1 < len(ranged) else None
        ranged[index], following = _joined(left, right)
        if following is not None:
            ranged[index + 1] = following
    return _placed(_bounded(ranged), fps)


def _part(node: Node, output: Output | None, fps: int) -> _Part:
    facts = output.media if output is not None and output.file else None
    media = _media_frames(facts, fps) if facts is not None else 0
    return _Part(node, output, media or _asked_frames(node, fps), 0, 0)


def _media_frames(facts: MediaFacts, fps: int) -> int:
    if facts.fps == fps:
        return facts.frames
    return frames_at(facts.duration, fps) if facts.duration is not None else 0


def _asked_frames(node: Node, fps: int) -> int:
    return max(1, frames_at(node.request.duration or Fraction(0), fps))


def _is_seamless(left: Node, right: Node) -> bool:
    """Tell whether `right` extends `left` and follows it by a plain cut."""
    if right.request.mode is not Mode.EXTEND or left.cut.transition is not TransitionKind.CUT:
        return False
    return any(e.slot == "source" and e.source == NodeSource(left.id) for e in right.request.inputs)


def _ranged(part: _Part, fps: int, handles: int, *, after_source: bool, before_extension: bool) -> _Part:
    """Decide the range before transitions; short clips give up handles first, then trims from the tail."""
    cut = part.node.cut
    overlap = frames_at(part.node.request.overlap, fps) if after_source else 0
    head = cut.head + (overlap if after_source else handles)
    tail = cut.tail + (0 if before_extension else handles)
    if head + tail >= part.media:
        head, tail = _squeezed(cut, overlap, part.media)
    return replace(part, first=head, last=part.media - tail, seamless=after_source)


def _squeezed(cut: Cut, overlap: int, media: int) -> tuple[int, int]:
    head = min(cut.head + overlap, media - 1)
    return head, min(cut.tail, media - 1 - head)


def _joined(left: _Part, right: _Part | None) -> tuple[_Part, _Part | None]:
    """Give `left` its leaving transition; move the cut inward where a file has too few frames for a dissolve."""
    kind, frames = left.node.cut.transition, left.node.cut.transition_frames
    if kind is TransitionKind.CUT or frames <= 0:
        return left, right
    if right is None:
        length = min(frames, left.last - left.first)
        return replace(left, leaving=Transition(TransitionKind.FADE, length, 0)), None
    before = frames // 2
    after = frames - before
    if kind is TransitionKind.DISSOLVE:
        left = replace(left, last=max(left.first + 1, min(left.last, left.media - after)))
        right = replace(right, first=min(right.last - 1, max(right.first, before)))
        after = min(after, left.media - left.last)
        before = min(before, right.first)
    if before + after == 0:
        return left, right
    return replace(left, leaving=Transition(kind, before, after)), right


def _bounded(parts: Sequence[_Part]) -> list[_Part]:
    """Keep the two transitions of one short shot from crossing each other; the later one gives way."""
    bounded: list[_Part] = []
    taken = 0
    for index, part in enumerate(parts):
        leaving = part.leaving
        if leaving is not None:
            room = parts[index + 1].last - parts[index + 1].first if index + 1 < len(parts) else 0
            before = min(leaving.before, part.last - part.first - taken)
            after = min(leaving.after, room)
            leaving = Transition(leaving.kind, before, after) if before + after else None
        bounded.append(replace(part, leaving=leaving))
        taken = leaving.after if leaving is not None else 0
    return bounded


def _placed(parts: Sequence[_Part], fps: int) -> tuple[Event, ...]:
    events: list[Event] = []
    at = 0
    for number, part in enumerate(parts, start=1):
        node, output = part.node, part.output
        length = part.last - part.first
        has_file = output is not None and bool(output.file)
        events.append(
            Event(
                number=number,
                shot=node.name,
                scene=node.scene,
                node=node.id,
                take=output.take if output is not None else node.select,
                digest=output.digest if output is not None else "",
                file=output.file if output is not None else "",
                missing="" if has_file else _reason(output),
                has_audio=bool(has_file and output is not None and output.media and output.media.has_audio),
                media_frames=part.media,
                source_in=part.first,
                source_out=part.last,
                record_in=at,
                record_out=at + length,
                overlap=frames_at(node.request.overlap, fps) if part.seamless else 0,
                leaving=part.leaving,
            )
        )
        at += length
    return tuple(events)


def _reason(output: Output | None) -> str:
    if output is None:
        return NOT_MADE
    return output.reason or (NOT_MADE if output.disposition == "missing" else str(output.disposition))
