"""What to write instead of a value of the wrong kind: something that is taken when it is written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from veospec.catalog.verdicts import listed
from veospec.spec.quoting import scalar
from veospec.spec.schema_fits import compile_schema
from veospec.spec.words import Node

KINDS = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping",
}  # fmt: skip

_FLAGS = {"yes": "true", "on": "true", "true": "true", "1": "true", "no": "false", "off": "false", "false": "false",
          "0": "false"}  # fmt: skip
_COUNTED = re.compile(r"[$€]?\s*([0-9]+(?:\.[0-9]+)?)\s*(?:f|frames?|credits?|usd|[$€x])?\Z", re.IGNORECASE)
"""A number with a sign that says what it counts anyway."""

_SHOWN = 60
_UNKNOWN = "…"


def instead(value: Any, node: Mapping[str, Any], key: str, definitions: Mapping[str, Node]) -> str:
    """Return the advice for a value that is not of the kind that `node` wants; `key` is what it is called."""
    kinds = [node["type"]] if isinstance(node["type"], str) else list(node["type"])
    found = ""
    if "array" in kinds and not isinstance(value, list):
        found = _as_list(value, node, definitions)
    elif "object" in kinds and "string" not in kinds:
        found = _as_mapping(value, node, definitions)
    elif isinstance(value, (int, float)) and "string" in kinds:
        found = _as_word(value, node)
    elif isinstance(value, str | int) and "boolean" in kinds:
        found = f"write {_FLAGS[str(value).lower()]}" if str(value).lower() in _FLAGS else ""
    elif isinstance(value, str) and {"integer", "number"} & set(kinds):
        found = _as_number(value, kinds)
    elif key == "aspect" and isinstance(value, list) and "anyOf" in node:
        found = "several ratios are a matrix: {aspect: [...]} at the top of the file"
    elif "string" in kinds and (inner := _only(value)):
        found = f"write {scalar(inner)}"
    return found or f"write {listed([KINDS[kind] for kind in kinds], last='or')}"


def allowed_words(node: Mapping[str, Any]) -> list[Any]:
    """Return the choices of a schema that has some."""
    if "enum" in node:
        return list(node["enum"])
    return next((list(each["enum"]) for each in node.get("anyOf", ()) if "enum" in each), [])


def near_word(value: Any, allowed: Iterable[Any]) -> str:
    """Return the choice that was probably meant: spelt alike, or the one that a longer name begins with."""
    names = {str(each).casefold(): str(each) for each in allowed}
    wanted = str(value).casefold()
    found = difflib.get_close_matches(wanted, names, n=1, cutoff=0.7)
    begun = [name for name in names if wanted.startswith(f"{name}-")]
    return names[found[0]] if found else names[max(begun, key=len)] if begun else ""


def _as_word(value: float, node: Mapping[str, Any]) -> str:
    allowed = allowed_words(node)
    if not allowed:
        return f"put it in quotes: {scalar(str(value).lower() if isinstance(value, bool) else str(value))}"
    near = near_word("none" if isinstance(value, bool) and not value else value, allowed)
    return f"did you mean {near}?" if near else f"use {listed(list(map(str, allowed)), last='or')}"


def _as_number(value: str, kinds: Sequence[str]) -> str:
    text = value.strip()
    if text.isdigit():
        return f"write it without quotes: {text}"
    found = _COUNTED.match(text)
    return f"write {found[1]}" if found and ("number" in kinds or found[1].isdigit()) else ""


def _as_list(value: Any, node: Mapping[str, Any], definitions: Mapping[str, Node]) -> str:
    if "items" not in node:
        return ""  # shots and stills are judged one by one, so the outline of a file does not know them
    item = _resolved(node["items"], definitions)
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    if all(_fits(part, item, definitions) for part in parts) or (isinstance(value, str) and item["type"] == "string"):
        return f"write it in brackets: [{', '.join(map(_short, parts))}]"
    made = _record(value, item, definitions)
    return f"write [{made}]" if made else ""


def _as_mapping(value: Any, node: Mapping[str, Any], definitions: Mapping[str, Node]) -> str:
    properties: Mapping[str, Any] = node.get("properties", {})
    if not properties:
        return "give each a name: {NAME: ...}" if isinstance(value, (list, str)) else ""
    made = _record(value, node, definitions)
    return f"write {made}" if made else f"write a mapping with {listed(list(properties)[:8], last='or')}"


def _record(value: Any, node: Mapping[str, Any], definitions: Mapping[str, Node]) -> str:
    """Return the mapping whose first fitting key holds the value, with what else it needs."""
    properties: Mapping[str, Any] = node.get("properties", {})
    required: Sequence[str] = node.get("required", ())
    if isinstance(value, (bool, dict)):
        return ""  # nobody can tell which of the keys is meant
    for key in (*required, *(name for name in properties if name not in required)):
        part = _resolved(properties[key], definitions)
        fitting = next((each for each in (value, [value]) if _fits(each, part, definitions)), None)
        if fitting is not None:
            needs = {name: _example(properties[name]) for name in required}
            pairs = (needs | {key: _short(fitting)}).items()
            return f"{{{', '.join(f'{name}: {text}' for name, text in pairs)}}}"
    return ""


def _example(node: Mapping[str, Any]) -> str:
    return scalar(node["examples"][0]) if node.get("examples") else _UNKNOWN


def _short(value: Any) -> str:
    text = scalar(value)
    return text if len(text) <= _SHOWN else _UNKNOWN


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Node]) -> Mapping[str, Any]:
    return definitions[node["$ref"].removeprefix("#/definitions/")] if "$ref" in node else node


def _fits(value: Any, node: Mapping[str, Any], definitions: Mapping[str, Node]) -> bool:
    return compile_schema(dict(node), definitions)(value)


def _only(value: Any) -> str:
    """Return the text that a list or mapping holds when it holds nothing else."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return inside[0] if len(inside) == 1 and isinstance(inside[0], str) else ""
