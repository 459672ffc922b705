"""Work of many tasks in one transaction: who hears what, and what is on disk then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stage import START

from veospec.errors import JournalError, StoreFull
from veospec.run.journal import Journal
from veospec.run.scribe import MOST_AT_ONCE, Scribe


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


def remember(name: str) -> Callable[[Journal], str]:
    def work(journal: Journal) -> str:
        journal.remember("a", name, f"user:{name}", START)
        return name

    return work


def broken(journal: Journal) -> None:
    journal.remember("a", "broken", "user:broken", START)
    raise JournalError("nothing of this attempt waits")


def asked(journal: Journal, *work: Callable[[Journal], Any]) -> list[Any]:
    """Let every piece of work be asked for at once; return what each came to."""

    async def run() -> list[Any]:
        scribe = Scribe(journal)
        found = await asyncio.gather(*(scribe.do(one) for one in work), return_exceptions=True)
        await scribe.close()
        return found

    return asyncio.run(run())


def on_disk(journal: Journal) -> set[str]:
    """Return the names that another reader of the file sees."""
    other = Journal.open(journal._db.path)
    try:
        return {name for _, name in other.refs()}
    finally:
        other.close()


def test_what_fails_is_undone_alone(journal: Journal) -> None:
    """The others of the same transaction are written, and each hears its own."""
    first, second, third = asked(journal, remember("x"), broken, remember("y"))
    assert (first, third) == ("x", "y")
    assert isinstance(second, JournalError)
    assert on_disk(journal) == {"x", "y"}


@pytest.mark.parametrize("when", ["begin", "commit"])
def test_a_transaction_that_cannot_be_written_is_told_to_everybody(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Nothing of it is there, and the next one is written."""
    real = getattr(journal, when)
    failures = [StoreFull("no space is left")]

    def fail() -> None:
        if failures:
            raise failures.pop()
        real()

    monkeypatch.setattr(journal, when, fail)
    assert all(isinstance(found, StoreFull) for found in asked(journal, remember("x"), remember("y")))
    assert on_disk(journal) == set()

    async def run() -> list[Any]:
        failures.append(StoreFull("no space is left"))
        scribe = Scribe(journal)
        found = await asyncio.gather(scribe.do(remember("x")), scribe.look(Journal.refs), return_exceptions=True)
        await scribe.close()
        return found

    written, read = asyncio.run(run())
    assert isinstance(written, StoreFull)
    assert read == {}, "a disk that takes nothing can still be read"
    assert asked(journal, remember("z")) == ["z"]
    assert on_disk(journal) == {"z"}


def test_a_long_queue_is_written_in_several_transactions(journal: Journal) -> None:
    """Nobody is forgotten and the order is kept."""
    names = [f"n{number:04}" for number in range(2 * MOST_AT_ONCE + 7)]
    assert asked(journal, *(remember(name) for name in names)) == names
    assert on_disk(journal) == set(names)


def test_what_is_urgent_does_not_wait_in_the_queue(journal: Journal) -> None:
    """The job of a request that was paid is written down before the next requests are."""
    done: list[str] = []

    def work(name: str) -> Callable[[Journal], None]:
        return lambda _: done.append(name)

    async def run() -> None:
        scribe = Scribe(journal)
        plain = [scribe.do(work(f"n{number}")) for number in range(MOST_AT_ONCE + 3)]
        urgent = [scribe.do(work(name), is_urgent=True) for name in ("job 1", "job 2")]
        await asyncio.gather(*plain, *urgent)
        await scribe.close()

    asyncio.run(run())
    assert done == ["job 1", "job 2", *(f"n{number}" for number in range(MOST_AT_ONCE + 3))]


def test_work_is_done_although_nobody_waits_any_more(journal: Journal) -> None:
    """A cancelled caller leaves a true journal; a look sees what was written before it."""

    async def run() -> bool:
        scribe = Scribe(journal)
        gone = asyncio.ensure_future(scribe.do(remember("x")))
        await asyncio.sleep(0)
        gone.cancel()
        scribe.note(remember("y"))
        seen = await scribe.look(lambda journal: ("a", "x") in journal.refs())
        await scribe.close()
        return seen

    assert asyncio.run(run())
    assert on_disk(journal) == {"x", "y"}
