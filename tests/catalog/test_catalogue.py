"""The packaged tables against the published ones, number by number.

Sources: Google's Flow credit table and useapi.net's overview of June 5, 2026 (June columns); useapi.net's readme and
articles of September to November 2026 (November columns).
"""

from __future__ import annotations

import tomllib
from datetime import date
from fractions import Fraction

import pytest

from veospec.catalog.catalogue import Catalogue, parse_catalogue
from veospec.catalog.shipped import TABLE_FILE, VALUES_FILE, load_catalogue, values_text
from veospec.catalog.values import State
from veospec.errors import SpecError
from veospec.model import Cost, Mode

JUNE = load_catalogue(as_of=date(2026, 6, 15))
NOVEMBER = load_catalogue()
NON_ULTRA = ("plus", "pro")
ULTRA = ("ultra-100", "ultra-200")
PAID = (*NON_ULTRA, *ULTRA)

# table, model, mode, seconds, resolution, credits of (plus, pro, ultra-100, ultra-200); None where it is not offered
CREDITS = [
    (JUNE, "veo-3.1-lite", "t2v", 8, "720p", (10, 10, 5, 5)),
    (JUNE, "veo-3.1-lite", "extend", 8, "720p", (10, 10, 5, 5)),
    (JUNE, "veo-3.1-lite-low-priority", "t2v", 8, "720p", (None, None, None, 0)),
    (JUNE, "veo-3.1-fast", "t2v", 8, "720p", (20, 20, 10, 10)),
    (JUNE, "veo-3.1-fast", "t2v", 4, "720p", (None, None, 10, 10)),
    (JUNE, "veo-3.1-fast", "i2v", 6, "720p", (None, None, 10, 10)),
    (JUNE, "veo-3.1-fast", "i2v-fl", 8, "720p", (20, 20, 10, 10)),
    (JUNE, "veo-3.1-fast", "r2v", 8, "720p", (20, 20, 10, 10)),
    (JUNE, "veo-3.1-quality", "t2v", 8, "720p", (100, 100, 100, 100)),
    (JUNE, "veo-3.1-quality", "extend", 8, "720p", (100, 100, 100, 100)),
    (JUNE, "omni-flash", "t2v", 4, "720p", (15, 15, 15, 15)),
    (JUNE, "omni-flash", "i2v", 6, "720p", (20, 20, 20, 20)),
    (JUNE, "omni-flash", "r2v", 8, "720p", (25, 25, 25, 25)),
    (JUNE, "omni-flash", "t2v", 10, "720p", (30, 30, 30, 30)),
    (JUNE, "omni-flash", "v2v", 8, "720p", (40, 40, 40, 40)),
    (JUNE, "omni-flash", "v2v", 10, "720p", (40, 40, 40, 40)),
    (JUNE, "imagen-4", "image", None, "", (0, 0, 0, 0)),
    (NOVEMBER, "veo-3.1-lite", "t2v", 8, "720p", (10, 10, 5, 5)),
    (NOVEMBER, "veo-3.1-lite-low-priority", "i2v-fl", 8, "720p", (None, None, None, 0)),
    (NOVEMBER, "veo-3.1-fast", "t2v", 8, "720p", (20, 20, 10, 10)),
    (NOVEMBER, "veo-3.1-quality", "t2v", 8, "720p", (100, 100, 100, 100)),
    *((NOVEMBER, "omni-flash", "t2v", s, "720p", (c,) * 4) for s, c in ((4, 7), (6, 10), (8, 12), (10, 15))),
    *((NOVEMBER, "omni-flash", "r2v", s, "360p", (c,) * 4) for s, c in ((4, 4), (6, 5), (8, 6), (10, 7))),
    (NOVEMBER, "omni-flash", "v2v", 8, "720p", (20, 20, 20, 20)),
    (NOVEMBER, "omni-flash", "v2v", 8, "360p", (10, 10, 10, 10)),
    *((NOVEMBER, "omni-flash-1.2", "t2v", s, "720p", (3 * s,) * 4) for s in range(3, 11)),
    *((NOVEMBER, "omni-flash-1.2", "i2v", s, "720p", (None, 6 * s, 6 * s, 6 * s)) for s in range(11, 16)),
    (NOVEMBER, "omni-flash-1.2", "extend", 10, "720p", (30, 30, 30, 30)),
    (NOVEMBER, "omni-flash-1.2", "v2v", 8, "720p", (None, None, None, None)),
    (NOVEMBER, "nano-banana-pro", "image", None, "", (0, 0, 0, 0)),
    (NOVEMBER, "imagen-4", "image", None, "", (0, 0, 0, 0)),
]


