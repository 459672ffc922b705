"""A project's own model table: what it may change, and how its mistakes are told."""

from __future__ import annotations

import pytest

from veospec.catalog.catalogue import Catalogue
from veospec.catalog.shipped import TABLE_FILE, load_catalogue
from veospec.errors import SpecInvalid
from veospec.model import Cost, Mode

NEW_MODEL = """
[models."veo-4"]
like = "veo-3.1-fast"
aliases = ["veo-next"]
credits = [
  { resolutions = ["1080p"], credits = "unknown" },
  { per_second = 2 },
]
resolutions = ["720p", "1080p"]

[models."veo-4".modes]
t2v = { durations = [8, 16] }
extend = false
"""


def overlay(text: str) -> Catalogue:
    return load_catalogue(overlay=text, overlay_file="models.toml")


def test_a_new_model_starts_as_a_copy_and_changes_only_what_it_says() -> None:
    catalogue = overlay(NEW_MODEL)
    row = catalogue.model("veo-next")
    assert row is not None
    assert (row.id, row.family, row.is_overlaid) == ("veo-4", "veo", True)
    assert row.modes[Mode.T2V].durations == (8, 16)
    assert row.modes[Mode.I2V].durations == (4, 6, 8)
    assert Mode.EXTEND not in row.modes
    assert catalogue.credits(Mode.T2V, "veo-4", duration=16) == Cost(32, 0)
    assert catalogue.credits(Mode.T2V, "veo-4", duration=16, resolution="1080p").credits is None
    assert row.asks_resolution


def test_a_price_of_a_shipped_model_is_replaced_and_the_rest_stays() -> None:
    catalogue = overlay("[models.omni-flash]\ncredits = [{ credits = 1 }]\n")
    assert catalogue.credits(Mode.T2V, "omni-flash", duration=10).credits == 1
    assert catalogue.credits(Mode.T2V, "veo-3.1-fast", duration=8).credits == 20
    assert catalogue.limits("omni-flash", Mode.R2V) == load_catalogue().limits("omni-flash", Mode.R2V)
    assert catalogue.fingerprint != load_catalogue().fingerprint


def test_changing_a_row_does_not_change_the_rows_that_were_copied_from_it() -> None:
    catalogue = overlay('[models."veo-3.1-lite"]\naspects = ["16:9"]\n')
    assert catalogue.verdict("veo-3.1-lite", Mode.T2V, duration=8, aspect="1:1").state == "refused"
    assert catalogue.verdict("veo-3.1-fast", Mode.T2V, duration=8, aspect="1:1").is_allowed


def test_plans_voices_and_operations_can_be_added() -> None:
    catalogue = overlay(
        'catalogue = 1\nvoices = ["Nova", "Kore"]\n'
        '[plans.studio]\ntitle = "Studio"\nusd_per_credit = "0.005"\n'
        "[operations.upscale-video]\ncredits = [{ credits = 7 }]\n"
    )
    assert catalogue.voice("nova") == "Nova"
    assert len(catalogue.voices) == 31
    assert catalogue.micro_usd(2, "studio") == 10_000
    assert catalogue.credits("upscale", "omni-flash", resolution="1080p").credits == 7


def test_an_empty_overlay_changes_nothing() -> None:
    assert overlay("").rows == load_catalogue().rows


# text, line, code, part of the message, part of the advice
FAULTS = [
    ("models = [", 1, "VS190", "not TOML", "correct"),
    ("catalogue = 2\n", 1, "VS192", "catalogue", "catalogue = 1"),
    ("[modles.x]\n", 1, "VS191", "'modles'", "did you mean 'models'"),
    ('[models.x]\nlike = "veo-3.1-fsat"\n', 2, "VS192", "veo-3.1-fsat", "veo-3.1-fast"),
    ('[models.omni-flash]\n\nduratoins = [8]\n', 3, "VS191", "duratoins", "keys here"),
    ('[models.omni-flash]\ncredits = [{ credits = -1 }]\n', 2, "VS192", "whole number", ""),
    ('[models.omni-flash]\ncredits = [\n  { credits = 1 },\n  { credits = 1.5 },\n]\n', 4, "VS192", "whole number", ""),
    ('[models.omni-flash]\ncredits = [{ seconds = 8 }]\n', 2, "VS192", "either credits or per_second", "unknown"),
    ('[models.omni-flash]\nplans = ["paied"]\n', 2, "VS192", "'paied'", "did you mean 'paid'"),
    ('[models.omni-flash]\naspects = ["wide"]\n', 2, "VS192", "'wide'", "16:9"),
    ('[models.omni-flash]\nmax_count = "4"\n', 2, "VS192", "max_count", ""),
    ('[models.omni-flash]\naliases = ["veo-3.1-fast"]\n', 2, "VS192", "already means veo-3.1-fast", "another alias"),
    ('[models.omni-flash.modes]\nr2v = { durations = [8], min_images = 3 }\n', 2, "VS192", "min_images", ""),
    ('[models.omni-flash.modes]\nt3v = { durations = [8] }\n', 2, "VS192", "'t3v'", "t2v"),
    ('[models.omni-flash.modes]\nt2v = {}\n', 2, "VS193", "durations", "lengths"),
    ('[models.new]\nkind = "video"\n', 1, "VS193", "is missing", ""),
    ('[plans.pro]\nusd_per_credit = 0.02\n', 2, "VS192", "dollars", 'usd_per_credit = "0.05"'),
    ('[defaults]\nvideo = "nano-banana-2"\n', 2, "VS192", "no video model", "name a model"),
    ('models = 3\n', 1, "VS192", "a table of keys", ""),
    ('[models]\nx = 3\n', 2, "VS192", "a model is a table", "[models.x]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "code", "message", "advice"), FAULTS)
def test_a_mistake_is_told_with_its_line(text: str, line: int, code: str, message: str, advice: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        overlay(text)
    fitting = [p for p in caught.value.problems if p.code == code and message in p.message and advice in p.advice]
    assert fitting, caught.value.problems
    assert (fitting[0].location.file, fitting[0].location.line) == ("models.toml", line)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(SpecInvalid) as caught:
        overlay('[models.omni-flash]\nmax_count = "4"\nplans = ["no"]\n[models.omni-flash.modes]\nt3v = {}\n')
    assert [problem.location.line for problem in caught.value.problems] == [2, 3, 5]


def test_the_shipped_table_is_read_without_a_problem_from_its_own_text() -> None:
    assert "catalogue = 1" in TABLE_FILE.read_text(encoding="utf-8")
    assert load_catalogue().models
