"""The pure half: prices, previews, and which account makes what."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from flow_builders import EMAIL, OTHER, node, person, slot, upstream

from veospec.catalog.shipped import load_catalogue
from veospec.model import FREE, FileSource, Kind, Mode, Node, OwnVoice, PresetVoice
from veospec.providers.flow.accounts import Placement
from veospec.providers.flow.profile import FlowProfile

JUNE, NOVEMBER = load_catalogue(as_of=date(2026, 6, 15)), load_catalogue(as_of=date(2026, 11, 22))
STILL: dict[str, Any] = {"kind": Kind.STILL, "mode": Mode.IMAGE, "model": "nano-banana-2", "duration": None}
UP: dict[str, Any] = {"kind": Kind.UPSCALE, "mode": Mode.UPSCALE}
OMNI: dict[str, Any] = {"model": "omni-flash", "duration": Fraction(10)}

PRICES: list[tuple[str, Node, Any, str, int | None]] = [
    ("fast on Pro", node("S"), JUNE, "pro", 20),
    ("fast on Ultra", node("S"), JUNE, "ultra-200", 10),
    ("fast, plan unknown: the dearest", node("S"), JUNE, "", 20),
    ("quality", node("S", model="veo-3.1-quality"), JUNE, "pro", 100),
    ("omni 10 s in June", node("S", **OMNI), JUNE, "pro", 30),
    ("omni 10 s in November", node("S", **OMNI), NOVEMBER, "pro", 15),
    ("omni 10 s at 360p", node("S", resolution="360p", **OMNI), NOVEMBER, "pro", 7),
    ("extend", node("S", slot("source", upstream("R")), mode=Mode.EXTEND), JUNE, "ultra-200", 10),
    ("a still", node("still:q", **STILL), JUNE, "pro", 0),
    ("1080p", node("upscale:S", slot("source", upstream("S")), resolution="1080p", **UP), JUNE, "pro", 0),
    ("4K", node("upscale:S", slot("source", upstream("S")), resolution="4k", **UP), JUNE, "ultra-200", 50),
    ("a join", node("join:S", kind=Kind.JOIN, mode=Mode.JOIN), JUNE, "pro", 0),
    ("no such model", node("S", model="veo-9"), JUNE, "pro", None),
]


@pytest.mark.parametrize(("made", "table", "plan", "credits_"), [row[1:] for row in PRICES], ids=[r[0] for r in PRICES])
def test_price(made: Node, table: Any, plan: str, credits_: int | None) -> None:
    """By mode, length, size and plan class; unknown is None and never 0."""
    assert credits_ == FlowProfile(table, plan).price(made).credits


def test_a_join_is_free_and_nothing_else_decides_bytes() -> None:
    """Names and notes stay out of the key."""
    profile = FlowProfile(NOVEMBER)
    assert profile.price(node("join:S", kind=Kind.JOIN, mode=Mode.JOIN)) == FREE
    assert dict(profile.document(node("S"), 1)) == {}
    assert (profile.name, profile.is_remote) == ("flow", True)


def test_preview_shows_the_request_with_placeholders() -> None:
    """What would be sent, before any id exists."""
    ada = person(FileSource("refs/ada.png"))
    inputs = (
        slot("reference_1", FileSource("refs/ada-front.png")),
        slot("character_1", ada),
        slot("voice_1", OwnVoice("ada_low", "Kore", "Hold.", "dry")),
        slot("voice_2", PresetVoice("Zephyr")),
    )
    shown = FlowProfile(NOVEMBER).preview(node("S", *inputs, mode=Mode.R2V, model="omni-flash"), 3)
    assert (shown["method"], shown["path"]) == ("POST", "/videos")
    assert {
        "referenceImage_1": "<refs/ada-front.png>",
        "character_1": "<character ada>",
        "referenceAudio_1": "<voice ada_low>",
        "referenceAudio_2": "Zephyr",
        "seed": 43,
        "count": 1,
        "resolution": "720p",
        "replyRef": "<mark of the attempt>",
    }.items() <= shown["body"].items()
    assert "email" not in shown["body"]
    frame = node("S", slot("start", upstream("SH030", "last")), mode=Mode.I2V)
    assert FlowProfile(NOVEMBER).preview(frame, 1)["body"]["startImage"] == "<SH030 last frame>"
    assert FlowProfile(NOVEMBER).preview(node("S"), 1)["body"]["email"] == "<account>"
    assert "resolution" not in FlowProfile(JUNE).preview(node("S", **OMNI), 1)["body"]
    assert FlowProfile(JUNE).preview(node("join:S", kind=Kind.JOIN, mode=Mode.JOIN), 1) == {}


A, B, C, D = (node(name) for name in "ABCD")
QUAY = node("still:q", **STILL)
FROM_QUAY = node("F", slot("start", upstream("still:q")), mode=Mode.I2V)
SHARED = [node(name, slot("start", FileSource("a.png")), mode=Mode.I2V) for name in ("X", "Y")]
CAST = [node(name, slot("character_1", person(FileSource("b.png"))), mode=Mode.R2V) for name in ("P", "Q")]
BOTH = (EMAIL, OTHER)

ASSIGNED: list[tuple[str, list[Node], tuple[str, ...], dict[str, str], dict[str, str]]] = [
    ("one account", [A, B], (EMAIL,), {}, {"A": EMAIL, "B": EMAIL}),
    ("no account", [A], (), {}, {}),
    ("spread", [A, B, C, D], BOTH, {}, {"A": EMAIL, "B": OTHER, "C": EMAIL, "D": OTHER}),
    ("graph", [QUAY, FROM_QUAY, A], BOTH, {}, {"still:q": EMAIL, "F": EMAIL, "A": OTHER}),
    ("file", [*SHARED, A], BOTH, {}, {"X": EMAIL, "Y": EMAIL, "A": OTHER}),
    ("character", [*CAST, A], BOTH, {}, {"P": EMAIL, "Q": EMAIL, "A": OTHER}),
    ("owner of a result", [QUAY, FROM_QUAY, A], BOTH, {"still:q": OTHER}, {"still:q": OTHER, "F": OTHER, "A": EMAIL}),
    ("owner of what is not made again", [FROM_QUAY, A], BOTH, {"still:q": OTHER}, {"F": OTHER, "A": EMAIL}),
    ("owner that is gone", [FROM_QUAY], (EMAIL,), {"still:q": "gone@x.example"}, {"F": EMAIL}),
]


@pytest.mark.parametrize(
    ("nodes", "accounts", "owners", "given"), [row[1:] for row in ASSIGNED], ids=[row[0] for row in ASSIGNED]
)
def test_assign(nodes: list[Node], accounts: tuple[str, ...], owners: dict[str, str], given: dict[str, str]) -> None:
    """What shares media stays together, follows what exists, and the rest is spread."""
    assert given == Placement(nodes, accounts, owners).given


@pytest.mark.parametrize(
    ("left", "given"),
    [
        ({EMAIL: 25_000, OTHER: 20}, {"still:q": EMAIL, "F": EMAIL, "A": OTHER}),
        ({EMAIL: 20, OTHER: 25_000}, {"still:q": OTHER, "F": OTHER, "A": EMAIL}),
        ({EMAIL: 20, OTHER: None}, {"still:q": OTHER, "F": OTHER, "A": EMAIL}),
        ({EMAIL: 30, OTHER: 40}, {"still:q": OTHER, "F": OTHER, "A": EMAIL}),
    ],
    ids=["first is rich", "second is rich", "not told", "none can pay: the richer one"],
)
def test_a_group_goes_where_it_can_be_paid(left: dict[str, int | None], given: dict[str, str]) -> None:
    assert given == Placement([QUAY, FROM_QUAY, A], BOTH, {}, left, {"F": 90, "A": 10}).given


@pytest.mark.parametrize(
    ("barred", "given"),
    [
        ([(EMAIL, "")], {"still:q": OTHER, "F": OTHER, "A": OTHER}),
        ([(OTHER, "veo-3.1-fast")], {"still:q": EMAIL, "F": EMAIL, "A": EMAIL}),
        ([(EMAIL, "nano-banana-2")], {"still:q": OTHER, "F": OTHER, "A": OTHER}),
        ([(EMAIL, "another")], {"still:q": EMAIL, "F": EMAIL, "A": OTHER}),
        ([(OTHER, "nano-banana-2"), (EMAIL, "veo-3.1-fast")], {"still:q": EMAIL, "F": EMAIL, "A": OTHER}),
        ([(EMAIL, ""), (OTHER, "")], {"still:q": OTHER, "F": OTHER, "A": OTHER}),
    ],
    ids=["account", "model of another group", "model of one member", "model of nobody", "none may make all", "both"],
)
def test_what_is_barred_moves_as_a_whole(barred: list[tuple[str, str]], given: dict[str, str]) -> None:
    """To an account that may make every member of the group; where there is none it stays."""
    placement = Placement([QUAY, FROM_QUAY, A], BOTH, {})
    for account, model in barred:
        placement.bar(account, model)
    assert given == placement.given