@pytest.mark.parametrize(("table", "model", "mode", "seconds", "resolution", "wanted"), CREDITS)
def test_credits_are_those_of_the_published_tables(
    table: Catalogue, model: str, mode: str, seconds: int | None, resolution: str, wanted: tuple[int | None, ...]
) -> None:
    found = tuple(
        table.credits(Mode(mode), model, duration=seconds, resolution=resolution, plan_class=plan).credits
        for plan in PAID
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("table", "resolution", "wanted"),
    [
        (JUNE, "1080p", (0, 0, 0, 0)),
        (JUNE, "4k", (None, None, 50, 50)),
        (NOVEMBER, "720p", (0, 0, 0, 0)),
        (NOVEMBER, "1080p", (0, 0, 0, 0)),
        (NOVEMBER, "4k", (None, None, 50, 50)),
    ],
)
def test_upscale_of_a_clip(table: Catalogue, resolution: str, wanted: tuple[int | None, ...]) -> None:
    costs = (table.credits("upscale", "veo-3.1-fast", resolution=resolution, plan_class=plan) for plan in PAID)
    assert tuple(cost.credits for cost in costs) == wanted


@pytest.mark.parametrize("table", [JUNE, NOVEMBER], ids=["june", "november"])
@pytest.mark.parametrize("operation", ["concatenate", "gif", "voice", "character", "upload", Mode.JOIN])
def test_operations_around_a_clip_are_free(table: Catalogue, operation: Mode | str) -> None:
    assert table.credits(operation) == Cost(0, 0)


def test_the_same_size_of_a_still_is_free_and_of_a_clip_is_not() -> None:
    assert NOVEMBER.credits("upscale", "nano-banana-2", resolution="4k", plan_class="pro").credits == 0
    assert NOVEMBER.credits("upscale", "omni-flash", resolution="4k", plan_class="ultra-100").credits == 50


# dollars of one generation, in thousandths, on (plus, pro, ultra-100, ultra-200)
DOLLARS = [
    (JUNE, "veo-3.1-lite", 8, (400, 200, 50, 40)),
    (JUNE, "veo-3.1-fast", 8, (800, 400, 100, 80)),
    (JUNE, "veo-3.1-quality", 8, (4000, 2000, 1000, 800)),
    (JUNE, "veo-3.1-lite-low-priority", 8, (None, None, None, 0)),
    (JUNE, "omni-flash", 4, (600, 300, 150, 120)),
    (JUNE, "omni-flash", 6, (800, 400, 200, 160)),
    (JUNE, "omni-flash", 8, (1000, 500, 250, 200)),
    (JUNE, "omni-flash", 10, (1200, 600, 300, 240)),
    (NOVEMBER, "omni-flash", 4, (280, 140, 70, 56)),
    (NOVEMBER, "omni-flash", 6, (400, 200, 100, 80)),
    (NOVEMBER, "omni-flash", 8, (480, 240, 120, 96)),
    (NOVEMBER, "omni-flash", 10, (600, 300, 150, 120)),
    (NOVEMBER, "omni-flash-1.2", 8, (960, 480, 240, 192)),
    (NOVEMBER, "omni-flash-1.2", 10, (1200, 600, 300, 240)),
]


