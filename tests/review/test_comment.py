"""The comment of a pull request: what it says first, how it shrinks, and that nobody can write through it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from review_boards import HERE, TALL, WIDE, board, ferry, shot

from veospec.model import FREE, Cost, Node, Problem
from veospec.plan.values import Action, Ceiling, Change, Plan, Reason, Step, Totals, Why
from veospec.review.comment import LIMIT_BYTES, Links, marker, plan_comment, problems_comment
from veospec.review.manifest import build_manifest, parse_manifest, render_manifest

MADE = Reason(Why.CHANGED, "prompt: a [-red-] {+blue+} kite", (Change("prompt", "a red kite", "a blue kite"),))
KEPT = Reason(Why.UNCHANGED, "unchanged")
HOSTILE = "a|b\n```\n</details><img src=x> @everyone #1 [click](http://evil) ![x](https://evil/leak) <script>"


def step(node: Node, take: int = 1, action: Action = Action.GENERATE, reason: Reason = MADE, **more: object) -> Step:
    cost = Cost(20) if action is Action.GENERATE else FREE
    made = Step(node, take, action, reason, None, f"{node.id}{take}", None, cost, Cost(20))
    return replace(made, **more)  # type: ignore[arg-type]


def plan(*steps: Step, title: str = "The Night Ferry", notes: tuple[str, ...] = ()) -> Plan:
    buy = Cost(sum(s.cost.credits or 0 for s in steps))
    owned = Cost(sum(s.worth.credits or 0 for s in steps if s.action is Action.REUSE))
    made = board(*{s.node.id: s.node for s in steps}.values(), title=title)
    return Plan(made, "flow", "2026-11", "ultra-100", steps, Totals(buy, owned), Ceiling(720, None, "spec"), notes)


def test_the_first_line_says_what_changed_what_it_costs_and_what_is_stale() -> None:
    nodes = [shot(name) for name in ("SH010", "SH020", "SH030")]
    found = plan_comment(
        plan(
            step(nodes[0]),
            step(nodes[0], 2),
            step(nodes[1], 1, Action.REUSE, KEPT, stale=True),
            step(nodes[2], 1, Action.REUSE, KEPT),
        )
    )
    lines = found.splitlines()
    assert lines[0] == "**The Night Ferry: 2 takes to make in 1 place · 40 credits · 1 out of date**"
    assert "to buy now: **40 credits**; already owned: 40 credits; ceiling: 720 credits" in lines[2]
    assert "| `SH010@16:9` | T01–T02 | make | 40 credits |" in found
    assert "| `SH020@16:9` | T01 | out of date |  | unchanged |" in found
    assert "<summary>1 unchanged</summary>" in found
    assert lines[-1] == marker("shots.yaml")


def test_nothing_to_do_is_said_in_one_line() -> None:
    found = plan_comment(plan(step(shot("SH010"), 1, Action.REUSE, KEPT)))
    assert found.startswith("**The Night Ferry: nothing to make**\n")
    assert "| Shot |" not in found


def test_it_compares_with_the_target_branch() -> None:
    storyboard, takes = ferry()
    document = build_manifest(storyboard, takes, "2026-11")
    before = parse_manifest(render_manifest(document))
    after = replace(before, cuts=tuple(replace(c, events=c.events[:-1]) for c in before.cuts))
    found = plan_comment(plan(step(shot("SH999"))), before=before, after=after)
    assert "1 new · 4 gone" in found.splitlines()[0]
    assert re.search(r"- cut `16x9`: 3 shots, \d+\.\d\d s \(-\d+ frames\)", found)


def test_links_are_those_of_the_caller_and_only_https() -> None:
    some = plan(step(shot("SH010")))
    found = plan_comment(
        some, links=Links("https://example.com/a b.webp", "javascript:alert(1)", "https://example.com/run/1")
    )
    assert "Preview" not in found
    assert "javascript" not in found
    assert "[Run](<https://example.com/run/1>)" in found
    assert "![Preview of the cut](<https://example.com/a.webp>)" in plan_comment(
        some, links=Links("https://example.com/a.webp")
    )


def visible(text: str) -> str:
    """Return what is left when code spans, blocks, escapes and our own words are taken out."""
    text = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
    text = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    return re.sub(r"\\.", "", text)


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_no_text_of_a_stranger_becomes_markup(text: str) -> None:
    reason = Reason(Why.CHANGED, f"prompt: {text}", (Change("prompt", text, text + "x"),))
    found = plan_comment(plan(step(shot("SH010"), reason=reason), title=f"T{text}", notes=(text,)))
    rest = visible(found)
    assert rest.count("<details>") == rest.count("</details>") == 1
    assert not re.search(r"<(?!details>|/details>|summary>|/summary>|!-- veospec)", rest)
    assert not re.search(r"@\w|\]\(|#\d|https?://", rest)
    rows = [line for line in found.splitlines() if line.startswith("| `SH010")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6]


def test_prompts_can_be_left_out() -> None:
    found = plan_comment(plan(step(shot("SH010"))), show_prompts=False)
    assert "kite" not in found


@pytest.mark.parametrize("shots", [400, 3000])
def test_it_shortens_itself_and_says_so(shots: int) -> None:
    text = "夜のフェリー " * 12
    reason = Reason(Why.CHANGED, text, (Change("prompt", text, text + "!"),))
    steps = [step(shot(f"SH{n:04}"), reason=reason) for n in range(shots)]
    found = plan_comment(plan(*steps))
    assert len(found.encode()) <= LIMIT_BYTES < 65_536
    assert re.search(r"… and \d+ more rows\.", found)
    assert found.startswith(f"**The Night Ferry: {shots} takes")
    assert found.rstrip().endswith(marker("shots.yaml"))


def test_unchanged_takes_are_the_first_to_go() -> None:
    steps = [step(shot(f"SHOT_{n:06}"), 1, Action.REUSE, KEPT) for n in range(4000)]
    found = plan_comment(plan(step(shot("SH010")), *steps))
    assert "| `SH010@16:9` |" in found
    assert "(left out)" in found
    assert "Changed prompts" in found


def test_a_storyboard_with_problems_says_where() -> None:
    problems = [Problem("VS101", f"unknown still `x` {HOSTILE}", "did you mean quay?", HERE)] * 2000
    found = problems_comment("shots.yaml", problems)
    assert found.startswith("**`shots.yaml` is not valid: 2000 problems; nothing was planned.**\n")
    assert "| `shots.yaml:3:5` | `VS101` |" in found
    assert re.search(r"… and \d+ more\.", found)
    assert len(found.encode()) <= LIMIT_BYTES


def test_markers_of_two_storyboards_differ_and_cannot_be_closed_early() -> None:
    assert marker("a/shots.yaml") != marker("b/shots.yaml")
    assert marker("x--><img>").count("-->") == 1


def test_a_prompt_that_changed_for_several_takes_and_cells_is_shown_once_line_by_line() -> None:
    change = (Change("prompt", "a kite\nby the sea", "a kite\nby the lake"),)
    reason = Reason(Why.CHANGED, "prompt: changed", change)
    both = [shot("SH010", WIDE), shot("SH010", TALL)]
    found = plan_comment(plan(*(step(node, take, reason=reason) for node in both for take in (1, 2, 3))))
    shown = "`SH010@16:9`, `SH010@9:16`\n\n```text\n- a kite\n- by the sea\n+ a kite\n+ by the lake\n```"
    assert found.count("by the lake") == 1
    assert shown in found


def test_notes_that_are_left_out_are_counted() -> None:
    found = plan_comment(plan(step(shot("SH010")), notes=tuple(f"note {n}" for n in range(25))))
    assert "- note 19\n- … and 5 more notes\n" in found
    assert "note 20" not in found
