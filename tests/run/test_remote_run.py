"""A paid plan against a service with a ledger: every fault, and never a second charge for one key."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_service import Fault, World
from stage import Ears, clip, make_plan, slot

from veospec.errors import (
    AccessDenied,
    ApiError,
    BudgetExceeded,
    Charge,
    ContentRefused,
    Exit,
    JobError,
    OutOfCredits,
    RequestInvalid,
    Scope,
    SubmissionUnknown,
    Throttled,
    Unauthorized,
    Unreachable,
)
from veospec.model import Cost, Kind, Mode, Node, NodeSource, Policy
from veospec.plan.values import Action, Ceiling, Plan
from veospec.run.events import Ended, Note, Reserved, Settled, StepProgress, Waiting
from veospec.run.journal import Journal
from veospec.run.lifecycle import State
from veospec.run.limits import Limits
from veospec.run.outcome import Report

PRICE = Cost(20, 0)
LOST = SubmissionUnknown("videos: the answer was lost (read timed out)", charge=Charge.UNKNOWN)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def plan(*nodes: Node, **more: Any) -> Plan:
    return make_plan(*nodes, provider="flow", price=PRICE, **more)


def shots(count: int) -> tuple[Node, ...]:
    return tuple(clip(f"SH{n:03}") for n in range(count))


def states(report: Report) -> list[Ended]:
    return [outcome.state for outcome in report.outcomes]


def journal_states(world: World) -> list[State]:
    return [entry.state for record in Journal.read(world.journal_path).records for entry in record.entries]


def noted(world: World) -> list[str]:
    return [note.text for note in world.ears.of(Note)]


def test_a_plan_is_bought_once(world: World) -> None:
    """Every take is charged once, filed, and a second run sends nothing."""
    first = world.apply(plan(*shots(3)))
    assert states(first) == [Ended.MADE] * 3
    assert first.exit is Exit.DONE
    assert first.spent == Cost(60, 0)
    assert (world.service.count("submit"), world.service.charged) == (3, 60)
    assert journal_states(world) == [State.SETTLED] * 3
    assert first.outcomes[0].record is not None
    assert first.outcomes[0].record.receipt is not None
    assert first.outcomes[0].record.receipt.account == "studio@example.com"
    assert first.outcomes[0].record.cost == PRICE
    second = world.apply(plan(*shots(3)))
    assert states(second) == [Ended.REUSED] * 3
    assert second.spent == Cost(0, 0)
    assert world.service.count("submit") == 3


def test_the_chain_goes_through_frames_and_joins(world: World) -> None:
    """A chained shot is sent after its upstream landed; the join is made here and costs nothing."""
    nodes = (
        clip("SH070"),
        clip("SH080", slot("source", NodeSource("SH070")), mode=Mode.EXTEND),
        clip(
            "join:SH080",
            slot("source", NodeSource("SH070")),
            slot("segment", NodeSource("SH080")),
            kind=Kind.JOIN,
            mode=Mode.JOIN,
        ),
        clip("SH090", slot("start", NodeSource("SH070", "last"))),
    )
    report = world.apply(plan(*nodes))
    assert states(report) == [Ended.MADE] * 4
    assert world.service.charged == 60
    assert report.outcomes[2].cost == Cost(0, 0)


def test_one_video_in_flight_per_account(world: World) -> None:
    """The default never has two of an account's videos running; a higher limit does."""
    world.apply(plan(*shots(4)))
    assert world.service.in_flight_most == 1
    at = world.service.submitted_at
    assert all(later - earlier >= 90 for earlier, later in pairwise(at))


def test_several_in_flight_are_sent_one_after_the_other(world: World) -> None:
    """Who allows four on an account does not send four at once: that rests the account for half an hour."""
    world.limits = Limits(videos_per_account=4)
    world.apply(plan(*shots(6)))
    assert world.service.in_flight_most == 4
    sent = world.service.submitted_at
    assert all(after - before >= 5 for before, after in pairwise(sent))


