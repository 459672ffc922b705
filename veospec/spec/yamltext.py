"""Read YAML strictly: bytes in, a tree of plain values out, with the line and column of every key and value.

The tree is built here from the *event stream* of PyYAML's C parser. No loader is used, with any class of
PyYAML: the loaders follow nesting by recursion, so 50 kB of `[` ends the interpreter (yaml/pyyaml issue 895);
they keep the last of two equal keys in silence; and they read `16:9` as 969 and `no` as false. Nesting is followed
by recursion here too, but never deeper than `MAX_DEPTH`.

Scalars follow the core schema of YAML 1.2 (chapter 10.3 of the YAML 1.2.2 specification) without numbers that
other readers understand differently: these are refused, "quote it". Words that YAML 1.1 readers (PyYAML, most
editors) take for something else stay text, and a warning says so.

Anchors, aliases and `<<` work. What they would expand to is counted while the tree is built, so a bomb of
380 bytes ends with a message and not with the machine's memory.

This module knows nothing of storyboards.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from veospec.errors import SpecUnreadable
from veospec.model import Location, Problem, Severity
from veospec.spec import scalars
from veospec.spec.rawtext import BAD, BOM, bad_character, check_conflict, decoded, unreadable
from veospec.spec.tree import Json, Map, Seq, Source, Tree

_CPARSER: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else None  # type: ignore[attr-defined]
"""None where PyYAML was built without libyaml."""

_OF_NODES = (MappingStartEvent, SequenceStartEvent, ScalarEvent, AliasEvent)
"""The events with which a value begins."""

MAX_DEPTH = 32
MAX_NODES = 5_000_000
MAX_TEXT = 64 << 10
MAX_PROBLEMS = 1_000
"""After so many findings in one file nobody reads on; later ones are not collected."""


def parse(data: bytes, file: str) -> Tree:
    """Read one YAML document.

    Raises:
        SpecUnreadable: the bytes are no UTF-8 text, no single YAML document, or beyond a limit. Findings that
            leave the rest readable (a duplicate key, an ambiguous number, a tag) are in `Tree.problems`.
    """
    text = decoded(data, file)
    source = Source(file, text)
    check_conflict(source)
    try:
        builder = _Builder(source, _events(data.removeprefix(BOM), text))
        builder.run()
    except (yaml.YAMLError, UnicodeError) as error:
        raise SpecUnreadable(scalars.syntax_problem(error, text, file)) from None
    if builder.documents == 0 or builder.root is None:
        raise unreadable(Location(file, 1, 1), "VS003", "the file is empty", "write at least 'veospec: 1' and one shot")
    builder.problems.sort(key=lambda p: p.location)
    return Tree(source, builder.root, builder.start, tuple(builder.problems), has_anchors=bool(builder.anchors))


def _events(data: bytes, text: str) -> Callable[[], Any]:
    """Return a function that gives the next event of a text, by the C parser where there is one; it wants bytes."""
    parser: Any = _CPARSER(data) if _CPARSER is not None else scalars.PureParser(text)
    return cast("Callable[[], Any]", parser.get_event)


_MOST_KNOWN = 1_000
"""Lengths, ratios and numbers come again and again; seeds do not."""
_MERGE = "<<"
_DROPPED = "\0"
"""Stands for a key that was refused: its value is read for its problems and then left out."""

_Read: TypeAlias = tuple[Json, int, int]
"""A value, how many nodes it has when it is expanded, and how many levels."""


class _Builder:
    """Turns events into a tree; holds what one reading needs."""

    __slots__ = (
        "anchors", "depth", "documents", "has_escapes", "known_keys", "known_values", "next_event", "problems", "root",
        "source", "start", "total",
    )  # fmt: skip

    def __init__(self, source: Source, next_event: Callable[[], Any]) -> None:
        self.source = source
        self.next_event = next_event
        self.root: Json = None
        self.start = 0
        self.documents = 0
        self.total = 0
        self.depth = 0
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Read | None] = {}
        self.known_keys: dict[str, str] = {}
        self.known_values: dict[str, Json] = {}
        self.has_escapes = "\\" in source.text

    def run(self) -> None:
        """Read events to the end of the stream."""
        while (kind := type(event := self.next_event())) is not StreamEndEvent:
            if kind is DocumentStartEvent:
                self.documents += 1
                if self.documents > 1:
                    place = self.source.location(event.start_mark.index)
                    raise unreadable(
                        place, "VS004", "a second document begins here",
                        "keep one storyboard in a file; remove the '---'",
                    )  # fmt: skip
            elif kind in _OF_NODES:
                self.root, self.start = self.node(event)[0], event.start_mark.index

    def node(self, event: Any) -> _Read:
        """Read any value."""
        kind = type(event)
        if kind is MappingStartEvent:
            return self.mapping(event)
        if kind is SequenceStartEvent:
            return self.sequence(event)
        return self.alias(event) if kind is AliasEvent else self.scalar(event)

    def mapping(self, event: Any, *, is_key: bool = False) -> _Read:
        """Read a mapping. Its plain keys and values are the hot path: they are read without another call."""
        suspicious, longest, has_escapes = scalars.FIRST_OF_SPECIAL, MAX_TEXT, self.has_escapes
        next_event, known_keys, known_values = self.next_event, self.known_keys, self.known_values
        node = Map()
        spots: list[int] = []
        merges: list[Map] = []
        anchor = self.open(event, node, is_key=is_key)
        size = height = 1
        while (kind := type(event := next_event())) is not MappingEndEvent:
            key_index = event.start_mark.index
            if kind is ScalarEvent and event.anchor is None and event.tag is None:
                key = known_keys.get(event.value)
                if key is None or key in node:
                    key = self.new_key(event, key_index, node, spots)
            else:
                key = self.odd_key(event, kind, key_index, node, spots)
            event = next_event()
            index = event.start_mark.index
            if (
                type(event) is ScalarEvent
                and event.anchor is None
                and event.tag is None
                and len(value := event.value) <= longest
            ):
                if value[:1] in suspicious and event.implicit[0]:
                    value = known_values[value] if value in known_values else self.plain(value, index)
                elif has_escapes and not value.isprintable():
                    value = self.value(event, value, index)
                size += 1
            else:
                value, own_size, own_height = self.node(event)
                size += own_size
                # What is merged in becomes part of this mapping: it is no level of its own.
                height = max(height, own_height if key is _MERGE else own_height + 1)
            if size > MAX_NODES:
                raise self.too_many(index)
            if key is _MERGE:
                merges += self.merged(value, index)
            elif key is not _DROPPED:
                node[key] = value
                spots += (key_index, index)
        if merges:
            self.merge(node, spots, merges)
        self.close(node, spots)
        read = (node, size, height)
        if anchor is not None:
            self.anchors[anchor] = read
        return read

    def sequence(self, event: Any, *, is_key: bool = False) -> _Read:
        """Read a sequence."""
        node = Seq()
        spots: list[int] = []
        anchor = self.open(event, node, is_key=is_key)
        size = height = 1
        while type(event := self.next_event()) is not SequenceEndEvent:
            index = event.start_mark.index
            value, own_size, own_height = self.node(event)
            size += own_size
            height = max(height, own_height + 1)
            if size > MAX_NODES:
                raise self.too_many(index)
            node.append(value)
            spots.append(index)
        self.close(node, spots)
        read = (node, size, height)
        if anchor is not None:
            self.anchors[anchor] = read
        return read

    def open(self, event: Any, node: Map | Seq, *, is_key: bool) -> str | None:
        """Begin a collection; return the anchor under which it will be known. One that is a key has none."""
        index = event.start_mark.index
        anchor: str | None = event.anchor
        if event.tag is not None:
            self.refuse_tag(event, index)
        if is_key:
            self.key_not_text(index)
        node.source = self.source
        node.start = index
        if anchor is not None:
            self.anchors[anchor] = None
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep(index)
        return None if is_key else anchor

    def close(self, node: Map | Seq, spots: list[int]) -> None:
        """End a collection."""
        self.depth -= 1
        kept = self.source.spots
        node.base = len(kept)
        kept.extend(spots)

    # -- scalars --

    def scalar(self, event: Any) -> _Read:
        """Read any scalar; `mapping` reads the plain ones itself."""
        index = event.start_mark.index
        if event.tag is not None:
            self.refuse_tag(event, index)
        read = (self.value(event, self.bounded(event.value, index), index), 1, 0)
        if event.anchor is not None:
            self.anchors[event.anchor] = read
        return read

    def odd_key(self, event: Any, kind: type, index: int, node: Map, spots: list[int]) -> str:
        """Return the key to use for an alias, a collection, or a scalar that has an anchor or a tag."""
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            # It is read in a place of its own and thrown away.
            if kind is MappingStartEvent:
                self.mapping(event, is_key=True)
            else:
                self.sequence(event, is_key=True)
            return _DROPPED
        if kind is AliasEvent:
            value = self.alias(event)[0]
            if isinstance(value, str):
                return self.check_duplicate(value, index, node, spots)
            self.key_not_text(index)
            return _DROPPED
        if event.tag is not None:
            self.refuse_tag(event, index)
        key = self.new_key(event, index, node, spots)
        if event.anchor is not None:
            self.anchors[event.anchor] = (key, 1, 0)
        return key

    def bounded(self, text: str, index: int) -> str:
        """Return a text, or what stands for one that is over-long."""
        if len(text) <= MAX_TEXT:
            return text
        self.report(index, "VS011", f"a text of {len(text):,} characters (at most {MAX_TEXT:,})", "shorten it")
        return "..."

    def value(self, event: Any, text: str, index: int) -> Json:
        """Return what a scalar means; report what is wrong with it."""
        if not event.implicit[0]:
            if self.has_escapes and not text.isprintable() and (found := BAD.search(text)):
                self.problems.append(bad_character(found[0], self.source.location(index)))
                return BAD.sub("", text)
            return text
        return self.known_values[text] if text in self.known_values else self.plain(text, index)

    def plain(self, text: str, index: int) -> Json:
        """Return what an unquoted scalar means that was not met before."""
        value, finding = scalars.plain(text)
        if finding is not None:
            self.report(index, *finding)
        elif len(self.known_values) < _MOST_KNOWN:
            self.known_values[text] = value
        return value

    def new_key(self, event: Any, index: int, node: Map, spots: list[int]) -> str:
        """Return the key to use for a scalar in key position: NFC, and neither a number nor twice in the mapping."""
        text = self.bounded(event.value, index)
        value = self.value(event, text, index)
        if value == _MERGE and event.implicit[0]:
            return _MERGE
        if not isinstance(value, str):
            self.key_not_text(index)
            return _DROPPED
        key = value if value.isascii() else unicodedata.normalize("NFC", value)
        if key != _MERGE and scalars.plain(text) == (key, None):
            self.known_keys[text] = key
        return self.check_duplicate(key, index, node, spots)

    def check_duplicate(self, key: str, index: int, node: Map, spots: list[int]) -> str:
        if key in node:
            first = list(node).index(key)
            line = self.source.location(spots[2 * first]).line
            self.report(index, "VS012", f"the key '{key[:60]}' appears twice (first in line {line})", "remove one")
            return _DROPPED
        return key

    # -- aliases and merges --

    def alias(self, event: Any) -> _Read:
        """Return the value of an anchor again; what it expands to is counted."""
        name, index = event.anchor, event.start_mark.index
        found = self.anchors.get(name)
        if found is None:
            what = "stands inside the value it names" if name in self.anchors else "has no anchor before it"
            raise unreadable(
                self.source.location(index), "VS016", f"the alias '*{name[:60]}' {what}", "write its anchor earlier"
            )
        _, size, height = found
        self.total += size
        if self.total > MAX_NODES:
            raise self.too_many(index)
        if self.depth + height > MAX_DEPTH:
            raise self.too_deep(index)
        return found

    def merged(self, value: Json, index: int) -> list[Map]:
        """Return the mappings that `<<` names."""
        maps = value if type(value) is Seq else [value]
        if all(type(entry) is Map for entry in maps):
            return list(maps)
        self.report(index, "VS017", "'<<' takes a mapping or a list of mappings", "give it an alias like '*common'")
        return []

    def merge(self, own: Map, spots: list[int], merges: list[Map]) -> None:
        """Fill in what `<<` brings: own keys win, then the mapping that is named first."""
        kept = self.source.spots
        entries: dict[str, tuple[Json, int, int]] = {}
        for other in merges:
            for number, (key, value) in enumerate(other.items()):
                if key not in own and key not in entries:
                    place = other.base + 2 * number
                    entries[key] = (value, kept[place], kept[place + 1])
        for key, (value, key_index, index) in entries.items():
            own[key] = value
            spots += (key_index, index)

    # -- findings --

    def report(self, index: int, code: str, message: str, advice: str) -> None:
        """Note a finding that does not stop the reading."""
        if len(self.problems) < MAX_PROBLEMS:
            severity = Severity.WARNING if code == scalars.TRAP else Severity.ERROR
            self.problems.append(Problem(code, message, advice, self.source.location(index), severity=severity))

    def refuse_tag(self, event: Any, index: int) -> None:
        self.report(index, "VS014", f"the tag '{event.tag[:40]}' is not allowed", "remove it")

    def key_not_text(self, index: int) -> None:
        self.report(index, "VS013", "a key must be text", "quote it")

    def too_deep(self, index: int) -> SpecUnreadable:
        return unreadable(
            self.source.location(index), "VS009", f"nested deeper than {MAX_DEPTH} levels", "make it flatter"
        )

    def too_many(self, index: int) -> SpecUnreadable:
        return unreadable(
            self.source.location(index),
            "VS010",
            f"more than {MAX_NODES:,} values once every alias is written out",
            "use fewer aliases inside aliases; 'defaults:' and 'vars:' do the same",
        )
