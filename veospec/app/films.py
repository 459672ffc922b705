"""The films of a delivery: the reel of every cut, and the small moving preview."""

from __future__ import annotations

import shutil
from pathlib import Path

from veospec.app.account import Account
from veospec.app.desk import Desk
from veospec.app.flow_join import FlowJoin, flow_joins
from veospec.app.pages import reel_name
from veospec.app.signing import label_of, signer_of
from veospec.media.credentials import Signer, SigningError, sign_film
from veospec.media.labels import label_film
from veospec.media.leader import Leader
from veospec.media.preview import PREVIEW_VERSION, Shown, write_preview
from veospec.media.reel import REEL_VERSION, ReelCut, Segment, make_reel
from veospec.model import TransitionKind
from veospec.review.values import CutList, Event
from veospec.store.actions import ActionRecord

PREVIEW_PX = 320


def reels(desk: Desk) -> list[str]:
    """Join the cut of every delivery, label it with its origin, and sign it when the person has a signer."""
    signer = signer_of(desk)
    joined = flow_joins(desk)
    paths = []
    for cut in desk.account.cuts:
        film = reel_cut(desk, cut)
        if any(segment.path for segment in film.segments):
            paths.append(_reel(desk, cut, film, joined.get(cut.slug), signer))
        else:
            desk.note(f"there is no reel {cut.slug}: none of its shots is made", "run `veospec apply`")
    return paths


def keep(desk: Desk) -> None:
    """Let the films of an earlier run stay, when nobody asked for new ones."""
    for cut in desk.account.cuts:
        desk.keep(reel_name(cut))
    desk.keep(f"preview.{desk.account.project.storyboard.deliver.preview}")


def _reel(desk: Desk, cut: CutList, film: ReelCut, joined: FlowJoin | None, signer: Signer | None) -> str:
    path = reel_name(cut)
    cache = desk.store.root / "index" / "reels"
    label = label_of(desk.account, cut)
    ready = joined.film(desk, cache) if joined is not None else None
    what = {"reel": REEL_VERSION, "cut": [_words(s) for s in film.segments], "fps": film.fps, "aspect": film.aspect,
            "lines": film.lines, "leader": repr(film.leader), "label": repr(label),
            "joined": joined.key if joined is not None and ready is not None else ""}  # fmt: skip

    def make(target: Path) -> None:
        if ready is not None:
            shutil.copyfile(ready, target)
        else:
            make_reel(film, target, cache)
        label_film(target, label.source_type, label.statement)

    def make_signed(target: Path) -> None:
        make(target)
        assert signer is not None
        parts = [(name, desk.blob(desk.account.record(key))) for name, key in label.parts]
        sign_film(target, signer, _title(desk.account, cut), label.source_type, parts)

    if signer is not None and label.source_type:
        try:
            desk.stamped(path, {**what, "signer": signer.name}, make_signed)
        except SigningError as error:
            desk.note(error.message, error.hint)
        else:
            return path
    elif signer is not None:
        # A signature would vouch for a guess.
        desk.note("the reel is not signed: the origin of a part is not known")
    desk.stamped(path, what, make)
    return path


def _title(account: Account, cut: CutList) -> str:
    project = account.project.storyboard.project
    return " ".join(part for part in (project.title or project.code or "Reel", cut.cell.label) if part)


def reel_cut(desk: Desk, cut: CutList) -> ReelCut:
    """Return a cut with its files, as the media room takes it."""
    account = desk.account
    board = account.project.storyboard
    leader = None
    if not account.project.profile.is_remote and board.project.leader:
        leader = Leader(board.project.leader, board.project.beep, board.project.title, board.project.code)
    segments = tuple(_segment(desk, event) for event in cut.events)
    return ReelCut(segments, cut.aspect, cut.fps, board.deliver.animatic_size, leader)


def _shown(account: Account, event: Event) -> ActionRecord | None:
    """Return the take that stands for a shot: its own, else a slate, else nothing."""
    record = account.record(account.key_of(event.digest)) if event.file else None
    return record or account.slates.get(event.node)


def _segment(desk: Desk, event: Event) -> Segment:
    leaving = event.leaving
    kind = leaving.kind if leaving is not None else TransitionKind.CUT
    before, after = (leaving.before, leaving.after) if leaving is not None else (0, 0)
    label = f"{event.shot} T{event.take:02}"
    shown = _shown(desk.account, event)
    path = desk.blob(shown) if shown is not None else None
    digest = shown.digest if shown is not None else ""
    missing = "" if event.file else event.missing
    return Segment(label, path, digest, event.source_in, event.frames, kind, before, after, missing)


def _words(segment: Segment) -> list[object]:
    return [segment.label, segment.digest, segment.first, segment.count, segment.transition.value, segment.before,
            segment.after, segment.missing]  # fmt: skip


def preview(desk: Desk) -> list[str]:
    """Write a small moving picture of the first cut, as `deliver.preview` asks; nothing when nothing was made."""
    form = desk.account.project.storyboard.deliver.preview
    if form not in ("webp", "gif") or not desk.account.cuts:
        return []
    cut = desk.account.cuts[0]
    film = reel_cut(desk, cut)
    records = [_shown(desk.account, event) for event in cut.events]
    shown = [
        Shown(segment.path, segment.first, segment.count, record.facts)
        for segment, record in zip(film.segments, records, strict=True)
        if segment.path is not None and record is not None
    ]
    if not shown:
        return []
    path = f"preview.{form}"
    what = {"preview": PREVIEW_VERSION, "cut": [_words(s) for s in film.segments], "width": PREVIEW_PX}
    desk.stamped(path, what, lambda target: write_preview(shown, target, width=PREVIEW_PX))
    return [path]
