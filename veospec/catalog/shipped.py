"""The edge of the catalogue: read the table that is packaged with the program."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from veospec.catalog.catalogue import Catalogue, parse_catalogue

TABLE_FILE = Path(__file__).with_name("models.toml")


def load_catalogue(
    *, overlay: str | None = None, as_of: date | None = None, overlay_file: str = "catalogue.toml"
) -> Catalogue:
    """Return the packaged tables with an overlay's text; see `catalogue.parse_catalogue`."""
    return _parsed(overlay, as_of, overlay_file)


@lru_cache(maxsize=4)
def _parsed(overlay: str | None, as_of: date | None, overlay_file: str) -> Catalogue:
    text = TABLE_FILE.read_text(encoding="utf-8")
    return parse_catalogue(text, overlay=overlay, as_of=as_of, file=TABLE_FILE.name, overlay_file=overlay_file)
