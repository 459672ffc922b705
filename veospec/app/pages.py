"""What people look at beside the films: contact sheet, review page, timelines, captions, shot lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from veospec.app.accepted import reasons_of
from veospec.app.desk import Desk
from veospec.app.outputs import PAGE, SHEET, SHEET_PAGE
from veospec.app.requests import requests_of
from veospec.app.thumbs import make_thumbs, shown_frames, thumb_path
from veospec.errors import MediaError, StoreCorrupt
from veospec.media import sheet as media_sheet
from veospec.model import MediaFacts, Mode, NodeId
from veospec.review import captions, edl, fcpxml, shotlist, timeline
from veospec.review.assets import load_assets
from veospec.review.conform import delivery_name
from veospec.review.page import PageInput, ReelFile, render_page
from veospec.review.sheet import SheetLine, sheet_lines, sheet_page
from veospec.review.values import CutList, Output, OutputId

SHEET_VERSION = 4
SHEET_TAKES, PART_TAKES = 32, 16
"""Takes on one JPEG, and on each when there are several: a thousand on one would be too tall for its format, two
hundred take 200 MB to draw, and parts are drawn side by side."""


def reel_name(cut: CutList) -> str:
    """Return where the reel of a cut lies."""
    return f"reel_{cut.slug}.mp4" if cut.slug else "reel.mp4"


def sheet(desk: Desk, *, only_whole: bool = False) -> list[str]:
    """Write the contact sheet as JPEG, several for a long film, and as a page to print.

    With `only_whole` no JPEG is drawn on which a take is missing.
    """
    board = desk.account.project.storyboard
    lines = sheet_lines(board, desk.account.outputs)
    if not lines:
        return []
    columns = board.deliver.sheet_columns
    title = board.project.title or board.file
    outputs = {o.id: o for o in desk.account.outputs}
    entries: list[media_sheet.SheetEntry] = []
    names: dict[OutputId, list[str]] = {}
    for line in lines:
        found = [desk.thumb(outputs[line.output], str(frame)) for frame in line.frames]
        pictures = [picture for picture in found if isinstance(picture, Path)]
        trouble = next((reason for reason in found if isinstance(reason, str)), "")
        entries.append(_entry(line, pictures, trouble or line.missing))
        names[line.output] = [desk.poster(picture) for picture in pictures]
    said = [[repr(line), entry.missing] for line, entry in zip(lines, entries, strict=True)]
    size = SHEET_TAKES if len(lines) <= SHEET_TAKES else PART_TAKES
    starts = range(0, len(lines), size)
    drawings: dict[str, tuple[Mapping[str, Any], Callable[[Path], None]]] = {}
    for number, start in enumerate(starts, start=1):
        part = slice(start, start + size)
        if only_whole and not all(entry.pictures for entry in entries[part]):
            continue
        head = title if len(starts) == 1 else f"{title} ({number} of {len(starts)})"
        path = SHEET if number == 1 else f"{Path(SHEET).stem}-{number}.jpg"
        what = {"sheet": SHEET_VERSION, "title": head, "columns": columns, "lines": said[part]}
        drawings[path] = what, partial(media_sheet.write_sheet, head, entries[part], columns)
    desk.stamped_side_by_side(drawings)
    desk.write(SHEET_PAGE, sheet_page(title, lines, columns, names).encode())
    return [*drawings, SHEET_PAGE]


def _entry(line: SheetLine, pictures: Sequence[Path], missing: str) -> media_sheet.SheetEntry:
    return media_sheet.SheetEntry(
        line.label,
        line.note,
        tuple(pictures),
        line.is_selected,
        line.flags,
        "" if pictures else missing,
        line.section,
    )


def page(desk: Desk) -> list[str]:
    """Write the review page with its posters."""
    account = desk.account
    board = account.project.storyboard
    if board.deliver.review == "none":
        return []
    posters: dict[OutputId, str] = {}
    for output in account.outputs:
        if output.file and output.media is not None:
            shown = desk.thumb(output, _poster_frame(output, output.media, board.deliver.sheet_frames))
            if isinstance(shown, Path):
                posters[output.id] = desk.poster(shown)
    lead = 0 if account.project.profile.is_remote else int(board.project.leader * board.project.fps)
    reels = {cut.slug: ReelFile(reel_name(cut), lead) for cut in account.cuts if desk.has(reel_name(cut))}
    view = PageInput(
        storyboard=board,
        outputs=account.outputs,
        cuts=account.cuts,
        catalogue=account.project.catalogue.table,
        posters=posters,
        reels=reels,
        slates=_slates(desk),
        requests=requests_of(account.plan, account.project.profile),
        reasons=reasons_of(account.plan, account.inventory),
    )
    desk.write(PAGE, render_page(view, load_assets()).encode())
    return [PAGE]


def _slates(desk: Desk) -> dict[NodeId, str]:
    """Return pictures of the slates that stand for shots without a clip, as far as they can be read."""
    found: dict[NodeId, str] = {}
    for node, record in desk.account.slates.items():
        frame = str(record.facts.frames // 2)
        with suppress(MediaError, StoreCorrupt):
            make_thumbs(desk.store, record.digest, record.facts, desk.blob(record), (frame,))
            found[node] = desk.poster(thumb_path(desk.store, record.digest, frame))
    return found


def _poster_frame(output: Output, facts: MediaFacts, sheet_frames: Sequence[str]) -> str:
    """Return the frame that stands for a take: its middle, but the first of a way from one picture to another."""
    small = shown_frames(facts, sheet_frames)
    return small[0] if output.mode is Mode.I2V_FL else str(facts.frames // 2)


def wanted_exports(desk: Desk) -> tuple[str, ...]:
    """Return the timelines and captions that the storyboard asks for."""
    asked = desk.account.project.storyboard.deliver
    return (*asked.timeline, *asked.captions)


def exports(desk: Desk, forms: Sequence[str]) -> list[str]:
    """Write timelines and captions of every cut, and shot lists."""
    board, outputs, cuts = desk.account.project.storyboard, desk.account.outputs, desk.account.cuts
    made: dict[str, str] = {}
    for form in forms:
        if form == "csv":
            made["shots.csv"] = shotlist.shot_list_csv(board, outputs, cuts)
        elif form == "md":
            made["shots.md"] = shotlist.shot_list_markdown(board, outputs, cuts)
        elif form in ("srt", "vtt"):
            write = captions.srt if form == "srt" else captions.vtt
            for cut in cuts:
                made[delivery_name("captions", f".{form}", cut, cuts)] = write(cut, board)
        else:
            draw = {"otio": timeline.otio_text, "fcpxml": fcpxml.fcpxml_text, "edl": edl.edl_text}[form]
            for cut in cuts:
                made[delivery_name("timeline", f".{form}", cut, cuts)] = draw(cut, board, outputs)
    for path, text in made.items():
        desk.write(path, text.encode())
    return list(made)