def test_takes_go_in_one_request(world: World) -> None:
    """Consecutive takes are one request with a count, four at most; the seeds say which result is which."""
    report = world.apply(plan(clip("SH010", takes=6)))
    assert states(report) == [Ended.MADE] * 6
    assert world.service.count("submit") == 2
    assert world.service.charged == 120
    records = [outcome.record for outcome in report.outcomes]
    assert [record.seed for record in records if record] == [1, 2, 3, 4, 5, 6]
    assert len({outcome.digest for outcome in report.outcomes}) == 6


def test_a_filtered_entry_is_refused_alone(world: World) -> None:
    """One take of four has no link: it is refused and not charged, the others are made."""
    world.service.filters[2] = "PUBLIC_ERROR_SEXUAL"
    report = world.apply(plan(clip("SH010", takes=4)))
    assert states(report) == [Ended.MADE, Ended.REFUSED, Ended.MADE, Ended.MADE]
    assert report.outcomes[1].reason == "PUBLIC_ERROR_SEXUAL"
    assert report.spent == Cost(60, 0)
    assert world.service.charged == 60
    assert report.exit is Exit.FAILED
    again = world.apply(plan(clip("SH010", takes=4), actions={("SH010", 2): Action.REFUSED}))
    assert states(again)[1] is Ended.REFUSED
    assert world.service.count("submit") == 1


def test_results_without_seeds_are_taken_in_order(world: World) -> None:
    """Without seeds in the answer the order decides."""
    world.service.says_seeds = False
    report = world.apply(plan(clip("SH010", takes=2)))
    assert [outcome.record.seed for outcome in report.outcomes if outcome.record] == [1, 2]


def test_a_refusal_is_tried_with_another_seed_where_the_policy_says(world: World) -> None:
    """The second try has a key of its own, is filed under both, and its record tells the seed that was used."""
    world.service.faults["submit"] = [ContentRefused("refused", reason="PUBLIC_ERROR_UNSAFE_GENERATION")]
    policy = Policy(reject_retries=1, reject_change="seed")
    report = world.apply(plan(clip("SH010"), policy=policy))
    outcome = report.outcomes[0]
    assert outcome.state is Ended.MADE
    assert "seed 1000004 after a refusal" in outcome.reason
    assert outcome.record is not None
    assert outcome.record.seed == 1_000_004
    assert outcome.record.document["seed"] == 1
    assert world.service.charged == 20
    assert any("trying seed 1000004 instead of 1" in str(event) for event in world.ears.events)
    assert states(world.apply(plan(clip("SH010")))) == [Ended.REUSED]


def test_second_tries_are_bounded_and_remembered(world: World) -> None:
    """After the last allowed try the take is refused, and the next run does not send it again."""
    refusal = ContentRefused("refused")
    world.service.faults["submit"] = [refusal, refusal, refusal]
    policy = Policy(reject_retries=2, reject_change="seed")
    assert states(world.apply(plan(clip("SH010"), policy=policy))) == [Ended.REFUSED]
    assert world.service.count("submit") == 3
    assert states(world.apply(plan(clip("SH010"), policy=policy))) == [Ended.REFUSED]
    assert world.service.count("submit") == 3
    assert world.service.charged == 0


def test_a_refused_picture_is_remembered_and_not_sent_again(world: World) -> None:
    """The same bytes are refused every time, whatever the seed: nothing is sent, now or by the next run."""
    refusal = ContentRefused(
        "/assets: the content was refused", reason="PUBLIC_ERROR_MINOR_UPLOAD", operation="/assets"
    )
    world.service.faults["prepare:SH000"] = [refusal]
    policy = Policy(reject_change="seed", reject_retries=2)
    for _ in range(2):
        report = world.apply(plan(clip("SH000", takes=2), policy=policy))
        assert states(report) == [Ended.REFUSED] * 2
        assert all("MINOR_UPLOAD" in outcome.reason for outcome in report.outcomes)
        assert world.service.count("submit") == 0
    assert journal_states(world) == [State.REFUSED] * 2
    assert Journal.read(world.journal_path).records[0].cost == Cost(0, 0)
    assert world.service.charged == 0
    assert states(world.apply(plan(clip("SH000", prompt="Another picture.")))) == [Ended.MADE]


