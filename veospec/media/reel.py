"""The cut of one aspect as one film: trims and transitions to the frame, sound without clicks, little encoding."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from veospec.errors import MediaError
from veospec.media import animatic
from veospec.media.boxes import check_mp4
from veospec.media.cut_sound import encode_cut
from veospec.media.encode import FINE
from veospec.media.join import Form, Piece, Stretch, house_coding, write
from veospec.media.layout import film_size
from veospec.media.leader import Leader, leader_pcm, write_leader
from veospec.media.mark import MARK_VERSION, write_marked
from veospec.media.mix import SoundPart
from veospec.media.probe import probe
from veospec.media.slate import Card
from veospec.model import Digest, TransitionKind

REEL_VERSION = 3
"""Raised when sound, leader or placeholder would get other bytes."""


class Segment(Struct, frozen=True):
    """One shot of the cut: `count` frames from `first` on, at the reel's rate.

    `before` and `after` are the frames of the transition out of it, on each side of the cut: for a dissolve both
    shots are seen in all of them, for a fade the picture goes to black in the first and comes back in the second.
    `missing` says why there is no real clip: a segment with a file is then a slate and gets a label that says so, one
    without is drawn as a placeholder.
    """

    label: str
    path: Path | None
    digest: Digest
    first: int
    count: int
    transition: TransitionKind = TransitionKind.CUT
    before: int = 0
    after: int = 0
    missing: str = ""


class ReelCut(Struct, frozen=True):
    """What is played: segments in order, and a leader in an animatic only."""

    segments: tuple[Segment, ...]
    aspect: str
    fps: int
    lines: str = "720p"
    leader: Leader | None = None


def make_reel(cut: ReelCut, target: Path, cache: Path) -> None:
    """Write the reel. `cache` is a folder for encoded pieces, found again by content; deleting it costs time only.

    The size is that of most real clips of the cut, else of the slates, else `lines`. A clip that cannot be read becomes
    a placeholder with the reason. Raises `MediaError`.
    """
    if not cut.segments:
        raise MediaError("the cut has no shots", "a reel needs at least one")
    cache.mkdir(parents=True, exist_ok=True)
    looked = [_looked_at(segment) for segment in cut.segments]
    size = _size(looked, cut)
    segments = [_with_file(segment, cut, size, cache) for segment, _ in looked]
    coding = house_coding([s.path for s in segments if s.path is not None], size, cut.fps)
    form = Form(size, cut.fps, coding)
    pieces = list(_pieces(segments))
    parts = [_sound(segment) for segment in segments]
    if cut.leader is not None and cut.leader.frames(cut.fps):
        pieces.insert(0, Piece(_leader(cut.leader, form, cache)))
        parts.insert(0, SoundPart(None, 0, cut.leader.frames(cut.fps), pcm=leader_pcm(cut.leader, cut.fps)))
    write(pieces, form, target, encode_cut(parts, cut.fps, cache), cache)


def _looked_at(segment: Segment) -> tuple[Segment, tuple[int, int]]:
    """Return a segment and the size of its film; what cannot be played counts as missing."""
    if segment.path is None:
        return segment, (0, 0)
    try:
        facts = probe(segment.path)
    except MediaError as broken:
        return replace(segment, path=None, digest="", missing=segment.missing or broken.message), (0, 0)
    return segment, (facts.width, facts.height)


def _size(looked: Sequence[tuple[Segment, tuple[int, int]]], cut: ReelCut) -> tuple[int, int]:
    found = {(segment.missing == "", segment.path): size for segment, size in looked if segment.path is not None}
    sizes = Counter(size for (is_real, _), size in found.items() if is_real) or Counter(found.values())
    if not sizes:
        return film_size(cut.aspect, cut.lines)
    most = max(sizes.items(), key=lambda item: (item[1], item[0]))[0]
    return most[0] // 2 * 2, most[1] // 2 * 2


def _with_file(segment: Segment, cut: ReelCut, size: tuple[int, int], cache: Path) -> Segment:
    if segment.path is None:
        return _placeholder(segment, cut, size, cache)
    if segment.missing:
        return _marked(segment, cut, size, cache)
    return segment


def _marked(segment: Segment, cut: ReelCut, size: tuple[int, int], cache: Path) -> Segment:
    assert segment.path is not None
    slate, label = segment.path, f"SLATE – {segment.missing}"
    key = _digest(MARK_VERSION, segment.digest, label, size, cut.fps)

    def draw(fresh: Path) -> None:
        write_marked(slate, label, size, cut.fps, FINE, fresh)

    return replace(segment, path=_kept(cache, key, draw), digest=key)


def _placeholder(segment: Segment, cut: ReelCut, size: tuple[int, int], cache: Path) -> Segment:
    length = segment.count + segment.after
    reason = segment.missing or "not made yet"
    key = _digest(REEL_VERSION, "placeholder", segment.label, reason, length, size, cut.fps)
    card = Card("", "", "", segment.label, 1, "missing", "", "", reason, "", (), 1, cut.fps, length)
    path = _kept(cache, key, lambda fresh: animatic.write_words(card, size, fresh))
    return replace(segment, path=path, digest=key, first=0, missing=reason)


def _kept(cache: Path, key: str, draw: Callable[[Path], None]) -> Path:
    """Return a film of the cache, drawn when it is not there whole."""
    path = cache / f"{key}.mp4"
    if not _is_whole(path):
        fresh = cache / f".{key}.{os.getpid()}.part"
        try:
            draw(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    return path


def _pieces(segments: Sequence[Segment]) -> Iterator[Piece]:
    taken = 0
    for number, segment in enumerate(segments):
        following = segments[number + 1] if number + 1 < len(segments) else None
        before, after = segment.before, segment.after
        if segment.transition is TransitionKind.CUT:
            before = after = 0
        plain = segment.count - taken - before
        if plain > 0:
            yield Piece(_stretch(segment, taken, plain))
        if segment.transition is TransitionKind.DISSOLVE and following is not None and before + after:
            entering = max(0, following.first - before)
            yield Piece(
                _stretch(segment, segment.count - before, before + after),
                replace(_stretch(following, 0, before + after), first=entering),
            )
        elif before or after:
            if before:
                yield Piece(_stretch(segment, segment.count - before, before), fade="out")
            if after and following is not None:
                yield Piece(_stretch(following, 0, after), fade="in")
        taken = after


def _stretch(segment: Segment, offset: int, count: int) -> Stretch:
    assert segment.path is not None
    return Stretch(segment.path, segment.digest, segment.first + offset, count)


def _leader(leader: Leader, form: Form, cache: Path) -> Stretch:
    key = _digest(REEL_VERSION, "leader", leader, form)
    path = _kept(cache, key, lambda fresh: write_leader(leader, form.size, form.fps, form.coding, fresh))
    return Stretch(path, key, 0, leader.frames(form.fps))


def _sound(segment: Segment) -> SoundPart:
    is_cut = segment.transition is TransitionKind.CUT
    joint = (0, 0) if is_cut else (segment.before, segment.after)
    path = None if segment.missing else segment.path
    is_apart = segment.transition is TransitionKind.FADE
    return SoundPart(path, segment.first, segment.count, joint, is_apart, digest=segment.digest if path else "")


def _is_whole(path: Path) -> bool:
    try:
        check_mp4(path)
    except (OSError, MediaError):
        return False
    return True


def _digest(*said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()
