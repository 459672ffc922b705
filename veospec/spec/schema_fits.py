"""Tell quickly whether a value fits a schema, yes or no, without a word why.

Most storyboards are right, and importing jsonschema (60 ms) takes longer than everything else that `validate` does to a
small one. So this answers first; only for what does not fit, jsonschema is asked for the reasons. It knows the keywords
that our own schema uses and no others, and means by them what jsonschema means: tests compare the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from veospec.spec.words import Node

Fits: TypeAlias = Callable[[Any], bool]

_WORDS = frozenset(
    (
        *("$schema", "title", "description", "examples", "default", "errorMessage", "x-code", "x-advice"),
        *("definitions", "if", "patternProperties"),
    )
)
"""Keywords that say nothing about a value by themselves."""


def compile_schema(schema: Node, definitions: Mapping[str, Node]) -> Fits:
    """Return a test for values. Raises: `KeyError` for a keyword that it does not know."""
    return _Compiler(definitions).fits(schema)


class _Compiler:
    """Turns schemas into tests; each definition once, when it is first needed."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions
        self._done: dict[str, Fits] = {}

    def fits(self, schema: Node) -> Fits:
        """Return one test for all keywords of a schema."""
        parts = list(self._parts(schema))
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)

    def _parts(self, schema: Node) -> Iterable[Fits]:
        for keyword, limit in schema.items():
            if keyword in _SIMPLE:
                yield _SIMPLE[keyword](limit)
            elif keyword in _OWN:
                yield _OWN[keyword](self, limit, schema)
            elif keyword not in _WORDS:
                raise KeyError(keyword)

    def _reference(self, name: str, _: Node) -> Fits:
        """Follow a reference when a value comes: a film names few of the models that the schema speaks of."""
        key = name.removeprefix("#/definitions/")

        def test(value: Any) -> bool:
            part = self._done.get(key)
            if part is None:
                part = self._done[key] = self.fits(self._definitions[key])
            return part(value)

        return test

    def _properties(self, limits: Mapping[str, Node], _: Node) -> Fits:
        parts = {name: self.fits(limit) for name, limit in limits.items()}
        always = parts.items()

        def test(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            if len(value) < len(parts):
                return all(parts[name](each) for name, each in value.items() if name in parts)
            return all(part(value[name]) for name, part in always if name in value)

        return test

    def _additional(self, limit: Any, schema: Node) -> Fits:
        known = schema.get("properties", {})
        if any(set(each) - _WORDS for each in schema.get("patternProperties", {}).values()):
            raise KeyError("patternProperties with limits")
        patterns = [re.compile(pattern).search for pattern in schema.get("patternProperties", ())]
        part = _never if limit is False else self.fits(limit)

        def test(value: Any) -> bool:
            return not isinstance(value, dict) or all(
                name in known or any(search(name) for search in patterns) or part(each) for name, each in value.items()
            )

        return test

    def _then(self, consequence: Node, schema: Node) -> Fits:
        is_so, follows = self.fits(schema["if"]), self.fits(consequence)
        return lambda value: not is_so(value) or follows(value)

    def _names(self, limit: Node, _: Node) -> Fits:
        part = self.fits(limit)
        return lambda value: not isinstance(value, dict) or all(part(name) for name in value)

    def _items(self, limit: Node, _: Node) -> Fits:
        part = self.fits(limit)
        return lambda value: not isinstance(value, list) or all(part(each) for each in value)

    def _any_of(self, limits: list[Node], _: Node) -> Fits:
        parts = [self.fits(limit) for limit in limits]
        return lambda value: any(part(value) for part in parts)

    def _all_of(self, limits: list[Node], _: Node) -> Fits:
        parts = [self.fits(limit) for limit in limits]
        return lambda value: all(part(value) for part in parts)

    def _not(self, limit: Node, _: Node) -> Fits:
        part = self.fits(limit)
        return lambda value: not part(value)


_OWN: dict[str, Callable[[_Compiler, Any, Node], Fits]] = {
    "$ref": _Compiler._reference,
    "properties": _Compiler._properties,
    "additionalProperties": _Compiler._additional,
    "then": _Compiler._then,
    "propertyNames": _Compiler._names,
    "items": _Compiler._items,
    "anyOf": _Compiler._any_of,
    "allOf": _Compiler._all_of,
    "not": _Compiler._not,
}


def _never(_: Any) -> bool:
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Fits] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _type(limit: str | list[str]) -> Fits:
    tests = [_TYPES[name] for name in ([limit] if isinstance(limit, str) else limit)]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _enum(limit: list[Any]) -> Fits:
    # For JSON true and 1 are two values, for Python they are equal. 8 and 8.0 are one value for both.
    return lambda value: any(each == value and isinstance(each, bool) is isinstance(value, bool) for each in limit)


def _required(limit: list[str]) -> Fits:
    return lambda value: not isinstance(value, dict) or all(name in value for name in limit)


def _pattern(limit: str) -> Fits:
    search = re.compile(limit).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _size(kind: type[str | list[Any] | dict[str, Any]], *, is_least: bool) -> Callable[[int], Fits]:
    def of(limit: int) -> Fits:
        if is_least:
            return lambda value: not isinstance(value, kind) or len(value) >= limit
        return lambda value: not isinstance(value, kind) or len(value) <= limit

    return of


_SIMPLE: dict[str, Callable[[Any], Fits]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda limit: _enum([limit]),
    "required": _required,
    "pattern": _pattern,
    "minLength": _size(str, is_least=True),
    "maxLength": _size(str, is_least=False),
    "minItems": _size(list, is_least=True),
    "maxItems": _size(list, is_least=False),
    "minProperties": _size(dict, is_least=True),
    "maxProperties": _size(dict, is_least=False),
    "minimum": lambda limit: lambda value: not _is_number(value) or value >= limit,
    "maximum": lambda limit: lambda value: not _is_number(value) or value <= limit,
    "exclusiveMinimum": lambda limit: lambda value: not _is_number(value) or value > limit,
}