@pytest.mark.parametrize(("table", "model", "seconds", "wanted"), DOLLARS)
def test_dollars_are_credits_times_the_price_of_a_credit(
    table: Catalogue, model: str, seconds: int, wanted: tuple[int | None, ...]
) -> None:
    found = []
    for plan in PAID:
        cost = table.credits(Mode.T2V, model, duration=seconds, plan_class=plan)
        micro = table.micro_usd(cost.credits, plan)
        found.append(None if micro is None else micro // 1000)
    assert tuple(found) == wanted


@pytest.mark.parametrize(
    ("resolution", "wanted"),
    [("360p", (32_000, 40_000, 48_000, 56_000)), ("720p", (56_000, 80_000, 96_000, 120_000))],
)
def test_omni_on_the_large_plan_to_the_tenth_of_a_cent(resolution: str, wanted: tuple[int, ...]) -> None:
    costs = [NOVEMBER.credits(Mode.T2V, "omni-flash", duration=s, resolution=resolution, plan_class="ultra-200")
             for s in (4, 6, 8, 10)]  # fmt: skip
    assert tuple(NOVEMBER.micro_usd(cost.credits, "ultra-200") for cost in costs) == wanted


@pytest.mark.parametrize(
    ("table", "model", "duration", "provider", "wanted"),
    [
        (JUNE, "veo-3.1-fast", 8, "agent-platform", 800_000),
        (JUNE, "veo-3.1-quality", 8, "agent-platform", 3_200_000),
        (JUNE, "veo-3.1-lite", 8, "agent-platform", 400_000),
        (NOVEMBER, "veo-3.1-fast", 8, "agent-platform", 800_000),
        (NOVEMBER, "omni-flash", 8, "omni", 810_880),
        (NOVEMBER, "omni-flash", 10, "omni", 1_013_600),
        (NOVEMBER, "omni-flash-1.2", 8, "omni", 560_000),
        (NOVEMBER, "nano-banana-pro", None, "gemini", 134_000),
        (NOVEMBER, "imagen-4", None, "gemini", 33_600),
    ],
)
def test_metered_prices(table: Catalogue, model: str, duration: int | None, provider: str, wanted: int) -> None:
    (price,) = table.metered(model, duration=duration, provider=provider)
    assert price.micro_usd == wanted


def test_what_is_not_sold_has_no_metered_price_and_no_length_none_either() -> None:
    assert JUNE.metered("omni-flash", duration=8) == ()
    assert NOVEMBER.metered("veo-3.1-lite-low-priority", duration=8) == ()
    assert [price.micro_usd for price in NOVEMBER.metered("omni-flash")] == [None]


# -- plan not known -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "wanted"),
    [
        ("veo-3.1-fast", "t2v", 8, Cost(20, 0, is_ceiling=True)),
        # four seconds are for Ultra only, so nobody can pay the higher price
        ("veo-3.1-fast", "t2v", 4, Cost(10, 0)),
        ("veo-3.1-lite-low-priority", "t2v", 8, Cost(0, 0)),
        ("veo-3.1-quality", "t2v", 8, Cost(100, 0)),
        # two readings of one rule: the larger one is reserved
        ("omni-flash-1.2", "t2v", 15, Cost(90, 0, is_ceiling=True)),
        ("omni-flash-1.2", "v2v", 8, Cost(None, 0)),
        ("veo-3.1-fast", "v2v", 8, Cost(None, 0)),
        ("veo-9", "t2v", 8, Cost(None, 0)),
    ],
)
def test_without_a_plan_the_dearest_that_may_run_it_is_taken(model: str, mode: str, seconds: int, wanted: Cost) -> None:
    assert NOVEMBER.credits(Mode(mode), model, duration=seconds) == wanted


def test_unknown_is_not_free_and_stays_unknown_in_a_sum() -> None:
    unknown = NOVEMBER.credits(Mode.V2V, "omni-flash-1.2", duration=8)
    assert not unknown.is_free
    assert (unknown + Cost(5, 0)).credits is None
    assert NOVEMBER.price(Mode.V2V, "omni-flash-1.2", duration=8).note


