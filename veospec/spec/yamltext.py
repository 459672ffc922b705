"""Read YAML strictly: bytes in, a tree of plain values out, with the line and column of every key and value.

The tree is built here from the *event stream* of PyYAML's C parser. No loader is used, with any class of
PyYAML: the loaders follow nesting by recursion, so 50 kB of `[` ends the interpreter (yaml/pyyaml issue 895);
they keep the last of two equal keys in silence; and they read `16:9` as 969 and `no` as false.

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
from typing import Any, cast

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
    builder = _Builder(source)
    try:
        builder.run(_events(data.removeprefix(BOM), text))
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


class _Frame:
    """A collection that is being filled. `size` counts its nodes as expanded, `height` its levels."""

    __slots__ = ("anchor", "height", "key", "key_index", "merges", "node", "size", "spots")

    def __init__(self, node: Map | Seq, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: str | None = None
        self.key_index = 0
        self.spots: list[int] = []
        self.merges: list[Map] | None = None
        self.size = 1
        self.height = 1


_MOST_KNOWN = 1_000
"""Lengths, ratios and numbers come again and again; seeds do not."""
_NO_FRAME = _Frame(Seq(), None)
"""Stands where no collection is open."""
_MERGE = "<<"
_DROPPED = "\0"
"""Stands for a key that was refused: its value is read for its problems and then left out."""


class _Builder:
    """Turns events into a tree; holds what one reading needs."""

    __slots__ = (
        "anchors", "documents", "frames", "has_escapes", "known_keys", "known_values", "problems", "root",
        "source", "start", "total",
    )  # fmt: skip

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Json = None
        self.start = 0
        self.documents = 0
        self.total = 0
        self.frames: list[_Frame] = []
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Json, int, int] | None] = {}
        self.known_keys: dict[str, str] = {}
        self.known_values: dict[str, Json] = {}
        self.has_escapes = "\\" in source.text

    def run(self, next_event: Callable[[], Any]) -> None:
        """Read events to the end of the stream. The first branch is the hot path and calls as little as it can."""
        suspicious = scalars.FIRST_OF_SPECIAL
        known_keys = self.known_keys
        frames = self.frames
        has_escapes = self.has_escapes
        frame, node, spots = _NO_FRAME, _NO_FRAME.node, _NO_FRAME.spots
        key, key_index, is_map = None, 0, False
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                text = event.value
                index = event.start_mark.index
                if event.anchor is not None or event.tag is not None or len(text) > MAX_TEXT or not frames:
                    self.odd_scalar(event, text, index)
                    key, key_index = frame.key, frame.key_index
                    continue
                if key is None and is_map:
                    key, key_index = known_keys.get(text), index
                    if key is None or key in node:
                        key = self.new_key(event, text, index, frame)
                    frame.key, frame.key_index = key, index
                    continue
                value = text
                if (text[:1] in suspicious and event.implicit[0]) or (has_escapes and not text.isprintable()):
                    value = self.value(event, text, index)
                if key is _MERGE or key is _DROPPED or frame.size > MAX_NODES:
                    self.put(value, index, 1, 0)
                    key = None
                elif key is None:
                    node.append(value)  # type: ignore[union-attr]
                    spots.append(index)
                    frame.size += 1
                else:
                    node[key] = value  # type: ignore[call-overload]
                    spots += (key_index, index)
                    frame.size += 1
                    frame.key = key = None
            elif kind is StreamEndEvent:
                return
            else:
                self.structure(event, kind)
                frame = frames[-1] if frames else _NO_FRAME
                node, spots, key, key_index = frame.node, frame.spots, frame.key, frame.key_index
                is_map = type(node) is Map

    def structure(self, event: Any, kind: type) -> None:
        """Take an event that is no scalar."""
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            self.open(event, Map() if kind is MappingStartEvent else Seq())
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self.close()
        elif kind is AliasEvent:
            self.alias(event)
        elif kind is DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                place = self.source.location(event.start_mark.index)
                raise unreadable(
                    place, "VS004", "a second document begins here", "keep one storyboard in a file; remove the '---'"
                )

    def open(self, event: Any, node: Map | Seq) -> None:
        """Begin a collection."""
        index = event.start_mark.index
        self.refuse_tag(event, index)
        node.source = self.source
        node.start = index
        if self.frames and self.frames[-1].key is None and type(self.frames[-1].node) is Map:
            self.key_not_text(index)
            self.frames[-1].key = _DROPPED
            self.frames[-1].key_index = index
            # The collection itself is the key: it is read in a place of its own and thrown away.
            self.frames.append(_Frame(node, _DROPPED))
        else:
            self.frames.append(_Frame(node, event.anchor))
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if len(self.frames) > MAX_DEPTH:
            raise self.too_deep(index)

    def close(self) -> None:
        """End a collection and hand it to the one around it."""
        frame = self.frames.pop()
        node = frame.node
        if frame.merges:
            self.merge(frame)
        node.base = len(self.source.spots)
        self.source.spots.extend(frame.spots)
        if frame.anchor is _DROPPED:
            return
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (node, frame.size, frame.height)
        self.put(node, node.start, frame.size, frame.height)

    def put(self, value: Json, index: int, size: int, height: int) -> None:
        """Place a finished value."""
        if not self.frames:
            self.root, self.start = value, index
            return
        frame = self.frames[-1]
        frame.size += size
        # What is merged in becomes part of this mapping: it is no level of its own.
        frame.height = max(frame.height, height if frame.key is _MERGE else height + 1)
        if frame.size > MAX_NODES:
            raise self.too_many(index)
        if type(frame.node) is Seq:
            frame.node.append(value)
            frame.spots.append(index)
            return
        key, frame.key = frame.key, None
        if key is _MERGE:
            self.note_merge(frame, value, index)
        elif key is not _DROPPED and type(frame.node) is Map and key is not None:
            frame.node[key] = value
            frame.spots += (frame.key_index, index)

    # -- scalars --

    def odd_scalar(self, event: Any, text: str, index: int) -> None:
        """Take a scalar that has an anchor or a tag, is over-long, or is the whole document."""
        self.refuse_tag(event, index)
        if len(text) > MAX_TEXT:
            self.report(index, "VS011", f"a text of {len(text):,} characters (at most {MAX_TEXT:,})", "shorten it")
            text = "..."
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.key is None and type(frame.node) is Map:
            frame.key = self.new_key(event, text, index, frame)
            frame.key_index = index
            value: Json = frame.key
        else:
            value = self.value(event, text, index)
            self.put(value, index, 1, 0)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1, 0)

    def value(self, event: Any, text: str, index: int) -> Json:
        """Return what a scalar means; report what is wrong with it."""
        if not event.implicit[0]:
            if self.has_escapes and not text.isprintable() and (found := BAD.search(text)):
                self.problems.append(bad_character(found[0], self.source.location(index)))
                return BAD.sub("", text)
            return text
        if text in self.known_values:
            return self.known_values[text]
        value, finding = scalars.plain(text)
        if finding is not None:
            self.report(index, *finding)
        elif len(self.known_values) < _MOST_KNOWN:
            self.known_values[text] = value
        return value

    def new_key(self, event: Any, text: str, index: int, frame: _Frame) -> str:
        """Return the key to use for a scalar in key position: NFC, and neither a number nor twice in the mapping."""
        value = self.value(event, text, index)
        if value == _MERGE and event.implicit[0]:
            return _MERGE
        if not isinstance(value, str):
            self.key_not_text(index)
            return _DROPPED
        key = value if value.isascii() else unicodedata.normalize("NFC", value)
        if scalars.plain(text) == (key, None):
            self.known_keys[text] = key
        return self.check_duplicate(key, index, frame)

    def check_duplicate(self, key: str, index: int, frame: _Frame) -> str:
        if key in frame.node:
            first = list(cast("Map", frame.node)).index(key)
            line = self.source.location(frame.spots[2 * first]).line
            self.report(index, "VS012", f"the key '{key[:60]}' appears twice (first in line {line})", "remove one")
            return _DROPPED
        return key

    # -- aliases and merges --

    def alias(self, event: Any) -> None:
        """Put the value of an anchor again; what it expands to is counted."""
        name, index = event.anchor, event.start_mark.index
        found = self.anchors.get(name, ())
        if not found:
            what = "stands inside the value it names" if name in self.anchors else "has no anchor before it"
            raise unreadable(
                self.source.location(index), "VS016", f"the alias '*{name[:60]}' {what}", "write its anchor earlier"
            )
        value, size, height = found
        self.total += size
        if self.total > MAX_NODES:
            raise self.too_many(index)
        if len(self.frames) + height > MAX_DEPTH:
            raise self.too_deep(index)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and frame.key is None and type(frame.node) is Map:
            is_text = isinstance(value, str)
            if not is_text:
                self.key_not_text(index)
            frame.key = self.check_duplicate(value, index, frame) if is_text else _DROPPED
            frame.key_index = index
            return
        self.put(value, index, size, height)

    def note_merge(self, frame: _Frame, value: Json, index: int) -> None:
        maps = value if type(value) is Seq else [value]
        if not all(type(entry) is Map for entry in maps):
            self.report(index, "VS017", "'<<' takes a mapping or a list of mappings", "give it an alias like '*common'")
            return
        frame.merges = [*(frame.merges or ()), *maps]

    def merge(self, frame: _Frame) -> None:
        """Fill in what `<<` brings: own keys win, then the mapping that is named first."""
        own = cast("Map", frame.node)
        spots = self.source.spots
        entries: dict[str, tuple[Json, int, int]] = {}
        for other in frame.merges or ():
            for number, (key, value) in enumerate(other.items()):
                if key not in own and key not in entries:
                    place = other.base + 2 * number
                    entries[key] = (value, spots[place], spots[place + 1])
        for key, (value, key_index, index) in entries.items():
            own[key] = value
            frame.spots += (key_index, index)

    # -- findings --

    def report(self, index: int, code: str, message: str, advice: str) -> None:
        """Note a finding that does not stop the reading."""
        if len(self.problems) < MAX_PROBLEMS:
            severity = Severity.WARNING if code == scalars.TRAP else Severity.ERROR
            self.problems.append(Problem(code, message, advice, self.source.location(index), severity=severity))

    def refuse_tag(self, event: Any, index: int) -> None:
        if event.tag is not None:
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
