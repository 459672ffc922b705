"""A part of some work in a copy of this process: real copies, real deaths."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from veospec import aside

pytestmark = pytest.mark.skipif(not aside.can_start(), reason="needs Linux and a second processor")


def _dies() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def _fails() -> bytes:
    raise ValueError("not today")


def _interrupted() -> bytes:
    os.kill(os.getpid(), signal.SIGINT)
    return b"never"


CASES: list[tuple[str, Callable[[], bytes], bytes | None]] = [
    ("an answer", lambda: b"forty-two", b"forty-two"),
    ("nothing to say", lambda: b"", b""),
    ("more than a pipe holds", lambda: bytes(range(256)) * 8192, bytes(range(256)) * 8192),
    ("an error", _fails, None),
    ("a death", _dies, None),
    ("an interrupt", _interrupted, None),
]


@pytest.mark.parametrize(("work", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_answer_is_whole_or_none(work: Callable[[], bytes], wanted: bytes | None) -> None:
    part = aside.start(work)
    assert part is not None
    assert part.answer() == wanted
    _no_child_is_left()


def test_what_is_dropped_has_ended() -> None:
    reading, writing = os.pipe()

    def waits_for_ever() -> bytes:
        os.close(writing)
        return os.read(reading, 1)

    part = aside.start(waits_for_ever)
    assert part is not None
    part.drop()
    part.drop()
    _no_child_is_left()
    os.close(reading)
    os.close(writing)


def test_the_copy_changes_nothing_here() -> None:
    here: list[int] = []
    part = aside.start(lambda: here.append(1) or b"%d" % len(here))  # type: ignore[func-returns-value]
    assert part is not None
    assert (part.answer(), here) == (b"1", [])


def test_a_process_with_threads_is_not_copied() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert aside.start(lambda: b"") is None
    finally:
        done.set()
        other.join()


def test_one_processor_has_no_second_half() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert aside.start(lambda: b"") is None
    finally:
        os.sched_setaffinity(0, allowed)


def _no_child_is_left() -> None:
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
