"""Do a part of some work in a copy of this process while the rest is done here: the second half of a long look.

For work that only looks and whose answer is small: the copy has everything that is in memory now, writes nothing, and
sends back bytes. It is an offer: where it cannot be had, or when it fails, whoever asked does that part itself, so an
answer never depends on it.

Only on Linux, with a second processor, and while this process has one thread: a copy has the thread that asked and the
locks of all. Source: CPython docs, `os.fork`, 3.12 (a warning with threads; unsafe with macOS system libraries).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

_PIECE_BYTES = 1 << 20
_DONE = b"veospec:done"
"""Ends an answer that is whole; a copy that was killed has not sent it."""


class Aside:
    """A part that is under way. One of `answer` and `drop` must be called, also after an error elsewhere."""

    def __init__(self, process: int, pipe: int) -> None:
        self._process = process
        self._pipe = pipe

    def answer(self) -> bytes | None:
        """Wait for the answer; None when it failed."""
        pieces = []
        try:
            while piece := os.read(self._pipe, _PIECE_BYTES):
                pieces.append(piece)
        finally:
            self.drop()
        answer = b"".join(pieces)
        return answer[: -len(_DONE)] if answer.endswith(_DONE) else None

    def drop(self) -> None:
        """End it, whether it has answered or not; nobody wants to know any more. May be called again."""
        if self._process:
            process, self._process = self._process, 0
            os.close(self._pipe)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def start(work: Callable[[], bytes]) -> Aside | None:
    """Begin a part beside this process; None where that cannot be had."""
    if not can_start():
        return None
    try:
        answer, told = os.pipe()
    except OSError:
        return None
    try:
        process = os.fork()
    except OSError:
        os.close(answer)
        os.close(told)
        return None
    if not process:
        _be_the_copy(work, told)
    os.close(told)
    return Aside(process, answer)


def can_start() -> bool:
    """Return whether a part can be done beside this process."""
    return (
        sys.platform == "linux"
        and hasattr(os, "sched_getaffinity")
        and len(os.sched_getaffinity(0)) > 1
        and threading.active_count() == 1
    )


def _be_the_copy(work: Callable[[], bytes], told: int) -> NoReturn:
    """Answer and end, past everything that this process would do at its own end."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        rest = memoryview(work() + _DONE)
        while rest:
            rest = rest[os.write(told, rest) :]
    finally:
        os._exit(0)
