"""A part of some work in a copy of the process: real copies, real deaths, in interpreters that have one thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from veospec import aside

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and a second processor"
)


def _dies() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def _fails() -> bytes:
    raise ValueError("not today")


def _interrupted() -> bytes:
    os.kill(os.getpid(), signal.SIGINT)
    return b"never"


def _leaves() -> bytes:
    sys.exit(0)


ANSWERS: dict[str, tuple[Callable[[], bytes], bytes | None]] = {
    "words": (lambda: b"forty-two", b"forty-two"),
    "nothing to say": (lambda: b"", b""),
    "more than a pipe holds": (lambda: bytes(range(256)) * 8192, bytes(range(256)) * 8192),
    "an error": (_fails, None),
    "a death": (_dies, None),
    "an interrupt": (_interrupted, None),
    "an exit": (_leaves, None),
}


def the_answer_is_whole_or_none(name: str) -> None:
    part, wanted = ANSWERS[name]
    assert aside.beside(part, lambda: "here") == ("here", wanted)
    no_child_is_left()


def nobody_waits_when_this_part_fails() -> None:
    reading, writing = os.pipe()

    def waits_for_ever() -> bytes:
        os.close(writing)
        return os.read(reading, 1)

    def fails() -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        aside.beside(waits_for_ever, fails)
    no_child_is_left()


def nothing_changes_here() -> None:
    here: list[int] = []

    def part() -> bytes:
        here.append(1)
        return b"%d" % len(here)

    sys.stdout.write("printed once")
    assert aside.beside(part, lambda: here) == ([], b"1")


def a_process_with_threads_is_not_copied() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert aside.beside(lambda: b"part", lambda: "here") == ("here", None)
    finally:
        done.set()
        other.join()


def one_processor_has_no_second_half() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    assert aside.beside(lambda: b"part", lambda: "here") == ("here", None)


def dies_before_the_copy_has_answered() -> None:
    aside.beside(lambda: bytes(1 << 20), lambda: os.kill(os.getpid(), signal.SIGKILL))


def an_interrupt_as_it_begins_ends_the_copy_alone() -> None:
    plain = os.fork

    def fork() -> int:
        process = plain()
        if not process:
            os.kill(os.getpid(), signal.SIGINT)
        return process

    os.fork = fork
    assert aside.beside(lambda: b"part", lambda: "here") == ("here", None)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def no_child_is_left() -> None:
    aside.wait()
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise AssertionError("a child is left")


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_whole_or_none(name: str) -> None:
    assert _alone("the_answer_is_whole_or_none", name) == ""


@pytest.mark.parametrize(
    "what",
    [
        "nobody_waits_when_this_part_fails",
        "a_process_with_threads_is_not_copied",
        "one_processor_has_no_second_half",
        "an_interrupt_as_it_begins_ends_the_copy_alone",
    ],
)
def test_in_one_interpreter(what: str) -> None:
    assert _alone(what) == ""


def test_nothing_changes_here() -> None:
    assert _alone("nothing_changes_here") == "printed once"


def test_a_copy_does_not_outlive_the_process_that_asked() -> None:
    """Whoever reads what both would print waits until both are gone."""
    command = [sys.executable, __file__, "dies_before_the_copy_has_answered"]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert ran.returncode == -signal.SIGKILL


def _alone(*what: str) -> str:
    """Call a function of this file in an interpreter of its own and return what it printed."""
    command = [sys.executable, "-W", "error", __file__, *what]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=buffered)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
