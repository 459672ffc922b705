"""The private folder: where it lies, whose it is, what it refuses."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from functools import partialmethod
from pathlib import Path, PosixPath
from typing import Self

import pytest
from store_builders import stored

from veospec.errors import Exit, SpecError, StoreCorrupt, StoreError, StoreLocked, StoreReadOnly
from veospec.store import layout
from veospec.store.durable import scratch_name
from veospec.store.layout import Store
from veospec.store.lock import Holder, Lease, Locks


def test_a_new_store_is_private_and_explains_itself(tmp_path: Path) -> None:
    root = Store.for_project(tmp_path)
    with Store.open(root, write=True):
        pass
    assert root == tmp_path / ".veospec"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert (root / ".gitignore").read_text() == "*\n"
    assert (root / "version").read_text() == "veospec store 1\n"
    assert "bought again" in (root / "README.txt").read_text()


class Overtaken(PosixPath):
    """A folder that another run makes, and begins its work in, just before it is listed."""

    def iterdir(self) -> Generator[Self, None, None]:
        root = Path(str(self))
        if not (root / "version").exists():
            with Store.open(root, write=True) as store:
                (root / "1-journal.new").touch()
                store.journal_path.touch()
        yield from super().iterdir()


def test_two_that_begin_at_once_make_one_store(tmp_path: Path) -> None:
    """Nobody takes the first work of the other in a folder that was not there a moment ago for a stranger's."""
    with Store.open(Overtaken(tmp_path / "s"), write=True) as store:
        assert store.is_writable
        assert store.journal_path.exists()


def test_a_store_that_is_not_there_reads_as_empty_and_stays_away(tmp_path: Path) -> None:
    root = tmp_path / ".veospec"
    with Store.open(root, write=False) as store:
        assert store.actions.get("0" * 64) is None
        assert not store.blobs.has("0" * 64, ".mp4")
        assert store.heads.get("shots.yaml") == {}
        assert list(store.actions.records()) == list(store.blobs.held()) == []
        assert store.index.get("a", "b") is None
        store.index.put("a", "b", b"c")
        store.index.remember("a", b"c")
        assert store.free_bytes() > 0
    assert not root.exists()


def work_of(root: Path) -> list[tuple[Path, int]]:
    """Everything but the losable index."""
    return sorted((p, p.lstat().st_mtime_ns) for p in root.rglob("*") if "index" not in p.parts)


def test_reading_changes_nothing_but_the_index(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True) as store:
        record = stored(store)
    before = work_of(tmp_path)
    with Store.open(tmp_path / "s", write=False) as store:
        assert store.actions.get(record.key) == record
        store.blobs.verify(record.digest, record.suffix)
        assert store.heads.get("shots.yaml") == {("SH010", 1): record.key}
        with pytest.raises(StoreReadOnly):
            store.blobs.put_bytes(b"x", ".mp4")
        with pytest.raises(StoreReadOnly):
            store.actions.put(record)
        with pytest.raises(StoreReadOnly):
            store.heads.accept("shots.yaml", {("SH010", 1): record.key})
        with pytest.raises(StoreReadOnly):
            store.locks.attempt("store")
        with pytest.raises(StoreReadOnly):
            store.fresh(".mp4")
        store.index.remember("plan", b"compiled")
    assert work_of(tmp_path) == before
    with Store.open(tmp_path / "s", write=False) as store:
        assert store.index.recall("plan") == b"compiled"


@pytest.mark.parametrize(
    ("home", "spec_store", "expected"),
    [
        (None, "", "project/.veospec"),
        ("", "", "project/.veospec"),
        (None, "cache/clips", "project/cache/clips"),
        (None, "./cache/", "project/cache"),
        ("../shared", "", "shared"),
        ("../shared", "cache", "shared"),
    ],
)
def test_where_the_store_lies(tmp_path: Path, home: str | None, spec_store: str, expected: str) -> None:
    (tmp_path / "project").mkdir()
    assert Store.for_project(tmp_path / "project", home, spec_store) == tmp_path / expected


def test_the_home_of_nobody_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="VEOSPEC_HOME is '~nobody-of-that-name/store'"):
        Store.for_project(tmp_path, "~nobody-of-that-name/store")


@pytest.mark.parametrize("spec_store", ["../out", "/tmp/x", "~/x", "a/../../b", "C:/x", "a\\b", "a//b", "a\0b", "."])
def test_a_spec_cannot_name_a_store_outside_its_folder(tmp_path: Path, spec_store: str) -> None:
    with pytest.raises(SpecError, match="the store") as caught:
        Store.for_project(tmp_path, None, spec_store)
    assert "VEOSPEC_HOME" in caught.value.hint


