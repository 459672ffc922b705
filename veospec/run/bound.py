"""The number that a journal reached, in a small file of its own: an older state of the journal is seen by it.

Written without fsync: after a power cut an older number may be there, which is only a weaker bound.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from veospec.errors import JournalError
from veospec.store.durable import create_file

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
        """Write the number in place; what cannot be written is left.

        The first one comes into place whole: an empty file, seen by a run beside or left by a crash, would be damaged.
        """
        text = f"{number:0{_DIGITS}}\n".encode("ascii")
        with suppress(OSError):
            try:
                fd = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                create_file(self._path, text, scratch=self._path.parent)
                return
            try:
                os.pwrite(fd, text, 0)
            finally:
                os.close(fd)
