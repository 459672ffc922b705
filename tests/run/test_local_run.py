"""A plan of a free provider is carried out in graph order, once, and every step ends in one outcome."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from stage import Ears, FakeMedia, FakeRenderer, bench_on, clip, make_plan, slot, still

from veospec.errors import Exit, StoreFull
from veospec.model import FileSource, Kind, Mode, NodeSource
from veospec.plan.values import Plan
from veospec.providers.base import Order
from veospec.run.events import Ended, StepStarted, Waiting
from veospec.run.halt import Halt
from veospec.run.local import LocalMaker
from veospec.run.materials import Materials
from veospec.run.outcome import Report
from veospec.run.runner import Runner
from veospec.store.layout import Store
from veospec.store.lock import Lease


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".veospec", write=True) as store:
        yield store


def apply(
    plan: Plan, store: Store, renderer: FakeRenderer, ears: Ears | None = None, media: FakeMedia | None = None
) -> Report:
    ears = ears or Ears()
    bench = bench_on(store, media=media)
    halt = Halt(ears)
    maker = LocalMaker(renderer, bench, Materials(bench), halt, ears, workers=2)
    return asyncio.run(Runner(plan, bench, maker, halt, ears, run="r1").run())


def states(report: Report) -> dict[str, Ended]:
    return {outcome.step.label: outcome.state for outcome in report.outcomes}


def chain() -> Plan:
    return make_plan(
        still("still:quay", slot("reference_1", FileSource("refs/a.png"))),
        clip("SH010", slot("start", NodeSource("still:quay")), takes=2, select=2),
        clip("SH020", slot("start", NodeSource("SH010", "last"))),
    )


def test_steps_are_made_after_what_they_need(store: Store) -> None:
    """The chain is drawn in order, the frame is taken from the selected take, and every take is filed."""
    renderer, media = FakeRenderer(), FakeMedia()
    report = apply(chain(), store, renderer, media=media)
    assert set(states(report).values()) == {Ended.MADE}
    assert report.exit is Exit.DONE
    assert renderer.drawn[0] == ("still:quay", 1)
    assert renderer.drawn[-1] == ("SH020", 1)
    assert media.frames_taken == 1
    selected, last = report.outcomes[2], report.outcomes[3]
    assert last.record is not None
    assert last.record.document["inputs"] == [
        {"slot": "start", "role": "frame", "frame": "last", "sha256": selected.digest}
    ]
    assert store.actions.get(last.key or "") == last.record
    assert store.heads.get("shots.yaml")[("SH020", 1)] == last.key
    assert list(store.scratch.glob("*-*")) == []


def test_a_second_run_draws_nothing(store: Store) -> None:
    """What is stored under a key is not made again, although the plan did not know the key."""
    first = apply(chain(), store, FakeRenderer())
    renderer = FakeRenderer()
    second = apply(chain(), store, renderer)
    assert renderer.drawn == []
    assert set(states(second).values()) == {Ended.REUSED}
    assert [o.digest for o in second.outcomes] == [o.digest for o in first.outcomes]


def test_a_reused_step_feeds_the_next_one(store: Store) -> None:
    """A step that the plan reuses has no record in the outcome; the one behind it finds it in the store."""
    node = clip("SH010")
    made = apply(make_plan(node), store, FakeRenderer()).outcomes[0]
    report = apply(
        make_plan(node, clip("SH020", slot("start", NodeSource("SH010", "last"))), have={("SH010", 1): made.digest}),
        store,
        FakeRenderer(),
    )
    assert states(report) == {"SH010 T01": Ended.REUSED, "SH020 T01": Ended.MADE}


def test_a_failure_blocks_only_what_needs_it(store: Store) -> None:
    """One shot fails with its reason, the one behind it is blocked, the others are made; exit 6."""
    plan = make_plan(
        clip("SH010"), clip("SH020", slot("start", NodeSource("SH010", "last"))), clip("SH030", prompt="Another.")
    )
    ears = Ears()
    report = apply(plan, store, FakeRenderer(broken=frozenset({"SH010"})), ears)
    assert states(report) == {"SH010 T01": Ended.FAILED, "SH020 T01": Ended.BLOCKED, "SH030 T01": Ended.MADE}
    assert report.outcomes[0].reason == "no font for these letters"
    assert "SH010 T01" in report.outcomes[1].reason
    assert report.exit is Exit.FAILED
    assert ears.ended()["SH020:1"] is Ended.BLOCKED


def test_equal_requests_are_drawn_once(store: Store) -> None:
    """A step that shares another's request gets its bytes and its own head."""
    renderer = FakeRenderer()
    report = apply(make_plan(clip("SH010", prompt="Same."), clip("SH020", prompt="Same.")), store, renderer)
    assert states(report) == {"SH010 T01": Ended.MADE, "SH020 T01": Ended.REUSED}
    assert len(renderer.drawn) == 1
    assert store.heads.get("shots.yaml")[("SH020", 1)] == report.outcomes[0].key


