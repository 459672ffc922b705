"""Find which of many files are not exactly as remembered, looking from two processes where that is quicker.

Where nothing has changed, looking is nearly all there is to do, and nearly all of it is one call of the kernel a file,
so a second process halves it. Its answer is which files are *not* as remembered: most often, none.

All that takes memory is to be done before: a page that both processes have is copied by the first that writes on it.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from veospec.aside import beside
from veospec.store.below import RefusedError, clause_of, open_folder, parts_of
from veospec.store.memo import STAMP

MANY_FILES = 4_000
"""From here on a second process saves more than it costs: as long as some 1,500 looks here."""
_HEAD_START = 600
"""About so many files are looked at here before a copy has begun."""


class Folders(dict[str, int | str]):
    """Folders below a root, opened when first asked for: a descriptor, or the clause that says why there is none."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __missing__(self, head: str) -> int | str:
        try:
            folder: int | str = open_folder(self._root, parts_of(head) if head else ())
        except RefusedError as refused:
            folder = str(refused)
        except OSError as error:
            folder = clause_of(error)
        self[head] = folder
        return folder

    def descriptor(self, head: str) -> int:
        """Return that of a folder; where there is none, one that nothing can be looked up in."""
        folder = self[head]
        return folder if isinstance(folder, int) else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self.values():
            if isinstance(folder, int):
                os.close(folder)


def changed(folders: Folders, paths: Sequence[str], stamps: bytes) -> list[int]:
    """Return the numbers of the files below the folders that are not exactly as the stamps in a row say."""
    look = partial(_differing, folders, paths, stamps)
    end = len(paths)
    if end < MANY_FILES:
        return list(look(0, end))
    half = (end + _HEAD_START) // 2
    mine, answer = beside(lambda: array("q", look(half, end)).tobytes(), lambda: list(look(0, half)))
    return [*mine, *(look(half, end) if answer is None else array("q", answer))]


def _differing(folders: Folders, paths: Sequence[str], stamps: bytes, begin: int, end: int) -> Iterator[int]:
    lstat = os.lstat
    known = STAMP.iter_unpack(memoryview(stamps)[STAMP.size * begin : STAMP.size * end])
    here, folder = "", folders.descriptor("")
    for number, (size, mtime_ns, ctime_ns, inode) in zip(range(begin, end), known, strict=True):
        head, _, name = paths[number].rpartition("/")
        if head != here:
            here, folder = head, folders.descriptor(head)
        try:
            seen = lstat(name, dir_fd=folder)
        except (OSError, ValueError):
            yield number
            continue
        if seen.st_size != size or seen.st_mtime_ns != mtime_ns or seen.st_ctime_ns != ctime_ns or seen.st_ino != inode:
            yield number
