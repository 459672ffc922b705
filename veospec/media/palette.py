"""The colours of slates: by the hour in the scene heading, varied a little by the seed."""

from __future__ import annotations

import colorsys
import re
from typing import TypeAlias

from msgspec import Struct

Colour: TypeAlias = tuple[int, int, int]

MARGIN: Colour = (15, 16, 18)
INK: Colour = (238, 234, 224)
DIM: Colour = (152, 150, 144)
FAINT: Colour = (62, 63, 66)


class Palette(Struct, frozen=True):
    """Sky at the top, sky at the horizon, ground, the light in the sky, and the accent of the words.

    `has_hour` is true when the heading named an hour, so that a sun or a moon may stand in the sky.
    """

    top: Colour
    horizon: Colour
    ground: Colour
    light: Colour
    accent: Colour
    has_hour: bool = False


_HOURS: tuple[tuple[str, Palette], ...] = (
    (r"night|midnight|moon", Palette((9, 14, 28), (38, 58, 84), (8, 11, 18), (196, 210, 230), (240, 178, 84))),
    (r"dawn|sunrise|morning", Palette((44, 58, 84), (214, 158, 128), (30, 34, 44), (255, 226, 190), (246, 170, 122))),
    (r"dusk|sunset|evening", Palette((40, 34, 66), (214, 112, 66), (28, 20, 30), (255, 204, 140), (250, 160, 80))),
    (r"day|noon|afternoon", Palette((70, 112, 142), (176, 196, 198), (54, 66, 66), (255, 250, 232), (250, 206, 110))),
)  # fmt: skip
_UNKNOWN = (
    Palette((16, 30, 36), (62, 104, 108), (12, 20, 24), (220, 236, 226), (122, 204, 186)),
    Palette((28, 22, 38), (104, 78, 112), (20, 16, 28), (238, 224, 240), (206, 158, 232)),
    Palette((34, 24, 20), (128, 88, 62), (24, 18, 16), (250, 228, 204), (240, 172, 112)),
    Palette((18, 26, 44), (70, 96, 134), (12, 18, 30), (220, 230, 244), (132, 180, 240)),
    Palette((24, 30, 20), (96, 108, 70), (18, 22, 14), (238, 240, 214), (188, 206, 112)),
)


def palette_for(heading: str, seed: int) -> Palette:
    """Return the palette of a scene heading (`EXT. HARBOUR - NIGHT`); the seed turns it by a few degrees."""
    found = next((p for pattern, p in _HOURS if re.search(pattern, heading.lower())), None)
    base = found or _UNKNOWN[sum(heading.encode()) % len(_UNKNOWN)]
    turn = ((seed * 37) % 9 - 4) / 180
    top, horizon, ground = _turned(base.top, turn), _turned(base.horizon, turn), _turned(base.ground, turn)
    return Palette(top, horizon, ground, base.light, base.accent, found is not None)


def _turned(colour: Colour, turn: float) -> Colour:
    hue, light, depth = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, light, depth)
    return round(red * 255), round(green * 255), round(blue * 255)


def mixed(first: Colour, second: Colour, part: float) -> Colour:
    """Return the colour `part` of the way from the first to the second."""
    return (
        round(first[0] + (second[0] - first[0]) * part),
        round(first[1] + (second[1] - first[1]) * part),
        round(first[2] + (second[2] - first[2]) * part),
    )
