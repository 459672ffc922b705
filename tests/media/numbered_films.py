"""Films whose every frame says its own number, and sound whose every second has its own pitch."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from functools import lru_cache
from math import pi, sin
from pathlib import Path

from PIL import Image

from veospec.media import colour, frames, sound
from veospec.media.encode import DRAFT, ClipWriter, Coding, samples_of

STEP = 12
PERIOD = 16
"""Neighbouring greys must differ by more than the encoder's quantizer forgives, so numbers repeat."""
SIZE = (96, 54)


def grey_of(number: int, base: int = 0) -> int:
    return 24 + base + STEP * (number % PERIOD)


def write_numbered(
    path: Path, count: int, *, fps: int = 24, base: int = 0, coding: Coding = DRAFT, size: tuple[int, int] = SIZE
) -> Path:
    """Write a film whose frame n is one flat grey, `grey_of(n)`."""
    with ClipWriter(path, size, fps, coding) as writer:
        writer.add_sound(sound.encode_aac([wave(samples_of(count, fps))]))
        for number in range(count):
            grey = grey_of(number, base)
            writer.add(colour.frame_of(Image.new("RGB", size, (grey, grey, grey))))
    return path


@lru_cache(maxsize=32)
def wave(samples: int, hertz: float = 330.0, level: float = 0.3) -> bytes:
    values = [int(32767 * level * sin(2 * pi * hertz * n / sound.RATE)) for n in range(samples)]
    line = array("h", bytes(4 * samples))
    line[::2] = line[1::2] = array("h", values)
    return line.tobytes()


def greys(path: Path, *, fps: int | None = None) -> list[int]:
    """Return the grey in the middle of every frame of a film."""
    found = []
    for frame in frames.walk(path, fps=fps):
        pixel = colour.picture_of(frame).getpixel((frame.width // 2, frame.height // 2))
        assert isinstance(pixel, tuple)
        found.append(round(sum(pixel) / 3))
    return found


def numbers(path: Path) -> list[int]:
    """Read the frame numbers back, modulo `PERIOD`."""
    return [number_of(grey) for grey in greys(path)]


def number_of(grey: int) -> int:
    """Return the number that a grey stands for."""
    return round((grey - 24) / STEP)


def wrapped(*parts: Iterable[int]) -> list[int]:
    """Return numbers as they can be read back."""
    return [number % PERIOD for some in parts for number in some]


def loudness(path: Path) -> array[int]:
    """Return the left channel of a film's sound."""
    return array("h", b"".join(sound.decode_pcm(path)))[::2]
