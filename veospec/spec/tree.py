"""A tree of plain values that knows the line and column of every key and value.

`Map` and `Seq` are a dict and a list; they carry their place packed as one number, so that a storyboard of
10,000 shots costs little more than without places. A sub-tree keeps pointing at the file that it came from,
also when it was put into the tree of another one.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from veospec.model import Location, Problem

Json: TypeAlias = Any
"""What stands in a tree: Map, Seq, str, int, float, bool or None."""

Step: TypeAlias = str | int

_LINE_END = re.compile(r"\r\n?|\n")
_NUMBER = re.compile(r"(?:&\S+\s+)?([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))")
"""A number where it is written, behind its anchor if it has one."""


def _line_starts(text: str) -> Iterator[int]:
    """Yield where each line begins, whatever the lines of the text end with."""
    yield 0
    if "\r" in text:
        yield from (found.end() for found in _LINE_END.finditer(text))
        return
    at = 0
    while at := text.find("\n", at) + 1:
        yield at


class Source:
    """One file: its name, its text, and where every key and value of its tree begins."""

    __slots__ = ("_starts", "file", "spots", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.spots = array("I")
        self._starts = array("I")

    def location(self, index: int) -> Location:
        """Return line and column, counted from 1, of a character of the text."""
        if not self._starts:
            self._starts.extend(_line_starts(self.text))
        line = bisect_right(self._starts, index)
        return Location(self.file, line, index - self._starts[line - 1] + 1)

    def spelt(self, value: Json, index: int) -> str:
        """Return a scalar that begins at `index` as text: a number as it is written, so that a price of 9.90 stays
        one; true and false in lower case; nothing for a value of another kind.
        """
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, int | float):
            return ""
        found = _NUMBER.match(self.text, index)
        return found[1] if found is not None and float(found[1]) == value else str(value)


class Map(dict[str, Json]):
    """A mapping that knows where it stands. Its places are kept packed and found only when one is asked for."""

    __slots__ = ("base", "source", "start")

    source: Source
    start: int
    base: int

    @property
    def here(self) -> Location:
        """Where the mapping begins."""
        return self.source.location(self.start)

    def at(self, key: str) -> Location:
        """Where the value of `key` begins; the mapping itself when there is no such key."""
        return self._spot(key, 1)

    def at_key(self, key: str) -> Location:
        """Where `key` is written; the mapping itself when there is no such key."""
        return self._spot(key, 0)

    def spelt(self, key: str) -> str:
        """The scalar of `key` as text; see `Source.spelt`."""
        number = next(number for number, name in enumerate(self) if name == key)
        return self.source.spelt(self[key], self.source.spots[self.base + 2 * number + 1])

    def _spot(self, key: str, which: int) -> Location:
        for number, name in enumerate(self):
            if name == key:
                return self.source.location(self.source.spots[self.base + 2 * number + which])
        return self.here


def as_whole(value: Json) -> int | None:
    """Return a whole number, also one that is written `2.0`, as JSON and its schemas have it; else None."""
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def _nothing() -> Map:
    node = Map()
    node.source, node.start, node.base = Source("", ""), 0, 0
    return node


NOTHING = _nothing()
"""An empty mapping that stands for one that is not written."""


class Seq(list[Json]):
    """A sequence that knows where it and its items stand."""

    __slots__ = ("base", "source", "start")

    source: Source
    start: int
    base: int

    @property
    def here(self) -> Location:
        """Where the sequence begins."""
        return self.source.location(self.start)

    def at(self, number: int) -> Location:
        """Where an item begins; the sequence itself when there is no such item."""
        if not 0 <= number < len(self):
            return self.here
        return self.source.location(self.source.spots[self.base + number])

    def spelt(self, number: int) -> str:
        """The scalar of an item as text; see `Source.spelt`."""
        return self.source.spelt(self[number], self.source.spots[self.base + number])


class Tree:
    """A file that was read. `problems` are findings that did not stop the reading; some may be errors."""

    __slots__ = ("has_anchors", "problems", "root", "source", "start")

    def __init__(
        self, source: Source, root: Json, start: int, problems: tuple[Problem, ...], *, has_anchors: bool = False
    ) -> None:
        self.source = source
        self.has_anchors = has_anchors
        self.root = root
        self.start = start
        self.problems = problems

    @classmethod
    def broken(cls, file: str) -> Tree:
        """Return what stands for a file that could not be read, so that the others are still checked."""
        return cls(Source(file, ""), None, 0, ())

    @property
    def is_broken(self) -> bool:
        """True for a file that could not be read; one that could never is without a root."""
        return self.root is None

    @property
    def file(self) -> str:
        """The name of the file as it was given."""
        return self.source.file

    def locate(self, path: Sequence[Step], *, key: bool = False) -> Location:
        """Return where the value at `path` begins, or with `key` where its key is written.

        A path that leads nowhere gives the place of the last step that exists.
        """
        node, place = self.root, self.source.location(self.start)
        for number, step in enumerate(path):
            if isinstance(node, Map) and step in node:
                is_last = number == len(path) - 1
                place = node.at_key(str(step)) if key and is_last else node.at(str(step))
                node = node[str(step)]
            elif isinstance(node, Seq) and isinstance(step, int) and 0 <= step < len(node):
                place = node.at(step)
                node = node[step]
            else:
                break
        return place
