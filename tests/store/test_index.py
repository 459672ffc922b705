"""The index: only bytes, nothing that is planted is obeyed, any damage is an empty index."""

from __future__ import annotations

import os
import pickle
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from veospec.store import index as index_module
from veospec.store.index import Index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    (tmp_path / "index").mkdir()
    opened = Index(tmp_path / "index")
    yield opened
    opened.close()


def reopened(index: Index) -> Index:
    index.close()
    return Index(index._folder)


def database(index: Index) -> Path:
    return index._folder / "diskcache/cache.db"


def tamper(index: Index, *statements: tuple[str, tuple[object, ...]]) -> None:
    index.close()
    with closing(sqlite3.connect(database(index))) as connection, connection:
        for statement, arguments in statements:
            connection.execute(statement, arguments)


def test_bytes_come_back(index: Index) -> None:
    assert index.get("probe", "a") is None
    index.put("probe", "a", b"\0\xff" * 100_000)
    index.put("thumb", "a", b"")
    assert index.get("probe", "a") == b"\0\xff" * 100_000
    again = reopened(index)
    assert again.get("probe", "a") == b"\0\xff" * 100_000
    assert again.get("thumb", "a") == b""
    again.drop("probe", "a")
    assert again.get("probe", "a") is None
    assert again.trouble == ""
    again.close()


def test_everything_lies_in_the_database(index: Index) -> None:
    index.put("probe", "a", os.urandom(3 << 20))
    assert {p.name.partition("-")[0] for p in database(index).parent.iterdir()} == {"cache.db"}


class Evil:
    """Unpickling it leaves a mark."""

    mark = ""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (self.mark,)


def planted(index: Index, tmp_path: Path) -> dict[str, tuple[tuple[str, tuple[object, ...]], ...]]:
    Evil.mark = str(tmp_path / "EXECUTED")
    payload = pickle.dumps(Evil())
    return {
        "pickled value": (("UPDATE Cache SET mode = 4, value = ?", (payload,)),),
        "pickled key": (("UPDATE Cache SET key = ?, raw = 0", (payload,)),),
        "file outside": (("UPDATE Cache SET mode = 2, filename = '../../../paid.mp4', value = NULL", ()),),
        "text value": (("UPDATE Cache SET value = 'text'", ()),),
        "eviction": (("UPDATE Settings SET value = 1 WHERE key = 'size_limit'", ()),),
        "culling": (("UPDATE Settings SET value = 1000000 WHERE key = 'cull_limit'", ()),),
        "unknown setting": (("INSERT INTO Settings VALUES ('disk_evil', 1)", ()),),
        "unknown pragma": (("INSERT INTO Settings VALUES ('sqlite_writable_schema', 1)", ()),),
        "trigger": (("CREATE TRIGGER evil AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END", ()),),
        "view": (("CREATE VIEW evil AS SELECT 1", ()),),
        "missing table": (("DROP TABLE Cache", ()),),
        "other table": (("DROP TABLE Cache", ()), ("CREATE TABLE Cache (key, value)", ())),
    }


@pytest.mark.parametrize("case", list(planted(Index(Path()), Path())))
def test_planted_rows_and_settings_are_not_obeyed(index: Index, tmp_path: Path, case: str) -> None:
    (tmp_path / "paid.mp4").write_bytes(b"PAID")
    index.put("probe", "a", b"one")
    tamper(index, *planted(index, tmp_path)[case])
    again = reopened(index)
    assert again.get("probe", "a") in (None, b"one")
    again.put("probe", "a", b"two")
    again.put("probe", "b", b"three")
    assert again.get("probe", "b") == b"three"
    assert again.get("probe", "a") == b"two"
    assert not (tmp_path / "EXECUTED").exists()
    assert (tmp_path / "paid.mp4").read_bytes() == b"PAID"
    again.close()


def test_a_changed_value_is_not_served(index: Index) -> None:
    index.put("probe", "a", b"one")
    index.put("probe", "b", b"two")
    tamper(index, ("UPDATE Cache SET value = (SELECT value FROM Cache WHERE key LIKE '%:b')", ()))
    again = reopened(index)
    assert again.get("probe", "a") is None
    assert again.get("probe", "b") == b"two"
    again.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_database_never_gives_wrong_bytes(index: Index, seed: int) -> None:
    chance = random.Random(seed)
    truth = {f"k{i}": chance.randbytes(300) for i in range(60)}
    for name, content in truth.items():
        index.put("probe", name, content)
    index.close()
    raw = bytearray(database(index).read_bytes())
    at = chance.randrange(len(raw))
    match seed % 4:
        case 0:
            raw[at] ^= 1 << chance.randrange(8)
        case 1:
            raw[at : at + 512] = chance.randbytes(512)
        case 2:
            del raw[at:]
        case _:
            raw[at // 4096 * 4096 : at // 4096 * 4096 + 4096] = bytes(4096)
    database(index).write_bytes(raw)
    again = reopened(index)
    for name, content in truth.items():
        assert again.get("probe", name) in (None, content)
    again.put("probe", "new", b"new")
    assert again.get("probe", "new") in (None, b"new")
    again.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + bytes(4000)])
def test_what_is_no_database_is_replaced(index: Index, content: bytes) -> None:
    index.put("probe", "a", b"one")
    index.close()
    database(index).write_bytes(content)
    again = reopened(index)
    assert again.get("probe", "a") is None
    again.put("probe", "a", b"two")
    assert again.get("probe", "a") == b"two"
    again.close()


def test_an_index_of_another_version_is_an_empty_one(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.put("probe", "a", b"one")
    index.remember("plan", b"one")
    monkeypatch.setattr(index_module, "VERSION", index_module.VERSION + 1)
    assert index.get("probe", "a") is None
    assert index.recall("plan") is None


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    index = Index(tmp_path / "index")
    index.put("probe", "a", b"one")
    index.remember("plan", b"one")
    assert index.get("probe", "a") is None
    assert index.recall("plan") is None
    assert (tmp_path / "index").read_text() == "a file"
    index.clear()
    index.close()


def test_a_busy_database_is_kept_and_passed_over(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_LOCK_WAIT_S", 0.01)
    index.put("probe", "a", b"one")
    with closing(sqlite3.connect(database(index), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        index.put("probe", "b", b"two")
        other.execute("ROLLBACK")
    again = reopened(index)
    assert again.get("probe", "a") == b"one"
    again.close()


def test_plain_files_need_no_database(index: Index) -> None:
    index.remember("plan:shots.yaml", b"compiled")
    index.remember("plan:shots.yaml", b"compiled again")
    assert index.recall("plan:shots.yaml") == b"compiled again"
    assert index.recall("plan:other.yaml") is None
    assert not database(index).exists()
    (file,) = (index._folder / "plain").iterdir()
    for wrong in (b"", file.read_bytes()[:-1], file.read_bytes() + b"x", b"x" + file.read_bytes()[1:]):
        file.write_bytes(wrong)
        assert index.recall("plan:shots.yaml") is None


def test_clearing_leaves_an_index_that_works(index: Index) -> None:
    index.put("probe", "a", b"one")
    index.remember("plan", b"one")
    index.clear()
    assert index.get("probe", "a") is None
    assert index.recall("plan") is None
    index.put("probe", "a", b"two")
    assert index.get("probe", "a") == b"two"


def test_threads_may_share_it(index: Index) -> None:
    def work(number: int) -> None:
        for i in range(20):
            index.put("probe", f"{number}/{i}", b"%d" % i)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(index.get("probe", f"{n}/{i}") == b"%d" % i for n in range(4) for i in range(20))
