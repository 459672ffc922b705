"""Find the line of a key in TOML text, good enough for a message: the parser of the standard library tells none.

Reads headers, keys at the start of a line, and counts the rows of a list that is written one row a line. A path
it has not seen is answered with the line of the nearest part of it that it has.
"""

from __future__ import annotations

import re

from veospec.model import Location

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=\s*(\S?)"
)
_PART = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Lines:
    """The places of the keys of one TOML text. `prefix` is put before a path that is looked for."""

    def __init__(self, text: str, file: str, *, prefix: tuple[str, ...] = ()) -> None:
        self.file = file
        self.prefix = prefix
        self._text = text
        self._lines: dict[tuple[str, ...], int] | None = None  # nobody asks unless something is wrong

    def find(self, path: tuple[str, ...]) -> tuple[int, Location]:
        """Return how many parts of the path were found, and the place of the deepest one."""
        if self._lines is None:
            self._lines = _scan(self._text)
        whole = (*self.prefix, *path)
        for length in range(len(whole), 0, -1):
            if (line := self._lines.get(whole[:length])) is not None:
                return length - len(self.prefix), Location(self.file, line, 1)
        return 0, Location(self.file, 1, 1)


def broken_place(message: str, text: str) -> tuple[int, int]:
    """Return line and column of a TOML error from its text; the end of the document when it names none."""
    if found := _PLACE.search(message):
        return int(found[1]), int(found[2])
    return max(1, text.count("\n") + 1), 1


def _scan(text: str) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    header: tuple[str, ...] = ()
    rows: tuple[str, ...] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if rows is not None:
            stripped = line.strip()
            if stripped.startswith("]"):
                rows = None
            elif stripped.startswith("{"):
                found[(*rows, str(counts.setdefault(rows, 0)))] = number
                counts[rows] += 1
            continue
        if match := _HEADER.match(line):
            header = _resolved(_parts(match[2]), counts)
            if match[1] == "[[":
                counts[header] = counts.get(header, -1) + 1
                header = (*header, str(counts[header]))
            found[header] = number
        elif match := _KEY.match(line):
            path = (*header, *_parts(match[1]))
            for length in range(len(header) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
            rows = path if match[2] == "[" and line.rstrip().endswith("[") else None
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _resolved(path: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Put the number of the current element after the name of each list of tables, as TOML means it."""
    resolved: tuple[str, ...] = ()
    for index, part in enumerate(path):
        resolved = (*resolved, part)
        if index + 1 < len(path) and resolved in counts:
            resolved = (*resolved, str(counts[resolved]))
    return resolved
