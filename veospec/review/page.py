"""`review.html`: one file that opens from disk and asks no network for anything.

The page's data is JSON inside the document, its script builds everything with `textContent`, and its content
policy allows exactly the one inline script and the one inline style sheet by their hashes. Media stay beside the
page, under relative paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from veospec.model import FREE, Cell, Character, FileSource, Kind, MediaFacts, Mode, Node, NodeSource, Storyboard
from veospec.plan.budget import price_text
from veospec.plan.values import Change, Reason, Why
from veospec.review.approved import approvals
from veospec.review.assets import Assets
from veospec.review.conform import relative_url
from veospec.review.policy import content_policy
from veospec.review.provenance import IPTC_BASE, UNKNOWN
from veospec.review.safe import html_json, html_text
from veospec.review.values import CutList, Disposition, Output, OutputId
from veospec.review.words import word_diff

STATUSES = ("todo", "changes", "done")
"""What the page offers for `review.status`; another word found in a spec is kept and shown."""

_TELLING = frozenset({Why.CHANGED, Why.UPSTREAM, Why.STALE, Why.RETAKE, Why.LOST_BYTES})
"""Reasons worth reading although no field is named; the others say that nothing happened."""

_DATA_IMAGE = re.compile(r"data:image/(?:jpeg|png|webp);base64,[A-Za-z0-9+/]+={0,2}\Z")


class ReelFile(Struct, frozen=True):
    """The film of one cut; `lead` frames of countdown come before its first shot."""

    file: str
    lead: int = 0


class PageInput(Struct, frozen=True):
    """What the page shows. All files are relative to the page.

    `posters` are relative paths or `data:image/...;base64` of one frame per take; `slates`, by node, of the drawings
    that stand for shots without a clip; `reels` are films by the slug of their cut; `requests` what was or would be
    sent for a take; `reasons` what changed since the last accepted one.
    """

    storyboard: Storyboard
    outputs: Sequence[Output]
    cuts: Sequence[CutList]
    catalogue: str = ""
    posters: Mapping[OutputId, str] = field(default_factory=dict)
    reels: Mapping[str, ReelFile] = field(default_factory=dict)
    slates: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[OutputId, Mapping[str, Any]] = field(default_factory=dict)
    reasons: Mapping[OutputId, Reason] = field(default_factory=dict)


def render_page(view: PageInput, assets: Assets) -> str:
    """Return the whole page."""
    title = view.storyboard.project.title or view.storyboard.project.code or view.storyboard.file
    parts = {
        "policy": html_text(content_policy(assets.css, assets.js)),
        "title": html_text(title),
        "css": assets.css,
        "js": assets.js,
        "data": html_json(page_data(view)),
    }
    # One pass, so that a title that looks like a placeholder stays a title.
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], assets.html)


def page_data(view: PageInput) -> dict[str, Any]:
    """Return the values the page's script draws from."""
    board = view.storyboard
    takes: dict[str, list[Output]] = {}
    for output in view.outputs:
        takes.setdefault(output.node, []).append(output)
    cells = [cut.cell for cut in view.cuts] or list(board.cells)
    finished = _finished(board)
    return {
        "title": board.project.title or board.project.code or board.file,
        "code": board.project.code,
        "spec": board.file,
        "provider": board.provider,
        "catalogue": view.catalogue,
        "spent": _spent(view.outputs),
        "fps": board.project.fps,
        "statuses": list(STATUSES),
        "cells": [_cell(cut, view) for cut in view.cuts],
        "scenes": [{"id": s.id, "slug": s.slug, "notes": s.notes} for s in board.scenes],
        "shots": [
            _shot(node, cells, takes, finished, view) for node in board.nodes if node.kind in (Kind.CLIP, Kind.STILL)
        ],
        "approvals": _approvals(view.outputs),
        "omitted": list(board.omitted),
    }


def facts_text(facts: MediaFacts) -> str:
    """Return what was read from a file, in one line."""
    parts = [f"{facts.width}×{facts.height}", facts.codec]
    if facts.fps is not None:
        parts += [f"{facts.fps} fps", f"{facts.frames} frames"]
    if facts.has_audio:
        parts.append(facts.audio_codec or "sound")
    elif facts.fps is not None:
        parts.append("silent")
    return " · ".join(parts)


def _spent(outputs: Sequence[Output]) -> str:
    """Return what the takes that are here have cost; nothing when all were free. What two shots share counts once."""
    costs = {output.key: output.cost for output in outputs if output.file}
    total = sum(costs.values(), FREE)
    return "" if total.is_free else price_text(total)


