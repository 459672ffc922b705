"""Do one part of some work in a copy of this process while another is done here: a long look, taken by two.

For work that only looks and whose answer is small: the copy has everything that is in memory now, changes nothing here,
and sends back bytes. It is an offer: where it cannot be had, or when it fails, whoever asked does that part as well, so
no answer depends on it.

Only on Linux, with a second processor, and while this process has one thread: a copy has the thread that asked and the
locks of all. Source: CPython documentation of `os.fork`, 3.12 (a warning with threads; unsafe with macOS libraries).
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

T = TypeVar("T")
_PIECE_BYTES = 1 << 20
_LENGTH_BYTES = 8
_STOPS = (signal.SIGINT, signal.SIGTERM)
_leaving: list[int] = []
"""Copies that have answered: giving back their memory takes them a while, for which nobody waits."""


def beside(part: Callable[[], bytes], here: Callable[[], T]) -> tuple[T, bytes | None]:
    """Do `part` in a copy of this process and `here` in this one, both at once, and return what came of them.

    None stands for a part that could not be had or that failed. When `here` raises, nobody waits for the copy.
    """
    copy = _start(part) if can_start() else None
    if copy is None:
        return here(), None
    answer = None
    try:
        found = here()
        answer = copy.answer()
    finally:
        copy.end(has_answered=answer is not None)
    return found, answer


class _Copy:
    """A copy of this process at work, and the pipe to it."""

    def __init__(self, process: int, pipe: int) -> None:
        self._process = process
        self._pipe = pipe

    def answer(self) -> bytes | None:
        """Wait for the answer; None when it is not whole."""
        length = self._read(_LENGTH_BYTES)
        wanted = int.from_bytes(length, "big")
        answer = self._read(wanted)
        return answer if len(length) == _LENGTH_BYTES and len(answer) == wanted else None

    def end(self, *, has_answered: bool) -> None:
        """End it, whether it has answered or not."""
        os.close(self._pipe)
        if has_answered:
            _leaving.append(self._process)
            return
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        _wait_for(self._process)

    def _read(self, wanted: int) -> bytes:
        pieces = []
        while wanted > 0 and (piece := os.read(self._pipe, min(wanted, _PIECE_BYTES))):
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)


@atexit.register
def wait() -> None:
    """Wait for the copies that have answered, so that none is left and their time is counted as ours."""
    while _leaving:
        _wait_for(_leaving.pop())


def _wait_for(process: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(process, 0)


def can_start() -> bool:
    """Return whether a copy may be had: whoever has no use for one part alone asks first."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return False
    try:
        with os.scandir("/proc/self/task") as threads:
            return sum(1 for _ in threads) == 1
    except OSError:
        return False


def _start(part: Callable[[], bytes]) -> _Copy | None:
    try:
        answer, told = os.pipe()
    except OSError:
        return None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        process = os.fork()
        if not process:
            _be_the_copy(part, told, answer, before)
    except OSError:
        os.close(answer)
        os.close(told)
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(told)
    return _Copy(process, answer)


def _be_the_copy(part: Callable[[], bytes], told: int, answer: int, before: set[int | signal.Signals]) -> NoReturn:
    """Answer and end, past everything that this process would do at its own end.

    Until a signal is sure to end it, it hears none: it would say "interrupted" as if it were this process. `before` are
    those that it never hears.
    """
    try:
        os.close(answer)  # or it would wait for itself to read, for ever, where whoever asked has died
        for stop in _STOPS:
            signal.signal(stop, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        found = part()
        rest = memoryview(len(found).to_bytes(_LENGTH_BYTES, "big") + found)
        while rest:
            rest = rest[os.write(told, rest) :]
    finally:
        os._exit(0)
