"""The price list in words, as `veospec models NAME` shows it."""

from __future__ import annotations

import pytest

from veospec.catalog.pricelist import price_lines
from veospec.catalog.shipped import load_catalogue

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("veo-3.1-fast", [("ultra-100, ultra-200", "10"), ("otherwise", "20")]),
        ("veo-3.1-quality", [("always", "100")]),
        ("nano-banana-pro", [("always", "0")]),
    ],
)
def test_short_lists(name: str, wanted: list[tuple[str, str]]) -> None:
    row = CATALOGUE.model(name)
    assert row is not None
    assert list(price_lines(row)) == wanted


def test_lengths_sizes_and_what_nobody_knows() -> None:
    omni, newer = CATALOGUE.model("omni-flash"), CATALOGUE.model("omni-flash-1.2")
    assert omni is not None
    assert newer is not None
    assert ("v2v, 360p", "10") in list(price_lines(omni))
    assert ("8 s", "12") in list(price_lines(omni))
    prices = dict(price_lines(newer))
    assert prices["v2v"].startswith("unknown (")
    assert prices["to 10 s"] == "3 a second"
    assert prices["otherwise"].startswith("at most 6 a second (")
