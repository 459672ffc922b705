"""The number that a journal reached, in a small file of its own: an older state of the journal is seen by it.

Written without fsync: after a power cut an older number may be there, which is only a weaker bound.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from veospec.errors import JournalError
from veospec.store.durable import PRIVATE

_DIGITS = 20


class Bound:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """Return the lowest number that the journal may have; 0 when nothing is known. Raises `JournalError`."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise JournalError(f"cannot read {self._path}: {error.strerror}") from None
        number = text.removesuffix(b"\n")
        if len(text) != _DIGITS + 1 or not number.isdigit():
            raise JournalError(f"{self._path} is damaged", "When the journal is surely complete, delete this file.")
        return int(number)

    def write(self, number: int) -> None:
        """Write the number in place; what cannot be written is left."""
        with suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
            os.pwrite(fd, f"{number:0{_DIGITS}}\n".encode("ascii"), 0)
            os.close(fd)
