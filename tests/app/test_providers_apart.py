"""An animatic between two paid runs changes nothing for the paid takes."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from acceptance import Person
from flow_studio import studio_of

FILM = """\
veospec: 1
budget: {max_credits: 100}
deliver: {animatic: {size: 180p}, review: none, preview: none, contact_sheet: {frames: [first]}}
stills:
  quay: {model: nano-banana-2, prompt: The quay at dawn., takes: 2}
shots:
  - {id: A, start: 'still:quay', prompt: She looks out.}
"""
PAID = ("--provider", "flow", "--plan-class", "ultra-200")


def test_a_paid_clip_is_kept_when_its_still_changes_after_an_animatic(
    veospec: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with studio_of(monkeypatch) as studio:
        veospec.write(FILM)
        veospec("apply", "--no-reel", *PAID)
        spent = studio.credits
        veospec("apply", "--no-reel")
        veospec.edit("takes: 2}", "takes: 2, select: 2}")
        steps: dict[str, Any] = veospec.steps(*PAID)
        assert steps["A T1"]["stale"]
        veospec("apply", "--no-reel", *PAID)
        assert studio.credits == spent


def test_a_first_paid_plan_does_not_compare_with_the_animatic(veospec: Person) -> None:
    veospec.write(FILM)
    veospec("apply", "--no-reel")
    steps = veospec.steps(*PAID)
    assert all(step["reason"].startswith("new") for step in steps.values())


def test_a_clone_without_the_store_never_buys_what_the_manifest_names(
    veospec: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after an animatic was drawn over the manifest, and not after a paid run that held everything."""
    with studio_of(monkeypatch) as studio:
        veospec.write(FILM)
        veospec("apply", "--no-reel", *PAID)
        spent = studio.credits
        manifest = (veospec.folder / "out/manifest.json").read_text("utf-8")
        shutil.rmtree(veospec.folder / ".veospec")
        shutil.rmtree(veospec.folder / "out")
        veospec.write(manifest, "out/manifest.json")
        veospec("apply", "--no-reel")
        for _ in range(2):
            veospec("apply", "--no-reel", *PAID, code=7)
        assert veospec.steps(*PAID)["A T1"]["action"] in ("hold", "blocked")
        assert studio.credits == spent
