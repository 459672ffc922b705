"""Orders for the local renderer, small and short."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from veospec.model import Burn, Cell, FileSource, Input, Kind, Location, Mode, Node, Request, Source
from veospec.providers.base import Material, Order

HERE = Location("shots.yaml", 1, 1)


def material(slot: str, path: Path | None, source: Source | None = None, **more: Any) -> Material:
    kind = {".mp4": "mp4", ".png": "png", ".jpg": "jpeg"}.get(path.suffix, "") if path is not None else ""
    return Material(Input(slot, source or FileSource("refs/x.png", "thermos"), HERE), "d", path, kind, **more)


def node(
    mode: Mode,
    *,
    name: str = "SH010",
    seconds: Fraction | int | None = 1,
    aspect: str = "16:9",
    prompt: str = "A small ferry leaves the harbour.",
    resolution: str = "",
    window: tuple[int, int] | None = None,
    overlap: Fraction | int = 0,
    inputs: Sequence[Material] = (),
    **burn: Any,
) -> Node:
    length = None if seconds is None else Fraction(seconds)
    entries = tuple(m.entry for m in inputs)
    request = Request("m", mode, prompt, aspect, resolution, length, 7, 0, entries, window, Fraction(overlap))
    said = Burn(**{"code": "NFY", "scene": "SC01", "slug": "EXT. HARBOUR - NIGHT", "shot": name, **burn})
    return Node(name, Kind.CLIP, name, Cell(), request, 2, 1, name, HERE, burn=said)


def order(mode: Mode, inputs: Sequence[Material] = (), *, take: int = 1, seed: int = 7, **more: Any) -> Order:
    return Order(node(mode, inputs=inputs, **more), (take,), ("k",), seed, tuple(inputs))


def drawn_picture(path: Path, size: tuple[int, int] = (320, 180)) -> Path:
    """Write a picture in which every place differs from every other."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    Image.merge("RGB", (across, down, Image.new("L", size, 90))).save(path)
    return path
