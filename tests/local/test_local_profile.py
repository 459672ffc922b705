"""What counts for the identity of a drawing, and what does not."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from local_orders import material, node
from msgspec.structs import replace

from veospec.model import Caption, FileSource, Mode, NodeSource
from veospec.providers.base import Profile
from veospec.providers.local.profile import LocalProfile, label_of

PROFILE = LocalProfile()


def document(mode: Mode = Mode.T2V, profile: LocalProfile = PROFILE, take: int = 1, **more: object) -> str:
    return json.dumps(profile.document(node(mode, **more), take), sort_keys=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [Mode.T2V, Mode.I2V, Mode.I2V_FL, Mode.R2V, Mode.V2V, Mode.EXTEND])
def test_whatever_is_drawn_counts(mode: Mode) -> None:
    plain = document(mode)
    line = Caption("ADA", "Now.", Fraction(0), Fraction(1))
    others = [
        document(mode, name="SH011"),
        document(mode, code="ABC"),
        document(mode, scene="SC02"),
        document(mode, slug="INT. ATTIC - DAY"),
        document(mode, size="CU"),
        document(mode, move="pan left"),
        document(mode, text="Other words."),
        document(mode, continues="SH001"),
        document(mode, captions=(line,)),
        document(mode, captions=(replace(line, until=Fraction(2)),)),
        document(mode, take=2),
        document(mode, replace(PROFILE, fps=25)),
        document(mode, replace(PROFILE, animatic_size="1080p")),
        document(mode, replace(PROFILE, ken_burns=False)),
        document(mode, replace(PROFILE, timecode=False)),
        document(mode, inputs=[material("reference_1", Path("a.png"))]),
    ]
    assert len({plain, *others}) == len(others) + 1


@pytest.mark.parametrize("mode", [Mode.UPSCALE, Mode.JOIN])
def test_a_rename_redraws_no_upscale_and_no_join(mode: Mode) -> None:
    assert document(mode) == document(mode, name="SH999", code="ABC", size="CU")
    assert document(mode) == document(mode, replace(PROFILE, animatic_size="1080p", timecode=False))


def test_a_still_does_not_care_for_the_animatic() -> None:
    assert document(Mode.IMAGE) == document(Mode.IMAGE, replace(PROFILE, fps=30, ken_burns=False))
    assert document(Mode.IMAGE) != document(Mode.IMAGE, name="quay")


def test_it_is_a_profile_and_free() -> None:
    profile: Profile = PROFILE
    assert (profile.name, profile.is_remote) == ("local", False)
    assert profile.price(node(Mode.T2V)).is_free


def test_the_preview_says_what_will_be_drawn() -> None:
    shown = PROFILE.preview(node(Mode.I2V, seconds=8, inputs=[material("start", Path("a.png"))]), 2)
    assert shown["draws"] == "a camera move over the start picture"
    assert (shown["frames"], shown["fps"], shown["seed"]) == (192, 24, 8)
    assert shown["inputs"] == {"start": "thermos"}
    assert "frames" not in PROFILE.preview(node(Mode.IMAGE, seconds=None), 1)


@pytest.mark.parametrize(
    ("source", "label"),
    [
        (FileSource("refs/a b.png", "thermos"), "thermos"),
        (FileSource("refs/a b.png"), "a b.png"),
        (NodeSource("still:wheelhouse@16:9"), "wheelhouse"),
        (NodeSource("SH030@9:16", "last"), "SH030"),
    ],
)
def test_labels(source: FileSource | NodeSource, label: str) -> None:
    assert label_of(source) == label
