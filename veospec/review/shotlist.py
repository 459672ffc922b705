"""The shot list: one row per shot and cell, for spreadsheets and for reading."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from veospec.model import Kind, Node, Storyboard
from veospec.review.cut import frames_at
from veospec.review.safe import csv_cell, markdown_code, markdown_text
from veospec.review.values import CutList, Output

HEADER = (
    "scene",
    "slug",
    "shot",
    "title",
    "cell",
    "size",
    "move",
    "mode",
    "model",
    "seconds",
    "frames",
    "record_in",
    "record_out",
    "takes",
    "selected",
    "state",
    "status",
    "dialogue",
    "prompt",
    "notes",
    "file",
)


def shot_list_csv(storyboard: Storyboard, outputs: Iterable[Output], cuts: Iterable[CutList]) -> str:
    """Return CSV (UTF-8, comma, CRLF as RFC 4180 asks) in which no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(HEADER)
    for row in _rows(storyboard, outputs, cuts):
        writer.writerow([csv_cell(row[name]) for name in HEADER])
    return buffer.getvalue()


def shot_list_markdown(storyboard: Storyboard, outputs: Iterable[Output], cuts: Iterable[CutList]) -> str:
    """Return a table per scene for reading."""
    lines = [f"# {markdown_text(storyboard.project.title or storyboard.file)}"]
    notes = {each.id: each.notes for each in storyboard.scenes}
    scene: str | None = None
    for row in _rows(storyboard, outputs, cuts):
        if row["scene"] != scene:
            scene = row["scene"]
            heading = " ".join(part for part in (row["scene"], row["slug"]) if part) or "Shots"
            lines += ["", f"## {markdown_text(heading)}", ""]
            if said := " ".join(notes.get(scene, "").split()):
                lines += [markdown_text(said), ""]
            lines += [
                "| Shot | Size, move | Length | Take | State | Picture | Dialogue |",
                "|---|---|---|---|---|---|---|",
            ]
        name = f"{row['shot']} {row['cell']}".strip()
        framing = ", ".join(part for part in (row["size"], row["move"]) if part)
        title = f" {markdown_text(row['title'], 80)}" if row["title"] else ""
        cells = (
            markdown_code(name) + title,
            markdown_text(framing),
            f"{row['seconds']} s",
            f"{row['selected']} of {row['takes']}",
            row["state"],
            markdown_text(" ".join(row["prompt"].split()), 160),
            markdown_text(row["dialogue"], 160),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _rows(storyboard: Storyboard, outputs: Iterable[Output], cuts: Iterable[CutList]) -> list[dict[str, str]]:
    chosen = {o.node: o for o in outputs if o.selected}
    slugs = {s.id: s.slug for s in storyboard.scenes}
    events = {e.node: e for c in cuts for e in c.events}
    rows = []
    for node in storyboard.nodes:
        if node.kind is Kind.CLIP:
            event = events.get(node.id)
            row = _row(node, chosen.get(node.id), slugs.get(node.scene, ""), storyboard.project.fps)
            row["record_in"] = str(event.record_in) if event else ""
            row["record_out"] = str(event.record_out) if event else ""
            rows.append(row)
    order = {s.id: i for i, s in enumerate(storyboard.scenes)}
    return sorted(rows, key=lambda r: order.get(r["scene"], -1))


def _row(node: Node, output: Output | None, slug: str, fps: int) -> dict[str, str]:
    duration = node.request.duration
    return {
        "scene": node.scene,
        "slug": slug,
        "shot": node.name,
        "title": " ".join(node.title.split()),
        "cell": node.cell.label,
        "size": node.burn.size,
        "move": node.burn.move,
        "mode": node.request.mode.value,
        "model": node.request.model,
        "seconds": f"{float(duration):g}" if duration is not None else "",
        "frames": str(output.media.frames if output and output.media else frames_at(duration, fps) if duration else ""),
        "takes": str(node.takes),
        "selected": str(node.select),
        "state": output.disposition.value if output else "missing",
        "status": node.review.status,
        "dialogue": " / ".join(f"{c.who}: {c.line}" if c.who else c.line for c in node.burn.captions),
        "prompt": node.request.prompt,
        "notes": " ".join(node.notes.split()),
        "file": output.file if output else "",
    }
