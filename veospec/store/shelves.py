"""A folder of folders named after the first two letters of what lies in them: records by key, blobs by digest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from veospec.store.faults import translated

SHELVES = tuple([f"{number:02x}" for number in range(256)])


def files_on_shelves(folder: Path) -> Iterator[Path]:
    """Yield every file on the shelves, sorted, and what is no shelf. Raises `StoreError`; no folder holds nothing."""
    try:
        shelves = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    with translated("read", folder):
        for shelf in shelves:
            if shelf.is_symlink() or not shelf.is_dir():
                yield shelf
                continue
            yield from sorted(shelf.iterdir())


def names_on_shelves(folder: Path, shelves: Iterable[str]) -> Iterator[str]:
    """Yield the names on some shelves; what cannot be read holds nothing."""
    for shelf in shelves:
        with suppress(OSError), os.scandir(f"{folder}/{shelf}") as files:
            yield from (file.name for file in files)
