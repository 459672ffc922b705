"""Leases: they exclude processes and threads, name their holder, and end with him."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from veospec.errors import StoreError, StoreLocked
from veospec.store.lock import STORE, Holder, Lease, Locks

KEY = "ab" * 32
HOLD = """
import sys
from pathlib import Path
from veospec.store.lock import Locks
lease = Locks(Path(sys.argv[1]), is_writable=True).attempt(sys.argv[2], doing="apply shots.yaml")
print(type(lease).__name__, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locks(tmp_path: Path) -> Locks:
    return Locks(tmp_path, is_writable=True)


def holding(folder: Path, name: str) -> subprocess.Popen[str]:
    """Start a process that holds the lease until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "Lease\n"
    return child


@pytest.mark.parametrize("name", [KEY, STORE])
def test_another_process_is_kept_out_and_told_who_holds(locks: Locks, name: str) -> None:
    child = holding(locks.folder, name)
    try:
        holder = locks.attempt(name)
        assert isinstance(holder, Holder)
        assert (holder.pid, holder.doing, holder.host) == (child.pid, "apply shots.yaml", os.uname().nodename)
        with pytest.raises(StoreLocked, match=rf"apply shots.yaml \(pid {child.pid} on .*, since 20"):
            locks.acquire(name)
    finally:
        child.communicate("")
    assert isinstance(locks.attempt(name), Lease)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lease_ends_with_its_process(locks: Locks, how: signal.Signals) -> None:
    child = holding(locks.folder, KEY)
    child.send_signal(how)
    child.communicate()
    with locks.acquire(KEY, wait_s=5) as lease:
        assert lease.name == KEY


def test_waiting_tells_once_and_ends_when_the_lease_is_free(locks: Locks) -> None:
    child = holding(locks.folder, KEY)
    told: list[Holder] = []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            child.communicate("")

    with locks.acquire(KEY, wait_s=60, waiting=told.append, sleep=sleep):
        pass
    assert [holder.pid for holder in told] == [child.pid]
    assert len(pauses) == 3


def test_waiting_has_an_end(locks: Locks) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with locks.acquire(KEY), pytest.raises(StoreLocked):
        locks.acquire(KEY, wait_s=10, clock=lambda: now[0], sleep=sleep)
    assert now[0] == pytest.approx(10)


def test_a_lock_file_that_is_removed_while_we_open_it_is_no_lock(locks: Locks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder let go between our open and our lock, so the next one makes a new file."""
    real, removed = fcntl.flock, []

    def flock(fd: int, how: int) -> None:
        if not removed:
            removed.append((locks.folder / f"{KEY}.lock").unlink())
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.acquire(KEY):
        assert isinstance(locks.attempt(KEY), Holder)


def test_one_of_two_shared_leases_ends_and_the_other_holds_on(locks: Locks) -> None:
    first, second = locks.acquire(KEY, shared=True), locks.acquire(KEY, shared=True)
    first.release()
    assert isinstance(locks.attempt(KEY), Holder)
    second.release()
    assert isinstance(locks.attempt(KEY), Lease)


def test_shared_leases_stand_together_and_keep_an_exclusive_one_out(locks: Locks) -> None:
    with locks.acquire(STORE, shared=True), locks.acquire(STORE, shared=True):
        assert isinstance(locks.attempt(STORE), Holder)
    with locks.acquire(STORE):
        assert isinstance(locks.attempt(STORE, shared=True), Holder)


def test_threads_exclude_each_other(locks: Locks) -> None:
    """Four threads count to 25 each; a lock that let two in would lose some."""
    count = [0]
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(25):
            with locks.acquire(KEY, wait_s=60, sleep=lambda _: None):
                seen = count[0]
                os.sched_yield()
                count[0] = seen + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [100]


def test_locks_of_keys_leave_no_files(locks: Locks) -> None:
    for name in (KEY, "cd" * 32):
        with locks.acquire(name):
            assert (locks.folder / f"{name}.lock").exists()
    assert list(locks.folder.iterdir()) == []


def test_releasing_twice_does_not_free_somebody_elses_lease(locks: Locks) -> None:
    first = locks.acquire(KEY)
    first.release()
    second = locks.acquire(KEY)
    first.release()
    assert isinstance(locks.attempt(KEY), Holder)
    second.release()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid":1}', b'{"pid":"1","host":"h","since":"s","doing":"d"}', b"\xff"]
)
def test_a_strange_lock_file_names_nobody(locks: Locks, content: bytes) -> None:
    with locks.acquire(STORE):
        (locks.folder / "store.lock").write_bytes(content)
        assert locks.attempt(STORE) == Holder()
        with pytest.raises(StoreLocked, match="another veospec works on"):
            locks.acquire(STORE)


def test_a_holder_cannot_write_on_the_terminal(locks: Locks) -> None:
    with locks.acquire(STORE, doing="\x1b[2Japply"):
        holder = locks.attempt(STORE)
    assert "\x1b" not in str(holder)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "a\n", "x" * 101])
def test_a_lock_has_a_plain_name(locks: Locks, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a lock"):
        locks.attempt(name)


def test_a_planted_link_is_not_opened(locks: Locks, tmp_path: Path) -> None:
    (locks.folder / f"{KEY}.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="symbolic link"):
        locks.attempt(KEY)
    assert not (tmp_path / "victim").exists()


def test_who_only_looks_is_told_who_holds_and_leaves_no_trace(locks: Locks) -> None:
    key = "ab" * 32
    assert locks.holder(key) is None
    assert not list(locks.folder.iterdir())
    with locks.attempt(key, doing="apply") as lease:
        assert isinstance(lease, Lease)
        found = locks.holder(key)
        assert found is not None
        assert (found.pid, found.doing) == (os.getpid(), "apply")
    (locks.folder / f"{key}.lock").write_text("left by a crash")
    assert locks.holder(key) is None
    assert isinstance(locks.attempt(key), Lease)
