"""Put what was made where people look: `out/`. Everything here can be made again from the store, for nothing.

What takes time (reels, sheets, frames) is stamped in the index with a digest of everything that decides it, and not
made again while the stamp and the file agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from veospec.app.account import Account, account_of, opened_account
from veospec.app.choices import Choices
from veospec.app.inventory import StoredInventory
from veospec.app.outputs import MANIFEST, PAGE, SHEET, SHEET_PAGE, out_folder
from veospec.app.project import Project, open_project
from veospec.app.requests import requests_of
from veospec.errors import MediaError
from veospec.media import frames
from veospec.media import sheet as media_sheet
from veospec.media.leader import Leader
from veospec.media.preview import write_preview
from veospec.media.reel import REEL_VERSION, ReelCut, Segment, make_reel
from veospec.model import Character, Kind, NodeSource, TransitionKind
from veospec.review import captions, edl, fcpxml, shotlist, timeline
from veospec.review.assets import load_assets
from veospec.review.conform import delivery_name
from veospec.review.page import PageInput, ReelFile, render_page
from veospec.review.sheet import SheetLine, sheet_lines, sheet_page
from veospec.review.values import CutList, Event, Output
from veospec.run.events import Ended
from veospec.run.outcome import Report
from veospec.store.durable import scratch_name
from veospec.store.layout import Store

POSTER_PX = 480
SHEET_VERSION = 2


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in the output folder now; paths are relative to it. `notes` say what could not be made, `files` are
    all that were made or found right.
    """

    clips: int
    reels: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def places(self, out: Path) -> Iterator[tuple[str, Path]]:
        """Yield (what, where) of the things a person opens first."""
        if self.clips:
            yield "clips", out / "clips"
        yield "manifest", out / MANIFEST
        for reel in self.reels:
            yield "reel", out / reel
        for page in self.pages:
            yield Path(page).stem.replace("contact-sheet", "sheet"), out / page


def deliver(
    project: Project, store: Store, inventory: StoredInventory, report: Report, *, join_reel: bool
) -> Delivered:
    """Write clips, stills, frames, manifest, reel, sheet, page and exports; remove our files that are no one's now."""
    failures = {o.step.id: o.reason for o in report.outcomes if o.state is Ended.FAILED}
    account = account_of(project, inventory, failures)
    with Desk(account, store) as desk:
        desk.clips()
        desk.frames()
        notes: list[str] = []
        reels: list[str] = []
        if join_reel:
            reels = desk.attempt(desk.reels, notes)
        pages = desk.attempt(desk.sheet, notes) + desk.attempt(desk.page, notes)
        desk.exports(_wanted(project))
        desk.manifest()
        desk.tidy()
        made = sum(1 for t in account.takes if t.file.startswith("clips/"))
        shown = tuple(p for p in pages if p.endswith((".html", ".jpg")))
        return Delivered(made, tuple(reels), shown, tuple(notes), desk.files)


def _wanted(project: Project) -> tuple[str, ...]:
    asked = project.storyboard.deliver
    return (*asked.timeline, *asked.captions)


def deliver_reel(choices: Choices, environment: Mapping[str, str]) -> list[Path]:
    """Join the cut of every delivery."""
    return _only(choices, environment, lambda desk: desk.reels())


def deliver_sheet(choices: Choices, environment: Mapping[str, str]) -> list[Path]:
    """Write the contact sheet."""
    return _only(choices, environment, lambda desk: desk.sheet())


def deliver_review(choices: Choices, environment: Mapping[str, str]) -> list[Path]:
    """Write the review page."""
    return _only(choices, environment, lambda desk: desk.page())


def deliver_exports(choices: Choices, environment: Mapping[str, str], forms: tuple[str, ...]) -> list[Path]:
    """Write timelines, captions and shot lists."""
    return _only(choices, environment, lambda desk: desk.exports(forms or _wanted(desk.account.project) or ("csv",)))


def _only(choices: Choices, environment: Mapping[str, str], work: Callable[[Desk], list[str]]) -> list[Path]:
    project = open_project(choices, environment)
    with opened_account(project) as (store, account), Desk(account, store) as desk:
        desk.clips()
        paths = work(desk)
        desk.manifest()
        return [project.out / path for path in paths]


