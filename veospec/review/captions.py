"""Dialogue as subtitles, moved from the seconds of each clip to the seconds of the cut."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

from veospec.model import Storyboard
from veospec.review.safe import srt_text, vtt_text
from veospec.review.values import CutList, Event

_LEAST = Fraction(1, 10)


class Cue(Struct, frozen=True):
    """One subtitle; `at` and `until` are exact seconds in the cut."""

    at: Fraction
    until: Fraction
    who: str
    line: str
    shot: str


def cues(cut: CutList, storyboard: Storyboard) -> tuple[Cue, ...]:
    """Return the dialogue of a cut in order; what a trim cuts off is left out, what it touches is shortened."""
    nodes = {n.id: n for n in storyboard.nodes}
    found = []
    for event in cut.events:
        for caption in nodes[event.node].burn.captions:
            at, until = _placed(event, cut.fps, caption.at, caption.until)
            if until - at >= _LEAST:
                found.append(Cue(at, until, caption.who, caption.line, event.shot))
    return tuple(sorted(found, key=lambda c: (c.at, c.until)))


def srt(cut: CutList, storyboard: Storyboard) -> str:
    """Return SubRip text; the speaker is not named, as is usual when he can be seen."""
    blocks: list[str] = []
    for cue in cues(cut, storyboard):
        line = srt_text(cue.line)
        if line:
            times = f"{_clock(cue.at, ',')} --> {_clock(cue.until, ',')}"
            blocks.append(f"{len(blocks) + 1}\n{times}\n{line}\n")
    return "\n".join(blocks)


def vtt(cut: CutList, storyboard: Storyboard) -> str:
    """Return WebVTT text with the speakers as voice spans. Source: WebVTT, W3C, section 4.2.2."""
    blocks = ["WEBVTT\n"]
    for cue in cues(cut, storyboard):
        line = vtt_text(cue.line)
        who = " ".join(vtt_text(cue.who).split())
        if line:
            voice = f"<v {who}>" if who else ""
            blocks.append(f"{_clock(cue.at, '.')} --> {_clock(cue.until, '.')}\n{voice}{line}\n")
    return "\n".join(blocks)


def _placed(event: Event, fps: int, at: Fraction, until: Fraction) -> tuple[Fraction, Fraction]:
    """Return seconds in the cut, kept inside the event."""
    first, last = Fraction(event.source_in, fps), Fraction(event.source_out, fps)
    shift = Fraction(event.record_in, fps) - first
    return max(at, first) + shift, min(until, last) + shift


def _clock(seconds: Fraction, point: str) -> str:
    # Down, so that the last line does not outlast the cut.
    millis = int(seconds * 1000)
    whole, millis = divmod(millis, 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{millis:03}"
