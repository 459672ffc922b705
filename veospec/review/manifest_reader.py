"""A manifest read back from bytes: strict, because a wrong line would make the program trust or buy the wrong thing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Any, TypeVar

from veospec.errors import StoreCorrupt
from veospec.model import Cell, Cost, Kind, MediaFacts, Mode, TransitionKind
from veospec.review.provenance import is_source_type
from veospec.review.values import (
    MANIFEST_VERSION,
    Bought,
    C2pa,
    CutList,
    Disposition,
    Event,
    InputLine,
    Manifest,
    Output,
    Transition,
    UpstreamLine,
)

MAX_BYTES = 256 * 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_RATE = re.compile(r"[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?\Z")
_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")


def parse_manifest(content: bytes, file: str = "out/manifest.json") -> Manifest:
    """Return the manifest, or raise `StoreCorrupt` that names the first thing that is not as it must be.

    Unknown or missing fields, wrong types, digests of the wrong form and paths that leave the folder are refused.
    """
    try:
        if len(content) > MAX_BYTES:
            raise _Wrong("", "is larger than any manifest")
        return _manifest(_Fields(_json(content), ""))
    except _Wrong as wrong:
        raise StoreCorrupt(
            f"{file}: {wrong.path or 'the file'} {wrong.fault}",
            "Take the file from the last commit, or delete it: `veospec apply` writes it again from the store.",
        ) from None


class _Wrong(Exception):
    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"{path} {fault}")
        self.path = path
        self.fault = fault


class _Fields:
    """One JSON object that is taken apart field by field; what is left over is an error."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _Wrong(path, "is not an object")
        self._left = dict(value)
        self._path = path

    def take(self, name: str) -> Any:
        if name not in self._left:
            raise _Wrong(self.at(name), "is missing")
        return self._left.pop(name)

    def has(self, name: str) -> bool:
        return name in self._left

    def at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def end(self) -> None:
        for name in self._left:
            raise _Wrong(self.at(ascii(name)[1:-1]), "is not known here")

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise _Wrong(self.at(name), "is not a text")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise _Wrong(self.at(name), "is not true or false")
        return value

    def whole(self, name: str, least: int = 0) -> int:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise _Wrong(self.at(name), f"is not a whole number of at least {least}")
        return value

    def whole_or_none(self, name: str) -> int | None:
        if self._left.get(name, 0) is None:
            self._left.pop(name)
            return None
        return self.whole(name)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if value and not _DIGEST.match(value):
            raise _Wrong(self.at(name), "is not a SHA-256 in lower-case hex")
        return value

    def file(self, name: str) -> str:
        value = self.text(name)
        parts = value.split("/")
        bad = any(p in ("", ".", "..") for p in parts) or "\\" in value or ":" in value or value.isprintable() is False
        if value and bad:
            raise _Wrong(self.at(name), "is not a path inside the folder")
        return value

    def word(self, name: str, words: type[_E]) -> _E:
        value = self.text(name)
        try:
            return words(value)
        except ValueError:
            raise _Wrong(self.at(name), f"is not one of {', '.join(str(w.value) for w in words)}") from None

    def source_type(self, name: str) -> str:
        value = self.text(name)
        if not is_source_type(value):
            raise _Wrong(self.at(name), "is no digital source type")
        return value

    def fraction_or_none(self, name: str) -> Fraction | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _RATE.match(value):
            raise _Wrong(self.at(name), "is not a number like 24 or 24000/1001")
        return Fraction(value)

    def axes(self, name: str) -> Cell:
        value = self.take(name)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise _Wrong(self.at(name), "is not an object of texts")
        return Cell(tuple(value.items()))

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.take(name)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _Wrong(self.at(name), "is not a list of texts")
        return tuple(value)

    def many(self, name: str, read: Callable[[_Fields], _T]) -> tuple[_T, ...]:
        value = self.take(name)
        if not isinstance(value, list):
            raise _Wrong(self.at(name), "is not a list")
        return tuple(_whole_of(read, _Fields(v, f"{self.at(name)}[{i}]")) for i, v in enumerate(value))

    def one(self, name: str, read: Callable[[_Fields], _T]) -> _T:
        return _whole_of(read, _Fields(self.take(name), self.at(name)))

    def one_or_none(self, name: str, read: Callable[[_Fields], _T]) -> _T | None:
        if self._left.get(name, 0) is None:
            self._left.pop(name)
            return None
        return self.one(name, read)


def _whole_of(read: Callable[[_Fields], _T], fields: _Fields) -> _T:
    value = read(fields)
    fields.end()
    return value


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise _Wrong("", "is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _Wrong(
            f"line {error.lineno} column {error.colno}", "is not JSON (half a file or a merge conflict?)"
        ) from None
    except (RecursionError, ValueError) as error:
        raise _Wrong("", f"is not a JSON document that can be read: {type(error).__name__}") from None


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("", "has an object with the same name twice")
    return found


