"""The journal holds what may cost money: guarded moves, one live attempt per key, a ceiling, and damage is seen."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import START

from veospec.errors import BudgetExceeded, Charge, JournalError
from veospec.model import Cost
from veospec.plan.values import Ceiling
from veospec.providers.base import Receipt, Result
from veospec.run.bound import Bound
from veospec.run.flights import Snapshot
from veospec.run.journal import Journal, Standing
from veospec.run.lifecycle import Event, MoveError, Next, State
from veospec.run.refs import JournalRefs
from veospec.run.rows import Intent, Part, Record
from veospec.run.scribe import Scribe

NONE = Ceiling()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path)
    yield journal
    journal.close()


def key(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


def part(name: str, take: int = 1, credits_: int | None = 20, sent: str = "") -> Part:
    document, other = {"prompt": name}, {"prompt": sent or name}
    return Part(key(name), document, key(sent or name), other, take, take, Cost(credits_, 0))


def intent(attempt: str, *parts: Part, run: str = "r1") -> Intent:
    return Intent(
        attempt=attempt,
        reply_ref=f"vs1:{attempt}",
        run=run,
        board="shots.yaml",
        provider="flow",
        process="1@here",
        node="SH010",
        account="a@example.com",
        model="veo-3.1-fast",
        path="videos",
        body={"prompt": "Ein Drachen ☂", "count": len(parts)},
        parts=parts,
    )


def begun(journal: Journal, attempt: str, *parts: Part, run: str = "r1") -> Record:
    record = journal.reserve(intent(attempt, *parts, run=run), NONE, START)
    assert isinstance(record, Record)
    return journal.sending(attempt, START)


LINK = Result(Receipt("flow", "a@example.com", "j1", "m1", 7, "veo"), url="https://x.example/1", expires_at=START)


def states(record: Record) -> list[State]:
    return [entry.state for entry in record.entries]


def test_a_life_from_intent_to_settled(journal: Journal, path: Path) -> None:
    """Every state is on disk when the method returns, and reads back as it was."""
    record = begun(journal, "a1", part("x"), part("y", 2))
    assert states(record) == [State.SUBMITTING] * 2
    assert record.attempt.body == {"prompt": "Ein Drachen ☂", "count": 2}
    assert states(journal.accepted("a1", "j:1*@", "", START)) == [State.SUBMITTED] * 2
    journal.generated("a1", {0: LINK}, START)
    record = journal.ended("a1", Event.CONTENT_REFUSED, "SEXUAL", Charge.NO, START, (1,))
    assert states(record) == [State.GENERATED, State.REFUSED]
    journal.stored("a1", 0, "ab" * 32, START)
    there = Journal.read(path)
    assert there.records == (journal.record("a1"),)
    first, second = there.records[0].entries
    assert (first.state, first.charge, first.digest) == (State.SETTLED, Charge.YES, "ab" * 32)
    assert first.receipt == LINK.receipt
    assert first.expires_at == START
    assert (second.state, second.charge, second.reason) == (State.REFUSED, Charge.NO, "SEXUAL")
    assert there.records[0].attempt.job_id == "j:1*@"
    assert journal.spent("r1") == Cost(20, 0)


def test_a_key_has_one_live_attempt(journal: Journal) -> None:
    """A second attempt is answered with what stands, in every live state, and begins after a release."""
    begun(journal, "a1", part("x"))
    for move in (
        lambda: None,
        lambda: journal.unclear("a1", "read timed out", START),
        lambda: journal.found("a1", "j1", "", START),
        lambda: journal.generated("a1", {0: LINK}, START),
        lambda: journal.ended("a1", Event.GONE, "410", Charge.YES, START),
    ):
        move()
        assert isinstance(journal.reserve(intent("a2", part("x")), NONE, START), Standing)
    journal.decided("a1", Event.PERSON_RETRY, START)
    assert isinstance(journal.reserve(intent("a2", part("x")), NONE, START), Record)
    assert journal.spent("r1") == Cost(40, 0), "a retry accepts that the first one may have been paid"


def test_the_index_stops_a_bug(journal: Journal, path: Path) -> None:
    """Even code that forgets to look cannot write a second live attempt at a key."""
    begun(journal, "a1", part("x"))
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(
            "INSERT INTO entries (attempt, key, sent_key, state) VALUES ('a2', ?, 'z', 'submitting')", (key("x"),)
        )
    db.close()


def test_a_refusal_is_remembered(journal: Journal, path: Path) -> None:
    """The same words are not sent again; other words that answer for them may be; a person may allow it."""
    begun(journal, "a1", part("x"))
    journal.ended("a1", Event.CONTENT_REFUSED, "SEXUAL", Charge.NO, START)
    standing = journal.reserve(intent("a2", part("x")), NONE, START)
    assert standing == Standing(key("x"), State.REFUSED, "SEXUAL")
    flight = Journal.read(path).flight(key("x"))
    assert flight is not None
    assert (flight.state, flight.reason) == ("refused", "SEXUAL")
    second = journal.reserve(intent("a3", part("x", sent="x'")), NONE, START)
    assert isinstance(second, Record)
    assert second.attempt.keys == (key("x'"),)
    assert second.entries[0].is_second_try
    live = Journal.read(path).flight(key("x"))
    assert live is not None
    assert live.state == "refused", "what is only reserved was never sent"
    journal.ended("a3", Event.RELEASE, "", Charge.NO, START)
    journal.decided("a1", Event.PERSON_RETRY, START)
    assert isinstance(journal.reserve(intent("a4", part("x")), NONE, START), Record)


@pytest.mark.parametrize(
    ("ceiling", "ok"),
    [
        (Ceiling(40, None, "the storyboard"), True),
        (Ceiling(39, None, "the storyboard"), False),
        (Ceiling(None, 0, "the command line"), True),
        (Ceiling(0, 0, "the command line"), False),
    ],
)
def test_the_ceiling_holds_in_the_transaction(journal: Journal, ceiling: Ceiling, ok: bool) -> None:
    """A reservation over the ceiling leaves nothing behind."""
    begun(journal, "a1", part("x"))
    if ok:
        assert isinstance(journal.reserve(intent("a2", part("y")), ceiling, START), Record)
        return
    with pytest.raises(BudgetExceeded, match="SH010 would bring this run to"):
        journal.reserve(intent("a2", part("y")), ceiling, START)
    assert [record.id for record in journal.snapshot().records] == ["a1"]


def test_an_unknown_price_breaks_every_ceiling(journal: Journal) -> None:
    """Unknown is never shown, or counted, as nothing."""
    with pytest.raises(BudgetExceeded, match="an unknown amount of credits"):
        journal.reserve(intent("a1", part("x", credits_=None)), Ceiling(1000, None, "me"), START)
    assert isinstance(journal.reserve(intent("a1", part("x", credits_=None)), NONE, START), Record)


def test_what_is_released_can_be_spent_again(journal: Journal) -> None:
    """A proven rejection gives its reservation back; an unclear answer does not."""
    ceiling = Ceiling(20, None, "me")
    begun(journal, "a1", part("x"))
    journal.ended("a1", Event.NOT_TAKEN, "429", Charge.NO, START)
    assert isinstance(journal.reserve(intent("a2", part("x")), ceiling, START), Record)
    journal.sending("a2", START)
    journal.unclear("a2", "reset", START)
    with pytest.raises(BudgetExceeded):
        journal.reserve(intent("a3", part("y"), run="r2"), ceiling, START)


def test_a_restart_judges_every_state(journal: Journal) -> None:
    """What was only reserved is released, what was being sent is unknown, the rest goes on."""
    journal.reserve(intent("a1", part("x")), NONE, START)
    begun(journal, "a2", part("y"))
    begun(journal, "a3", part("z"))
    journal.accepted("a3", "j3", "", START)
    assert [record.id for record in journal.live()] == ["a1", "a2", "a3"]
    found = {name: journal.restarted(name, START)[1][0] for name in ("a1", "a2", "a3")}
    assert {name: (move.state, move.action) for name, move in found.items()} == {
        "a1": (State.ABANDONED, Next.NONE),
        "a2": (State.UNKNOWN, Next.RECOVER),
        "a3": (State.SUBMITTED, Next.POLL),
    }
    assert journal.record("a1").entries[0].charge is Charge.NO
    assert journal.record("a2").entries[0].reason == "the process ended before the answer came"


def test_an_intent_that_is_sent_at_once_is_the_same(path: Path, journal: Journal) -> None:
    """One write instead of two, and what comes back is what lies in the file, for whoever opens it next."""
    two = begun(journal, "a1", part("x"), part("y", 2))
    one = journal.reserve(intent("a2", part("z"), part("w", 2)), NONE, START, sends=True)
    assert isinstance(one, Record)
    assert states(one) == states(two) == [State.SUBMITTING] * 2
    assert one == journal.record("a2")
    assert [entry.charge for entry in one.entries] == [entry.charge for entry in two.entries]
    journal.close()
    assert [record.id for record in Journal.read(path).records] == ["a1", "a2"]


def test_moves_start_where_they_must(journal: Journal) -> None:
    """Nothing is sent twice, nothing is fetched that is not generated."""
    begun(journal, "a1", part("x"))
    with pytest.raises(MoveError):
        journal.sending("a1", START)
    with pytest.raises(MoveError):
        journal.stored("a1", 0, "ab" * 32, START)


def test_a_failed_move_leaves_nothing(journal: Journal) -> None:
    """Several moves in one transaction happen together or not at all."""
    begun(journal, "a1", part("x"), part("y"))
    journal.accepted("a1", "j1", "", START)
    journal.generated("a1", {0: LINK, 1: LINK}, START)

    def both() -> None:
        with journal.transaction():
            journal.stored("a1", 0, "ab" * 32, START)
            journal.sending("a1", START)

    with pytest.raises(MoveError):
        both()
    assert states(journal.record("a1")) == [State.GENERATED] * 2


def test_person_forgets(journal: Journal) -> None:
    """`forget` says that it was not paid: the reservation is released."""
    begun(journal, "a1", part("x"))
    journal.unclear("a1", "reset", START)
    journal.decided("a1", Event.PERSON_FORGET, START)
    assert journal.spent("r1") == Cost(0, 0)
    with pytest.raises(JournalError, match="nothing of attempt a1 waits"):
        journal.decided("a1", Event.PERSON_FORGET, START)


def test_refs_and_denials(journal: Journal) -> None:
    """Handles are kept per account and name; a denial is for one run."""

    async def remember() -> None:
        scribe = Scribe(journal)
        refs = JournalRefs(scribe, lambda: START)
        refs.put("a", "image:d1", "user:1")
        refs.put("a", "image:d1", "user:2")
        refs.put("a", "image:d2", "user:3")
        assert refs.get("a", "image:d1") == "user:2"
        assert refs.get("b", "image:d1") == ""
        refs.forget("a", "image:d2")
        assert refs.get("a", "image:d2") == ""
        await scribe.close()

    asyncio.run(remember())
    assert journal.refs() == {("a", "image:d1"): "user:2"}
    journal.deny("r1", "a", "veo", "no right", START)
    assert journal.denied("r1", "a", "veo") == "no right"
    assert journal.denied("r1", "a", "other") is None
    journal.deny("r1", "a", "", "session is dead", START)
    assert journal.denied("r1", "a", "other") == "session is dead"
    assert journal.denied("r2", "a", "veo") is None


def test_two_processes_see_each_other(path: Path) -> None:
    """Moves of one are seen by the other at once; both count for the seal."""
    one, two = Journal.open(path), Journal.open(path)
    begun(one, "a1", part("x"))
    assert isinstance(two.reserve(intent("a2", part("x")), NONE, START), Standing)
    begun(two, "a3", part("y"))
    one.accepted("a1", "j1", "", START)
    assert len(Journal.read(path).records) == 2
    one.close()
    two.close()
    Journal.open(path).close()


def test_no_journal_is_an_empty_one(path: Path) -> None:
    """Before the first purchase there is nothing; reading makes no file."""
    assert Journal.read(path) == Snapshot()
    assert not path.exists()


# -- damage


def filled(path: Path, count: int = 40) -> list[str]:
    journal = Journal.open(path)
    with journal.transaction():
        for n in range(count):
            begun(journal, f"a{n}", part(f"x{n}"))
            if n % 2:
                journal.accepted(f"a{n}", f"j{n}", "", START + timedelta(seconds=n))
    journal.close()
    return [record.id for record in Journal.read(path).records]


def test_damage_is_refused_and_never_read_as_shorter(path: Path, tmp_path: Path) -> None:
    """300 damages in four ways: the file reads as it was, or is refused; never wrong, never shorter."""
    whole = filled(path)
    intact = Journal.read(path)
    raw = path.read_bytes()
    assert len(whole) == 40
    tally = {"refused": 0, "intact": 0}
    for seed in range(300):
        rnd = random.Random(seed)
        bad = bytearray(raw)
        if seed % 4 == 0:
            bad[rnd.randrange(len(bad))] ^= 1 << rnd.randrange(8)
        elif seed % 4 == 1:
            at = rnd.randrange(100, len(bad) - 512)
            bad[at : at + 512] = rnd.randbytes(512)
        elif seed % 4 == 2:
            bad = bad[: rnd.randrange(len(bad))]
        else:
            at = rnd.randrange(0, len(bad) // 4096) * 4096
            bad[at : at + 4096] = bytes(4096)
        victim = tmp_path / f"v{seed}" / "journal.sqlite3"
        victim.parent.mkdir()
        victim.write_bytes(bad)
        shutil.copy(path.with_suffix(".seq"), victim.with_suffix(".seq"))
        try:
            found = Journal.read(victim)
            opened = Journal.open(victim)
        except JournalError:
            tally["refused"] += 1
        else:
            opened.close()
            assert found == intact, seed
            tally["intact"] += 1
        shutil.rmtree(victim.parent)
    assert tally["refused"] > 200


def test_a_lost_wal_is_seen(path: Path) -> None:
    """The moves that only the `-wal` file held are missed, not forgotten."""
    journal = Journal.open(path)
    begun(journal, "a1", part("x"))
    copy = path.with_name("copy") / path.name
    copy.parent.mkdir()
    shutil.copy(path, copy)
    shutil.copy(path.with_suffix(".seq"), copy.with_suffix(".seq"))
    with pytest.raises(JournalError, match="it is an older state"):
        Journal.read(copy)
    journal.close()


@pytest.mark.parametrize(
    ("content", "text"), [(b"", "it is empty"), (None, "the file is gone"), (b"x" * 9000, "is damaged")]
)
def test_a_vanished_journal_is_not_an_empty_one(path: Path, content: bytes | None, text: str) -> None:
    """Empty would mean: pay again."""
    filled(path, 2)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for opening in (Journal.read, Journal.open):
        with pytest.raises(JournalError, match=text):
            opening(path)


@pytest.mark.parametrize("content", [b"", b"1\n", b"x" * 21, b"0" * 22])
def test_a_damaged_bound_is_said(path: Path, content: bytes) -> None:
    """The file that holds the number is never guessed at."""
    filled(path, 1)
    path.with_suffix(".seq").write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.seq is damaged"):
        Journal.open(path)


def test_the_first_number_is_never_seen_half_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens the journal while another run writes its first number finds none yet, and no damage."""
    bound, seen = Bound(path.with_suffix(".seq")), []
    for name in ("write", "pwrite"):
        real = getattr(os, name)

        def looked_at(*arguments: Any, real: Any = real) -> int:
            seen.append(bound.read())
            return int(real(*arguments))

        monkeypatch.setattr(os, name, looked_at)
    bound.write(7)
    bound.write(8)
    assert seen == [0, 7]
    assert bound.read() == 8


