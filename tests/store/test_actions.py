"""Records: strict reading, no overwrite, nothing from their content becomes a path."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from store_builders import PAID, RECEIPT, key, record_of

from veospec.errors import StoreCorrupt, StoreError
from veospec.model import Cost
from veospec.store.actions import KIND, VERSION, encode_record, parse_record
from veospec.store.blobs import Blob
from veospec.store.layout import Store
from veospec.store.sealed import seal

BLOB = Blob("ab" * 32, 4000, ".mp4")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s", write=True) as opened:
        yield opened


@pytest.mark.parametrize(
    "record",
    [
        record_of(BLOB),
        record_of(BLOB, receipt=RECEIPT, cost=PAID),
        record_of(BLOB, cost=Cost(None, 5, is_ceiling=True)),
        record_of(
            BLOB, node="still:quay@16:9", document={"prompt": "帆 \u202e ⛵", "inputs": [{"slot": "start"}], "n": None}
        ),
    ],
)
def test_a_record_comes_back_as_it_was_put(store: Store, record: Any) -> None:
    assert store.actions.put(record) is record
    assert store.actions.get(record.key) == record
    assert list(store.actions.keys()) == [record.key]
    assert list(store.actions.records()) == [record]
    assert store.actions.path(record.key).stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_record(store: Store) -> None:
    assert store.actions.get(key("one")) is None


def test_the_same_result_again_keeps_the_first_record(store: Store) -> None:
    blob = store.blobs.put_bytes(b"clip", ".mp4")
    first = store.actions.put(record_of(blob, receipt=RECEIPT))
    again = replace(first, receipt=None, node="SH020")
    assert store.actions.put(again) == first
    assert store.actions.get(first.key) == first


def test_another_result_for_the_same_key_is_refused(store: Store) -> None:
    first = record_of(store.blobs.put_bytes(b"clip", ".mp4"))
    store.actions.put(first)
    other = record_of(store.blobs.put_bytes(b"other", ".mp4"))
    with pytest.raises(StoreCorrupt, match="already has another result"):
        store.actions.put(other)
    assert store.actions.get(first.key) == first
    assert store.blobs.has(other.digest, ".mp4")


def test_a_record_whose_bytes_are_gone_gives_way_and_is_kept_in_the_trash(store: Store) -> None:
    first = record_of(store.blobs.put_bytes(b"clip", ".mp4"))
    store.actions.put(first)
    store.blobs.path(first.digest, ".mp4").unlink()
    other = record_of(store.blobs.put_bytes(b"other", ".mp4"))
    assert store.actions.put(other) == other
    assert store.actions.get(first.key) == other
    (kept,) = store.trash.iterdir()
    assert parse_record(kept.read_bytes(), first.key, str(kept)) == first


def test_every_flipped_bit_and_every_cut_is_seen(store: Store) -> None:
    record = store.actions.put(record_of(BLOB, receipt=RECEIPT))
    path = store.actions.path(record.key)
    whole = path.read_bytes()
    for at in range(len(whole)):
        wrong = bytearray(whole)
        wrong[at] ^= 1 << (at % 8)
        with pytest.raises(StoreCorrupt):
            parse_record(bytes(wrong), record.key, "x")
        with pytest.raises(StoreCorrupt):
            parse_record(whole[:at], record.key, "x")
    path.write_bytes(whole[:-1])
    with pytest.raises(StoreCorrupt, match=f"{record.key}.json is damaged"):
        store.actions.get(record.key)
    assert [type(found) for found in store.actions.audit()] == [StoreCorrupt]


def resealed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A hostile record: any content under a checksum that fits."""
    members = json.loads(encode_record(record_of(BLOB, receipt=RECEIPT)))
    del members["_check"], members[KIND]
    change(members)
    return seal(KIND, VERSION, members)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(digest="../../../etc/passwd"),
        lambda m: m.update(digest="AB" * 32),
        lambda m: m.update(suffix=".mp4/../../x"),
        lambda m: m.update(suffix="/etc/passwd"),
        lambda m: m.update(key=key("two")),
        lambda m: m.update(size_bytes=-1),
        lambda m: m.update(size_bytes=True),
        lambda m: m.update(take=0),
        lambda m: m.update(take="1"),
        lambda m: m.update(seed=1.5),
        lambda m: m.update(document=[]),
        lambda m: m.update(extra=1),
        lambda m: m.pop("node"),
        lambda m: m.update(cost=None),
        lambda m: m["cost"].update(credits="0"),
        lambda m: m["cost"].pop("is_ceiling"),
        lambda m: m["facts"].update(fps="1/0"),
        lambda m: m["facts"].update(duration="8" * 5000),
        lambda m: m["facts"].update(frames=True),
        lambda m: m["receipt"].update(token="x"),
        lambda m: m["receipt"].update(seed="7"),
    ],
)
def test_a_hostile_record_is_damage(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(StoreCorrupt, match="damaged"):
        parse_record(resealed(change), key("one"), "x")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 100_000,
        b"[]",
        b'{"veospec_action":NaN}',
        b'{"veospec_action":1.0}',
        b"{}",
        b'{"veospec_action":0}',
        b"\xff",
    ],
)
def test_strange_json_under_a_good_checksum_is_damage(body: bytes) -> None:
    body = body if body.startswith(b"{") else b'{"x":' + body
    raw = b'{"_check":"' + sha256(body).hexdigest().encode() + b'",' + body[1:] + b"\n"
    for ending in (raw, raw[:-1] + b"}\n"):
        with pytest.raises(StoreCorrupt):
            parse_record(ending, key("one"), "x")


