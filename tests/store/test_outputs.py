"""The output folder: only our own files are replaced, and no link is written through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from store_builders import key

from veospec.errors import OutputForeign, StoreCorrupt, StoreError
from veospec.store.blobs import Blob
from veospec.store.layout import Store
from veospec.store.outputs import Delivery, OutFolder

CLIP, OTHER = b"clip" * 1000, b"other" * 1000
PATH = "clips/NFY_SH010_T01.mp4"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "project/.veospec", write=True) as opened:
        yield opened


@pytest.fixture
def clip(store: Store) -> Blob:
    return store.blobs.put_bytes(CLIP, ".mp4")


@pytest.fixture
def out(store: Store, tmp_path: Path) -> OutFolder:
    return OutFolder(tmp_path / "project/out", store)


def again(out: OutFolder, store: Store) -> OutFolder:
    out.close()
    return OutFolder(out.folder, store)


@pytest.mark.parametrize("link", [True, False])
def test_a_clip_is_delivered_once(out: OutFolder, clip: Blob, store: Store, *, link: bool) -> None:
    assert out.deliver(clip.digest, ".mp4", PATH, link=link) is Delivery.WRITTEN
    target = out.folder / PATH
    assert target.read_bytes() == CLIP
    assert target.samefile(store.blobs.path(clip.digest, ".mp4")) is link
    assert again(out, store).deliver(clip.digest, ".mp4", PATH, link=link) is Delivery.KEPT
    assert [p.name for p in target.parent.iterdir()] == [target.name]


def test_a_linked_clip_cannot_be_written_in_place_and_a_copy_can(out: OutFolder, clip: Blob) -> None:
    out.deliver(clip.digest, ".mp4", "a.mp4")
    out.deliver(clip.digest, ".mp4", "b.mp4", link=False)
    assert (out.folder / "a.mp4").stat().st_mode & 0o222 == 0
    assert (out.folder / "b.mp4").stat().st_mode & 0o200


def test_delivering_by_link_does_not_cost_another_hash(out: OutFolder, clip: Blob, store: Store) -> None:
    out.deliver(clip.digest, ".mp4", PATH)
    path = store.blobs.path(clip.digest, ".mp4")
    assert store._blob_memo.get(str(path), path.stat()) == (clip.digest, "")


def test_a_deleted_or_changed_file_of_ours(out: OutFolder, clip: Blob, store: Store) -> None:
    out.deliver(clip.digest, ".mp4", PATH, link=False)
    (out.folder / PATH).unlink()
    assert out.deliver(clip.digest, ".mp4", PATH, link=False) is Delivery.WRITTEN
    (out.folder / PATH).write_bytes(CLIP + b"edited by a person")
    with pytest.raises(OutputForeign, match="was changed since veospec wrote it"):
        again(out, store).deliver(clip.digest, ".mp4", PATH)
    assert (out.folder / PATH).read_bytes() == CLIP + b"edited by a person"


def test_what_still_lies_there_as_it_was_written(out: OutFolder, store: Store) -> None:
    assert not out.is_as_written("page.html")
    out.write("page.html", b"one")
    assert out.is_as_written("page.html")
    assert again(out, store).is_as_written("page.html")
    (out.folder / "page.html").write_bytes(b"another")
    assert not again(out, store).is_as_written("page.html")
    (out.folder / "page.html").unlink()
    assert not again(out, store).is_as_written("page.html")
    (out.folder / "own.html").write_bytes(b"one")
    assert not out.is_as_written("own.html")


def test_somebodys_own_file_stays(out: OutFolder, clip: Blob) -> None:
    (out.folder / "clips").mkdir(parents=True)
    (out.folder / PATH).write_bytes(b"holiday")
    with pytest.raises(OutputForeign, match=r"out/clips/NFY_SH010_T01\.mp4 exists and was not written by veospec"):
        out.check(PATH)
    for write in (
        lambda: out.deliver(clip.digest, ".mp4", PATH),
        lambda: out.write(PATH, b"text"),
        lambda: out.remove(PATH),
    ):
        with pytest.raises(OutputForeign):
            write()
    assert (out.folder / PATH).read_bytes() == b"holiday"
    assert [p.name for p in (out.folder / "clips").iterdir()] == [Path(PATH).name]


def test_a_file_that_is_in_the_store_or_that_the_caller_knows_is_ours(tmp_path: Path, store: Store, clip: Blob) -> None:
    other = store.blobs.put_bytes(OTHER, ".mp4")
    folder = tmp_path / "out"
    (folder / "clips").mkdir(parents=True)
    (folder / PATH).write_bytes(OTHER)
    (folder / "review.html").write_bytes(b"<html>")
    known = {("review.html", sha256(b"<html>").hexdigest())}
    with OutFolder(folder, store, owned=lambda path, digest: (path, digest) in known) as out:
        assert out.digest(PATH) == other.digest
        assert out.deliver(clip.digest, ".mp4", PATH) is Delivery.WRITTEN
        assert out.write("review.html", b"<html>new") is Delivery.WRITTEN


def test_written_files_are_remembered_across_runs(out: OutFolder, store: Store) -> None:
    assert out.write("manifest.json", b"{}\n") is Delivery.WRITTEN
    assert out.write("manifest.json", b"{}\n") is Delivery.KEPT
    later = again(out, store)
    assert later.ours() == ("manifest.json",)
    assert later.write("manifest.json", b"{1}\n") is Delivery.WRITTEN
    later.close()
    assert (out.folder / "manifest.json").read_bytes() == b"{1}\n"
    assert later.remove("manifest.json")
    assert not later.remove("manifest.json")


def test_a_damaged_list_of_our_files_only_makes_us_careful(out: OutFolder, store: Store) -> None:
    out.write("a.txt", b"one")
    out.close()
    (file,) = store.outputs_folder.iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    careful = OutFolder(out.folder, store)
    assert careful.ours() == ()
    with pytest.raises(OutputForeign):
        careful.write("a.txt", b"two")


def test_a_finished_file_is_moved_in(out: OutFolder, store: Store, tmp_path: Path) -> None:
    for content, expected in ((b"reel", Delivery.WRITTEN), (b"reel", Delivery.KEPT), (b"longer", Delivery.WRITTEN)):
        fresh = store.fresh(".mp4")
        fresh.write_bytes(content)
        assert out.place("reel_16x9.mp4", fresh) is expected
        assert not fresh.exists()
        assert (out.folder / "reel_16x9.mp4").read_bytes() == content
    (out.folder / "sheet.jpg").write_bytes(b"mine")
    fresh = store.fresh(".jpg")
    fresh.write_bytes(b"sheet")
    with pytest.raises(OutputForeign):
        out.place("sheet.jpg", fresh)
    assert (out.folder / "sheet.jpg").read_bytes() == b"mine"


class Raced(OutFolder):
    """Somebody saves a file just before ours gets its name."""

    def _promise(self, path: str, digest: str) -> None:
        super()._promise(path, digest)
        (self.folder / path).write_bytes(b"holiday")


def test_a_file_that_appears_in_the_last_moment_stays(tmp_path: Path, store: Store) -> None:
    out = Raced(tmp_path / "out", store)
    with pytest.raises(OutputForeign, match="appeared while"):
        out.write("a.txt", b"ours")
    assert (out.folder / "a.txt").read_bytes() == b"holiday"
    assert [p.name for p in out.folder.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_another_run_delivers_meanwhile_is_no_strangers(out: OutFolder, store: Store, *, has_ended: bool) -> None:
    """Who looks before it buys holds no lease: files come while it looks, promised and later listed by the other."""
    beside = OutFolder(out.folder, store)
    beside.write("review.html", b"one")
    out.check("review.html")
    beside.write("review.html", b"two")
    if has_ended:
        beside.close()
    out.check("review.html")
    (out.folder / "review.html").write_bytes(b"mine")
    with pytest.raises(OutputForeign, match="was changed since"):
        out.check("review.html")
    out.close()
    beside.close()
    assert OutFolder(out.folder, store).ours() == ("review.html",)


def test_a_file_that_is_removed_between_two_looks_is_not_there(
    out: OutFolder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person, or a run that tidies, may remove what is looked at: the place is free then."""
    out.write("review.html", b"one")

    def removes(*_: object) -> None:
        (out.folder / "review.html").unlink(missing_ok=True)

    monkeypatch.setattr(store.output_memo, "get", removes)
    out.check("review.html")
    assert out.write("review.html", b"two") is Delivery.WRITTEN