@pytest.mark.parametrize("is_found", [True, False])
def test_a_lost_answer_is_never_sent_again(world: World, is_found: bool) -> None:
    """The job is adopted when the service shows it; else the shot is held, also by the next run, and only that shot."""
    world.service.faults["submit:SH000"] = [Fault(LOST, accepts=True)]
    world.service.hides_jobs = not is_found
    nodes = (*shots(2), clip("SH900", slot("start", NodeSource("SH000", "last"))))
    report = world.apply(plan(*nodes))
    if is_found:
        assert states(report) == [Ended.MADE] * 3
        assert world.service.charged == 60
        return
    assert states(report) == [Ended.HELD, Ended.MADE, Ended.BLOCKED]
    assert "a job may have been started at 2026-06-15 10:0" in report.outcomes[0].reason
    assert "none carries our mark" in report.outcomes[0].reason
    assert report.outcomes[0].hint == "veospec resolve SH000 --adopt JOB | --retry | --forget"
    assert report.exit is Exit.PENDING
    again = world.apply(plan(*nodes))
    assert states(again)[0] is Ended.HELD
    assert world.service.count("submit:SH000") == 1
    world.service.hides_jobs = False
    assert states(world.apply(plan(*nodes, actions={("SH000", 1): Action.HOLD})))[0] in (Ended.MADE, Ended.RESUMED)
    assert world.service.count("submit:SH000") == 1


def test_an_answer_that_cannot_be_read_is_a_lost_answer(world: World) -> None:
    """A bug after the request left leaves `unknown` behind, not `reserved`."""
    world.service.faults["submit"] = [Fault(ZeroDivisionError(), accepts=True)]
    with pytest.raises(ZeroDivisionError):
        world.apply(plan(clip("SH010")))
    assert journal_states(world) == [State.UNKNOWN]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Throttled("429: too many at once", scope=Scope.ACCOUNT, retry_after_s=1800.0), True),
        (Throttled("429: quota of the model", scope=Scope.MODEL, retry_after_s=60.0), True),
        (Throttled("503: overloaded", retry_after_s=10.0), True),
        (Unreachable("connection refused"), True),
        (RequestInvalid("400: Parameter"), False),
        (AccessDenied("403: model", scope=Scope.MODEL), False),
    ],
)
def test_what_follows_a_proven_rejection(world: World, error: ApiError, again: bool) -> None:
    """What passes with time is sent again after the service's own wait; what does not fails the shot alone."""
    world.service.faults["submit:SH000"] = [error]
    report = world.apply(plan(*shots(1)))
    assert states(report) == [Ended.MADE if again else Ended.FAILED]
    assert world.service.charged == (20 if again else 0)
    if again:
        assert world.clock.elapsed_s > (error.retry_after_s or 0)
        waits = world.ears.of(Waiting)
        assert waits[0].reason == error.message
    assert next(event.released for event in world.ears.of(Settled)) == PRICE


def test_an_account_that_is_throttled_rests_as_a_whole(world: World) -> None:
    """The other shots of the account wait too, and its parallel jobs are halved."""
    world.limits = type(world.limits)(videos_per_account=2)
    world.service.faults["submit:SH001"] = [Throttled("429", scope=Scope.ACCOUNT, retry_after_s=600.0)]
    world.apply(plan(*shots(4)))
    times = sorted(world.service.submitted_at)
    assert times[0] < 1
    assert times[1] >= 600
    assert world.service.charged == 80


