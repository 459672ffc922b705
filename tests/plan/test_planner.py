"""What a plan decides: the action and reason of every step, from a storyboard and an inventory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from plan_builders import FREE_PROFILE, FakeProfile, Memory, actions, board, clip, file, frame, slot, upscale

from veospec.errors import BudgetExceeded, NotConfirmed
from veospec.model import Budget, Cost, Node, NodeSource, Storyboard
from veospec.plan.budget import ask
from veospec.plan.explain import word_diff
from veospec.plan.keys import upstream_slots
from veospec.plan.planner import make_plan
from veospec.plan.saved import fingerprint, moved, parse_saved, render_saved
from veospec.plan.values import Action, Ceiling, Flight, Head, Plan, Why

FLOW = FakeProfile()
FILES = {"refs/a.png": "a" * 64}


def plan_of(storyboard: Storyboard, memory: Memory, profile: FakeProfile = FLOW) -> Plan:
    return make_plan(storyboard, FILES, memory, profile)


def apply(storyboard: Storyboard, memory: Memory, profile: FakeProfile = FLOW) -> int:
    """Do what a plan says until nothing is left, as `apply` would; return how many takes were made."""
    made = 0
    while True:
        plan = plan_of(storyboard, memory, profile)
        ready = [s for s in plan.steps if s.action is Action.GENERATE and s.key is not None]
        for step in plan.steps:
            if step.action is Action.REUSE and step.key is not None:
                memory.heads[step.id] = Head(step.key, upstream_slots(step.node))
        if not ready:
            return made
        for step in ready:
            assert step.key is not None
            assert step.document is not None
            memory.file(step.key, step.document, step.node.id)
            made += 1


CHAIN = (
    clip("SH030", prompt="down the stairs"),
    clip("SH070", slot("start", frame("SH030")), prompt="daylight"),
    clip("SH080", slot("source", NodeSource("SH070")), prompt="the ramp", takes=2),
    upscale("SH080"),
)


def edited(nodes: tuple[Node, ...], name: str, prompt: str) -> tuple[Node, ...]:
    return tuple(replace(n, request=replace(n.request, prompt=prompt)) if n.id == name else n for n in nodes)


def test_everything_new_waits_for_its_upstream_and_has_a_price() -> None:
    plan = plan_of(board(*CHAIN), Memory())
    assert set(actions(plan).values()) == {"generate"}
    assert plan.totals.buy == Cost(50, 0)
    assert [s.key is None for s in plan.steps] == [False, True, True, True, True]
    assert plan.steps[1].requires == (("SH030", 1),)
    assert "SH030" in plan.steps[1].reason.text


def test_second_apply_makes_nothing() -> None:
    memory = Memory()
    assert apply(board(*CHAIN), memory) == 5
    plan = plan_of(board(*CHAIN), memory)
    assert set(actions(plan).values()) == {"reuse"}
    assert not plan.has_work
    assert plan.totals.buy == Cost(0, 0)
    assert plan.totals.owned == Cost(50, 0)


def test_an_edited_word_makes_one_key_and_reports_the_stale_rest() -> None:
    memory = Memory()
    apply(board(*CHAIN), memory)
    after = edited(CHAIN, "SH030", "down the ladder")
    plan = plan_of(board(*after), memory)
    assert actions(plan)["SH030 T01"] == "generate"
    assert "[-stairs-] {+ladder+}" in plan.steps[0].reason.text
    assert [step.stale for step in plan.steps] == [False, True, True, True, True]
    assert all(step.reason.why is Why.STALE for step in plan.steps[1:])
    assert plan.steps[4].reason.text == "builds on SH080 T01, which is stale"
    assert apply(board(*after), memory) == 1
    settled = plan_of(board(*after), memory)
    assert not settled.has_work
    assert settled.steps[1].stale


def test_cascade_makes_the_rest_again() -> None:
    memory = Memory()
    apply(board(*CHAIN), memory)
    after = edited(CHAIN, "SH030", "down the ladder")
    assert apply(board(*after, cascade=True), memory) == 5


def test_a_changed_reference_is_no_upstream_change() -> None:
    """Pointing a shot at another still is an edit of the shot, which no policy may hold back."""
    memory = Memory()
    stills = (clip("S1", seed=1), clip("S2", seed=9))
    apply(board(*stills, clip("A", slot("start", NodeSource("S1")))), memory)
    plan = plan_of(board(*stills, clip("A", slot("start", NodeSource("S2")))), memory)
    assert actions(plan)["A T01"] == "generate"
    assert plan.steps[2].reason.why is Why.UPSTREAM or plan.steps[2].reason.why is Why.CHANGED


def test_more_takes_make_only_the_new_ones() -> None:
    memory = Memory()
    apply(board(clip("A", takes=1)), memory)
    plan = plan_of(board(clip("A", takes=3)), memory)
    assert list(actions(plan).values()) == ["reuse", "generate", "generate"]
    assert plan.steps[1].reason.why is Why.MORE_TAKES


def test_equal_requests_share_one_clip() -> None:
    memory = Memory()
    twins = board(clip("A"), clip("B"), clip("C", slot("start", frame("A"))), clip("D", slot("start", frame("A"))))
    plan = plan_of(twins, memory)
    assert list(actions(plan).values()) == ["generate", "share", "generate", "share"]
    assert plan.totals.buy == Cost(20, 0)
    assert apply(twins, memory) == 2
    assert plan_of(twins, memory).totals.owned == Cost(20, 0)


@pytest.mark.parametrize(
    ("flight", "action"),
    [
        (Flight("submitting", "no answer", "a1", job=False), "hold"),
        (Flight("unknown", "no answer", "a1", job=False), "hold"),
        (Flight("submitted", "", "a1", job=True), "resume"),
        (Flight("generated", "", "a1", job=True), "fetch"),
        (Flight("refused", "PUBLIC_ERROR_MINOR", "a1", job=False), "refused"),
    ],
    ids=lambda value: value.state if isinstance(value, Flight) else value,
)
def test_a_key_in_the_journal_is_never_bought(flight: Flight, action: str) -> None:
    memory = Memory()
    key = plan_of(board(clip("A")), memory).steps[0].key
    assert key is not None
    memory.flights[key] = flight
    plan = plan_of(board(clip("A"), clip("B", slot("start", frame("A")))), memory)
    assert actions(plan)["A T01"] == action
    assert actions(plan)["B T01"] == ("blocked" if action in ("hold", "refused") else "generate")
    assert plan.totals.buy == (Cost(0, 0) if action in ("hold", "refused") else Cost(10, 0))


@pytest.mark.parametrize(
    ("profile", "can_fetch", "action"),
    [(FLOW, True, "fetch"), (FLOW, False, "hold"), (FREE_PROFILE, False, "generate")],
)
def test_a_record_without_bytes_is_never_bought(profile: FakeProfile, action: str, *, can_fetch: bool) -> None:
    memory = Memory()
    step = plan_of(board(clip("A")), memory, profile).steps[0]
    assert step.key is not None
    assert step.document is not None
    memory.file(step.key, step.document, "A", present=False, can_fetch=can_fetch)
    assert actions(plan_of(board(clip("A")), memory, profile)) == {"A T01": action}


def test_a_clip_in_the_committed_manifest_is_not_bought_again() -> None:
    memory = Memory()
    step = plan_of(board(clip("A")), memory).steps[0]
    assert step.key is not None
    memory.manifest[(step.id, step.key)] = "d" * 64
    plan = plan_of(board(clip("A")), memory)
    assert plan.steps[0].action is Action.HOLD
    assert plan.totals.held == Cost(10, 0)


def test_unknown_prices_are_never_zero() -> None:
    plan = plan_of(board(clip("A"), clip("B", seed=4)), Memory(), FakeProfile(cost=Cost(None, 0)))
    assert plan.totals.buy == Cost(None, 0)
    with pytest.raises(BudgetExceeded, match="A T01, B T01"):
        ask(plan, is_terminal=True)


@pytest.mark.parametrize(
    ("ceiling", "terminal", "outcome"),
    [
        (Ceiling(), True, "asks"),
        (Ceiling(), False, NotConfirmed),
        (Ceiling(20, None, "x"), False, "agrees"),
        (Ceiling(19, None, "x"), False, BudgetExceeded),
        (Ceiling(19, None, "x"), True, BudgetExceeded),
    ],
)
def test_consent_is_to_an_amount(ceiling: Ceiling, outcome: str | type[Exception], *, terminal: bool) -> None:
    plan = replace(plan_of(board(clip("A"), clip("B", seed=4)), Memory()), ceiling=ceiling)
    if isinstance(outcome, str):
        question = ask(plan, is_terminal=terminal)
        assert (question is not None) == (outcome == "asks")
        if question is not None:
            assert question.text == "Buy 2 takes for 20 credits?"
    else:
        with pytest.raises(outcome):
            ask(plan, is_terminal=terminal)


def test_small_sums_need_no_question_and_free_ones_never() -> None:
    plan = plan_of(board(clip("A"), budget=Budget(confirm_above=10)), Memory())
    assert ask(plan, is_terminal=True) is None
    assert ask(plan_of(board(clip("A")), Memory(), FREE_PROFILE), is_terminal=False) is None


def test_a_saved_plan_notices_every_move() -> None:
    memory = Memory()
    plan = plan_of(board(clip("A", slot("start", file("refs/a.png")))), memory)
    saved = parse_saved(render_saved(plan, {"pass": ""}, "0" * 32), "plan.json")
    assert moved(saved, plan) == ()
    dearer = plan_of(board(clip("A", slot("start", file("refs/a.png")))), memory, FakeProfile(cost=Cost(20, 0)))
    assert "at 20 credits" in moved(saved, dearer)[0]
    other_input = make_plan(plan.storyboard, {"refs/a.png": "b" * 64}, memory, FLOW)
    assert moved(saved, other_input)
    assert fingerprint(plan) != fingerprint(replace(plan, table="2026-06"))


def test_what_builds_on_a_shared_take_is_shared_too() -> None:
    """Two cells that send the same request buy one clip, and one upscale of it."""
    twins = board(clip("A"), clip("B"), upscale("A"), upscale("B"), clip("C", slot("start", frame("B"))))
    plan = plan_of(twins, Memory())
    assert list(actions(plan).values()) == ["generate", "share", "generate", "share", "generate"]
    assert plan.totals.buy == Cost(30, 0)
    memory = Memory()
    assert apply(twins, memory) == 3
    assert not plan_of(twins, memory).has_work


def test_a_slate_that_repeats_the_prompt_does_not_hide_what_changed() -> None:
    memory = Memory()
    drawn = FakeProfile("local", is_remote=False, cost=Cost(0, 0), extra={"burn": {"text": "hard wind"}})
    apply(board(clip("A", prompt="hard wind")), memory, drawn)
    redrawn = FakeProfile("local", is_remote=False, cost=Cost(0, 0), extra={"burn": {"text": "soft wind"}})
    plan = make_plan(board(clip("A", prompt="soft wind")), FILES, memory, redrawn)
    assert plan.steps[0].reason.text == "prompt: [-hard-] {+soft+} wind"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("a b c d e f g h", "a b c d X f g h", "a b c d [-e-] {+X+} f g h"),
        ("z a b c d e f g h i j", "z a b c d X f g h i j", "… b c d [-e-] {+X+} f g h …"),
        ("a b c d e f g h i j", "X b c d e f g h i Y", "[-a-] {+X+} b c d … g h i [-j-] {+Y+}"),
        ("a b c d e f g", "a b c d e f g h", "… e f g {+h+}"),
        ("a b c d", "a b X d", "a b [-c-] {+X+} d"),
        ("", "a", "{+a+}"),
    ],
)
def test_a_difference_is_told_with_the_words_beside_it(before: str, after: str, told: str) -> None:
    assert word_diff(before, after, context=3) == told


def test_a_difference_without_bounds_keeps_every_word() -> None:
    words = " ".join(map(str, range(99)))
    assert word_diff(words, f"{words} end") == f"{words} {{+end+}}"
