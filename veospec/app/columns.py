"""Text in columns, measured as a terminal shows it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence


def width_of(text: str) -> int:
    """Return how many columns a terminal needs for a text: wide characters take two, marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def columns(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield rows with their columns lined up; the last column is not padded, those in `right` end flush."""
    if not rows:
        return
    widths = [max(width_of(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            pad = " " * (widths[i] - width_of(cell))
            cells.append(pad + cell if i in right else cell + pad if i < len(row) - 1 else cell)
        yield "  ".join(cells).rstrip()