def test_patience_ends(world: World) -> None:
    """A wait until midnight is not sat out: the run stops there, exit 8, nothing charged."""
    world.service.faults["submit"] = [Throttled("429: daily quota", scope=Scope.MODEL, retry_after_s=40_000.0)]
    report = world.apply(plan(*shots(3)))
    assert states(report) == [Ended.STOPPED] * 3
    assert report.exit is Exit.STOPPED
    assert world.service.count("submit") == 1


def test_tries_end(world: World) -> None:
    """A service that always says 429 is asked six times."""
    world.service.faults["submit"] = [Throttled("429", retry_after_s=5.0)] * 50
    assert states(world.apply(plan(*shots(1)))) == [Ended.STOPPED]
    assert world.service.count("submit") == 6


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("401: the token is not accepted", scope=Scope.RUN),
        OutOfCredits("402: no credits", scope=Scope.RUN),
        Unauthorized("596: the session is dead", scope=Scope.ACCOUNT),
    ],
)
def test_a_dead_account_stops_the_run(world: World, error: ApiError) -> None:
    """Nothing more is submitted, what runs already is brought home, exit 8."""
    world.limits = type(world.limits)(videos_per_account=2)
    world.service.faults["submit:SH001"] = [error]
    report = world.apply(plan(*shots(5)))
    assert states(report) == [Ended.MADE, *[Ended.STOPPED] * 4]
    assert report.exit is Exit.STOPPED
    assert world.service.count("submit") == 2
    assert world.service.charged == 20


def test_an_upload_that_has_to_wait_too_long_is_left(world: World) -> None:
    """The account asks for more patience than there is: the shot stops, and nobody asks on and on."""
    quota = (Throttled("the quota is used up", scope=Scope.ACCOUNT, retry_after_s=7200.0) for _ in range(40))
    world.service.faults["prepare:SH000"] = list(quota)
    report = world.apply(plan(*shots(2)))
    assert states(report) == [Ended.STOPPED, Ended.MADE]
    assert "quota" in report.outcomes[0].reason
    assert world.service.calls.count("prepare:SH000") == 1
    assert [text for text in noted(world) if "quota" in text] == ["the quota is used up"]


def test_a_shot_that_gives_up_waiting_says_why_once(world: World) -> None:
    """However many shots the same thing keeps from being made."""
    world.service.faults["submit"] = [Throttled("Google is overloaded", "wait", retry_after_s=5.0) for _ in range(40)]
    report = world.apply(plan(*shots(3)))
    assert states(report) == [Ended.STOPPED] * 3
    assert [text for text in noted(world) if "overloaded" in text] == ["Google is overloaded. wait"]


def test_a_failed_preflight_stops_before_anything(world: World) -> None:
    """No request is sent when the account cannot pay; what an earlier run left is still brought home."""
    world.deadline_s = 1.0
    world.service.job_s = 5000
    world.apply(plan(*shots(1)))
    world.deadline_s, world.service.jobs["j0:x*@"].done_at = 1800.0, 0.0
    world.service.faults["preflight"] = [OutOfCredits("10 credits are left, 20 are needed", scope=Scope.RUN)]
    report = world.apply(plan(*shots(2), actions={("SH000", 1): Action.RESUME}))
    assert states(report) == [Ended.RESUMED, Ended.STOPPED]
    assert report.exit is Exit.STOPPED
    assert world.service.count("submit") == 1


def test_the_deadline_leaves_a_shot_pending(world: World) -> None:
    """A job that takes too long is not failed: its id stays, and the next run brings it home unpaid."""
    world.deadline_s = 600.0
    world.service.job_s = 5000.0
    report = world.apply(plan(*shots(1)))
    assert states(report) == [Ended.PENDING]
    assert report.exit is Exit.PENDING
    assert report.spent == PRICE
    assert journal_states(world) == [State.SUBMITTED]
    world.deadline_s = 9000.0
    again = world.apply(plan(*shots(1), actions={("SH000", 1): Action.RESUME}))
    assert states(again) == [Ended.RESUMED]
    assert again.spent == Cost(0, 0)
    assert world.service.charged == 20


