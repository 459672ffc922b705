"""Camera words as paths: which part of a picture is shown at the start and at the end."""

from __future__ import annotations

import re

from msgspec import Struct

_CLOSE = 0.86
"""How much of the picture a move ends on: enough to be felt in four seconds, too little to turn soft."""


class View(Struct, frozen=True):
    """A part of a picture with the picture's own shape: its centre and its size, all between 0 and 1."""

    x: float
    y: float
    size: float

    def toward(self, other: View, part: float) -> View:
        """Return the view that lies `part` of the way to another."""
        return View(
            self.x + (other.x - self.x) * part,
            self.y + (other.y - self.y) * part,
            self.size + (other.size - self.size) * part,
        )

    def reach(self, other: View) -> float:
        """Return how far the edge that moves most is from the other view's, as a part of the picture."""
        shift = max(abs(self.x - other.x), abs(self.y - other.y))
        return shift + abs(self.size - other.size) / 2

    def box(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Return the corners in a picture of that size, kept inside it."""
        wide, high = width * self.size, height * self.size
        left = min(max(0.0, self.x * width - wide / 2), width - wide)
        top = min(max(0.0, self.y * height - high / 2), height - high)
        return left, top, left + wide, top + high


WHOLE = View(0.5, 0.5, 1.0)
_LOW, _HIGH = _CLOSE / 2, 1 - _CLOSE / 2

_PATHS: tuple[tuple[str, str, View, View], ...] = (
    (r"lock|static|fixed|tripod|still\b|no move", "locked", WHOLE, WHOLE),
    (r"pull|zoom out|dolly out|dolly back|track(ing)? (out|back)|widen|reveal", "out", View(0.5, 0.5, _CLOSE), WHOLE),
    (r"push|zoom in|dolly in|creep|move in|closes? in|crash zoom", "in", WHOLE, View(0.5, 0.48, _CLOSE)),
    (r"(crane|boom|pedestal|tilt|jib)\w* up|rise|ascend", "up", View(0.5, _HIGH, _CLOSE), View(0.5, _LOW, _CLOSE)),
    (r"(crane|boom|pedestal|tilt|jib)\w* down|descend|sink", "down", View(0.5, _LOW, _CLOSE), View(0.5, _HIGH, _CLOSE)),
    (r"left", "left", View(_HIGH, 0.5, _CLOSE), View(_LOW, 0.5, _CLOSE)),
    (r"right|pan|track|truck|dolly|slide|follow|lateral", "right", View(_LOW, 0.5, _CLOSE), View(_HIGH, 0.5, _CLOSE)),
    (r"crane|boom|jib|drone|aerial", "up", View(0.5, _HIGH, _CLOSE), View(0.5, _LOW, _CLOSE)),
    (r"arc|orbit|circl", "right", View(_LOW, 0.5, _CLOSE), View(_HIGH, 0.46, 0.9)),
    (r"hand-?held|shoulder|steadicam|gimbal", "handheld", View(0.48, 0.52, 0.94), View(0.52, 0.48, 0.92)),
)  # fmt: skip


def move_kind(words: str) -> str:
    """Return `in`, `out`, `left`, `right`, `up`, `down`, `handheld`, `locked`, or nothing for words unknown."""
    return next((kind for pattern, kind, _, _ in _PATHS if re.search(pattern, words.lower())), "")


def path_of(words: str, seed: int) -> tuple[View, View]:
    """Return start and end view for camera words; without any, a slow drift whose direction the seed picks."""
    for pattern, kind, start, end in _PATHS:
        if re.search(pattern, words.lower()):
            # Takes of one shot differ a little, as takes do.
            nudge = ((seed * 7) % 5 - 2) * 0.01 if kind not in ("locked", "left", "right") else 0.0
            return start, View(end.x + nudge, end.y, end.size) if end.size < 1 else end
    near = View(0.5 + 0.03 * ((seed % 3) - 1), 0.5 + 0.03 * ((seed // 3 % 3) - 1), 0.92)
    return (WHOLE, near) if seed % 2 else (near, WHOLE)
