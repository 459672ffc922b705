"""Bytes by digest: whole, read-only, verified, healed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from veospec.errors import StoreCorrupt, StoreError
from veospec.store.blobs import Blob
from veospec.store.layout import Store

CLIP = b"clip" * 5000
DIGEST = sha256(CLIP).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s", write=True) as opened:
        yield opened


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_adopting_moves_the_file_under_its_digest(store: Store) -> None:
    fresh = store.fresh(".mp4")
    fresh.write_bytes(CLIP)
    blob = store.blobs.adopt(fresh, ".mp4")
    path = store.blobs.path(blob.digest, ".mp4")
    assert blob == Blob(DIGEST, len(CLIP), ".mp4")
    assert path == store.root / f"store/blobs/{DIGEST[:2]}/{DIGEST}.mp4"
    assert path.read_bytes() == CLIP
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert not fresh.exists()
    assert list(store.blobs.held()) == [blob]


def test_adopting_the_same_bytes_again_keeps_the_first(store: Store) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    inode = store.blobs.path(DIGEST, ".mp4").stat().st_ino
    fresh = store.fresh()
    fresh.write_bytes(CLIP)
    store.blobs.adopt(fresh, ".mp4")
    assert store.blobs.path(DIGEST, ".mp4").stat().st_ino == inode
    assert not fresh.exists()
    assert list(store.scratch.iterdir()) == []


def test_a_link_or_a_pipe_is_never_adopted(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    link, pipe = store.fresh(), store.fresh()
    link.symlink_to(tmp_path / "secret")
    os.mkfifo(pipe)
    for path in (link, pipe):
        with pytest.raises(StoreError):
            store.blobs.adopt(path, ".mp4")
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize("at", [0, 1, len(CLIP) // 2, len(CLIP) - 1])
def test_a_flipped_bit_is_never_served(store: Store, at: int) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    wrong = bytearray(CLIP)
    wrong[at] ^= 1
    overwrite(store.blobs.path(DIGEST, ".mp4"), bytes(wrong))
    found = sha256(wrong).hexdigest()
    for serve in (store.blobs.ensure, store.blobs.verify, store.blobs.read, store.blobs.open):
        with pytest.raises(StoreCorrupt, match=f"expected {DIGEST[:12]}…, found {found[:12]}…"):
            serve(DIGEST, ".mp4")


@pytest.mark.parametrize("size", [0, 10, len(CLIP) - 1])
def test_a_short_blob_is_never_served(store: Store, size: int) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    overwrite(store.blobs.path(DIGEST, ".mp4"), CLIP[:size])
    assert not store.blobs.has(DIGEST, ".mp4", len(CLIP))
    with pytest.raises(StoreCorrupt, match="damaged"):
        store.blobs.ensure(DIGEST, ".mp4")
    with pytest.raises(StoreCorrupt, match="bytes where"):
        store.blobs.ensure(DIGEST, ".mp4", len(CLIP))


def test_a_missing_blob_is_named(store: Store) -> None:
    with pytest.raises(StoreCorrupt, match=f"{DIGEST[:12]}… is gone"):
        store.blobs.ensure(DIGEST, ".mp4")


def test_a_link_in_place_of_a_blob_is_not_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(CLIP)
    path = store.blobs.path(DIGEST, ".mp4")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "copy")
    assert not store.blobs.has(DIGEST, ".mp4")
    with pytest.raises(StoreError, match="symbolic link"):
        store.blobs.ensure(DIGEST, ".mp4")


def test_a_damaged_blob_is_healed_by_the_same_bytes(store: Store) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    overwrite(store.blobs.path(DIGEST, ".mp4"), CLIP[:-1] + b"!")
    store.blobs.put_bytes(CLIP, ".mp4")
    assert store.blobs.verify(DIGEST, ".mp4").read_bytes() == CLIP


def test_damage_behind_an_unchanged_stat_is_found_by_a_full_verify(store: Store) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    path = store.blobs.path(DIGEST, ".mp4")
    store.blobs.ensure(DIGEST, ".mp4")
    seen = path.stat()
    overwrite(path, CLIP[:-1] + b"!")
    path.chmod(0o444)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    for serve in (store.blobs.ensure, store.blobs.verify):
        with pytest.raises(StoreCorrupt):
            serve(DIGEST, ".mp4")


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "../" + "a" * 61, "a" * 64 + "\n", 5, None])
def test_what_is_no_digest_names_no_file(store: Store, digest: str) -> None:
    with pytest.raises(ValueError, match="no name of a blob"):
        store.blobs.path(digest, ".mp4")


@pytest.mark.parametrize("suffix", ["", "mp4", ".", ".MP4", "./x", ".mp4/..", ".mp4\n", ".verylongone"])
def test_what_is_no_suffix_names_no_file(store: Store, suffix: str) -> None:
    with pytest.raises(ValueError, match="no name of a blob"):
        store.blobs.path(DIGEST, suffix)


def test_strangers_are_told_apart(store: Store) -> None:
    store.blobs.put_bytes(CLIP, ".mp4")
    (store.blobs.folder / "ab").mkdir(exist_ok=True)
    stranger = store.blobs.folder / "ab/notes.txt"
    stranger.write_text("?")
    assert [b.digest for b in store.blobs.held()] == [DIGEST]
    assert list(store.blobs.strangers()) == [stranger]