@pytest.mark.parametrize(
    ("error", "ended", "state"),
    [
        (JobError("the job failed", charge=Charge.NO), Ended.FAILED, State.FAILED),
        (ContentRefused("the content was refused"), Ended.REFUSED, State.REFUSED),
        (JobError("the record is gone (410)", charge=Charge.UNKNOWN), Ended.HELD, State.LOST),
    ],
)
def test_how_a_job_may_end(world: World, error: ApiError, ended: Ended, state: State) -> None:
    """What failed is released, what was refused is remembered, what vanished is loud and not bought again."""
    world.service.faults["poll"] = [None, error]
    report = world.apply(plan(*shots(1)))
    assert states(report) == [ended]
    assert journal_states(world) == [state]
    if state is not State.FAILED:
        world.apply(plan(*shots(1)))
        assert world.service.count("submit") == 1


def test_a_look_that_fails_is_no_end(world: World) -> None:
    """Network errors and 5xx while looking are looked past."""
    world.service.faults["poll"] = [Unreachable("reset", retry_after_s=5.0)] * 7
    assert states(world.apply(plan(*shots(1)))) == [Ended.MADE]


def test_a_broken_download_is_repeated(world: World) -> None:
    """The job is not bought again: its file is fetched again, now or by the next run."""
    broken = Unreachable("download: short body", retry_after_s=30.0)
    world.service.faults["fetch"] = [broken, broken]
    assert states(world.apply(plan(*shots(1)))) == [Ended.MADE]
    world.service.faults["fetch"] = [broken] * 5
    report = world.apply(plan(clip("SH777")))
    assert states(report) == [Ended.PENDING]
    assert "generated, not downloaded yet: download: short body" in report.outcomes[0].reason
    assert world.apply(plan(clip("SH777"), actions={("SH777", 1): Action.FETCH})).outcomes[0].state is Ended.RESUMED
    assert world.service.count("submit:SH777") == 1


def test_a_result_that_nobody_has_is_lost_loudly(world: World) -> None:
    """A dead link without another is held for a person, and stays paid."""
    world.service.faults["fetch"] = [JobError("the link is dead", charge=Charge.YES)]
    report = world.apply(plan(*shots(1)))
    assert states(report) == [Ended.HELD]
    assert "paid, but its result is gone" in report.outcomes[0].reason
    assert report.spent == PRICE


def test_pictures_that_come_inside_the_answer(world: World) -> None:
    """Bytes in the answer are filed without a look at a job."""
    world.service.answers_at_once = frozenset({"SH000"})
    assert states(world.apply(plan(*shots(1)))) == [Ended.MADE]
    assert world.service.count("poll") == 0


def test_a_refusal_inside_the_answer(world: World) -> None:
    """An answer without a file is a refusal at once: nobody looks at a job, nothing is charged or sent again."""
    world.service.answers_at_once = frozenset({"SH000"})
    world.service.filters[1] = "silent refusal"
    report = world.apply(plan(*shots(1)))
    assert states(report) == [Ended.REFUSED]
    assert (world.service.count("poll"), world.service.charged, report.spent) == (0, 0, Cost(0, 0))
    assert states(world.apply(plan(*shots(1)))) == [Ended.REFUSED]


def test_the_ceiling_is_never_passed(world: World) -> None:
    """The third shot would pass it: it is not sent, exit 5."""
    report = world.apply(plan(*shots(3), ceiling=Ceiling(50, None, "the command line")))
    assert states(report) == [Ended.MADE, Ended.MADE, Ended.STOPPED]
    assert isinstance(report.error, BudgetExceeded)
    assert report.exit is Exit.REFUSED
    assert world.service.charged == 40


