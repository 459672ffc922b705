"""What a plan says it costs, against counts made by hand from the published tables."""

from __future__ import annotations

import pytest
from acceptance import SMALL, Person, write_clip

ADVERT = (
    """veospec: 1
matrix:
  aspect: ["16:9", "9:16"]
  lang: [en, de, fr]
  exclude:
    - {lang: fr, aspect: "9:16"}
    - {shot: BRD, lang: de}
defaults: {model: veo-3.1-fast, duration: 8s}
stills:
  cup: {model: nano-banana-2, aspect: "1:1", prompt: A cup., takes: 3}
shots:
  - {id: OPN, prompt: "A cup. Text in ${lang}.", takes: 2}
  - {id: LIT, prompt: "Steam.", model: veo-3.1-lite, start: still:cup}
  - {id: QUA, prompt: "A hand in ${lang}.", model: veo-3.1-quality}
  - {id: BRD, prompt: "Morning in ${lang}.", model: omni-flash, duration: 10s}
"""
    + SMALL
)
# Cells: 2 ratios x 3 languages - 1 = 5; BRD in 5 - 2 (de) = 3. OPN: 5 cells x 2 takes = 10 fast. LIT does not say the
# language, so the 3 or 2 requests of a ratio are one: 2 lite. QUA: 5 quality. BRD: 3 omni of ten seconds. Stills: 0.
# Credits (useapi.net credit tables, June and November 2026): fast 20 | 10 on Ultra, lite 10 | 5, quality 100,
# omni-flash of 10 s: June 30, November 15.
JUNE, NOVEMBER = "2026-06-20", "2026-11-20"


@pytest.mark.parametrize(
    ("day", "plan", "price"),
    [
        (JUNE, "plus", 10 * 20 + 2 * 10 + 5 * 100 + 3 * 30),
        (JUNE, "pro", 10 * 20 + 2 * 10 + 5 * 100 + 3 * 30),
        (JUNE, "ultra-100", 10 * 10 + 2 * 5 + 5 * 100 + 3 * 30),
        (JUNE, "ultra-200", 10 * 10 + 2 * 5 + 5 * 100 + 3 * 30),
        (NOVEMBER, "plus", 10 * 20 + 2 * 10 + 5 * 100 + 3 * 15),
        (NOVEMBER, "pro", 10 * 20 + 2 * 10 + 5 * 100 + 3 * 15),
        (NOVEMBER, "ultra-100", 10 * 10 + 2 * 5 + 5 * 100 + 3 * 15),
        (NOVEMBER, "ultra-200", 10 * 10 + 2 * 5 + 5 * 100 + 3 * 15),
        (NOVEMBER, "", 10 * 20 + 2 * 10 + 5 * 100 + 3 * 15),
    ],
)
def test_totals_are_what_a_hand_counts(veospec: Person, day: str, plan: str, price: int) -> None:
    veospec.write(ADVERT)
    options = ["--provider", "flow", "--as-of", day, *(["--plan-class", plan] if plan else [])]
    document = veospec.json("plan", *options)
    assert document["totals"]["buy"] == {"credits": price, "micro_usd": 0, "is_ceiling": not plan}
    assert document["catalogue"] == day[:7]
    steps = document["steps"]
    assert len([s for s in steps if s["shot"] == "OPN"]) == 10
    assert len([s for s in steps if s["shot"] == "BRD"]) == 3
    assert [s["action"] for s in steps if s["shot"] == "LIT"].count("generate") == 2
    assert f"{price:,} credits" in veospec("plan", *options).out


UPKEEP = (
    """veospec: 1
assets: {plate: plate.mp4}
defaults: {duration: 8s, model: veo-3.1-lite}
shots:
  - {id: A, prompt: Rain., takes: 2, upscale: 4k}
  - {id: B, prompt: More rain., extend: A, model: veo-3.1-fast, takes: 3}
  - {id: C, prompt: Snow., edit: {source: plate, out: 48f}, model: omni-flash}
  - {id: D, prompt: Sun., model: veo-3.1-lite-low-priority, takes: 4}
"""
    + SMALL
)