def test_a_spec_cannot_lead_its_store_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "p").mkdir()
    (tmp_path / "p/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="symbolic link"):
        Store.for_project(tmp_path / "p", None, "link/store")


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".veospec").symlink_to(tmp_path / "elsewhere")
    for write in (False, True):
        with pytest.raises(StoreError, match="symbolic link"):
            Store.open(tmp_path / ".veospec", write=write)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".veospec").write_text("mine")
    with pytest.raises(StoreError, match="is not a folder"):
        Store.open(tmp_path / ".veospec", write=True)


def test_a_folder_of_other_things_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/readme.md").write_text("mine")
    with pytest.raises(StoreError, match=r"not a folder of veospec.*readme\.md"):
        Store.open(tmp_path / "docs", write=True)
    assert [p.name for p in (tmp_path / "docs").iterdir()] == ["readme.md"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True):
        pass
    os.chown(tmp_path / "s", 12345, -1)
    for write in (False, True):
        with pytest.raises(StoreError, match="belongs to another user"):
            Store.open(tmp_path / "s", write=write)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True):
        pass
    (tmp_path / "s/version").write_text("veospec store 2\n")
    for write in (False, True):
        with pytest.raises(StoreError, match="newer veospec") as caught:
            Store.open(tmp_path / "s", write=write)
        assert caught.value.exit_code is Exit.STORE


@pytest.mark.parametrize("text", ["", "veospec store 0\n", "veospec store x\n", "hello\n"])
def test_a_damaged_version_is_no_new_store(tmp_path: Path, text: str) -> None:
    with Store.open(tmp_path / "s", write=True):
        pass
    (tmp_path / "s/version").write_text(text)
    with pytest.raises(StoreCorrupt, match="which version"):
        Store.open(tmp_path / "s", write=True)


def test_a_lost_version_file_does_not_make_the_store_new(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True) as store:
        stored(store)
    (tmp_path / "s/version").unlink()
    with pytest.raises(StoreCorrupt, match="version file is gone"):
        Store.open(tmp_path / "s", write=True)
    (tmp_path / "t").mkdir()
    (tmp_path / "t/journal.sqlite3").touch()
    with pytest.raises(StoreCorrupt, match="version file is gone"):
        Store.open(tmp_path / "t", write=True)


def test_a_store_that_was_half_made_is_finished(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/scratch").mkdir()
    (tmp_path / "s/.gitignore").write_text("*\n")
    with Store.open(tmp_path / "s", write=True) as store:
        stored(store)
    assert (tmp_path / "s/version").exists()


def test_an_open_folder_is_closed_to_others(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True):
        pass
    (tmp_path / "s").chmod(0o777)
    with Store.open(tmp_path / "s", write=True):
        pass
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700


def test_leftovers_of_a_crash_go_when_nobody_else_works_here(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True) as first:
        mine = first.fresh(".mp4")
        mine.write_bytes(b"half")
        with Store.open(tmp_path / "s", write=True):
            assert mine.exists()
    with Store.open(tmp_path / "s", write=True) as later:
        assert list(later.scratch.iterdir()) == []


def test_an_unfinished_journal_or_memo_of_a_crash_goes_as_well(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", write=True):
        pass
    unfinished = [tmp_path / "s" / folder / scratch_name(suffix) for folder, suffix in UNFINISHED]
    for path in unfinished:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    (tmp_path / "s/index/1-notes").write_bytes(b"whole")
    with Store.open(tmp_path / "s", write=True), Store.open(tmp_path / "s", write=True):
        assert [path for path in unfinished if path.exists()] == []
        assert (tmp_path / "s/index/1-notes").exists()


UNFINISHED = [("", ""), ("", ".new"), ("", ".new-wal"), ("index", ""), ("index/plain", "")]


def test_a_run_that_starts_beside_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the store for itself while it cleans up: on a busy machine, or put to sleep, not for a moment only."""
    with Store.open(tmp_path / "s", write=True) as store:
        locks = store.locks
    starter = locks.attempt("store", doing="apply")
    assert isinstance(starter, Lease)
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] > 5:
            starter.release()

    monkeypatch.setattr(Locks, "acquire", partialmethod(Locks.acquire, clock=lambda: now[0], sleep=sleep))
    with Store.open(tmp_path / "s", write=True) as store:
        assert store.is_writable
    assert now[0] > 5


def test_gc_and_a_run_keep_each_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Store.open(tmp_path / "s", write=True, doing="apply"),
        pytest.raises(StoreLocked, match=r"veospec apply \(pid"),
    ):
        Store.open(tmp_path / "s", write=True, exclusive=True)
    with Store.open(tmp_path / "s", write=True, exclusive=True, doing="cache gc"):
        asked: list[Holder] = []
        monkeypatch.setattr(layout, "_START_WAIT_S", 0.0)
        with pytest.raises(StoreLocked, match="cache gc") as caught:
            Store.open(tmp_path / "s", write=True, wait_s=0.05, waiting=asked.append)
    assert caught.value.exit_code is Exit.STORE
    assert [holder.pid for holder in asked] == [os.getpid()]
