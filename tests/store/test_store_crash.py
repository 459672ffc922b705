"""What a crash, a full disk, a failing fsync and a second process can do to a store: nothing that costs money."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from store_builders import FACTS, key, record_of, stored

from veospec.errors import StoreError, StoreFull, StoreReadOnly
from veospec.store.layout import Store
from veospec.store.maintenance import audit
from veospec.store.outputs import OutFolder

CLIP = b"paid clip" * 4000
CALLS = (
    *("mkdir", "open", "write", "pwrite", "fsync", "rename", "link", "unlink", "chmod", "fchmod", "ftruncate"),
    *("stat", "lstat"),
)


class Hook:
    """Stands before the system calls of this process and does something at the n-th of them."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.count = 0
        self.at = at
        self.act = act
        self.kept: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Hook:
        for module, name in [*((os, call) for call in CALLS), (fcntl, "flock")]:
            real = getattr(module, name)
            self.kept.append((module, name, real))
            setattr(module, name, self.wrapped(real))
        return self

    def __exit__(self, *_: object) -> None:
        for module, name, real in self.kept:
            setattr(module, name, real)

    def wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                self.act()
            return real(*arguments, **named)

        return call


def work(root: Path, *, link: bool, manifest: bytes = b"first") -> None:
    """File one paid clip and deliver it."""
    with Store.open(root / ".veospec", write=True) as store:
        fresh = store.fresh(".mp4")
        fresh.write_bytes(CLIP)
        blob = store.blobs.adopt(fresh, ".mp4")
        record = store.actions.put(record_of(blob, "paid"))
        store.heads.accept("shots.yaml", {("SH010", 1): record.key})
        with OutFolder(root / "out", store) as out:
            out.deliver(blob.digest, ".mp4", "clips/a.mp4", link=link)
            out.write("manifest.json", manifest)
            out.remove_leftovers()


def calls_of(root: Path, *, link: bool) -> int:
    root.mkdir()
    with Hook(0, lambda: None) as hook:
        work(root, link=link)
    return hook.count