def test_a_list_that_is_written_while_it_is_read_is_read_whole(
    out: OutFolder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promises go as soon as the list has them: who reads in that moment finds them in one of the two."""
    beside = OutFolder(out.folder, store)
    beside.write("review.html", b"one")
    for name in ("read_text", "read_bytes"):
        real = getattr(Path, name)

        def overtaken(path: Path, *arguments: str, real: Callable[..., object] = real) -> object:
            try:
                return real(path, *arguments)
            finally:
                beside.close()

        monkeypatch.setattr(Path, name, overtaken)
    assert OutFolder(out.folder, store).ours() == ("review.html",)


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "the folder": lambda out, victim: out.symlink_to(victim, target_is_directory=True),
    "a folder in it": lambda out, victim: (out.mkdir(), (out / "clips").symlink_to(victim, target_is_directory=True)),
    "the file": lambda out, victim: (
        (out / "clips").mkdir(parents=True),
        (out / PATH).symlink_to(victim / "precious.txt"),
    ),
    "a dangling one": lambda out, victim: (
        (out / "clips").mkdir(parents=True),
        (out / PATH).symlink_to(victim / "new"),
    ),
}


@pytest.mark.parametrize("plant", LINKS.values(), ids=LINKS)
def test_nothing_is_written_through_a_planted_link(
    out: OutFolder, clip: Blob, store: Store, tmp_path: Path, plant: Callable[[Path, Path], object]
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious.txt").write_text("precious")
    plant(out.folder, victim)
    fresh = store.fresh()
    fresh.write_bytes(b"reel")
    for write in (
        lambda: out.check(PATH),
        lambda: out.deliver(clip.digest, ".mp4", PATH),
        lambda: out.deliver(clip.digest, ".mp4", PATH, link=False),
        lambda: out.write(PATH, b"text"),
        lambda: out.remove(PATH),
        lambda: out.place(PATH, fresh),
    ):
        with pytest.raises(StoreError, match="symbolic link"):
            write()
    assert [p.name for p in victim.iterdir()] == ["precious.txt"]
    assert (victim / "precious.txt").read_text() == "precious"


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
def test_what_is_no_file_stays(out: OutFolder, clip: Blob, plant: Callable[[Path], object]) -> None:
    (out.folder / "clips").mkdir(parents=True)
    plant(out.folder / PATH)
    with pytest.raises(OutputForeign, match="was not made by veospec"):
        out.deliver(clip.digest, ".mp4", PATH)


@pytest.mark.parametrize("path", ["../a.mp4", "/tmp/a.mp4", "", "a//b", "a/../../b", "a\0b"])
def test_a_path_out_of_the_folder_is_a_bug(out: OutFolder, clip: Blob, path: str) -> None:
    with pytest.raises(ValueError):
        out.deliver(clip.digest, ".mp4", path)


def test_a_damaged_blob_is_not_delivered(out: OutFolder, clip: Blob, store: Store) -> None:
    path = store.blobs.path(clip.digest, ".mp4")
    path.chmod(0o644)
    path.write_bytes(CLIP[:-1] + b"!")
    for link in (True, False):
        with pytest.raises(StoreCorrupt):
            out.deliver(clip.digest, ".mp4", PATH, link=link)
    assert not (out.folder / PATH).exists()
    with pytest.raises(StoreCorrupt):
        out.deliver(key("none"), ".mp4", PATH)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_another_file_system_gets_a_copy(store: Store, clip: Blob) -> None:
    folder = Path("/dev/shm") / f"veospec-test-{os.getpid()}"
    if Path("/dev/shm").stat().st_dev == store.root.stat().st_dev:
        pytest.skip("the store is on the same file system")
    out = OutFolder(folder, store)
    fresh = store.fresh()
    fresh.write_bytes(b"reel")
    try:
        assert out.deliver(clip.digest, ".mp4", "a.mp4") is Delivery.WRITTEN
        assert out.place("reel.mp4", fresh) is Delivery.WRITTEN
        assert (folder / "a.mp4").read_bytes() == CLIP
        assert (folder / "reel.mp4").read_bytes() == b"reel"
        assert sorted(p.name for p in folder.iterdir()) == ["a.mp4", "reel.mp4"]
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