@pytest.mark.parametrize(
    ("day", "price"),
    [(JUNE, 2 * 5 + 50 + 3 * 10 + 40 + 0), (NOVEMBER, 2 * 5 + 50 + 3 * 10 + 20 + 0)],
)
def test_extensions_edits_and_upscales_are_counted(veospec: Person, day: str, price: int) -> None:
    """4k costs 50 on Ultra, an extension what its model costs, an edit 40 and later 20, the slow queue nothing."""
    write_clip(veospec.folder / "plate.mp4")
    veospec.write(UPKEEP)
    document = veospec.json("plan", "--provider", "flow", "--as-of", day, "--plan-class", "ultra-200")
    assert document["totals"]["buy"]["credits"] == price
    for plan in ("pro", "ultra-100"):
        refused = veospec("plan", "--provider", "flow", "--as-of", day, "--plan-class", plan, code=3)
        assert "veo-3.1-lite-low-priority" in refused.err


def test_an_unknown_price_is_shown_as_unknown_and_is_never_nothing(veospec: Person) -> None:
    write_clip(veospec.folder / "plate.mp4")
    veospec.write(UPKEEP.replace("model: omni-flash}", "model: omni-flash-1.2}").replace("  - {id: D", "  # - {id: D"))
    document = veospec.json("plan", "--provider", "flow", "--plan-class", "ultra-200")
    assert document["totals"]["buy"]["credits"] is None
    assert "unknown" in veospec("plan", "--provider", "flow").out


@pytest.mark.parametrize(
    ("seconds", "price", "is_ceiling"), [(3, 9, False), (5, 15, False), (10, 30, False), (15, 90, True)]
)
def test_a_price_by_the_second(veospec: Person, seconds: int, price: int, *, is_ceiling: bool) -> None:
    veospec.write(
        f"veospec: 1\nshots:\n  - {{id: A, prompt: Rain., model: omni-flash-1.2, duration: {seconds}s}}\n{SMALL}"
    )
    document = veospec.json("plan", "--provider", "flow", "--plan-class", "pro")
    assert document["totals"]["buy"] == {"credits": price, "micro_usd": 0, "is_ceiling": is_ceiling}


def test_what_is_free_is_free(veospec: Person) -> None:
    veospec.write(ADVERT)
    assert veospec.json("plan")["totals"]["buy"] == {"credits": 0, "micro_usd": 0, "is_ceiling": False}
    assert "free" in veospec("plan").out


def test_cost_compares_every_plan_and_every_metered_place(veospec: Person) -> None:
    veospec.write(ADVERT)
    places = {p["name"]: p for p in veospec.json("cost")["places"]}
    assert {"plus", "pro", "ultra-100", "ultra-200"} <= places.keys()
    assert any(name.startswith("metered") for name in places)
    for plan in ("pro", "ultra-200"):
        made = veospec.json("plan", "--provider", "flow", "--plan-class", plan)
        assert places[plan]["credits"] == made["totals"]["buy"]["credits"], "cost and plan count alike"
    assert places["free"]["cannot_make"]
    assert "local: free" in veospec("cost").out


@pytest.mark.parametrize("provider", ["omni", "agent-platform"])
def test_a_provider_that_is_not_there_is_refused_and_never_another_one_used(veospec: Person, provider: str) -> None:
    veospec.write(ADVERT)
    for command in ("plan", "apply", "status"):
        assert f"'{provider}'" in veospec(command, "--provider", provider, code=3).err
    assert not (veospec.folder / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--max-credits", "809"), "810 credits"),
        (("--max-credits", "809", "--yes"), "810 credits"),
        ((), "--max-credits"),
        (("--yes",), "--max-credits"),
    ],
)
def test_money_is_refused_before_anything_is_sent(
    veospec: Person, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], says: str
) -> None:
    """Nobody can be asked here, so an apply for money needs a ceiling, and the ceiling holds."""
    monkeypatch.setenv("USEAPI_TOKEN", "user:1234-abcdefghijklmnopqrst")
    monkeypatch.setenv("USEAPI_EMAIL", "a@example.com")
    veospec.write(ADVERT)
    refused = veospec("apply", "--provider", "flow", "--plan-class", "pro", "--as-of", JUNE, *options, code=5)
    assert says in refused.err
    assert not (veospec.folder / "out").exists()
