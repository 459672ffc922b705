"""Listing, verifying, collecting and taking over: paid work is never at risk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from store_builders import PAID, RECEIPT, key, record_of, stored

from veospec.errors import StoreCorrupt, StoreError
from veospec.model import Cost
from veospec.store.layout import Store
from veospec.store.maintenance import audit, collect, entries, take_clips, take_over

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s", write=True, exclusive=True) as opened:
        yield opened


def forget(store: Store) -> None:
    """Accept something else everywhere, often enough that the first keys leave the history."""
    for board in list(store.heads.boards()):
        for place in store.heads.get(board):
            for n in range(6):
                store.heads.accept(board, {place: key(f"other {n}")})


def test_a_healthy_store_has_no_findings(store: Store) -> None:
    stored(store, "one")
    stored(store, "two", take=2)
    told: list[tuple[int, int]] = []
    report = audit(store, lambda done, total: told.append((done, total)))
    assert (report.records, report.blobs, report.findings) == (2, 2, ())
    assert report.size_bytes == 1600
    assert told == [(1, 2), (2, 2)]


def test_every_kind_of_damage_is_found(store: Store) -> None:
    flipped, gone, broken = stored(store, "flipped"), stored(store, "gone", take=2), stored(store, "broken", take=3)
    path = store.blobs.path(flipped.digest, ".mp4")
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    store.blobs.path(gone.digest, ".mp4").unlink()
    store.actions.path(broken.key).write_bytes(b"{}")
    store.blobs.put_bytes(b"nobody's", ".mp4")
    (store.blobs.folder / "note.txt").write_text("?")
    report = audit(store)
    kinds = sorted(finding.kind for finding in report.findings)
    assert kinds == ["damaged", "gone", "orphan", "orphan", "record", "stranger"]
    assert sum(finding.is_damage for finding in report.findings) == 3
    with Store.open(store.root, write=False) as reader:
        assert audit(reader) == report


def test_a_listing_tells_what_is_used_and_what_was_paid(store: Store) -> None:
    stored(store, "free")
    stored(store, "paid", take=2, cost=PAID, receipt=RECEIPT)
    stored(store, "unknown", take=3, cost=Cost(None, None))
    old = store.actions.put(replace(stored(store, "free"), key=key("old")))
    found, findings = entries(store)
    assert findings == ()
    assert [(e.record.take, e.is_paid, e.is_used) for e in found if e.record.key != old.key] == [
        (1, False, True),
        (2, True, True),
        (3, True, True),
    ]
    assert [e.is_used for e in found if e.record.key == old.key] == [False]


def test_collecting_shows_first_and_moves_only_when_told(store: Store, tmp_path: Path) -> None:
    kept, free = stored(store, "kept"), stored(store, "free", node="SH020")
    shared = store.actions.put(replace(free, key=key("shared"), digest=kept.digest, size_bytes=kept.size_bytes))
    stored(store, "paid", node="SH030", cost=PAID, receipt=RECEIPT)
    store.blobs.put_bytes(b"orphan", ".mp4")
    store.inputs.put_bytes(b"input", ".png")
    forget(store)
    store.heads.accept("shots.yaml", {("SH010", 1): kept.key})
    before = sorted(p for p in tmp_path.rglob("*") if p.is_file() and "locks" not in p.parts)

    plan = collect(store, now=NOW)
    assert {e.record.key for e in plan.entries} == {free.key, shared.key}
    assert [e.record.node for e in plan.spared] == ["SH030"]
    assert len(plan.spared_orphans) == 1
    assert (plan.size_bytes, plan.copies_bytes) == (free.size_bytes, len(b"input"))
    assert plan.trash is None
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file() and "locks" not in p.parts) == before

    done = collect(store, delete=True, now=NOW)
    assert done.entries == plan.entries
    assert done.trash is not None
    assert done.trash.parent == store.trash
    assert store.actions.get(free.key) is None
    assert not store.blobs.has(free.digest, ".mp4")
    assert store.blobs.has(kept.digest, ".mp4"), "another record needs these bytes"
    assert collect(store, delete=True, now=NOW).trash is None
    assert [finding.kind for finding in audit(store).findings] == ["orphan"]

    back = take_over(store, done.trash)
    assert set(back.added) == {free.key, shared.key} or back.refused
    assert store.actions.get(free.key) == free
    assert store.blobs.verify(free.digest, ".mp4")


def test_old_pieces_of_the_index_go_at_once_and_young_ones_stay(store: Store, tmp_path: Path) -> None:
    """They can be made again, so there is no trash for them; nothing but files of the two folders is touched."""
    elsewhere = tmp_path / "film.mp4"
    elsewhere.write_bytes(b"mine")
    ages = {"index/reels/old.aac": 31, "index/reels/new.mp4": 29, "index/thumbs/old.jpg": 400, "index/other": 400}
    for name, days in ages.items():
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"piece")
        at = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (at, at))
    (store.root / "index/reels/link.mp4").symlink_to(elsewhere)
    os.utime(store.root / "index/reels/link.mp4", (0, 0), follow_symlinks=False)
    old = {store.root / "index/reels/old.aac", store.root / "index/thumbs/old.jpg"}

    plan = collect(store, now=NOW)
    assert set(plan.pieces) == old
    assert (plan.size_bytes, plan.copies_bytes, plan.is_done) == (0, 10, False)
    assert all(path.exists() for path in old)

    done = collect(store, delete=True, now=NOW)
    assert (done.is_done, done.trash) == (True, None)
    assert not any(path.exists() for path in old)
    left = sorted(p.relative_to(store.root).as_posix() for p in (store.root / "index").rglob("*") if not p.is_dir())
    assert left == ["index/other", "index/reels/link.mp4", "index/reels/new.mp4"]
    assert elsewhere.read_bytes() == b"mine"
    assert list(store.trash.iterdir()) == []


def test_paid_work_goes_only_by_name_and_never_what_the_journal_holds(store: Store) -> None:
    paid, live = stored(store, "paid", cost=PAID), stored(store, "live", node="SH020", cost=PAID)
    store.blobs.put_bytes(b"orphan", ".mp4")
    forget(store)
    assert collect(store, delete=True, now=NOW).entries == ()
    done = collect(store, delete=True, with_paid=True, keep={live.key}, now=NOW)
    assert [e.record.key for e in done.entries] == [paid.key]
    assert len(done.orphans) == 1
    assert done.trash is not None
    assert len(list(done.trash.rglob("*.mp4"))) == 2
    assert store.actions.get(live.key) == live


@pytest.mark.parametrize("damage", ["record", "heads"])
def test_in_doubt_nothing_is_collected(store: Store, damage: str) -> None:
    record = stored(store, "one")
    path = store.actions.path(record.key) if damage == "record" else next(store.heads.folder.iterdir())
    path.write_bytes(b"{}")
    with pytest.raises(StoreCorrupt, match="cannot tell what is unused"):
        collect(store, delete=True, now=NOW)
    assert store.blobs.has(record.digest, ".mp4")


def test_the_history_of_a_storyboard_is_kept(store: Store) -> None:
    records = [store.actions.put(record_of(store.blobs.put_bytes(b"%d" % n, ".mp4"), f"v{n}")) for n in range(7)]
    for record in records:
        store.heads.accept("shots.yaml", {("SH010", 1): record.key})
    assert {e.record.key for e in collect(store, now=NOW).entries} == {records[0].key, records[1].key}


def test_taking_over_from_another_store(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other/.veospec", write=True) as other:
        one, two, three = stored(other, "one"), stored(other, "two", take=2, cost=PAID), stored(other, "three", take=3)
        path = other.blobs.path(three.digest, ".mp4")
        path.chmod(0o644)
        path.write_bytes(b"changed by a stranger")
    stored(store, "one")
    lost = store.blobs.path(one.digest, ".mp4")
    lost.unlink()
    first = take_over(store, tmp_path / "other")
    assert (first.added, first.healed, first.known) == ((two.key,), (one.key,), ())
    assert len(first.refused) == 1
    assert "damaged" in first.refused[0]
    assert store.actions.get(two.key) == two
    assert lost.exists()
    again = take_over(store, tmp_path / "other/.veospec/store")
    assert (again.added, set(again.known)) == ((), {one.key, two.key})
    with pytest.raises(StoreError, match="holds no store"):
        take_over(store, tmp_path)


def test_taking_over_never_replaces_another_result(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other", write=True) as other:
        other.actions.put(record_of(other.blobs.put_bytes(b"theirs", ".mp4"), "one"))
    ours = stored(store, "one")
    report = take_over(store, tmp_path / "other")
    assert report.added == ()
    assert "already has another result" in report.refused[0]
    assert store.actions.get(ours.key) == ours


def test_taking_clips_from_a_folder(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other", write=True) as other:
        one, two, three = (stored(other, name) for name in ("one", "two", "three"))
        (tmp_path / "out/clips").mkdir(parents=True)
        (tmp_path / "out/clips/1.mp4").write_bytes(other.blobs.read(one.digest, ".mp4"))
        (tmp_path / "out/clips/2.mp4").write_bytes(b"not these bytes")
        (tmp_path / "out/clips/3.mp4").symlink_to(other.blobs.path(three.digest, ".mp4"))
    offers = [
        ("clips/1.mp4", one),
        ("clips/2.mp4", two),
        ("clips/3.mp4", three),
        ("../other/version", two),
        ("no.mp4", two),
    ]
    report = take_clips(store, tmp_path / "out", offers)
    assert report.added == (one.key,)
    assert [line.split(" ", 1)[0].rstrip(":") for line in report.refused] == [path for path, _ in offers[1:]]
    assert "are not those of its record" in report.refused[0]
    assert "is a symbolic link" in report.refused[1]
    assert store.actions.get(two.key) is None
    assert not list(store.scratch.iterdir())


def test_the_heads_of_a_storyboard(store: Store) -> None:
    store.heads.accept(
        "a.yaml", {("SH010", 1): key("1"), ("SH010", 2): key("2")}, {("SH010", 1): {"start": "still:quay"}}
    )
    store.heads.accept("b.yaml", {("SH010", 1): key("3")})
    store.heads.accept("a.yaml", {("SH010", 1): key("4")})
    store.heads.accept("a.yaml", {("SH010", 1): key("1")})
    assert store.heads.get("a.yaml") == {("SH010", 1): key("1"), ("SH010", 2): key("2")}
    assert store.heads.heads("a.yaml")["SH010", 1].keys == (key("1"), key("4"))
    assert store.heads.heads("a.yaml")["SH010", 1].upstream == {}
    assert sorted(store.heads.boards()) == ["a.yaml", "b.yaml"]
    assert store.heads.keys() == {key(n) for n in "1234"}
    assert store.heads.get("c.yaml") == {}


@pytest.mark.parametrize(
    "nodes",
    ["[]", '{"SH010":[]}', '{"SH010":{"0":{"keys":["K"],"upstream":{}}}}', '{"SH010":{"1":{"keys":[],"upstream":{}}}}',
     '{"SH010":{"1":{"keys":["../x"],"upstream":{}}}}', '{"SH010":{"1":{"keys":["K"],"upstream":{"start":1}}}}',
     '{"SH010":{"1":["K"]}}', '{"SH010":{"²":{"keys":["K"],"upstream":{}}}}'],
)  # fmt: skip
def test_hostile_heads_are_damage(store: Store, nodes: str) -> None:
    from veospec.store.heads import KIND, VERSION
    from veospec.store.sealed import seal

    store.heads.accept("a.yaml", {("SH010", 1): key("1")})
    (file,) = store.heads.folder.iterdir()
    found = json.loads(nodes.replace('"K"', f'"{key("1")}"'))
    file.write_bytes(seal(KIND, VERSION, {"board": "a.yaml", "nodes": found}))
    with pytest.raises(StoreCorrupt, match="damaged"):
        store.heads.get("a.yaml")


def test_heads_of_another_storyboard_are_not_ours(store: Store) -> None:
    store.heads.accept("a.yaml", {("SH010", 1): key("1")})
    store.heads.accept("b.yaml", {("SH010", 1): key("2")})
    one, two = sorted(store.heads.folder.iterdir())
    one.write_bytes(two.read_bytes())
    with pytest.raises(StoreCorrupt, match="belongs to the storyboard"):
        [store.heads.get(board) for board in ("a.yaml", "b.yaml")]
