"""Lengths with their units: `8s`, `1.5s`, `192f`, `12` where the field has a unit of its own."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_LENGTH = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})\s*(s|sec|f)?\s*\Z")

LINE_FPS = 24
"""The rate of the line on which edited frames are counted, and of every clip that the models make.

Source: useapi.net Google Flow API v1 reference, POST /videos, `startFrameIndex_1`, June 2026.
"""


class UnitError(ValueError):
    """The text is no length; says what is. `near` is a length that could be written instead, or ""."""

    def __init__(self, message: str, near: str = "") -> None:
        super().__init__(message)
        self.near = near


def seconds(value: object, fps: int, *, bare: bool = True) -> Fraction:
    """Return a length in exact seconds; frames are counted at `fps`, a bare number means seconds if `bare`.

    Raises: UnitError
    """
    if not isinstance(value, str | int | float):
        raise UnitError("is no length; write 8s or 192f")
    return _seconds(value, fps, bare=bare)


@lru_cache(maxsize=1_000, typed=True)
def _seconds(value: str | float, fps: int, *, bare: bool) -> Fraction:
    amount, unit = _split(value)
    if not unit and not bare:
        raise UnitError(f"write the unit: {_number(amount)}f or {_number(amount)}s")
    return amount / fps if unit == "f" else amount


def frames(value: object, fps: int, *, bare: bool = False) -> int:
    """Return a length in whole frames at `fps`; a bare number means frames if `bare`.

    Raises: UnitError
    """
    amount, unit = _split(value)
    if not unit and not bare:
        raise UnitError(f"write the unit: {_number(amount)}f or {_number(amount)}s")
    exact = amount * fps if unit == "s" else amount
    if exact.denominator != 1:
        raise UnitError(f"is no whole number of frames at {fps} fps", f"{round(exact)}f")
    return exact.numerator


def _split(value: object) -> tuple[Fraction, str]:
    if isinstance(value, bool) or value is None:
        raise UnitError("is no length; write 8s or 192f")
    # A float is taken by its shortest decimal spelling: 0.1 is one tenth.
    found = _LENGTH.match(repr(value) if isinstance(value, float) else str(value))
    if found is None:
        raise UnitError("is no length; write 8s or 192f")
    unit = "s" if found[2] == "sec" else found[2] or ""
    amount = Fraction(found[1])
    if unit == "f" and amount.denominator != 1:
        raise UnitError("is no whole number of frames")
    return amount, unit


def _number(amount: Fraction) -> str:
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):g}"


def spoken(length: Fraction) -> str:
    """Return `8 s`, `1.5 s`: a length for people."""
    return f"{_number(length)} s"