class Desk:
    """One delivery into the output folder of a project."""

    def __init__(self, account: Account, store: Store) -> None:
        self.account = account
        self._store = store
        self._out = out_folder(account.project, store)
        self._written: set[str] = set()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths in the output folder that are as they should be."""
        return tuple(sorted(self._written))

    def attempt(self, work: Callable[[], list[str]], notes: list[str]) -> list[str]:
        """Do a part of the delivery; a picture that cannot be made is a note, never a lost run."""
        try:
            return work()
        except MediaError as error:
            notes.append(f"{error.message}. {error.hint}".rstrip(". "))
            return []

    def clips(self) -> None:
        """Deliver every take that has bytes. What cost money is copied, so that no tool can harm the original."""
        for take in self.account.takes:
            if take.file:
                record = self.account.record(take.key)
                is_free = record.cost.is_free and record.receipt is None
                self._out.deliver(record.digest, record.suffix, take.file, link=is_free)
                self._written.add(take.file)

    def manifest(self) -> None:
        """Write the manifest, last of all: whoever reads it finds what it names."""
        self._out.write(MANIFEST, self.account.manifest())
        self._written.add(MANIFEST)

    def tidy(self) -> None:
        """Remove files of ours that nothing names any more; somebody else's files stay."""
        for path in self._out.ours():
            if path not in self._written:
                self._out.remove(path)

    def frames(self) -> None:
        """Deliver the frames that chained shots open on."""
        takes = {(take.node.id, take.selected): take for take in self.account.takes}
        for node, frame in sorted(_chained(self.account)):
            take = takes.get((node, True))
            if take is None or not take.file or take.facts is None:
                continue
            path = f"frames/{Path(take.file).stem}_{frame}.png"
            record = self.account.record(take.key)
            facts = take.facts

            def extract(target: Path, record: Any = record, frame: str = frame, facts: Any = facts) -> None:
                frames.extract(self._store.blobs.ensure(record.digest, record.suffix), frame, facts, target)

            self._stamped(path, {"frame": frame, "of": record.digest}, extract)

    def reels(self) -> list[str]:
        """Join the cut of every delivery."""
        paths = []
        for cut in self.account.cuts:
            path = f"reel_{cut.slug}.mp4" if cut.slug else "reel.mp4"
            joined = self._reel_cut(cut)
            if not any(segment.path for segment in joined.segments):
                continue
            cache = self._store.root / "index" / "reels"
            what = {"reel": REEL_VERSION, "cut": [_segment_words(s) for s in joined.segments], "fps": joined.fps,
                    "aspect": joined.aspect, "lines": joined.lines, "leader": repr(joined.leader)}  # fmt: skip

            def make(target: Path, joined: ReelCut = joined, cache: Path = cache) -> None:
                make_reel(joined, target, cache)

            self._stamped(path, what, make)
            paths.append(path)
        return paths

    def _reel_cut(self, cut: CutList) -> ReelCut:
        board = self.account.project.storyboard
        is_animatic = not self.account.project.profile.is_remote
        leader = None
        if is_animatic and board.project.leader:
            leader = Leader(board.project.leader, board.project.beep, board.project.title, board.project.code)
        segments = tuple(self._segment(event) for event in cut.events)
        return ReelCut(segments, cut.aspect, cut.fps, board.deliver.animatic_size, leader)

    def _segment(self, event: Event) -> Segment:
        leaving = event.leaving
        kind = leaving.kind if leaving is not None else TransitionKind.CUT
        before, after = (leaving.before, leaving.after) if leaving is not None else (0, 0)
        label = f"{event.shot} T{event.take:02}"
        record = self.account.record(self.account.key_of(event.digest)) if event.file else None
        slate = self.account.slates.get(event.node) if record is None else None
        shown = record or slate
        path = self._store.blobs.ensure(shown.digest, shown.suffix) if shown is not None else None
        digest = shown.digest if shown is not None else ""
        missing = event.missing if record is None else ""
        return Segment(label, path, digest, event.source_in, event.frames, kind, before, after, missing)

    def sheet(self) -> list[str]:
        """Write the contact sheet as JPEG and as a page to print; one delivery after the other, so that rows fit."""
        board = self.account.project.storyboard
        order = {cell: number for number, cell in enumerate(board.cells)}
        places = {o.id: (order.get(o.cell, -1), o.kind is Kind.CLIP) for o in self.account.outputs}
        lines = sorted(sheet_lines(board, self.account.outputs), key=lambda line: places[line.output])
        if not lines:
            return []
        columns = board.deliver.sheet_columns
        title = board.project.title or board.file
        by_id = {o.id: o for o in self.account.outputs}
        pictures = {line.output: [self._thumb(by_id[line.output], str(f)) for f in line.frames] for line in lines}
        what = {"sheet": SHEET_VERSION, "title": title, "columns": columns, "lines": [repr(line) for line in lines]}

        def make(target: Path) -> None:
            media_sheet.write_sheet(title, [_entry(line, pictures[line.output]) for line in lines], columns, target)

        self._stamped(SHEET, what, make)
        names = {line.output: [self._picture(path) for path in pictures[line.output]] for line in lines}
        self._out.write(SHEET_PAGE, sheet_page(title, lines, columns, names).encode())
        self._written.add(SHEET_PAGE)
        return [SHEET]

    def _picture(self, thumb: Path) -> str:
        """Deliver a small picture beside the pages that show it, and return its path."""
        name = f"posters/{thumb.name}"
        self._out.write(name, thumb.read_bytes())
        self._written.add(name)
        return name

    def _shown_outputs(self) -> Iterable[Output]:
        return [o for o in self.account.outputs if o.kind in (Kind.CLIP, Kind.STILL)]

    def _thumb(self, output: Output, frame: str, width: int = POSTER_PX) -> Path:
        """Return a small JPEG of a frame, from the index when it was made before."""
        record = self.account.record(output.key)
        folder = self._store.root / "index" / "thumbs"
        path = folder / f"{output.digest[:32]}-{frame}-{width}.jpg"
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._store.scratch / scratch_name(".jpg")
            blob = self._store.blobs.ensure(record.digest, record.suffix)
            frames.thumbnail(blob, record.facts, frame, width, fresh)
            fresh.replace(path)
        return path

    def page(self) -> list[str]:
        """Write the review page with its posters."""
        if self.account.project.storyboard.deliver.review == "none":
            return []
        posters = {
            output.id: self._picture(self._thumb(output, str(output.media.frames // 2)))
            for output in self._shown_outputs()
            if output.file and output.media is not None
        }
        lead = 0
        board = self.account.project.storyboard
        if not self.account.project.profile.is_remote:
            lead = int(board.project.leader * board.project.fps)
        reels = {
            cut.slug: ReelFile(path, lead)
            for cut in self.account.cuts
            if (path := f"reel_{cut.slug}.mp4" if cut.slug else "reel.mp4") in self._written or self._lies(path)
        }
        view = PageInput(
            storyboard=board,
            outputs=self.account.outputs,
            cuts=self.account.cuts,
            catalogue=self.account.project.catalogue.table,
            posters=posters,
            reels=reels,
            requests=requests_of(self.account.plan, self.account.project.profile),
            reasons={step.id: step.reason for step in self.account.plan.steps},
        )
        self._out.write(PAGE, render_page(view, load_assets()).encode())
        self._written.add(PAGE)
        return [PAGE]

    def _lies(self, path: str) -> bool:
        return (self.account.project.out / path).is_file()

    def preview(self, suffix: str) -> str | None:
        """Write a small moving picture of the first cut; None when nothing was made."""
        shown = [event.digest for cut in self.account.cuts[:1] for event in cut.events if event.file]
        records = [self.account.record(self.account.key_of(digest)) for digest in shown]
        clips = [self._store.blobs.ensure(record.digest, record.suffix) for record in records]
        if not clips:
            return None
        path = f"preview{suffix}"
        what = {"preview": 1, "clips": [str(clip.name) for clip in clips]}
        self._stamped(path, what, lambda target: write_preview(clips, target))
        return path

    def exports(self, forms: tuple[str, ...]) -> list[str]:
        """Write timelines and captions of every cut, and shot lists."""
        board, outputs, cuts = self.account.project.storyboard, self.account.outputs, self.account.cuts
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
            self._out.write(path, text.encode())
            self._written.add(path)
        return list(made)

    def _stamped(self, path: str, what: Mapping[str, Any], make: Callable[[Path], None]) -> None:
        """Make a file unless the one that lies there was made from the very same things."""
        self._written.add(path)
        stamp = sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        known = self._store.index.get("made", stamp)
        if known is not None and self._out.digest(path) == known.decode():
            return
        fresh = self._store.scratch / scratch_name(Path(path).suffix)
        make(fresh)
        self._out.place(path, fresh)
        digest = self._out.digest(path)
        if digest is not None:
            self._store.index.put("made", stamp, digest.encode())


def _entry(line: SheetLine, pictures: Sequence[Path]) -> media_sheet.SheetEntry:
    missing = "" if pictures else line.missing
    return media_sheet.SheetEntry(line.label, line.note, tuple(pictures), line.is_selected, line.flags, missing)


def _segment_words(segment: Segment) -> list[object]:
    return [segment.label, segment.digest, segment.first, segment.count, segment.transition.value, segment.before,
            segment.after, segment.missing]  # fmt: skip


def _chained(account: Account) -> set[tuple[str, str]]:
    """Return the (clip, frame) pairs that other shots open or close on."""
    found: set[tuple[str, str]] = set()
    for node in account.project.storyboard.nodes:
        for entry in node.request.inputs:
            pictures = entry.source.images if isinstance(entry.source, Character) else (entry.source,)
            found.update((p.node, p.frame) for p in pictures if isinstance(p, NodeSource) and p.frame)
    return found