def _approvals(outputs: Sequence[Output]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (kind, name, number), digest in approvals(outputs).items():
        found.setdefault(f"still:{name}" if kind is Kind.STILL else name, {})[str(number)] = digest
    return found


def _cell(cut: CutList, view: PageInput) -> dict[str, Any]:
    reel = view.reels.get(cut.slug, ReelFile(""))
    return {
        "label": cut.cell.label or cut.aspect,
        "slug": cut.slug,
        "aspect": cut.aspect,
        "frames": cut.frames,
        "reel": relative_url(reel.file),
        "lead": reel.lead,
        "events": [
            {
                "shot": e.shot,
                "node": e.node,
                "take": e.take,
                "at": e.record_in,
                "end": e.record_out,
                "in": e.source_in,
                "out": e.source_out,
                "missing": e.missing,
                "leaving": e.leaving.kind.value if e.leaving else "",
            }
            for e in cut.events
        ],
    }


def _finished(board: Storyboard) -> dict[str, list[Node]]:
    """Return the upscales and joins that are made from each node."""
    made: dict[str, list[Node]] = {}
    for node in board.nodes:
        if node.kind in (Kind.UPSCALE, Kind.JOIN):
            slot = "source" if node.kind is Kind.UPSCALE else "segment"
            for entry in node.request.inputs:
                if entry.slot == slot and isinstance(entry.source, NodeSource):
                    made.setdefault(entry.source.node, []).append(node)
    return made


def _shot(
    node: Node,
    cells: Sequence[Cell],
    takes: Mapping[str, Sequence[Output]],
    finished: Mapping[str, Sequence[Node]],
    view: PageInput,
) -> dict[str, Any]:
    own = {o.take: o for o in takes.get(node.id, ())}
    lines = [_take(node, number, own.get(number), view) for number in sorted({*range(1, node.takes + 1), *own})]
    for more in finished.get(node.id, ()):
        found = takes.get(more.id, ())
        lines += [_take(more, o.take, o, view) for o in found] or [_take(more, 1, None, view)]
    burn = node.burn
    return {
        "node": node.id,
        "name": node.name,
        "title": node.title,
        "kind": node.kind.value,
        "scene": node.scene,
        "cell": cells.index(node.cell) if node.cell in cells else -1,
        "aspect": node.request.aspect,
        "mode": node.request.mode.value,
        "model": node.request.model,
        "framing": ", ".join(part for part in (burn.size, burn.move) if part),
        "brief": burn.text,
        "prompt": node.request.prompt,
        "dialogue": [{"who": c.who, "line": c.line, "at": float(c.at), "until": float(c.until)} for c in burn.captions],
        "uses": [_use(e.slot, e.source) for e in node.request.inputs],
        "select": node.select,
        "status": node.review.status,
        "by": node.review.by,
        "said": node.review.note,
        "approved": node.review.approved,
        "notes": node.notes,
        "tags": list(node.tags),
        "place": f"{node.location.file}:{node.location.line}",
        "takes": lines,
    }


def _use(slot: str, source: object) -> str:
    if isinstance(source, NodeSource):
        what = f"{source.node}, {source.frame} frame" if source.frame else source.node
    elif isinstance(source, FileSource):
        what = source.path
    elif isinstance(source, Character):
        what = source.display_name or source.name
    else:
        what = str(getattr(source, "name", ""))
    return f"{slot.replace('_', ' ')}: {what}"


def _take(node: Node, number: int, output: Output | None, view: PageInput) -> dict[str, Any]:
    label = f"T{number:02}" if node.kind in (Kind.CLIP, Kind.STILL) else _finish_label(node)
    line: dict[str, Any] = {
        "take": number if node.kind in (Kind.CLIP, Kind.STILL) else 0,
        "label": label,
        "file": "",
        "poster": "",
        "state": Disposition.MISSING.value,
        "reason": "not made yet",
    }
    if (output is None or not output.file) and node.kind is Kind.CLIP:
        line["slate"] = _poster(view.slates.get(node.id, ""))
    if output is None:
        return line
    facts = output.media
    line.update(
        file=relative_url(output.file),
        name=output.file,
        poster=_poster(view.posters.get(output.id, "")),
        state=output.disposition.value,
        reason=output.reason or ("" if output.file else "not made yet"),
        digest=output.digest,
        key=output.key,
        bytes=output.size_bytes,
        provider=output.provider,
        model=output.model,
        seed=output.seed,
        cost=price_text(output.cost),
        facts=facts_text(facts) if facts else "",
        frames=facts.frames if facts else 0,
        fps=float(facts.fps) if facts and facts.fps else float(view.storyboard.project.fps),
        width=facts.width if facts else 0,
        height=facts.height if facts else 0,
        origin=UNKNOWN if output.source_type == UNKNOWN else IPTC_BASE + output.source_type,
        c2pa=output.c2pa.value,
        flags=list(output.flags),
        inputs=[
            {"slot": i.slot, "what": i.file or i.role, "digest": i.digest, "origin": i.origin} for i in output.inputs
        ],
        upstream=[{"slot": u.slot, "what": u.node, "digest": u.digest} for u in output.upstream],
    )
    request = view.requests.get(output.id)
    if request is not None:
        line["request"] = json.dumps(request, ensure_ascii=False, indent=2, default=str)
    reason = view.reasons.get(output.id)
    if reason is not None and (reason.changes or reason.why in _TELLING):
        line["change"] = {"text": reason.text, "fields": [_change(c) for c in reason.changes]}
    return line


def _finish_label(node: Node) -> str:
    if node.kind is Kind.JOIN or node.request.mode is Mode.JOIN:
        return "joined"
    return node.request.resolution or "upscale"


def _change(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"field": change.field, "before": change.before, "after": change.after}
    if "prompt" in change.field:
        shown["words"] = [list(piece) for piece in word_diff(change.before, change.after)]
    return shown


def _poster(poster: str) -> str:
    """Return a poster the page may load; anything that is neither our picture nor a path beside us is dropped."""
    if _DATA_IMAGE.match(poster):
        return poster
    parts = poster.split("/")
    return "" if ":" in poster or ".." in parts or poster.startswith("/") else relative_url(poster)
