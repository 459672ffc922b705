"""A person's word ends what no program can decide; a job id survives a journal that cannot be written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_service import Fault, World
from stage import START, Ears, InlineExecutor, clip, make_plan

from veospec.errors import Charge, Exit, JournalError, StoreFull, StoreLocked, SubmissionUnknown, UsageError
from veospec.model import Cost, Node
from veospec.plan.values import Action, Plan
from veospec.run import rescue
from veospec.run.events import Ended, RunEvent, Waiting
from veospec.run.journal import Journal
from veospec.run.lifecycle import State
from veospec.run.resume import Decision, in_flight, resolve, take_in, waiting
from veospec.run.rows import Record
from veospec.run.scribe import Item, Scribe, Written
from veospec.store.layout import Store
from veospec.store.lock import Lease

LOST = SubmissionUnknown("the answer was lost", charge=Charge.UNKNOWN)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def plan(*nodes: Node, action: Action = Action.GENERATE) -> Plan:
    actions = {(node.id, 1): action for node in nodes}
    return make_plan(*nodes, provider="flow", price=Cost(20, 0), actions=actions)


def decide(world: World, decision: Decision, job: str = "", node: str = "SH000") -> tuple[Record, ...]:
    with Store.open(world.root / ".veospec", write=True) as store:
        journal = Journal.open(store.journal_path)
        try:
            return resolve(journal, store.locks, [node], decision, START, board="shots.yaml", job=job)
        finally:
            journal.close()


def lost(world: World, *, accepts: bool) -> None:
    world.service.faults["submit"] = [Fault(LOST, accepts=accepts)]
    world.service.hides_jobs = True
    assert [o.state for o in world.apply(plan(clip("SH000"))).outcomes] == [Ended.HELD]
    [open_] = waiting(Journal.read(world.journal_path), "shots.yaml")
    assert open_.entry.state is State.UNKNOWN


def test_adopt(world: World) -> None:
    """The person names the job: the clip comes home without another charge."""
    lost(world, accepts=True)
    decide(world, Decision.ADOPT, "j0:x*@")
    assert [open_.entry.take for open_ in in_flight(Journal.read(world.journal_path))] == [1]
    report = world.apply(plan(clip("SH000"), action=Action.RESUME))
    assert [o.state for o in report.outcomes] == [Ended.RESUMED]
    assert world.service.charged == 20


@pytest.mark.parametrize(("decision", "spent"), [(Decision.RETRY, 20), (Decision.FORGET, 0)])
def test_retry_and_forget(world: World, decision: Decision, spent: int) -> None:
    """Both let the shot be bought again; they differ in what the first request is believed to have cost."""
    lost(world, accepts=decision is Decision.RETRY)
    decide(world, decision)
    snapshot = Journal.read(world.journal_path)
    assert waiting(snapshot) == ()
    assert snapshot.records[0].cost == Cost(spent, 0)
    assert [o.state for o in world.apply(plan(clip("SH000"))).outcomes] == [Ended.MADE]
    assert world.service.charged == 20 + spent


def test_nothing_to_decide(world: World) -> None:
    """Usage errors name the shot, and nothing changes."""
    world.apply(plan(clip("SH000")))
    with pytest.raises(UsageError, match="nothing of SH000 waits for a decision"):
        decide(world, Decision.RETRY)
    lost_world = World(world.root / "other")
    lost_world.root.mkdir()
    lost(lost_world, accepts=True)
    with pytest.raises(UsageError, match="--adopt names one job"):
        decide(lost_world, Decision.ADOPT)


def test_what_another_run_works_on_is_not_decided(world: World) -> None:
    """A decision needs the leases of the takes."""
    lost(world, accepts=True)
    key = Journal.read(world.journal_path).records[0].entries[0].key
    with Store.open(world.root / ".veospec", write=True) as store:
        lease = store.locks.attempt(key)
        assert isinstance(lease, Lease)
        with lease, pytest.raises(StoreLocked, match="another veospec"):
            decide(world, Decision.RETRY)


class Sender(Ears):
    """Another run, which learns what became of its request as soon as somebody waits for it."""

    def __init__(self, learns: Callable[[], object]) -> None:
        super().__init__()
        self._learns = learns

    def tell(self, event: RunEvent) -> None:
        super().tell(event)
        if isinstance(event, Waiting):
            self._learns()


def test_what_another_run_is_sending_is_not_lost(world: World) -> None:
    """It is waited for: planned at once it would be held for a person, and what builds on it blocked."""
    lost(world, accepts=True)
    world.service.calls.clear()
    with Store.open(world.root / ".veospec", write=True) as store:
        other = Journal.open(store.journal_path)
        [record] = other.live()
        lease = store.locks.attempt(record.entries[0].key)
        assert isinstance(lease, Lease)
        world.ears = Sender(lambda: other.found(record.id, "j0:x*@", "", START))
        with lease:
            world.search({record.entries[0].key})
        other.close()
    assert [event.reason for event in world.ears.of(Waiting)] == ["another veospec works on its request"]
    assert [found.entry.state for found in in_flight(Journal.read(world.journal_path))] == [State.SUBMITTED]
    assert world.service.count("recover") == 0, "its own run looks for it"


def test_what_another_run_sends_for_somebody_else_is_not_waited_for(world: World) -> None:
    """A store may be shared: the request of another storyboard is that one's to wait for."""
    lost(world, accepts=True)
    with Store.open(world.root / ".veospec", write=True) as store:
        lease = store.locks.attempt(Journal.read(world.journal_path).records[0].entries[0].key)
        assert isinstance(lease, Lease)
        with lease:
            world.search({"0" * 64})
    assert world.ears.of(Waiting) == []


