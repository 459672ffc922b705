"""The cut as a CMX3600 edit decision list: one video track, and two of sound when every shot has sound.

A dissolve is written as the format knows it: from the frame where it begins, as one event of two lines. A fade is a
dissolve to black (`BL`), an event of its own that lasts until the cut, and a dissolve from black into the next shot.
Record time starts at 01:00:00:00, source time at 00:00:00:00. Source: CMX 3600 EDL format,
xmil.biz/EDL-X/CMX3600.pdf, read 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from veospec.model import Storyboard, TransitionKind
from veospec.review.conform import Shot, conform
from veospec.review.safe import edl_text as comment
from veospec.review.values import CutList, Output, Transition

_HOUR_S = 3600
_RESERVED = frozenset({"AX", "BL", "BLACK", "BARS"})
_BLACK = "BL"


def edl_text(cut: CutList, storyboard: Storyboard, outputs: Iterable[Output]) -> str:
    """Return the list; shots without bytes are black (`BL`), with the reason as a comment."""
    shots = conform(cut, storyboard, outputs)
    channel = "AA/V" if shots and all(s.event.has_audio for s in shots) else "V"
    title = comment(f"{storyboard.project.title or storyboard.project.code} {cut.slug}", 70)
    lines = [f"TITLE: {title}", "FCM: NON-DROP FRAME", ""]
    reels = reel_names(shots)
    number = 0
    for index in range(len(shots)):
        for event in _events(index, shots, reels, channel, cut.fps):
            number += 1
            # The number is that of the lines of time codes; comments have none.
            lines += [f"{number:03}  {line}" if not line.startswith("*") else line for line in event]
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def reel_names(shots: Sequence[Shot]) -> tuple[str, ...]:
    """Return a reel per shot: A-Z and 0-9, at most 8 letters, the same only for the same file."""
    used: dict[str, str] = {}
    names: list[str] = []
    for shot in shots:
        if not shot.event.file:
            names.append(_BLACK)
            continue
        taken = {name for file, name in used.items() if file != shot.event.file}
        used.setdefault(shot.event.file, _reel(shot, taken))
        names.append(used[shot.event.file])
    return tuple(names)


def timecode(frames: int, fps: int) -> str:
    """Return non-drop timecode; a day is as long as the format goes, then it starts again."""
    seconds, frame = divmod(frames, fps)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours % 24:02}:{minute:02}:{second:02}:{frame:02}"


def _reel(shot: Shot, taken: set[str]) -> str:
    name = re.sub(r"[^A-Z0-9]", "", shot.event.shot.upper()) or "SHOT"
    whole = f"{name}T{shot.event.take:02}"
    if len(whole) <= 8 and whole not in taken:
        return whole
    number = shot.event.number
    while (short := f"{name[: 8 - len(str(number))]}{number}") in taken or short in _RESERVED:
        number += 1
    return short


def _events(index: int, shots: Sequence[Shot], reels: Sequence[str], channel: str, fps: int) -> Iterator[Sequence[str]]:
    """Yield the event of a shot, and of the black that it fades to."""
    shot, event = shots[index], shots[index].event
    arriving, leaving = _dissolve(shots, index - 1), _dissolve(shots, index)
    lead = arriving.before if arriving is not None else 0
    early = leaving.before if leaving is not None else _fade_out(shot, lead)
    hour = _HOUR_S * fps
    source = (event.source_in - lead, event.source_out - early)
    record = (event.record_in - lead + hour, event.record_out - early + hour)

    def line(reel: str, edit: str, source: tuple[int, int], record: tuple[int, int]) -> str:
        times = " ".join(timecode(frames, fps) for frames in (*source, *record))
        return f"{reel:<8} {channel:<5} {edit:<8} {times}"

    def still(reel: str, at: int, when: int) -> str:
        """Return the first line of a dissolve: where the outgoing picture stands when it begins."""
        return line(reel, "C", (at, at), (when, when))

    mixed = f"D    {arriving.frames:03}" if arriving is not None else ""
    risen = _fade_in(shots, index)
    if arriving is not None:
        yield [
            still(reels[index - 1], shots[index - 1].event.source_out - lead, record[0]),
            line(reels[index], mixed, source, record),
            f"* FROM CLIP NAME: {_clip_name(shots[index - 1])}",
            f"* TO CLIP NAME: {_clip_name(shot)}",
            *_comments(shot, fps),
        ]
    elif risen:
        yield [
            still(_BLACK, 0, record[0]),
            line(reels[index], f"D    {risen:03}", source, record),
            "* FROM CLIP NAME: BLACK",
            f"* TO CLIP NAME: {_clip_name(shot)}",
            *_comments(shot, fps),
        ]
    else:
        yield [line(reels[index], "C", source, record), f"* FROM CLIP NAME: {_clip_name(shot)}", *_comments(shot, fps)]
    if leaving is None and early:
        yield [
            still(reels[index], source[1], record[1]),
            line(_BLACK, f"D    {early:03}", (0, early), (record[1], record[1] + early)),
            f"* FROM CLIP NAME: {_clip_name(shot)}",
            "* TO CLIP NAME: BLACK",
        ]


def _comments(shot: Shot, fps: int) -> Iterator[str]:
    event = shot.event
    if event.file:
        yield f"* FROM FILE: {comment(event.file, 400)}"
    yield f"* SHOT: {comment(event.shot)} TAKE: {event.take}"
    if event.missing:
        yield f"* NO PICTURE: {comment(event.missing)}"
    leaving = event.leaving
    if leaving is not None and leaving.kind is TransitionKind.FADE:
        yield f"* FADE TO BLACK: {leaving.before} FRAMES, UP AGAIN: {leaving.after} FRAMES"
    at = timecode(event.record_in + _HOUR_S * fps, fps)
    for text in shot.notes:
        yield f"* LOC: {at} YELLOW  {comment(text)}"


def _fade_out(shot: Shot, lead: int) -> int:
    """Return the frames in which a shot goes to black; none when nothing else would be left of it, or it is black."""
    event = shot.event
    is_fade = event.leaving is not None and event.leaving.kind is TransitionKind.FADE
    before = event.leaving.before if event.leaving is not None and is_fade and event.file else 0
    return before if event.frames + lead > before else 0


def _fade_in(shots: Sequence[Shot], index: int) -> int:
    """Return the frames in which a shot comes out of black, as the one before it asks."""
    leaving = shots[index - 1].event.leaving if index else None
    is_fade = leaving is not None and leaving.kind is TransitionKind.FADE
    return leaving.after if leaving is not None and is_fade and shots[index].event.file else 0


def _dissolve(shots: Sequence[Shot], index: int) -> Transition | None:
    """Return the dissolve between the shot at `index` and the next one."""
    leaving = shots[index].event.leaving if 0 <= index < len(shots) - 1 else None
    return leaving if leaving is not None and leaving.kind is TransitionKind.DISSOLVE else None


def _clip_name(shot: Shot) -> str:
    return comment(shot.event.file.rpartition("/")[2] or f"{shot.label} MISSING")
