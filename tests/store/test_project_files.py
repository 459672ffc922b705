"""The files a spec names: never outside, never a link, never a stale digest."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec import msgpack

from veospec.errors import PlanStale, SpecError
from veospec.store.layout import Store
from veospec.store.memo import QUIET_NS, StatMemo
from veospec.store.project_files import ProjectFiles, read_spec

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture" * 10
LATER_NS = 10 * QUIET_NS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "refs").mkdir(parents=True)
    (root / "refs/quay.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    (root / "refs/link.png").symlink_to(tmp_path / "secret.png")
    (root / "refs/env.png").symlink_to("/proc/self/environ")
    (root / "up").symlink_to(tmp_path)
    (root / "in").symlink_to("refs")
    os.mkfifo(root / "refs/pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(root)  # the name of a socket is short
        listening.bind("sock.png")
        os.chdir(here)
    with (root / "refs/huge.png").open("wb") as huge:
        huge.truncate(1 << 40)
    return root


@pytest.mark.parametrize("path", ["refs/quay.png", "./refs/quay.png", "refs/./quay.png"])
def test_a_file_below_the_folder_is_read(project: Path, path: str) -> None:
    fact = ProjectFiles(project).fact(path)
    assert (fact.path, fact.digest, fact.size_bytes, fact.type, fact.missing) == (
        path,
        sha256(PNG).hexdigest(),
        len(PNG),
        "png",
        "",
    )
    assert ProjectFiles(project).read(path, fact.digest) == PNG


REFUSED = {
    "../secret.png": "leads out of its folder",
    "refs/../refs/quay.png": "leads out of its folder",
    "/etc/passwd": "is not relative",
    "/proc/self/environ": "is not relative",
    "~/x.png": "is not relative",
    "C:/x.png": "is not relative",
    "refs\\quay.png": "character",
    "refs/a\0b": "character",
    "refs/a\nb": "character",
    "": "is no path",
    ".": "empty part",
    "refs//quay.png": "empty part",
    "refs/": "empty part",
    "x" * 300: "too long",
    "x/" * 3000: "too long",
    "a/" * 100 + "b": "too long",
    "refs/link.png": "is a symbolic link",
    "refs/env.png": "is a symbolic link",
    "up/secret.png": "is a symbolic link",
    "in/quay.png": "is a symbolic link",
    "refs/pipe.png": "is not a regular file",
    "sock.png": "is not a regular file",
    "refs": "is a folder",
    "refs/quay.png/x": "is not a folder",
    "refs/huge.png": "is larger than 100 MB (1,099,512 MB)",
    "refs/none.png": "does not exist",
    "none/quay.png": "does not exist",
}


@pytest.mark.parametrize(("path", "clause"), REFUSED.items(), ids=[p[:30] for p in REFUSED])
def test_anything_else_is_refused_with_a_clause(project: Path, path: str, clause: str) -> None:
    files = ProjectFiles(project)
    fact = files.fact(path)
    assert clause in fact.missing
    assert fact.digest == ""
    with pytest.raises(SpecError):
        files.read(path)
    assert files.text(path).content is None


def test_many_paths_at_once_are_as_one_by_one(project: Path) -> None:
    files = ProjectFiles(project)
    paths = ["refs/quay.png", *REFUSED]
    assert files.facts(paths) == {path: files.fact(path) for path in paths}


def open_descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_no_descriptor_is_left_open(project: Path) -> None:
    files = ProjectFiles(project)
    files.facts(["refs/quay.png", *REFUSED])
    before = open_descriptors()
    for _ in range(3):
        files.facts(["refs/quay.png", *REFUSED])
        for path in REFUSED:
            files.text(path)
    assert open_descriptors() == before


def test_the_name_that_was_meant_is_offered(project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".git/quay.png").write_bytes(PNG)
    files = ProjectFiles(project)
    for wrong in ("refs/Quay.PNG", "pics/quay.png", "refs/quai.png", "quay.png"):
        assert files.fact(wrong).near[:1] == ("refs/quay.png",), wrong
    assert files.fact("zzzz/0000.mp4").near == ()


def settled(memo_file: Path | None = None, ahead_ns: int = LATER_NS) -> StatMemo:
    """A memo whose clock is ahead, so that files written just now have been quiet for a while."""
    return StatMemo(memo_file, lambda: time.time_ns() + ahead_ns)


def test_an_unchanged_file_is_not_read_again(project: Path, tmp_path: Path) -> None:
    memo = settled(tmp_path / "memo")
    truth = ProjectFiles(project, memo=memo).fact("refs/quay.png")
    memo.save()
    seen = (project / "refs/quay.png").stat()
    again = settled(tmp_path / "memo")
    assert again.get(f"{project}/refs/quay.png", seen) == (truth.digest, "png")
    again.put_own(f"{project}/refs/quay.png", seen, "f" * 64, "png")
    assert ProjectFiles(project, memo=again).fact("refs/quay.png").digest == "f" * 64


def rewrite_keeping_mtime(path: Path) -> None:
    seen = path.stat()
    path.write_bytes(PNG[:-1] + b"!")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def replace_by_link(path: Path) -> None:
    (path.parent / "other.png").write_bytes(PNG)
    path.unlink()
    path.symlink_to("other.png")


CHANGES: dict[str, Callable[[Path], object]] = {
    "same size": lambda path: path.write_bytes(PNG[:-1] + b"!"),
    "restored mtime": rewrite_keeping_mtime,
    "truncated": lambda path: path.write_bytes(b""),
    "replaced by another file": lambda path: (path.unlink(), path.write_bytes(PNG[:-1] + b"?")),
    "replaced by a link": replace_by_link,
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_seen(project: Path, tmp_path: Path, change: Callable[[Path], object]) -> None:
    files = ProjectFiles(project, memo=settled())
    before = files.fact("refs/quay.png")
    change(project / "refs/quay.png")
    after = files.fact("refs/quay.png")
    assert after != before
    assert after == ProjectFiles(project).fact("refs/quay.png")


def test_a_folder_replaced_by_a_link_is_seen(project: Path, tmp_path: Path) -> None:
    files = ProjectFiles(project, memo=settled())
    files.fact("refs/quay.png")
    (project / "refs").rename(tmp_path / "moved")
    (project / "refs").symlink_to(tmp_path / "moved")
    assert files.fact("refs/quay.png").missing == "is a symbolic link"


def test_a_second_write_within_the_same_tick_is_seen(tmp_path: Path) -> None:
    """Two writes of one size between which the clock of the file system does not move."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    frozen = path.stat()
    memo = StatMemo(now_ns=lambda: frozen.st_ctime_ns + QUIET_NS - 1)
    memo.put(str(path), frozen, "a" * 64, began_ns=memo.now_ns())
    assert memo.get(str(path), frozen) is None, "the stat does not prove which of the two was hashed"
    memo.put(str(path), frozen, "a" * 64, began_ns=memo.now_ns() + 2)
    assert memo.get(str(path), frozen) == ("a" * 64, "")