def _no_constant(name: str) -> None:
    raise _Wrong("", f"holds {name}, which is not JSON")


def _bought(fields: _Fields) -> Bought:
    return Bought(
        node=fields.text("node"),
        take=fields.whole("take", 1),
        provider=fields.text("provider"),
        key=fields.digest("key"),
        digest=fields.digest("digest"),
    )


def _manifest(fields: _Fields) -> Manifest:
    version = fields.whole("veospec_manifest", 1)
    if version != MANIFEST_VERSION:
        raise _Wrong("veospec_manifest", f"is version {version}, this program reads version {MANIFEST_VERSION}")
    code, title, fps = fields.one("project", lambda p: (p.text("code"), p.text("title"), p.whole("fps", 1)))
    manifest = Manifest(
        code=code,
        title=title,
        fps=fps,
        spec=fields.file("spec"),
        provider=fields.text("provider"),
        catalogue=fields.text("catalogue"),
        outputs=fields.many("outputs", _output),
        bought=fields.many("bought", _bought) if fields.has("bought") else (),
        cuts=fields.many("cuts", _cut),
    )
    fields.end()
    ids = [o.id for o in manifest.outputs]
    if ids != sorted(set(ids)):
        raise _Wrong("outputs", "are not sorted by node and take, or name a take twice")
    return manifest


def _output(f: _Fields) -> Output:
    return Output(
        node=f.text("node"),
        kind=f.word("kind", Kind),
        shot=f.text("shot"),
        scene=f.text("scene"),
        cell=f.axes("cell"),
        take=f.whole("take", 1),
        selected=f.flag("selected"),
        disposition=f.word("disposition", Disposition),
        key=f.digest("key"),
        digest=f.digest("digest"),
        size_bytes=f.whole("bytes"),
        file=f.file("file"),
        provider=f.text("provider"),
        model=f.text("model"),
        mode=f.word("mode", Mode),
        seed=f.whole_or_none("seed"),
        cost=f.one(
            "cost", lambda c: Cost(c.whole_or_none("credits"), c.whole_or_none("micro_usd"), c.flag("is_ceiling"))
        ),
        media=f.one_or_none("media", _media),
        inputs=f.many("inputs", _input),
        upstream=f.many("upstream", _upstream),
        source_type=f.source_type("source_type"),
        c2pa=f.word("c2pa", C2pa),
        flags=f.texts("flags"),
        reason=f.text("reason"),
    )


def _media(f: _Fields) -> MediaFacts:
    return MediaFacts(
        container=f.text("container"),
        codec=f.text("codec"),
        width=f.whole("width", 1),
        height=f.whole("height", 1),
        frames=f.whole("frames", 1),
        fps=f.fraction_or_none("fps"),
        duration=f.fraction_or_none("duration"),
        has_audio=f.flag("has_audio"),
        audio_codec=f.text("audio_codec"),
    )


def _input(f: _Fields) -> InputLine:
    return InputLine(f.text("slot"), f.text("role"), f.digest("digest"), f.file("file"), f.source_type("origin"))


def _upstream(f: _Fields) -> UpstreamLine:
    return UpstreamLine(f.text("slot"), f.text("node"), f.digest("key"), f.digest("digest"))


def _cut(f: _Fields) -> CutList:
    cut = CutList(
        slug=f.text("name"),
        cell=f.axes("cell"),
        aspect=f.text("aspect"),
        fps=f.whole("fps", 1),
        events=(),
    )
    frames = f.whole("frames")
    events = f.many("events", _event)
    if frames != (events[-1].record_out if events else 0):
        raise _Wrong(f.at("frames"), "is not where the last event ends")
    return CutList(cut.cell, cut.slug, cut.aspect, cut.fps, events)


def _event(f: _Fields) -> Event:
    return Event(
        number=f.whole("number", 1),
        shot=f.text("shot"),
        scene=f.text("scene"),
        node=f.text("node"),
        take=f.whole("take", 1),
        digest=f.digest("digest"),
        file=f.file("file"),
        missing=f.text("missing"),
        has_audio=f.flag("has_audio"),
        media_frames=f.whole("media_frames", 1),
        source_in=f.whole("source_in"),
        source_out=f.whole("source_out", 1),
        record_in=f.whole("record_in"),
        record_out=f.whole("record_out", 1),
        overlap=f.whole("overlap"),
        leaving=f.one_or_none(
            "transition",
            lambda t: Transition(t.word("kind", TransitionKind), t.whole("before"), t.whole("after")),
        ),
    )