# -- tables and names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "table"),
    [
        (None, "2026-11"),
        (date(2026, 11, 5), "2026-11"),
        (date(2026, 11, 4), "2026-06"),
        (date(2026, 6, 1), "2026-06"),
        (date(2030, 1, 1), "2026-11"),
    ],
)
def test_the_newest_table_that_is_valid_on_the_day(day: date | None, table: str) -> None:
    assert load_catalogue(as_of=day).table == table


def test_a_day_before_the_first_table_is_an_error_that_says_since_when() -> None:
    with pytest.raises(SpecError, match="no model table is as old as 2025-01-01") as caught:
        load_catalogue(as_of=date(2025, 1, 1))
    assert "2026-06-01" in caught.value.hint


@pytest.mark.parametrize(
    ("table", "name", "means"),
    [
        (JUNE, "imagen-4", "imagen-4"),
        (NOVEMBER, "imagen-4", "nano-banana-2-lite"),
        (JUNE, "nano-banana", "nano-banana-2"),
        (NOVEMBER, "nano-banana", "nano-banana-2"),
        (NOVEMBER, "omni-flash", "omni-flash"),
        (JUNE, "omni-flash-1.2", None),
        (NOVEMBER, "Veo-3.1-fast", None),
    ],
)
def test_a_name_means_what_it_meant_on_the_day(table: Catalogue, name: str, means: str | None) -> None:
    row = table.model(name)
    assert (row.id if row else None) == means


def test_there_are_thirty_voices_in_any_case() -> None:
    assert len(NOVEMBER.voices) == len(set(NOVEMBER.voices)) == 30
    assert NOVEMBER.voice("ZUBENELGENUBI") == "Zubenelgenubi"
    assert NOVEMBER.voice("kore") == "Kore"
    assert NOVEMBER.voice("Kor") is None


@pytest.mark.parametrize(
    ("sku", "tier", "wanted"),
    [
        ("G1_TIER1", "PAYGATE_TIER_ONE", "pro"),
        ("G1_TIER2", "", "ultra-200"),
        ("WS_ULTRA", "PAYGATE_TIER_TWO", "ultra-200"),
        ("", "PAYGATE_TIER_NOT_PAID", "free"),
        ("G1_NEW", "PAYGATE_TIER_TWO", "ultra-200"),
        ("G1_NEW", "", ""),
    ],
)
def test_the_plan_of_an_account(sku: str, tier: str, wanted: str) -> None:
    assert NOVEMBER.plan_for_account(sku=sku, tier=tier) == wanted


def test_plans_have_their_published_prices() -> None:
    found = {plan.id: (plan.micro_usd_per_month, plan.monthly_credits, plan.micro_usd_per_credit)
             for plan in NOVEMBER.plans}  # fmt: skip
    assert found == {
        "free": (0, 50, None),
        "plus": (7_990_000, 200, 40_000),
        "pro": (19_990_000, 1_000, 20_000),
        "ultra-100": (99_990_000, 10_000, 10_000),
        "ultra-200": (199_990_000, 25_000, 8_000),
    }


def test_the_fingerprint_follows_the_table() -> None:
    assert load_catalogue().fingerprint == NOVEMBER.fingerprint != JUNE.fingerprint
    text = TABLE_FILE.read_text(encoding="utf-8")
    assert parse_catalogue(text.replace("credits = 50 }", "credits = 51 }")).fingerprint != NOVEMBER.fingerprint


def test_every_model_can_be_asked_about_and_has_a_price_in_every_mode_and_length() -> None:
    for table in (JUNE, NOVEMBER):
        for row in table.models:
            for mode, limits in row.modes.items():
                for seconds in limits.durations or (None,):
                    verdict = table.verdict(row.id, mode, duration=seconds, images=max(1, limits.min_images)
                                            if limits.max_images else 0)  # fmt: skip
                    assert verdict.is_allowed, (table.table, row.id, mode, seconds, verdict.reasons)
                    assert table.price(mode, row.id, duration=seconds).cost.credits is not None or (
                        row.id == "omni-flash-1.2" and mode is Mode.V2V
                    )


