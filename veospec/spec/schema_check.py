"""Check a tree against the schema: each distinct shape of a shot once, every finding with its place.

A film repeats itself: 10,000 shots have some hundred shapes. Two shots of one shape differ only in texts and numbers
that fit their own bounds and that no condition looks at, so the schema says the same of both, word for word. A test
holds this against the plain validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from veospec.model import Problem
from veospec.spec.schema_findings import Found, Path, problems_of
from veospec.spec.schema_fits import compile_schema
from veospec.spec.tree import Tree
from veospec.spec.words import Node

Shaper: TypeAlias = Callable[[Any], Hashable]

_BLIND = frozenset(("not", "maxItems", "errorMessage", "x-code", "x-advice"))
"""Keywords of a model rule that do not look at the text or number of a value."""


class Checker:
    """One schema, ready to judge trees; `hints` say what became of models that are no longer or not yet there."""

    def __init__(self, schema: Node, hints: Mapping[str, str]) -> None:
        definitions: dict[str, Node] = schema["definitions"]
        # Shots and stills are judged one by one, so the outline takes whatever stands there.
        parts = {name: {"$ref": f"#/definitions/{name}", "definitions": definitions} for name in _PARTS}
        self.judges = {name: Judge(part, schema, hints) for name, part in parts.items()}
        self._outline = Judge(_outline(schema), schema, hints)
        self._shapers = {name: _Shapes(definitions, name) for name in _PARTS}

    def check(self, tree: Tree, *, may_use_unlisted_models: bool = False) -> tuple[Problem, ...]:
        """Return every problem in the order of the file."""
        found = list(self._outline.findings(tree.root))
        seen: dict[Hashable, tuple[Found, ...]] = {}
        for name, path, value in _parts(tree.root):
            shape = (name, self._shapers[name].of(value))
            inside = seen.get(shape)
            if inside is None:
                inside = seen[shape] = self.judges[name].findings(value)
            if inside:
                found += [replace(each, path=(*path, *each.path)) for each in inside]
        return problems_of(found, tree, may_use_unlisted_models=may_use_unlisted_models)


class Judge:
    """Judges values by one schema: a quick yes, or jsonschema's findings in our words."""

    def __init__(self, schema: Node, whole: Node, hints: Mapping[str, str]) -> None:
        self._schema, self._whole, self._hints = schema, whole, hints
        self._fits = compile_schema(schema, whole["definitions"])
        self._explain: Callable[[Any], Iterator[Found]] | None = None

    def findings(self, value: Any) -> tuple[Found, ...]:
        """Return what is wrong with a value; paths begin at it."""
        if self._fits(value):
            return ()
        if self._explain is None:
            # Only what does not fit pays for importing jsonschema.
            from veospec.spec.schema_words import explainer

            self._explain = explainer(self._schema, self._whole, self._hints)
        return tuple(self._explain(value))


_PARTS = ("shot", "still")


def _outline(node: Any) -> Any:
    """Return a schema without what it says of shots and stills: following a reference ten thousand times is slow."""
    if isinstance(node, dict):
        return {key: _outline(child) for key, child in node.items() if child not in _PART_REFERENCES}
    return [_outline(child) for child in node] if isinstance(node, list) else node


_PART_REFERENCES = ({"$ref": "#/definitions/shot"}, {"$ref": "#/definitions/still"})


def _parts(root: Any) -> Iterator[tuple[str, Path, Any]]:
    """Yield each shot and still of a tree whose outline may be broken."""
    if not isinstance(root, dict):
        return
    stills = root.get("stills")
    if isinstance(stills, dict):
        yield from (("still", ("stills", name), value) for name, value in stills.items())
    scenes = root.get("scenes")
    for number, scene in enumerate(scenes) if isinstance(scenes, list) else ():
        if isinstance(scene, dict):
            yield from _shots(scene, ("scenes", number))
    yield from _shots(root, ())


def _shots(owner: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Path, Any]]:
    shots = owner.get("shots")
    if isinstance(shots, list):
        yield from (("shot", (*path, "shots", number), value) for number, value in enumerate(shots))


class _Shapes:
    """Turns a shot into what the schema can see of it."""

    def __init__(self, definitions: Mapping[str, Node], name: str) -> None:
        watched = _watched(definitions) | {"model"}
        properties: dict[str, Node] = definitions[name]["properties"]
        self._of = {key: _exact if key in watched else _shaper(node) for key, node in properties.items()}

    def of(self, value: Any) -> Hashable:
        """Return the shape of one shot or still."""
        if not isinstance(value, dict):
            return _exact(value)
        shaper_of = self._of.get
        return tuple(value), tuple([shaper_of(key, _unknown)(each) for key, each in value.items()])


def _watched(definitions: Mapping[str, Node]) -> set[str]:
    """Return the keys whose very value some model rule looks at."""
    found: set[str] = set()
    for name, node in definitions.items():
        if name in ("shot", "still"):
            continue
        for part in (node, *(rule["then"] for rule in node.get("allOf", ()))):
            found |= {key for key, limits in part.get("properties", {}).items() if not _BLIND.issuperset(limits)}
    return found


def _shaper(node: Node) -> Shaper:
    kinds = node.get("type")
    if "anyOf" in node or "enum" in node or "const" in node:
        return _exact
    if kinds == "string":
        return _text_shaper(node)
    if kinds == "integer":
        return _whole_shaper(node)
    if kinds == "array":
        return _list_shaper(_shaper(node["items"]))
    if kinds == "object" and "properties" in node:
        return _record_shaper({key: _shaper(part) for key, part in node["properties"].items()})
    if kinds == ["string", "object"] and "properties" in node:
        return _either_shaper(
            _text_shaper(node), _record_shaper({k: _shaper(p) for k, p in node["properties"].items()})
        )
    return _exact


def _text_shaper(node: Node) -> Shaper:
    shortest, longest = node.get("minLength", 0), node.get("maxLength", 1 << 30)
    form = re.compile(node["pattern"]).search if "pattern" in node else None

    def shape(value: Any) -> Hashable:
        if isinstance(value, str) and shortest <= len(value) <= longest and (form is None or form(value)):
            return "text"
        return _exact(value)

    return shape


def _whole_shaper(node: Node) -> Shaper:
    lowest, highest = node["minimum"], node["maximum"]

    def shape(value: Any) -> Hashable:
        return "whole" if type(value) is int and lowest <= value <= highest else _exact(value)

    return shape


def _list_shaper(item: Shaper) -> Shaper:
    def shape(value: Any) -> Hashable:
        return ("list", *map(item, value)) if isinstance(value, list) else _exact(value)

    return shape


def _record_shaper(parts: Mapping[str, Shaper]) -> Shaper:
    def shape(value: Any) -> Hashable:
        if not isinstance(value, dict):
            return _exact(value)
        return ("map", *((key, parts.get(key, _unknown)(each)) for key, each in value.items()))

    return shape


def _either_shaper(text: Shaper, record: Shaper) -> Shaper:
    def shape(value: Any) -> Hashable:
        return text(value) if isinstance(value, str) else record(value)

    return shape


def _unknown(_: Any) -> Hashable:
    return "unknown key"


def _exact(value: Any) -> Hashable:
    """Return the value itself with its type: for Python, 1 and True are the same key of a dict."""
    if isinstance(value, dict):
        return ("exactly", "map", *((key, _exact(each)) for key, each in value.items()))
    if isinstance(value, list):
        return ("exactly", "list", *map(_exact, value))
    return ("exactly", type(value).__name__, value)