def test_a_join_is_made_from_both_clips(store: Store) -> None:
    """Joins are this program's own work, whatever draws the rest."""
    plan = make_plan(
        clip("SH070"),
        clip("SH080", slot("source", NodeSource("SH070")), mode=Mode.EXTEND),
        clip(
            "join:SH080",
            slot("source", NodeSource("SH070")),
            slot("segment", NodeSource("SH080")),
            kind=Kind.JOIN,
            mode=Mode.JOIN,
        ),
    )
    report = apply(plan, store, FakeRenderer())
    joined = report.outcomes[2].record
    assert joined is not None
    parts = [store.blobs.read(report.outcomes[n].digest, ".mp4") for n in (0, 1)]
    assert store.blobs.read(joined.digest, ".mp4") == b"MP4 " + b"+".join(parts)


def test_an_upscale_of_a_still_is_a_picture(store: Store) -> None:
    """The kind of file follows the source."""
    plan = make_plan(
        still("still:quay"),
        clip("upscale:still:quay", slot("source", NodeSource("still:quay")), kind=Kind.UPSCALE, mode=Mode.UPSCALE),
    )
    record = apply(plan, store, FakeRenderer()).outcomes[1].record
    assert record is not None
    assert record.suffix == ".png"


def test_what_another_run_makes_is_waited_for(store: Store) -> None:
    """While another process holds the key the run waits and says for whom; then it takes what is there."""
    plan = make_plan(clip("SH010"))
    key = plan.steps[0].key or ""
    ears, renderer = Ears(), FakeRenderer()
    lease = store.locks.attempt(key, doing="apply")
    assert isinstance(lease, Lease)

    class ReleasingEars(Ears):
        def tell(self, event: object) -> None:
            ears.events.append(event)  # type: ignore[arg-type]
            if isinstance(event, Waiting):
                lease.release()

    report = apply(plan, store, renderer, ReleasingEars())
    assert "another veospec apply (pid" in ears.of(Waiting)[0].reason
    assert states(report) == {"SH010 T01": Ended.MADE}


def test_a_full_disk_stops_the_run(store: Store) -> None:
    """A fault of the store is no fault of a shot: nothing more is begun, exit 9."""

    class FullDisk(FakeRenderer):
        def render(self, order: Order, target: Path) -> None:
            if len(self.drawn) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().render(order, target)

    report = apply(make_plan(*(clip(f"SH{n:03}") for n in range(6))), store, FullDisk())
    assert report.exit is Exit.STORE
    assert isinstance(report.error, StoreFull)
    assert list(states(report).values()) == [Ended.MADE, Ended.FAILED, *[Ended.STOPPED] * 4]


def test_a_bug_comes_out_as_itself(store: Store) -> None:
    """What is no fault of the world is not dressed up as an outcome."""

    class Buggy(FakeRenderer):
        def render(self, order: Order, target: Path) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        apply(make_plan(clip("SH010"), clip("SH020")), store, Buggy())


def test_an_interrupt_begins_nothing_new(store: Store) -> None:
    """After Ctrl-C the takes in work are finished, the others are left, exit 130."""
    plan = make_plan(*(clip(f"SH{n:03}") for n in range(6)))
    bench = bench_on(store)
    halts: list[Halt] = []

    class InterruptingEars(Ears):
        def tell(self, event: object) -> None:
            if isinstance(event, StepStarted) and event.step == ("SH001", 1):
                halts[0].interrupt()

    ears = InterruptingEars()
    halts.append(Halt(ears))
    renderer = FakeRenderer()
    maker = LocalMaker(renderer, bench, Materials(bench), halts[0], ears, workers=1)
    report = asyncio.run(Runner(plan, bench, maker, halts[0], ears).run())
    assert report.exit is Exit.INTERRUPTED
    assert states(report)["SH000 T01"] is Ended.MADE
    assert list(states(report).values())[2:] == [Ended.STOPPED] * 4


def test_a_kept_stale_take_leaves_the_head_alone(store: Store) -> None:
    """A take that the policy keeps although its input changed is not accepted anew."""
    made = apply(make_plan(clip("SH010")), store, FakeRenderer()).outcomes[0]
    plan = make_plan(clip("SH010"), have={("SH010", 1): made.digest})
    stale = replace(plan, steps=(replace(plan.steps[0], stale=True, key="0" * 64),))
    apply(stale, store, FakeRenderer())
    assert store.heads.get("shots.yaml")[("SH010", 1)] == made.key