def test_each_table_names_its_source() -> None:
    tables = tomllib.loads(TABLE_FILE.read_text(encoding="utf-8"))["tables"]
    assert [table["id"] for table in tables] == ["2026-06", "2026-11"]
    assert all("useapi.net" in table["source"] for table in tables)


# -- verdicts -----------------------------------------------------------------------------------------------

# table, model, mode, asked, plan, what it is about ("" when allowed)
VERDICTS = [
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8, "aspect": "16:9"}, "", ""),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 7}, "", "duration"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": Fraction(17, 2)}, "", "duration"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 6}, "pro", "plan"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 6}, "ultra-100", ""),
    (JUNE, "veo-3.1-fast", "r2v", {"duration": 6, "images": 1}, "ultra-200", "duration"),
    (JUNE, "veo-3.1-fast", "r2v", {"duration": 8, "images": 3, "voices": 1}, "", ""),
    (JUNE, "veo-3.1-fast", "r2v", {"duration": 8, "images": 4}, "", "images"),
    (JUNE, "veo-3.1-fast", "r2v", {"duration": 8, "images": 0, "voices": 1}, "", "images"),
    (JUNE, "veo-3.1-fast", "r2v", {"duration": 8, "images": 1, "voices": 2}, "", "voices"),
    (JUNE, "veo-3.1-fast", "v2v", {}, "", "mode"),
    (JUNE, "veo-3.1-quality", "r2v", {"duration": 8, "images": 1}, "", "mode"),
    (JUNE, "veo-3.1-quality", "t2v", {"duration": 4}, "ultra-200", "duration"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8, "resolution": "1080p"}, "", "resolution"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8, "aspect": "21:9"}, "", "aspect"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8, "aspect": "portrait"}, "", ""),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8, "count": 5}, "", "count"),
    (JUNE, "veo-3.1-fast", "t2v", {"duration": 8}, "free", "plan"),
    (JUNE, "veo-3.1-lite-low-priority", "t2v", {"duration": 8}, "ultra-100", "plan"),
    (JUNE, "veo-3.1-lite-low-priority", "t2v", {"duration": 8}, "ultra-200", ""),
    (JUNE, "omni-flash", "i2v-fl", {"duration": 8}, "", "mode"),
    (JUNE, "omni-flash", "extend", {"duration": 8}, "", "mode"),
    (JUNE, "omni-flash", "t2v", {"duration": 8, "aspect": "1:1"}, "", "aspect"),
    (JUNE, "omni-flash", "t2v", {"duration": 8, "resolution": "360p"}, "", "resolution"),
    (JUNE, "omni-flash", "r2v", {"duration": 10, "images": 7, "voices": 5}, "", ""),
    (JUNE, "omni-flash", "v2v", {"duration": 10, "images": 5, "voices": 3}, "", ""),
    (JUNE, "omni-flash", "v2v", {"duration": 10, "images": 6}, "", "images"),
    (JUNE, "omni-flash", "v2v", {"duration": 11}, "", "duration"),
    (JUNE, "imagen-4", "image", {"aspect": "3:4", "images": 3}, "free", ""),
    (JUNE, "imagen-4", "image", {"images": 4}, "", "images"),
    (JUNE, "imagen-4", "upscale", {"resolution": "2k"}, "", "model"),
    (NOVEMBER, "imagen-4", "upscale", {"resolution": "2k"}, "", ""),
    (NOVEMBER, "imagen-4", "image", {"images": 10}, "", ""),
    (NOVEMBER, "nano-banana-2", "image", {"aspect": "auto"}, "", "aspect"),
    (NOVEMBER, "nano-banana-2", "image", {"aspect": "auto", "images": 1}, "", ""),
    (NOVEMBER, "nano-banana-2", "image", {"resolution": "2k"}, "", "resolution"),
    (NOVEMBER, "nano-banana-2", "t2v", {"duration": 8}, "", "mode"),
    (NOVEMBER, "veo-3.1-fast", "image", {}, "", "mode"),
    (NOVEMBER, "omni-flash", "i2v-fl", {"duration": 8, "resolution": "360p"}, "", ""),
    (NOVEMBER, "omni-flash-1.2", "i2v-fl", {"duration": 11}, "", "duration"),
    (NOVEMBER, "omni-flash-1.2", "i2v", {"duration": 15}, "plus", "plan"),
    (NOVEMBER, "omni-flash-1.2", "i2v", {"duration": 15}, "pro", ""),
    (NOVEMBER, "omni-flash-1.2", "t2v", {"duration": 10}, "free", ""),
    (NOVEMBER, "omni-flash-1.2", "v2v", {"duration": 15}, "", ""),
    (NOVEMBER, "veo-3.1-fast", "upscale", {"resolution": "4k"}, "pro", "plan"),
    (NOVEMBER, "veo-3.1-fast", "upscale", {"resolution": "8k"}, "", "resolution"),
    (JUNE, "veo-3.1-fast", "upscale", {"resolution": "720p"}, "", "resolution"),
    (JUNE, "anything", "join", {}, "", ""),
]


