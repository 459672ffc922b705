"""The contact sheet: which frames and words, as values for whoever draws it, and a page to print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from veospec.model import Kind, MediaFacts, Storyboard
from veospec.review.conform import relative_url
from veospec.review.policy import content_policy
from veospec.review.safe import html_text
from veospec.review.values import Disposition, Output, OutputId

_NAMED = ("first", "middle", "last")
_QUIET = (Disposition.MADE, Disposition.REUSED)


class SheetLine(Struct, frozen=True):
    """One take on the sheet. `frames` count from 0; empty when there is nothing to show, and `missing` says why."""

    output: OutputId
    label: str
    note: str
    file: str
    digest: str
    frames: tuple[int, ...]
    is_selected: bool
    flags: tuple[str, ...] = ()
    missing: str = ""
    section: str = ""
    is_strip: bool = False


def sheet_lines(storyboard: Storyboard, outputs: Iterable[Output]) -> tuple[SheetLine, ...]:
    """Return the takes of all shots and stills by section: stills and shots of each delivery, in its order.

    Within a section they stand in the order of the spec, every take after the other.
    """
    by_node: dict[str, list[Output]] = {}
    for output in outputs:
        by_node.setdefault(output.node, []).append(output)
    wanted = storyboard.deliver.sheet_frames
    shown = [n.id for n in storyboard.nodes if n.kind in (Kind.CLIP, Kind.STILL)]
    ordered = [o for node in shown for o in sorted(by_node.get(node, ()), key=lambda o: o.take)]
    cells = list(storyboard.cells)
    place = {cell: number for number, cell in enumerate(cells)}
    ordered.sort(key=lambda o: (place.get(o.cell, -1), o.kind is not Kind.STILL))
    return tuple(_line(o, wanted, has_cells=len(cells) > 1) for o in ordered)


def frame_numbers(facts: MediaFacts, wanted: Sequence[str]) -> tuple[int, ...]:
    """Return the frames asked for (`first`, `middle`, `last` or numbers) that a file has, in its order, once each."""
    last = facts.frames - 1
    places = {"first": 0, "middle": facts.frames // 2, "last": last}
    found = {places[w] if w in _NAMED else int(w) for w in wanted if w in _NAMED or w.isdigit()}
    return tuple(sorted(n for n in found if 0 <= n <= last)) or (0,)


def sheet_page(title: str, lines: Sequence[SheetLine], columns: int, pictures: Mapping[OutputId, Sequence[str]]) -> str:
    """Return a page for paper. `pictures` are relative paths of the frames of each take; nothing else is loaded."""
    sections = "\n".join(_section(name, [*group], pictures) for name, group in groupby(lines, lambda x: x.section))
    shown = html_text(title)
    columns = max(1, min(8, columns))
    style = _STYLE.replace("COLUMNS", str(columns)).replace("HALF", str(max(1, columns // 2)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html_text(content_policy(style))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown} · contact sheet</title>\n<style>{style}</style></head>\n"
        f'<body><h1 dir="auto">{shown}</h1>\n{sections}\n</body></html>\n'
    )


def _line(output: Output, wanted: Sequence[str], *, has_cells: bool) -> SheetLine:
    facts = output.media
    note = [] if output.seed is None else [f"seed {output.seed}"]
    if facts is not None and facts.duration is not None:
        note.append(f"{float(facts.duration):g} s, {facts.frames} frames")
    flags = output.flags if output.disposition in _QUIET else (output.disposition.value, *output.flags)
    where = f" {output.cell.label}" if output.cell.label else ""
    has_file = bool(output.file) and facts is not None
    what = "stills" if output.kind is Kind.STILL else "shots"
    section = f"{output.cell.label or 'Every version'} · {what}" if has_cells else what.capitalize()
    return SheetLine(
        output=output.id,
        label=f"{output.shot}{where} T{output.take:02}",
        note=" · ".join(note),
        file=output.file,
        digest=output.digest,
        frames=frame_numbers(facts, wanted) if has_file and facts is not None else (),
        is_selected=output.selected,
        flags=tuple(dict.fromkeys(flags)),
        missing="" if has_file else output.reason or "not made yet",
        section=section,
        is_strip=facts is not None and facts.frames > 1 and facts.width >= facts.height,
    )


def _section(name: str, lines: Sequence[SheetLine], pictures: Mapping[OutputId, Sequence[str]]) -> str:
    tiles = "\n".join(_tile(line, pictures.get(line.output, ())) for line in lines)
    wide = ' class="wide"' if any(line.is_strip for line in lines) else ""
    return f'<section><h2 dir="auto">{html_text(name)}</h2>\n<ol{wide}>\n{tiles}\n</ol></section>'


def _tile(line: SheetLine, pictures: Sequence[str]) -> str:
    alt = html_text(line.label)
    strip = "".join(f'<img alt="{alt}" loading="lazy" src="{html_text(relative_url(p))}">' for p in pictures)
    if not strip:
        strip = f'<span class="void" dir="auto">{html_text(line.missing or "no picture")}</span>'
    ring = '<b class="ring" title="selected">●</b> ' if line.is_selected else ""
    flags = f'<em dir="auto">{html_text(" · ".join(line.flags))}</em>' if line.flags else ""
    chosen = ' class="selected"' if line.is_selected else ""
    return (
        f'<li{chosen}><div class="strip">{strip}</div><p>{ring}<strong dir="auto">{alt}</strong></p>'
        f"<p>{html_text(line.note)} {flags}</p></li>"
    )


_STYLE = """
@page { size: A4 landscape; margin: 10mm; }
body { font: 11px/1.4 system-ui, "Noto Sans", sans-serif; color: #1c1d20; background: #fff; margin: 16px; }
h1 { font-size: 16px; margin: 0 0 12px; }
h2 { font-size: 12px; margin: 18px 0 8px; color: #5b5e65; break-after: avoid; }
ol { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(COLUMNS, 1fr); gap: 12px; }
ol.wide { grid-template-columns: repeat(HALF, 1fr); }
li { break-inside: avoid; min-width: 0; }
.strip { display: flex; gap: 2px; background: #eceae6; border: 2px solid #eceae6; border-radius: 4px; }
.strip { overflow: hidden; }
.selected .strip { border-color: #b36b00; }
img { flex: 1 1 0; min-width: 0; width: 0; height: auto; max-height: 210px; object-fit: contain; }
.void { padding: 22px 10px; color: #5b5e65; overflow-wrap: anywhere; }
.ring { color: #b36b00; }
p { margin: 2px 0 0; overflow-wrap: anywhere; } p + p { color: #5b5e65; }
em { color: #b3261e; font-style: normal; }
@media (max-width: 700px) { ol { grid-template-columns: repeat(2, 1fr); } ol.wide { grid-template-columns: 1fr; } }
"""
