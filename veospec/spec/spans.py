"""Where every key and value of a YAML text begins *and ends*, for edits that touch nothing else.

`yamltext` knows beginnings only, which is all that messages need and costs half. Read the text with it first: this
module takes for granted that the text is one document inside its limits.
"""

from __future__ import annotations

from typing import Any

import yaml
from msgspec import Struct, field
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from veospec.spec.scalars import PureParser

_CPARSER: Any = getattr(yaml.cyaml, "CParser", None) if yaml.__with_libyaml__ else None


class Span(Struct):
    """One node of the text: `[start, end)` in characters. `kind` is map, list, scalar or alias.

    The end of a collection without brackets is that of its last value. `pairs` are the entries of a map in order, with
    the keys' spans; `value` is the text of a scalar.
    """

    kind: str
    start: int
    end: int
    is_flow: bool = False
    has_anchor: bool = False
    is_block_text: bool = False
    value: str = ""
    pairs: list[tuple[Span, Span]] = field(default_factory=list)
    items: list[Span] = field(default_factory=list)

    def get(self, key: str) -> Span | None:
        """Return the value of a key that is written in this map itself, not brought by `<<`."""
        return next((value for name, value in self.pairs if name.kind == "scalar" and name.value == key), None)

    def text(self, key: str) -> str:
        """Return the text of a key, or ""."""
        found = self.get(key)
        return found.value if found is not None and found.kind == "scalar" else ""


def read_spans(text: str) -> Span:
    """Return the root of a text that `yamltext` has read."""
    parser: Any = _CPARSER(text) if _CPARSER is not None else PureParser(text)
    open_: list[tuple[Span, list[Span]]] = []
    root: Span | None = None
    while parser.check_event():
        event: Any = parser.get_event()
        start, end = event.start_mark.index, event.end_mark.index
        finished: Span | None = None
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            kind = "map" if isinstance(event, MappingStartEvent) else "list"
            span = Span(kind, start, end, is_flow=bool(event.flow_style))
            span.has_anchor = event.anchor is not None
            open_.append((span, []))
        elif isinstance(event, ScalarEvent):
            finished = _scalar(event, text)
        elif isinstance(event, AliasEvent):
            finished = Span("alias", start, end)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            finished = _closed(*open_.pop(), end=end)
        if finished is None:
            continue
        if open_:
            open_[-1][1].append(finished)
        else:
            root = finished
    return root if root is not None else Span("scalar", 0, 0)


def _scalar(event: Any, text: str) -> Span:
    start, end = event.start_mark.index, event.end_mark.index
    is_block = event.style in ("|", ">")
    if is_block:
        # The parser ends a block text where the next token begins, so after its line ends and blank lines.
        end = start + len(text[start:end].rstrip())
    return Span("scalar", start, end, has_anchor=event.anchor is not None, is_block_text=is_block, value=event.value)


def _closed(span: Span, parts: list[Span], *, end: int) -> Span:
    if span.kind == "map":
        span.pairs = list(zip(parts[::2], parts[1::2], strict=True))
    else:
        span.items = parts
    # Without brackets the parser puts the end at the next token, after comments that belong to what follows.
    span.end = end if span.is_flow or not parts else max(part.end for part in parts)
    return span
