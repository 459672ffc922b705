"""The review page as text: what is in it, and that nothing a stranger wrote gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from review_boards import TALL, absent, board, clip_facts, digest, ferry, shot, take

from veospec.model import Cost, Review, Scene
from veospec.plan.values import Change, Reason, Why
from veospec.review.approved import approval_digest
from veospec.review.assets import load_assets
from veospec.review.cut import build_cuts
from veospec.review.manifest import output_of
from veospec.review.page import PageInput, ReelFile, facts_text, page_data, render_page
from veospec.review.words import word_diff

ASSETS = load_assets()


def view(**more: Any) -> PageInput:
    storyboard, takes = ferry()
    outputs = [output_of(t) for t in takes]
    return PageInput(storyboard, outputs, build_cuts(storyboard, outputs), "2026-11", **more)


def data_in(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="veospec-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_carries_its_own_data_and_nothing_from_outside() -> None:
    page = render_page(view(), ASSETS)
    assert data_in(page) == page_data(view())
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:|//)", page)
    assert not re.search(r"@import|url\(", ASSETS.css)
    assert "innerHTML" not in ASSETS.js
    assert "</script" not in ASSETS.js


def test_the_policy_allows_exactly_the_script_and_style_of_the_page() -> None:
    page = render_page(view(), ASSETS)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])  # type: ignore[index]
    script = page.rsplit("<script>", 1)[1].split("</script>", 1)[0]
    style = page.split("<style>", 1)[1].split("</style>", 1)[0]
    for text in (script, style):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


@given(
    st.text(max_size=60) | st.sampled_from(["</script><script>alert(1)</script>", "{{data}}", "\u2028", "<!--<script>"])
)
def test_any_title_and_prompt_stays_text(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    node = shot("SH010", prompt=text, notes=text, title=text, review=Review("done", "mk", note=text))
    storyboard = replace(board(node, title=text), scenes=(Scene("SC01", "", text),))
    page = render_page(PageInput(storyboard, [output_of(take(node))], []), ASSETS)
    assert page.count("<script") == 2
    data = data_in(page)
    assert data["shots"][0]["prompt"] == text
    assert (data["shots"][0]["title"], data["shots"][0]["said"], data["scenes"][0]["notes"]) == (text, text, text)
    assert data["title"] == (text or "NFY")


@pytest.mark.parametrize(
    ("poster", "shown"),
    [
        ("posters/a b.jpg", "posters/a%20b.jpg"),
        ("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,AAAA"),
        ("data:text/html;base64,AAAA", ""),
        ("data:image/svg+xml;base64,AAAA", ""),
        ("https://example.com/a.jpg", ""),
        ("//example.com/a.jpg", ""),
        ("../../secret.jpg", ""),
    ],
)
def test_only_our_own_posters_are_loaded(poster: str, shown: str) -> None:
    data = page_data(view(posters={("SH010@16:9", 1): poster}))
    assert data["shots"][0]["takes"][0]["poster"] == shown


def test_a_shot_shows_every_take_it_asks_for_and_why_one_is_missing() -> None:
    node = shot("SH010", takes=3)
    outputs = [output_of(take(node)), output_of(absent(node, 2, "refused: a famous person"))]
    [found] = page_data(PageInput(board(node), outputs, []))["shots"]
    assert [(t["label"], bool(t["file"]), t["reason"]) for t in found["takes"]] == [
        ("T01", True, ""),
        ("T02", False, "refused: a famous person"),
        ("T03", False, "not made yet"),
    ]


def test_a_slate_stands_for_a_shot_without_a_clip_and_for_no_other() -> None:
    node = shot("SH010", takes=3)
    outputs = [output_of(take(node)), output_of(absent(node, 2, "refused: a famous person"))]
    slates = {"SH010@16:9": "posters/slate.jpg", "SH020@16:9": "https://example.com/x.jpg"}
    [found] = page_data(PageInput(board(node), outputs, [], slates=slates))["shots"]
    assert [t.get("slate") for t in found["takes"]] == [None, "posters/slate.jpg", "posters/slate.jpg"]
    [bare] = page_data(PageInput(board(node), outputs, [], slates={"SH010@16:9": "https://example.com/x.jpg"}))["shots"]
    assert [t.get("slate") for t in bare["takes"]] == [None, "", ""]


def test_what_was_paid_stands_in_the_head_once_for_what_two_shots_share() -> None:
    nodes = [shot("SH010"), shot("SH020"), shot("SH030")]
    takes = [take(nodes[0], cost=Cost(20)), take(nodes[1], cost=Cost(20)), take(nodes[2], cost=Cost(100))]
    shared = replace(takes[1], key=takes[0].key)
    outputs = [output_of(t) for t in (takes[0], shared, takes[2])]
    assert page_data(PageInput(board(*nodes), outputs, []))["spent"] == "120 credits"
    free = [output_of(take(node, cost=Cost(0))) for node in nodes]
    assert page_data(PageInput(board(*nodes), free, []))["spent"] == ""


def test_reels_requests_and_changes_are_shown() -> None:
    reason = Reason(
        Why.CHANGED, "The prompt changed.", (Change("prompt", "a red kite", "a blue kite"), Change("seed", "1", "2"))
    )
    first = ("SH010@16:9", 1)
    data = page_data(
        view(reels={"16x9": ReelFile("reel_16x9.mp4", 48)}, requests={first: {"model": "m"}}, reasons={first: reason})
    )
    shown = data["shots"][0]["takes"][0]
    assert (data["cells"][0]["reel"], data["cells"][0]["lead"]) == ("reel_16x9.mp4", 48)
    assert json.loads(shown["request"]) == {"model": "m"}
    assert shown["change"]["fields"][0]["words"] == [
        ["same", "a "],
        ["gone", "red"],
        ["new", "blue"],
        ["same", " kite"],
    ]
    assert "words" not in shown["change"]["fields"][1]


def test_a_take_that_did_not_change_has_no_changes_to_show() -> None:
    first = ("SH010@16:9", 1)
    for reason in (Reason(Why.UNCHANGED, "unchanged"), Reason(Why.SHARED, "shares SH020"), Reason(Why.NEW, "new")):
        assert "change" not in page_data(view(reasons={first: reason}))["shots"][0]["takes"][0]


def test_approvals_are_those_that_the_check_accepts() -> None:
    both = approval_digest([digest("bytes SH010@16:9 1"), digest("bytes SH010@9:16 1")])
    assert page_data(view())["approvals"]["SH010"]["1"] == both
    only = shot("SH010", TALL, review=Review("done"))
    alone = page_data(PageInput(board(only), [output_of(take(only))], []))
    assert alone["approvals"]["SH010"]["1"] == digest("bytes SH010@9:16 1")


def test_facts_in_one_line() -> None:
    assert facts_text(clip_facts()) == "1280×720 · h264 · 24 fps · 192 frames · aac"


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_word_diff_holds_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(t for kind, t in pieces if kind != "gone") == after
    assert "".join(t for kind, t in pieces if kind != "new") == before


def test_scripts_without_spaces_are_compared_letter_by_letter() -> None:
    assert word_diff("赤い凧", "青い凧") == (("gone", "赤"), ("new", "青"), ("same", "い凧"))


def colours(theme: str) -> dict[str, tuple[float, ...]]:
    block = ASSETS.css.split(theme, 1)[1].split("}", 1)[0]
    return {
        name: tuple(int(value[i : i + 2], 16) / 255 for i in (0, 2, 4))
        for name, value in re.findall(r"--([a-z-]+): #([0-9a-f]{6})", block)
    }


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast of two colours. Source: WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"] {', ':root:not([data-theme="light"]) {'])
def test_text_can_be_read_on_every_ground(theme: str) -> None:
    found = colours(theme)
    for ground in ("bg", "panel", "raised", "sunk"):
        for ink in ("ink", "muted", "accent", "done", "changes", "todo", "bad", "stale"):
            assert contrast(found[ink], found[ground]) >= 4.5, (ink, ground)
    assert contrast(found["accent-ink"], found["accent-fill"]) >= 4.5