def test_what_another_run_left_is_looked_for(world: World) -> None:
    """Its lease ends with it."""
    lost(world, accepts=True)
    world.service.calls.clear()
    world.service.hides_jobs = False
    with Store.open(world.root / ".veospec", write=True) as store:
        key = Journal.read(world.journal_path).records[0].entries[0].key
        lease = store.locks.attempt(key)
        assert isinstance(lease, Lease)
        world.ears = Sender(lease.release)
        world.search({key})
    assert world.service.count("recover") == 1
    assert [found.entry.state for found in in_flight(Journal.read(world.journal_path))] == [State.SUBMITTED]


class BrokenScribe(Scribe):
    """The disk is full from the moment on when the journal is to hold that a job was accepted."""

    full_at = "accepted"
    is_full = False

    async def carry_out(self, batch: list[Item]) -> list[Written]:
        self.is_full |= any(self.full_at in item.work.__code__.co_names for item in batch)
        if not self.is_full:
            return await super().carry_out(batch)
        full = Written(error=StoreFull("no space is left"))
        return [(await super(BrokenScribe, self).carry_out([i]))[0] if i.is_reading else full for i in batch]


class LaterBrokenScribe(BrokenScribe):
    """The disk is full when the job has ended."""

    full_at = "generated"


def test_the_job_id_is_rescued(world: World) -> None:
    """The journal cannot be written after the 201: a file beside the storyboard and one line hold the id; then stop."""
    world.scribe_of = lambda journal: BrokenScribe(journal, InlineExecutor())
    report = world.apply(plan(clip("SH000"), clip("SH001")))
    assert report.exit is Exit.STORE
    assert [o.state for o in report.outcomes] == [Ended.HELD, Ended.STOPPED]
    assert report.spent == Cost(20, 0)
    assert world.service.count("submit") == 1
    [line] = world.said
    [path] = world.root.glob("veospec-rescue-*.json")
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(line)["job_id"] == "j0:x*@"
    assert rescue.parse(path.read_text()) == rescue.parse(line)
    journal = Journal.open(world.journal_path)
    take_in(journal, rescue.parse(line), START)
    take_in(journal, rescue.parse(line), START)
    journal.close()
    world.scribe_of = Scribe  # with a thread of its own, as in life
    assert [o.state for o in world.apply(plan(clip("SH000"), action=Action.RESUME)).outcomes] == [Ended.RESUMED]
    assert world.service.charged == 20


def test_what_was_paid_before_the_disk_was_full_is_no_failure(world: World) -> None:
    """It is pending, and its price is in the sum; the next run brings it home."""
    world.scribe_of = lambda journal: LaterBrokenScribe(journal, InlineExecutor())
    report = world.apply(plan(clip("SH000"), clip("SH001")))
    assert report.exit is Exit.STORE
    assert [o.state for o in report.outcomes] == [Ended.PENDING, Ended.FAILED]
    assert report.spent == Cost(20, 0)
    world.scribe_of = Scribe
    assert [o.state for o in world.apply(plan(clip("SH000"), action=Action.RESUME)).outcomes] == [Ended.RESUMED]
    assert world.service.charged == 20


def test_a_rescue_file_must_fit(world: World) -> None:
    """A line of another journal changes nothing."""
    lost(world, accepts=True)
    record = Journal.read(world.journal_path).records[0]
    journal = Journal.open(world.journal_path)
    for attempt, ref, text in ((record.id, "vs1:other", "another request"), ("f" * 32, "x", "has no attempt")):
        with pytest.raises(JournalError, match=text):
            take_in(journal, rescue.Rescued(attempt, ref, "SH000", "a", "j"), START)
    journal.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"veospec_rescue": 2}', "[" * 10_000, "null"])
def test_what_is_no_rescue_file(text: str) -> None:
    """Anything else is refused in one sentence."""
    with pytest.raises(UsageError, match="no rescue file"):
        rescue.parse(text)


def test_a_rescue_without_a_disk_still_says_the_line(tmp_path: Path) -> None:
    """When the file cannot be written either, the line on the screen is all there is."""
    said: list[str] = []
    say: Callable[[str], None] = said.append
    where = rescue.save(rescue.Rescued("a", "r", "SH000", "", "j"), tmp_path / "nowhere", START, say)
    assert where == "the line below"
    assert rescue.parse(said[0]).job_id == "j"