def test_a_file_system_that_counts_whole_seconds_gets_more_time(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    os.utime(path, ns=(0, (time.time_ns() // 10**9 + 5) * 10**9))
    seen = path.stat()
    memo = StatMemo()
    memo.put(str(path), seen, "a" * 64, began_ns=seen.st_mtime_ns + 2_000_000_000)
    assert memo.get(str(path), seen) is None
    memo.put(str(path), seen, "a" * 64, began_ns=seen.st_mtime_ns + 3_000_000_001)
    assert memo.get(str(path), seen) is not None


def test_a_file_from_the_future_is_read_every_time(project: Path) -> None:
    ahead = time.time_ns() + 3_600 * 10**9
    os.utime(project / "refs/quay.png", ns=(ahead, ahead))
    memo = StatMemo()
    files = ProjectFiles(project, memo=memo)
    files.fact("refs/quay.png")
    assert memo.get(f"{project}/refs/quay.png", (project / "refs/quay.png").stat()) is None


def test_verify_reads_every_byte(project: Path) -> None:
    memo = settled()
    files = ProjectFiles(project, memo=memo)
    truth = files.fact("refs/quay.png")
    seen = (project / "refs/quay.png").stat()
    memo.put_own(f"{project}/refs/quay.png", seen, "f" * 64, "png")
    assert files.fact("refs/quay.png").digest == "f" * 64
    assert files.fact("refs/quay.png", verify=True) == truth


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw.replace(b"memo 3", b"memo 2"),
        lambda raw: raw.replace(b"a", b"b"),
        lambda raw: b"\x80\x04." + raw,
        lambda raw: raw + b" ",
    ],
)
def test_a_broken_memo_is_an_empty_one(project: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "memo"
    memo = settled(file)
    truth = ProjectFiles(project, memo=memo).fact("refs/quay.png")
    memo.save()
    file.write_bytes(damage(file.read_bytes()))
    again = settled(file)
    assert again.get(f"{project}/refs/quay.png", (project / "refs/quay.png").stat()) is None
    assert ProjectFiles(project, memo=again).fact("refs/quay.png") == truth


def test_a_memo_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    memo = StatMemo(tmp_path / "gone/memo")
    memo.put_own("x", tmp_path.stat(), "a" * 64)
    memo.save()
    assert not (tmp_path / "gone").exists()


def test_what_was_hashed_is_what_is_sent(project: Path, tmp_path: Path) -> None:
    files = ProjectFiles(project)
    with Store.open(tmp_path / "s", write=True) as store:
        fact = files.fact("refs/quay.png")
        held = files.snapshot(fact, store.inputs)
        (project / "refs/quay.png").write_bytes(PNG[:-1] + b"!")
        assert held.read_bytes() == PNG
        assert held.suffix == ".png"
        assert files.snapshot(fact, store.inputs) == held
        held.unlink()
        with pytest.raises(PlanStale, match=r"refs/quay\.png changed"):
            files.snapshot(fact, store.inputs)


def test_taking_a_copy_tells_what_was_copied(project: Path, tmp_path: Path) -> None:
    fact = ProjectFiles(project).take("refs/quay.png", tmp_path / "copy")
    assert (fact.digest, fact.type) == (sha256(PNG).hexdigest(), "png")
    assert (tmp_path / "copy").read_bytes() == PNG
    with pytest.raises(SpecError, match="is a symbolic link"):
        ProjectFiles(project).take("refs/link.png", tmp_path / "other")


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("none.yaml", "does not exist"),
        ("refs", "is a folder"),
        ("refs/pipe.png", "is not a regular file"),
        ("refs/huge.png", "is larger than 67 MB"),
        ("a\0b", "is no path"),
        ("x" * 300, "too long"),
    ],
)
def test_a_spec_that_cannot_be_read_is_a_value(project: Path, name: str, clause: str) -> None:
    text = read_spec(Path(f"{project}/{name}"))
    assert text.content is None
    assert clause in text.missing


def test_the_main_spec_may_be_a_link_and_has_near_names(project: Path) -> None:
    (project / "shots.yaml").write_text("veospec: 1\n")
    (project / "s.yaml").symlink_to("shots.yaml")
    assert read_spec(project / "s.yaml").content == b"veospec: 1\n"
    assert read_spec(project / "shot.yaml").near[0] == str(project / "shots.yaml")
    assert ProjectFiles(project).text("shots.yaml").content == b"veospec: 1\n"
    assert ProjectFiles(project).text("shots.yaml", 5).missing == "is larger than 0.0 MB"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_a_value(project: Path) -> None:
    (project / "refs/quay.png").chmod(0)
    assert ProjectFiles(project).fact("refs/quay.png").missing == "cannot be read (permission denied)"


def test_a_memo_keeps_what_it_read_beside_what_is_new(tmp_path: Path) -> None:
    """Entries of earlier runs stay, newer ones replace them, and odd names come back as they were."""
    names = ["plain", "größe", os.fsdecode(b"\xff"), "with space"]
    for name in names:
        (tmp_path / name).write_text(name.encode("utf-8", "surrogateescape").hex())
    stats = {name: (tmp_path / name).lstat() for name in names}
    file = tmp_path / "memo"
    first = StatMemo(file)
    for number, name in enumerate(names):
        first.put_own(name, stats[name], f"{number:064x}", name[:1])
    first.save()
    second = StatMemo(file)
    assert [second.get(name, stats[name]) for name in names] == [(f"{n:064x}", x[:1]) for n, x in enumerate(names)]
    second.put_own("plain", stats["größe"], "f" * 64)
    second.put("größe", stats["größe"], "e" * 64, began_ns=0)  # not quiet: what was known of it is known no more
    assert second.get("plain", stats["plain"]) is None
    second.save()
    third = StatMemo(file)
    assert third.get("plain", stats["größe"]) == ("f" * 64, "")
    assert not third.has("größe")
    assert third.get("with space", stats["with space"]) == (f"{3:064x}", "w")
    assert third.get("with space", stats["plain"]) is None


def test_many_are_recalled_as_one_by_one(tmp_path: Path) -> None:
    """Whatever the order, the gaps and the names that begin alike."""
    names = ["a", "ab", "abc", "b", "größe", os.fsdecode(b"\xff"), "z"]
    file = tmp_path / "memo"
    memo = StatMemo(file)
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(b"x" * number)
        memo.put_own(f"/base/{name}", (tmp_path / name).lstat(), f"{number:064x}", name[:1])
    memo.save()
    for asked in (names, names[2:5], names[:1], names[-1:], names[::-1], [*names, "none"], ["none"], ["b", "b"], []):
        for read in (memo, StatMemo(file)):
            known = read.recall("/base/", asked)
            rows = zip(asked, known.digests, known.sizes, known.notes, strict=True)
            for name, digest, size, note in rows:
                number = names.index(name) if name in names else -1
                wanted = (f"{number:064x}", number, name[:1]) if number >= 0 else ("", -1, "")
                assert (digest, size, note) == wanted, (name, asked)
    memo.put("/base/b", (tmp_path / "b").lstat(), "f" * 64, began_ns=0)  # not quiet: it is known no more
    assert list(memo.recall("/base/", ["abc", "b"]).sizes) == [2, -1]
    memo.save()
    assert list(StatMemo(file).recall("/base/", ["abc", "b"]).sizes) == [2, -1]


def test_a_time_that_no_stamp_can_hold_is_never_remembered(tmp_path: Path) -> None:
    """The stamp of a file has nanoseconds in 64 bits, which end in 2262."""
    path, file = tmp_path / "a.png", tmp_path / "memo"
    path.write_bytes(PNG)
    seen = path.stat()
    far = {"st_mtime_ns": 1 << 63, "st_ctime_ns": seen.st_ctime_ns}
    late = os.stat_result(tuple(seen), far)
    memo = StatMemo(file)
    memo.put_own(str(path), late, "a" * 64)
    memo.put_own("other", seen, "b" * 64)
    assert memo.get(str(path), late) is None
    memo.save()
    assert StatMemo(file).get("other", seen) == ("b" * 64, "")
    assert not StatMemo(file).has(str(path))


def test_an_inode_of_64_bits_is_remembered(tmp_path: Path) -> None:
    """Overlay file systems set the highest bit."""
    (tmp_path / "a.png").write_bytes(PNG)
    seen = (tmp_path / "a.png").stat()
    times = {"st_mtime_ns": seen.st_mtime_ns, "st_ctime_ns": seen.st_ctime_ns}
    far = os.stat_result((seen.st_mode, (1 << 64) - 1, *tuple(seen)[2:]), times)
    memo = StatMemo(tmp_path / "memo")
    memo.put_own("x", far, "a" * 64)
    memo.save()
    assert StatMemo(tmp_path / "memo").get("x", far) == ("a" * 64, "")
    assert StatMemo(tmp_path / "memo").get("x", seen) is None


def test_more_kinds_of_notes_than_fit_are_forgotten(tmp_path: Path) -> None:
    seen = tmp_path.stat()
    memo = StatMemo(tmp_path / "memo")
    for number in range(300):
        memo.put_own(str(number), seen, "a" * 64, f"note {number}")
    memo.save()
    again = StatMemo(tmp_path / "memo")
    assert [n for n in range(300) if again.get(str(n), seen) == ("a" * 64, f"note {n}")] == list(range(256))
    assert not any(again.has(str(number)) for number in range(256, 300))


@pytest.mark.parametrize(
    "columns",
    [
        [b"\0a\0", b"s" * 32, ["d" * 64, "e" * 64], b"\0\0", b"png"],
        [b"\0a\0", b"s" * 31, ["d" * 64], b"\0", b"png"],
        [b"\0a\0b\0", b"s" * 32, ["d" * 64], b"\0", b"png"],
        [b"\0a\0", b"s" * 32, ["d" * 64], b"\1", b"png"],
        [b"\0a\0", b"s" * 32, [1], b"\0", b"png"],
        {"paths": b""},
    ],
)
def test_a_memo_whose_columns_do_not_fit_is_an_empty_one(tmp_path: Path, columns: object) -> None:
    body = msgpack.encode(columns)
    file = tmp_path / "memo"
    file.write_bytes(b"veospec-memo 3 " + sha256(body).hexdigest().encode() + b"\n" + body)
    assert not StatMemo(file).has("a")
    assert list(StatMemo(file).recall("", ["a"]).sizes) == [-1]
