"""The cut as a CMX3600 edit decision list: one video track, and two of sound when every shot has sound.

A dissolve is written as the format knows it: from the frame where it begins, as one event of two lines. A fade has
no line of its own in CMX3600 and stays a cut with a comment. Record time starts at 01:00:00:00, source time at
00:00:00:00. Source: CMX 3600 EDL format, xmil.biz/EDL-X/CMX3600.pdf, read 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    for index in range(len(shots)):
        lines += _event(index, shots, reels, channel, cut.fps)
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


def _event(index: int, shots: Sequence[Shot], reels: Sequence[str], channel: str, fps: int) -> list[str]:
    shot, event = shots[index], shots[index].event
    earlier = shots[index - 1].event if index else event
    arriving = _dissolve(shots, index - 1)
    lead = arriving.before if arriving is not None else 0
    dissolving = _dissolve(shots, index)
    early = dissolving.before if dissolving is not None else 0
    hour = _HOUR_S * fps
    source = (event.source_in - lead, event.source_out - early)
    record = (event.record_in - lead + hour, event.record_out - early + hour)
    number = f"{index + 1:03}"
    lines = []
    if arriving is not None:
        out = earlier.source_out - lead
        lines.append(_line(number, reels[index - 1], channel, "C", (out, out), (record[0], record[0]), fps))
        lines.append(_line(number, reels[index], channel, f"D    {arriving.frames:03}", source, record, fps))
        lines.append(f"* FROM CLIP NAME: {_clip_name(shots[index - 1])}")
        lines.append(f"* TO CLIP NAME: {_clip_name(shot)}")
    else:
        lines.append(_line(number, reels[index], channel, "C", source, record, fps))
        lines.append(f"* FROM CLIP NAME: {_clip_name(shot)}")
    if event.file:
        lines.append(f"* FROM FILE: {comment(event.file, 400)}")
    lines.append(f"* SHOT: {comment(event.shot)} TAKE: {event.take}")
    if event.missing:
        lines.append(f"* NO PICTURE: {comment(event.missing)}")
    leaving = event.leaving
    if leaving is not None and leaving.kind is TransitionKind.FADE:
        lines.append(f"* FADE TO BLACK: {leaving.before} FRAMES, UP AGAIN: {leaving.after} FRAMES")
    at = timecode(event.record_in + hour, fps)
    lines += [f"* LOC: {at} YELLOW  {comment(text)}" for text in shot.notes]
    return [*lines, ""]


def _dissolve(shots: Sequence[Shot], index: int) -> Transition | None:
    """Return the dissolve between the shot at `index` and the next one."""
    leaving = shots[index].event.leaving if 0 <= index < len(shots) - 1 else None
    return leaving if leaving is not None and leaving.kind is TransitionKind.DISSOLVE else None


def _clip_name(shot: Shot) -> str:
    return comment(shot.event.file.rpartition("/")[2] or f"{shot.label} MISSING")


def _line(
    number: str, reel: str, channel: str, edit: str, source: tuple[int, int], record: tuple[int, int], fps: int
) -> str:
    times = " ".join(timecode(frames, fps) for frames in (*source, *record))
    return f"{number}  {reel:<8} {channel:<5} {edit:<8} {times}"