def killed(root: Path, at: int, *, link: bool) -> bool:
    """Do the work in a child that dies of SIGKILL before its n-th call; return whether it died."""
    child = os.fork()
    if not child:
        try:
            with Hook(at, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                work(root, link=link)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def judge(root: Path, where: str) -> None:
    """Whatever happened: everything that is there is whole, and nothing is left over."""
    with Store.open(root / ".veospec", write=True) as store:
        assert list(store.scratch.iterdir()) == [], where
        assert [f for f in audit(store).findings if f.is_damage or f.kind == "stranger"] == [], where
        accepted = store.heads.get("shots.yaml")
        assert accepted in ({}, {("SH010", 1): key("paid")}), where
        record = store.actions.get(key("paid"))
        assert record is not None or not accepted, where
        if record is not None:
            store.blobs.verify(record.digest, ".mp4")
    target = root / "out/clips/a.mp4"
    assert not target.exists() or target.read_bytes() == CLIP, where


@pytest.mark.parametrize("link", [True, False])
def test_killed_at_every_call_the_store_is_old_or_new_and_goes_on(tmp_path: Path, *, link: bool) -> None:
    total = calls_of(tmp_path / "whole", link=link)
    assert total > 80
    for at in range(1 if link else total * 2 // 3, total + 1):  # only the delivery differs
        root = tmp_path / f"{at}"
        root.mkdir()
        assert killed(root, at, link=link), at
        judge(root, f"killed before call {at} of {total}")
        work(root, link=link, manifest=b"second")
        assert (root / "out/clips/a.mp4").read_bytes() == CLIP
        assert sorted(p.name for p in (root / "out").rglob("*")) == ["a.mp4", "clips", "manifest.json"], at
        shutil.rmtree(root)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_any_call_may_fail_and_the_store_stays_whole(tmp_path: Path, number: int) -> None:
    """Every failure is an error of ours, or did not matter; nothing half-made is served afterwards."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    total = calls_of(tmp_path / "whole", link=True)
    errors = 0
    for at in range(1, total + 1):
        root = tmp_path / f"{at}"
        root.mkdir()
        try:
            with Hook(at, fail):
                work(root, link=True)
        except StoreError:
            errors += 1
        judge(root, f"call {at} of {total} failed with {errno.errorcode[number]}")
        work(root, link=True, manifest=b"second")
        assert (root / "out/clips/a.mp4").read_bytes() == CLIP
        shutil.rmtree(root)
    assert errors > total // 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KiB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("cannot mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_loses_nothing_and_leaves_nothing_behind(small_disk: Path) -> None:
    with Store.open(small_disk / "s", write=True) as store:
        first = stored(store, "one")
        free = store.free_bytes()
        with pytest.raises(StoreFull, match="no space is left") as caught:
            store.blobs.put_bytes(os.urandom(500_000), ".mp4")
        assert "Free some space" in caught.value.hint
        assert list(store.scratch.iterdir()) == []
        assert abs(store.free_bytes() - free) <= 8192
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)):
                    pass
            except OSError:
                pass
        blob = store.blobs.put_bytes(b"clip one" * 100, ".mp4")  # these bytes are there already
        for action in (
            lambda: store.actions.put(record_of(blob, "two")),
            lambda: store.heads.accept("b.yaml", {("SH010", 1): first.key}),
        ):
            with pytest.raises(StoreFull):
                action()
        store.index.put("probe", "a", b"x" * 1000)
        with OutFolder(small_disk / "out", store) as out, pytest.raises(StoreFull):
            out.write("manifest.json", b"{}" * 5000)
        assert not (small_disk / "out/manifest.json").exists()
        filler.unlink()
        assert store.actions.get(first.key) == first
        assert store.actions.get(key("two")) is None
        assert store.actions.put(record_of(blob, "two")).key == key("two")


@pytest.fixture
def read_only_disk(small_disk: Path) -> Path:
    with Store.open(small_disk / "s", write=True) as store:
        stored(store, "one")
        store.index.remember("plan", b"compiled")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    return small_disk


def test_a_read_only_disk_can_be_read_and_says_so_when_written(read_only_disk: Path) -> None:
    with Store.open(read_only_disk / "s", write=False) as store:
        assert store.actions.get(key("one")) is not None
        assert audit(store).findings == ()
        assert store.index.recall("plan") == b"compiled"
        assert store.index.get("probe", "a") is None
    with pytest.raises(StoreReadOnly, match="read-only"):
        Store.open(read_only_disk / "s", write=True)
    with pytest.raises(StoreReadOnly, match="read-only"):
        Store.open(read_only_disk / "new", write=True)


RACE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from store_builders import key, record_of
from veospec.store.layout import Store
from veospec.store.lock import Lease
sys.stdin.read(1)
paid = []
with Store.open(Path(sys.argv[1]), write=True) as store:
    for number in range(25):
        with store.locks.acquire(key(f"k{number}"), wait_s=30):
            if store.actions.get(key(f"k{number}")) is None:
                paid.append(number)
                blob = store.blobs.put_bytes(b"%d" % number, ".mp4")
                store.actions.put(record_of(blob, f"k{number}"))
        store.heads.accept("shots.yaml", {(f"SH{sys.argv[3]}", number + 1): key(f"k{number}")})
print(*paid)
"""


def test_processes_that_race_make_each_key_once(tmp_path: Path) -> None:
    """Also the first opening: all of them make the folder."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path / "s"), str(Path(__file__).parent), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("x")
        child.stdin.flush()
    ends = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0] * 4, "\n".join(errors[-500:] for _, errors in ends)
    paid = sorted(int(number) for said, _ in ends for number in said.split())
    assert paid == list(range(25))
    with Store.open(tmp_path / "s", write=False) as store:
        assert audit(store).findings == ()
        assert len(store.heads.get("shots.yaml")) == 100


def test_an_error_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True) as store:
        shutil.rmtree(store.scratch)
        with pytest.raises(StoreError, match=re.escape(str(store.scratch))):
            store.blobs.put_bytes(b"x", ".mp4")
    assert FACTS.width == 1280
