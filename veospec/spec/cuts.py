"""Read how the cut uses a shot: what is trimmed off its ends, and how it goes on to the next one."""

from __future__ import annotations

from fractions import Fraction

from veospec.model import Cut, TransitionKind
from veospec.spec.board import Shot, text_of
from veospec.spec.settings import whole
from veospec.spec.stage import Stage
from veospec.spec.tree import Map
from veospec.spec.units import UnitError, frames

CUT_KEYS = ("trim", "transition")
PLAIN_CUT = Cut()
"""That of a shot without these keys."""


def cut_of(stage: Stage, shot: Shot, duration: Fraction) -> Cut:
    """Return how the cut uses a clip of that length."""
    fps = stage.project.fps
    length = int(duration * fps)
    head, tail = (_trimmed(stage, shot, key) for key in ("head", "tail"))
    if head + tail >= length:
        trim = shot.map.get("trim")
        place = trim.here if isinstance(trim, Map) else shot.map.at("trim")
        message = f"the trims take {head + tail} frames, but the clip has {length}"
        stage.problems.error("VS293", place, message, "leave at least one frame", shot.id)
        return Cut()
    kind, count = _transition(stage, shot, fps)
    if count >= length - head - tail:
        transition = shot.map["transition"]
        key = "frames" if "frames" in transition else "type"
        message = f"the transition takes {count} frames, but {length - head - tail} are left of the clip"
        stage.problems.error("VS294", transition.at(key), message, "make it shorter", shot.id)
        return Cut(head, tail)
    return Cut(head, tail, kind, count)


def _trimmed(stage: Stage, shot: Shot, key: str) -> int:
    trim = shot.map.get("trim")
    if not isinstance(trim, Map) or trim.get(key) is None:
        return 0
    written = stage.scope.filled(trim, key)
    try:
        return frames(written, stage.project.fps)
    except UnitError as fault:
        message = f"{key}: '{written}' {fault}"
        stage.problems.error("VS292", trim.at(key), message, f"write {fault.near or '18f or 0.75s'}", shot.id)
        return 0


def _transition(stage: Stage, shot: Shot, fps: int) -> tuple[TransitionKind, int]:
    """Return kind and frames; a dissolve or fade without a length takes half a second."""
    node = shot.map.get("transition")
    name = text_of(node, "type")
    if name not in (TransitionKind.DISSOLVE, TransitionKind.FADE):
        if isinstance(node, Map) and whole(node, "frames", 0) > 0:
            message = "a cut has no length"
            stage.problems.warning("VS294", node.at("frames"), message, "write dissolve or fade, or leave it", shot.id)
        return TransitionKind.CUT, 0
    count = whole(node, "frames", fps // 2)
    return (TransitionKind(name), count) if count > 0 else (TransitionKind.CUT, 0)