def test_a_record_of_a_newer_program_is_no_damage_and_no_absence() -> None:
    members = json.loads(encode_record(record_of(BLOB)))
    del members["_check"], members[KIND]
    with pytest.raises(StoreError, match="newer veospec") as caught:
        parse_record(seal(KIND, VERSION + 1, {**members, "more": 1}), key("one"), "x")
    assert not isinstance(caught.value, StoreCorrupt)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (os.mkfifo, StoreCorrupt),
        (os.mkdir, StoreCorrupt),
        (lambda path: Path(path).write_bytes(bytes(5 << 20)), StoreCorrupt),
        (lambda path: Path(path).symlink_to("/etc/passwd"), StoreError),
    ],
)
def test_what_is_no_record_is_no_absence(
    store: Store, plant: Callable[[str], object], expected: type[StoreError]
) -> None:
    path = store.actions.path(key("one"))
    path.parent.mkdir()
    plant(str(path))
    for look in (store.actions.get, store.actions.brief):
        with pytest.raises(expected):
            look(key("one"))


def test_a_pipe_that_somebody_holds_open_is_damage(store: Store) -> None:
    path = store.actions.path(key("one"))
    path.parent.mkdir()
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(StoreCorrupt, match="no regular file"):
            store.actions.get(key("one"))
    finally:
        os.close(held)


@pytest.mark.parametrize("size_bytes", [8_191, 8_192, 8_193, 100_000])
def test_a_long_record_is_read_whole(store: Store, size_bytes: int) -> None:
    bare = len(encode_record(record_of(BLOB, document={"prompt": ""})))
    record = record_of(BLOB, document={"prompt": "x" * (size_bytes - bare)})
    store.actions.put(record)
    assert store.actions.path(record.key).stat().st_size == size_bytes
    assert store.actions.get(record.key) == record
    with store.actions.path(record.key).open("ab") as stream:
        stream.write(b"}\n")
    with pytest.raises(StoreCorrupt):
        store.actions.get(record.key)


def test_what_cannot_be_read_back_is_not_written(store: Store) -> None:
    for bad in (
        replace(record_of(BLOB), digest="x"),
        replace(record_of(BLOB), take=0),
        replace(record_of(BLOB), document={"a": 1.5}),
    ):
        with pytest.raises((StoreCorrupt, ValueError)):
            store.actions.put(bad)
    assert list(store.actions.keys()) == []