def test_an_interrupt_leaves_jobs_pending(world: World) -> None:
    """Ctrl-C while a job runs: nothing more is sent, its id is in the journal, exit 130; the next run pays nothing."""

    class Interrupting(Ears):
        def tell(self, event: Any) -> None:
            super().tell(event)
            if isinstance(event, StepProgress) and event.phase == "running":
                halts[0].interrupt()

    halts: list[Any] = []
    world.ears = Interrupting()
    report = world.apply(plan(*shots(3)), on_start=halts.append)
    assert states(report) == [Ended.PENDING, Ended.STOPPED, Ended.STOPPED]
    assert report.exit is Exit.INTERRUPTED
    assert journal_states(world) == [State.SUBMITTED]
    world.ears = Ears()
    again = world.apply(plan(*shots(3), actions={("SH000", 1): Action.RESUME}))
    assert states(again) == [Ended.RESUMED, Ended.MADE, Ended.MADE]
    assert world.service.charged == 60


def test_a_shot_that_left_the_storyboard_is_still_brought_home(world: World) -> None:
    """What was paid is fetched although no step wants it any more."""
    world.deadline_s, world.service.job_s = 100.0, 5000.0
    world.apply(plan(*shots(1)))
    world.deadline_s, world.service.jobs["j0:x*@"].done_at = 9000.0, 0.0
    world.apply(plan(clip("OTHER")))
    assert journal_states(world) == [State.SETTLED, State.SETTLED]


@pytest.mark.parametrize("action", [Action.FETCH, Action.GENERATE])
@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_missing_bytes_are_downloaded_again(world: World, tmp_path: Path, action: Action, damage: str) -> None:
    """A missing or damaged blob of a paid take is fetched through its job, unpaid, whatever the plan believed."""
    made = world.apply(plan(*shots(1))).outcomes[0]
    blob = next((tmp_path / ".veospec/store/blobs").rglob(f"{made.digest}*"))
    content = blob.read_bytes()
    blob.unlink()
    if damage == "flipped":
        blob.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    report = world.apply(plan(*shots(1), actions={("SH000", 1): action}))
    assert states(report) == [Ended.RESUMED]
    assert report.outcomes[0].digest == made.digest
    assert blob.read_bytes() == content
    assert world.service.charged == 20


def test_bytes_that_nobody_has_are_not_bought_again(world: World, tmp_path: Path) -> None:
    """A record without bytes is held, never a reason to pay."""
    made = world.apply(plan(*shots(1))).outcomes[0]
    next((tmp_path / ".veospec/store/blobs").rglob(f"{made.digest}*")).unlink()
    world.service.faults["fetch"] = [JobError("gone", charge=Charge.YES)]
    assert states(world.apply(plan(*shots(1)))) == [Ended.HELD]
    assert world.service.charged == 20


def test_nothing_is_bought_that_the_plan_did_not_mean(world: World) -> None:
    """A held, blocked or refused step stays so when the journal knows nothing."""
    report = world.apply(plan(*shots(2), actions={("SH000", 1): Action.HOLD, ("SH001", 1): Action.BLOCKED}))
    assert states(report) == [Ended.HELD, Ended.BLOCKED]
    assert world.service.count("submit") == 0


def test_reservations_are_told(world: World) -> None:
    """Who listens can sum up what is set aside and what is spent."""
    world.apply(plan(*shots(2)))
    reserved = sum((event.cost for event in world.ears.of(Reserved)), Cost())
    spent = sum((event.spent for event in world.ears.of(Settled)), Cost())
    assert reserved == spent == Cost(40, 0)


def test_no_account_in_what_is_told(world: World) -> None:
    """Events may be kept by a CI service: no account, link or job id is in them."""
    world.service.faults["submit:SH001"] = [Fault(LOST, accepts=True)]
    world.apply(plan(*shots(3)))
    told = repr(world.ears.events)
    for secret in ("studio@example.com", "https://", "j0:x"):
        assert secret not in told
