"""Answers that a command prints: lines for people and one JSON document for programs, made from the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from veospec.app.columns import columns
from veospec.errors import Exit


class Answer(Struct, frozen=True):
    """A finished answer: lines that are safe to print, a JSON document, and the code to leave with."""

    text: tuple[str, ...]
    json: Mapping[str, Any]
    exit: Exit = Exit.DONE

    def lines(self) -> Iterator[str]:
        """Yield the lines for a person."""
        yield from self.text

    def document(self) -> Mapping[str, Any]:
        """Return the JSON values for a program."""
        return self.json


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> tuple[str, ...]:
    """Return rows under a head line, columns lined up."""
    return tuple(columns([tuple(head), *map(tuple, rows)], right=right)) if rows else ()
