"""A folder of folders named after the first two letters of what lies in them: records by key, blobs by digest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from veospec.store.faults import translated


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


def count_on_shelves(folder: Path) -> int:
    """Return about how many files there are, by their names alone; what cannot be read holds nothing."""
    count = 0
    with suppress(OSError), os.scandir(folder) as shelves:
        for shelf in shelves:
            with os.scandir(shelf.path) as files:
                count += sum(1 for _ in files)
    return count