@pytest.mark.parametrize(("table", "model", "mode", "asked", "plan", "about"), VERDICTS)
def test_verdicts(table: Catalogue, model: str, mode: str, asked: dict[str, object], plan: str, about: str) -> None:
    verdict = table.verdict(model, Mode(mode), plan_class=plan, **asked)  # type: ignore[arg-type]
    assert [finding.about for finding in verdict.findings] == ([about] if about else [])
    assert verdict.state is (State.REFUSED if about else State.ALLOWED)


@pytest.mark.parametrize(
    ("table", "name", "says"),
    [
        (NOVEMBER, "veo-4", "is not in table 2026-11"),
        (JUNE, "omni-flash-1.2", "only in 2026-11"),
        (NOVEMBER, "veo-3.1-fast-relaxed", "is not offered any more"),
    ],
)
def test_a_model_that_is_not_listed_is_not_refused(table: Catalogue, name: str, says: str) -> None:
    verdict = table.verdict(name, Mode.T2V, duration=8)
    assert verdict.state is State.UNLISTED
    assert says in verdict.reasons[0]


def test_all_reasons_are_given_at_once() -> None:
    verdict = JUNE.verdict("veo-3.1-fast", Mode.R2V, duration=6, aspect="2:1", images=9, voices=2, plan_class="free")
    assert [finding.about for finding in verdict.findings] == ["duration", "aspect", "images", "voices", "plan"]


def test_what_depends_on_the_plan_is_a_note_without_one() -> None:
    verdict = NOVEMBER.verdict("veo-3.1-fast", Mode.T2V, duration=6)
    assert verdict.is_allowed
    assert [note.about for note in verdict.notes] == ["plan"]
    assert "Ultra" in verdict.notes[0].message


def test_what_the_sources_leave_open_is_said_for_these_values_only() -> None:
    assert NOVEMBER.verdict("veo-3.1-fast", Mode.T2V, duration=8, aspect="1:1").notes[0].message.startswith("not sure")
    assert NOVEMBER.verdict("veo-3.1-fast", Mode.T2V, duration=8, aspect="16:9").notes == ()


def test_a_length_between_two_offered_ones_is_told_the_next_longer() -> None:
    (finding,) = JUNE.verdict("veo-3.1-fast", Mode.T2V, duration=5).findings
    assert finding.advice == "take 6 s and trim it in the cut"


def test_the_packaged_values_are_those_of_the_table_that_people_write() -> None:
    assert VALUES_FILE.read_text(encoding="utf-8") == values_text(), "run `make schemas`"
    text = TABLE_FILE.read_text(encoding="utf-8")
    for day in (None, date(2026, 6, 15), date(2026, 11, 1)):
        assert load_catalogue(as_of=day).rows == parse_catalogue(text, as_of=day).rows
        assert load_catalogue(as_of=day).fingerprint == parse_catalogue(text, as_of=day).fingerprint
