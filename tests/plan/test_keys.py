"""Identity: golden keys, what counts, and what does not."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from plan_builders import FREE_PROFILE, HERE, FakeProfile, clip, file, frame, request, slot, upscale

from veospec.model import Burn, Cell, Character, Cut, Kind, Mode, Node, OwnVoice, PresetVoice, Request, Review
from veospec.plan.keys import document_of, key_of

FLOW = FakeProfile()
FILES = {"refs/a.png": "a" * 64, "refs/b.png": "b" * 64, "refs/copy-of-a.png": "a" * 64}
UPSTREAM = {"SH010": "1" * 64, "still:ada": "2" * 64}
ADA = Character("ada", "Ada", "calm", (file("refs/a.png"),), OwnVoice("low", "Kore", "Slowly.", "dry"))

CASES: dict[str, Node] = {
    "text": clip("SH010"),
    "take-of-seed-7001": clip("SH010", seed=7001),
    "first-and-last": clip("A", slot("start", file("refs/a.png")), slot("end", file("refs/b.png")), mode=Mode.I2V_FL),
    "chained-frame": clip("A", slot("start", frame("SH010")), mode=Mode.I2V),
    "character-and-voice": clip(
        "A", slot("character_1", ADA), slot("voice_1", PresetVoice("Zephyr")), mode=Mode.R2V, model="omni-flash"
    ),
    "edit-window": clip("A", slot("source", file("refs/a.png")), mode=Mode.V2V, window=(0, 192), duration=Fraction(8)),
    "odd-length": clip("A", duration=Fraction(7, 2)),
    "upscale": upscale("SH010"),
}


def key(node: Node, take: int = 1, profile: FakeProfile = FLOW) -> str:
    return key_of(document_of(node, take, FILES, UPSTREAM, profile))


def test_golden_keys() -> None:
    """A changed key buys every clip again: a difference here needs a new VERSION and a migration."""
    golden = json.loads((Path(__file__).parent / "golden_keys.json").read_text())
    assert golden == {name: key(node) for name, node in CASES.items()}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other", "name": "other"},
        {"stem": "other"},
        {"scene": "SC09"},
        {"notes": "v2"},
        {"tags": ("hero",)},
        {"select": 2, "takes": 4},
        {"cut": Cut(head=3, tail=9)},
        {"review": Review("done", "mk")},
        {"burn": Burn(shot="other", text="other")},
        {"cell": Cell((("aspect", "9:16"),))},
        {"location": replace(HERE, line=99)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_count(change: dict[str, Any]) -> None:
    """Renaming, moving, reviewing and trimming cost nothing."""
    assert key(clip("SH010")) == key(replace(clip("SH010"), **change))


REQUEST_CHANGES: dict[str, Any] = {
    "model": "veo-3.1-lite",
    "mode": Mode.R2V,
    "prompt": "A paper kite pulls free of a gate.",
    "aspect": "9:16",
    "resolution": "360p",
    "duration": Fraction(6),
    "seed": 2,
    "retake": 1,
    "inputs": (slot("start", file("refs/a.png")),),
    "window": (0, 96),
    "overlap": Fraction(1),
}


def test_every_field_of_a_request_is_classified() -> None:
    assert set(REQUEST_CHANGES) == set(Request.__struct_fields__)


@pytest.mark.parametrize("field", REQUEST_CHANGES)
def test_every_field_of_a_request_counts(field: str) -> None:
    node = clip("SH010")
    assert key(node) != key(replace(node, request=request(**{field: REQUEST_CHANGES[field]})))


def test_inputs_count_by_bytes_and_slot() -> None:
    one = clip("A", slot("start", file("refs/a.png")))
    assert key(one) == key(clip("A", slot("start", file("refs/copy-of-a.png"))))
    assert key(one) != key(clip("A", slot("start", file("refs/b.png"))))
    assert key(one) != key(clip("A", slot("end", file("refs/a.png"))))


def test_order_of_slots_in_the_spec_does_not_count() -> None:
    a, b = slot("reference_2", file("refs/a.png")), slot("reference_10", file("refs/b.png"))
    assert key(clip("A", a, b)) == key(clip("A", b, a))


def test_a_still_and_a_file_of_the_same_bytes_are_the_same_input() -> None:
    from veospec.model import NodeSource

    made = document_of(clip("A", slot("start", NodeSource("still:x"))), 1, FILES, {"still:x": "a" * 64}, FLOW)
    assert key_of(made) == key(clip("A", slot("start", file("refs/a.png"))))


@pytest.mark.parametrize(
    "other",
    [
        replace(ADA, display_name="Eva"),
        replace(ADA, notes="loud"),
        replace(ADA, images=(file("refs/b.png"),)),
        replace(ADA, voice=None),
        replace(ADA, voice=PresetVoice("Kore")),
    ],
    ids=["name", "notes", "images", "no-voice", "preset-voice"],
)
def test_a_character_counts_by_what_it_is_made_of(other: Character) -> None:
    assert key(clip("A", slot("character_1", ADA))) != key(clip("A", slot("character_1", other)))
    assert key(clip("A", slot("character_1", ADA))) == key(clip("A", slot("character_1", replace(ADA, name="renamed"))))


def test_takes_are_seeds_so_more_takes_keep_the_old_ones() -> None:
    assert key(clip("A", seed=5), take=3) == key(clip("B", seed=7), take=1)
    assert key(upscale("SH010"), take=1) != key(upscale("SH010"), take=2)


def test_a_provider_adds_what_else_decides_its_bytes() -> None:
    drawn = FakeProfile("local", is_remote=False, extra={"shot": "SH010"})
    assert key(clip("A"), profile=drawn) != key(clip("A"), profile=FREE_PROFILE)


def test_a_join_is_the_same_whoever_made_its_parts() -> None:
    join = replace(clip("J", slot("source", frame("SH010", "")), mode=Mode.JOIN, model=""), kind=Kind.JOIN)
    assert key(join) == key(join, profile=FakeProfile("local", extra={"x": 1}))
