"""The edge of the catalogue: read the tables that are packaged with the program.

`models.toml` is what people write and what an overlay is laid over. `models.json` holds the same values, because
reading TOML takes longer than everything else a small command does: `make schemas` writes it, a test compares both.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from veospec.catalog.catalogue import Catalogue, catalogue_of, parse_catalogue
from veospec.catalog.parsing import tree_of

TABLE_FILE = Path(__file__).with_name("models.toml")
VALUES_FILE = TABLE_FILE.with_suffix(".json")


def load_catalogue(
    *, overlay: str | None = None, as_of: date | None = None, overlay_file: str = "catalogue.toml"
) -> Catalogue:
    """Return the packaged tables with an overlay's text; see `catalogue.parse_catalogue`."""
    return _parsed(overlay, as_of, overlay_file)


@lru_cache(maxsize=4)
def _parsed(overlay: str | None, as_of: date | None, overlay_file: str) -> Catalogue:
    if overlay is None:
        return catalogue_of(json.loads(VALUES_FILE.read_bytes(), object_hook=_with_dates), as_of=as_of)
    text = TABLE_FILE.read_text(encoding="utf-8")
    return parse_catalogue(text, overlay=overlay, as_of=as_of, file=TABLE_FILE.name, overlay_file=overlay_file)


def values_text() -> str:
    """Return what `models.json` must hold."""
    tree = tree_of(TABLE_FILE.read_text(encoding="utf-8"), TABLE_FILE.name)
    return json.dumps(tree, default=date.isoformat, ensure_ascii=False, indent=1) + "\n"


def _with_dates(section: dict[str, Any]) -> dict[str, Any]:
    if "valid_from" in section:
        section["valid_from"] = date.fromisoformat(section["valid_from"])
    return section


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(values_text(), encoding="utf-8")