def test_a_full_disk_leaves_no_half_number(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("write", "pwrite"):
        monkeypatch.setattr(os, name, full)
    bound = Bound(path.with_suffix(".seq"))
    bound.write(7)
    assert bound.read() == 0
    assert not list(path.parent.iterdir())


def test_a_newer_journal_is_left_alone(path: Path) -> None:
    """A downgrade must not read half of what a newer version wrote."""
    filled(path, 1)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    for opening in (Journal.read, Journal.open):
        with pytest.raises(JournalError, match="written by a newer veospec"):
            opening(path)


def test_a_dropped_index_is_seen(path: Path) -> None:
    """Without its unique index the file is not trusted with money."""
    filled(path, 1)
    db = sqlite3.connect(path)
    db.execute("DROP INDEX one_live_key")
    db.close()
    with pytest.raises(JournalError, match="its tables are not those"):
        Journal.open(path)


def test_a_row_put_back_is_seen(path: Path) -> None:
    """An older version of one row is sealed too; the sum tells."""
    journal = Journal.open(path)
    begun(journal, "a1", part("x"))
    columns = sqlite3.connect(path).execute("SELECT * FROM entries").fetchone()
    journal.accepted("a1", "j1", "", START)
    journal.close()
    db = sqlite3.connect(path)
    db.execute("DELETE FROM entries")
    db.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(columns))})", columns)
    db.commit()
    db.close()
    with pytest.raises(JournalError, match="or one is an older version"):
        Journal.read(path)


def test_the_file_is_private(path: Path) -> None:
    """It names accounts and jobs."""
    filled(path, 1)
    assert path.stat().st_mode & 0o077 == 0
