"""Many inputs at once: what two processes find is what one finds, and what is not changed is not read.

Copies of a process are real ones, in interpreters of their own that have one thread.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from veospec.aside import T
from veospec.model import InputFact
from veospec.store import changes, project_files
from veospec.store.memo import QUIET_NS, StatMemo
from veospec.store.project_files import ProjectFiles

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture" * 10
FOLDERS = ("", "refs/", "refs/deep/er/", "other/")
ODD = ("none.png", "nowhere/x.png", "refs", "refs/a\0b", "../up.png", "/etc/passwd", "", "refs/link.png", "in/00.png")
PATHS = [f"{folder}{number:02}.png" for folder in FOLDERS for number in range(12)]


def make(root: Path) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path in PATHS:
        (root / path).write_bytes(PNG + path.encode())
    (root / "refs/link.png").symlink_to("00.png")
    (root / "in").symlink_to("refs")


def settled(file: Path | None = None) -> StatMemo:
    """A memo whose clock is ahead, so that files written just now have been quiet for a while."""
    return StatMemo(file, lambda: time.time_ns() + 10 * QUIET_NS)


def keep_mtime(path: Path) -> None:
    seen = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").rename(path)


def become_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


CHANGES: dict[str, Callable[[Path], object]] = {
    "size": lambda path: path.write_bytes(PNG),
    "mtime": lambda path: os.utime(path, ns=(1, 1)),
    "ctime": lambda path: path.chmod(0o640),
    "bytes only": keep_mtime,
    "inode": replace,
    "gone": lambda path: path.unlink(),
    "a link": become_link,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "unreadable": lambda path: path.chmod(0),
    "folder gone": lambda path: path.parent.rename(path.parent.with_name("away")),
    "folder a link": lambda path: become_link(path.parent),
    "folder closed": lambda path: path.parent.chmod(0),
    "nothing": lambda path: None,
}


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def heard_answers() -> list[bytes | None]:
    """Return a list into which every answer of a copy will come."""
    answers: list[bytes | None] = []
    beside = changes.beside

    def watched(part: Callable[[], bytes], here: Callable[[], T]) -> tuple[T, bytes | None]:
        mine, answer = beside(part, here)
        answers.append(answer)
        return mine, answer

    changes.beside = watched
    return answers


def two_find_what_one_finds(seed: str) -> None:
    """Random questions about random changes, asked with and without a copy, and with nothing remembered at all."""
    chance = random.Random(seed)
    answers = heard_answers()
    changes._HEAD_START = 0
    with tempfile.TemporaryDirectory() as folder:
        root, file = Path(folder, "project"), Path(folder, "memo")
        make(root)
        memo = settled(file)
        ProjectFiles(root, memo=memo).facts(PATHS)
        memo.save()
        for change in chance.sample(list(CHANGES.values()), 3):
            path = root / chance.choice([path for path in PATHS if path.startswith("refs/")])
            if path.is_file() and not path.is_symlink():
                change(path)
        asked = [*PATHS, *chance.sample(ODD, 5)]
        asked += chance.sample(asked, 7)
        if chance.random() < 0.7:
            chance.shuffle(asked)
        found: dict[int, dict[str, InputFact]] = {}
        before = open_descriptors()
        for many in (1, len(asked) + 1):
            changes.MANY_FILES = many
            found[many] = ProjectFiles(root, memo=settled(file)).facts(iter(asked))
        one, two = found[len(asked) + 1], found[1]
        assert list(two.items()) == list(one.items())
        assert list(two) == list(dict.fromkeys(asked))
        assert two == ProjectFiles(root).facts(asked)
        assert two == ProjectFiles(root, memo=settled(file)).facts(asked, verify=True)
        assert open_descriptors() == before
    assert None not in answers, "no copy was at work"


def nothing_is_told_of_what_is_as_it_was() -> None:
    """The answer of a copy has the numbers of what is not as remembered, and nothing else."""
    answers = heard_answers()
    changes.MANY_FILES, changes._HEAD_START = 1, 0
    with tempfile.TemporaryDirectory() as folder:
        root, memo = Path(folder, "project"), settled()
        make(root)
        ProjectFiles(root, memo=memo).facts(PATHS)
        ProjectFiles(root, memo=memo).facts(PATHS)
        (root / PATHS[-2]).write_bytes(PNG)
        ProjectFiles(root, memo=memo).facts(PATHS)
    assert answers[1:] == [b"", array("q", [len(PATHS) - 2]).tobytes()]


def a_copy_that_dies_is_not_missed() -> None:
    """What it should have looked at is looked at here."""
    lstat, here = os.lstat, os.getpid()

    def deadly(name: str, *, dir_fd: int | None = None) -> os.stat_result:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return lstat(name, dir_fd=dir_fd)

    changes.MANY_FILES, changes._HEAD_START = 1, 0
    with tempfile.TemporaryDirectory() as folder:
        root, memo = Path(folder, "project"), settled()
        make(root)
        truth = ProjectFiles(root, memo=memo).facts(PATHS)
        (root / PATHS[-1]).write_bytes(PNG)
        os.lstat = deadly  # type: ignore[assignment]
        found = ProjectFiles(root, memo=memo).facts(PATHS)
        os.lstat = lstat
        assert found == ProjectFiles(root).facts(PATHS) != truth


needs_two = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and a second processor"
)


@needs_two
@pytest.mark.parametrize("seed", range(12))
def test_two_find_what_one_finds(seed: int) -> None:
    alone("two_find_what_one_finds", str(seed))


@needs_two
def test_nothing_is_told_of_what_is_as_it_was() -> None:
    alone("nothing_is_told_of_what_is_as_it_was")


@needs_two
def test_a_copy_that_dies_is_not_missed() -> None:
    alone("a_copy_that_dies_is_not_missed")


def alone(*what: str) -> None:
    """Call a function of this file in an interpreter of its own."""
    ran = subprocess.run([sys.executable, "-W", "error", __file__, *what], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make(tmp_path / "project")
    return tmp_path / "project"


def test_where_no_copy_can_be_had_all_is_done_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = settled()
    ProjectFiles(project, memo=memo).facts(PATHS)
    (project / PATHS[0]).write_bytes(PNG)
    (project / PATHS[-1]).unlink()
    monkeypatch.setattr(changes, "MANY_FILES", 1)
    monkeypatch.setattr(changes, "_HEAD_START", 0)
    monkeypatch.setattr(changes, "beside", lambda part, here: (here(), None))
    assert ProjectFiles(project, memo=memo).facts(PATHS) == ProjectFiles(project).facts(PATHS)


def test_what_has_not_changed_is_not_read(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = settled(tmp_path / "memo")
    truth = ProjectFiles(project, memo=memo).facts(PATHS)
    memo.save()
    opened: list[str] = []
    open_regular = project_files.open_regular

    def counting(folder: int, name: str) -> tuple[int, os.stat_result]:
        opened.append(name)
        return open_regular(folder, name)

    monkeypatch.setattr(project_files, "open_regular", counting)
    for asked in (PATHS, PATHS[3:9], PATHS[::-1], [*PATHS[::2], *PATHS[::3]]):
        found = ProjectFiles(project, memo=settled(tmp_path / "memo")).facts(asked)
        assert found == {path: truth[path] for path in asked}
    assert opened == []
    (project / "refs/03.png").write_bytes(PNG)
    ProjectFiles(project, memo=settled(tmp_path / "memo")).facts(PATHS)
    assert opened == ["03.png"]


@pytest.mark.parametrize("moved", ["size", "mtime", "ctime", "inode"])
def test_each_number_of_a_stamp_counts(project: Path, moved: str) -> None:
    seen = (project / "00.png").stat()
    was = {"size": seen.st_size, "mtime": seen.st_mtime_ns, "ctime": seen.st_ctime_ns, "inode": seen.st_ino}
    was[moved] += 1
    fields = list(seen)
    fields[1], fields[6] = was["inode"], was["size"]
    before = os.stat_result(fields, {"st_mtime_ns": was["mtime"], "st_ctime_ns": was["ctime"]})
    memo = StatMemo()
    memo.put_own(f"{project}/00.png", before, "f" * 64, "png")
    assert ProjectFiles(project, memo=memo).fact("00.png") == ProjectFiles(project).fact("00.png")


def test_what_is_asked_together_is_kept_together(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an edit the same question is still answered at once, and others that came between change nothing."""
    memo = settled(tmp_path / "memo")
    ProjectFiles(project, memo=memo).facts(PATHS)
    memo.save()
    (project / PATHS[5]).write_bytes(PNG)
    memo = settled(tmp_path / "memo")
    truth = ProjectFiles(project, memo=memo).facts(PATHS)
    ProjectFiles(project, memo=memo).fact(PATHS[7])
    memo.save()
    monkeypatch.setattr(StatMemo, "_entry", None)
    for asked in (memo, settled(tmp_path / "memo")):
        assert ProjectFiles(project, memo=asked).facts(PATHS) == truth


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
