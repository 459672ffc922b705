"""Small parts of a JSON Schema, each with the help that an editor shows and the sentence for a wrong value.

Only keywords that draft 7 and draft 2020-12 read alike: `definitions`, no siblings of `$ref`, no `uniqueItems`, no
nested alternatives. `errorMessage` is what the YAML language server shows instead of its own words; `x-code` and
`x-advice` are read by `schema_check`. Patterns are anchored, linear, and end in `$(?!\\n)`, because `$` alone lets a
line end pass in Python while `\\Z` means nothing to an editor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Node: TypeAlias = dict[str, Any]
"""One schema, as `json` writes it."""

END = r"$(?!\n)"
TEMPLATE = r"[^\n]{0,400}\$\{[^\n]{0,400}"
"""A text with `${...}` in it: what it becomes is known after expansion only."""

ID = (
    r"^(?!(?:[Cc][Oo][Nn]|[Pp][Rr][Nn]|[Aa][Uu][Xx]|[Nn][Uu][Ll]|[Cc][Oo][Mm][0-9]|[Ll][Pp][Tt][0-9])(?:\.|$))"
    r"(?![^\n]{0,62}\.\.)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9_-])?" + END
)
"""Names and ids become parts of file names; `names.id_fault` says in words what is wrong with one."""

ID_WORDS = (
    "it has letters, digits, '.', '_' and '-', at most 63, begins with a letter or digit, does not end in '.', "
    "has no '..' and is no device name of Windows"
)

LONG = 5_000
"""Characters of a prompt. Source: useapi.net Google Flow API v1 reference, POST /videos, June 2026: the limit is not
documented; one client of the API stops at 5,000.
"""


MAX_SHOTS = 200_000
MAX_SCENES = 10_000
MAX_SEED = 2**31 - 1
"""Source: useapi.net Google Flow API v1 reference, POST /videos, June 2026: no upper bound is documented; every known
client stays below 2^31.
"""


def text(help_: str, *, maximum: int = 2_000, examples: Sequence[str] = ()) -> Node:
    """Return a free text that is not empty."""
    node: Node = {"description": help_, "type": "string", "minLength": 1, "maxLength": maximum}
    return node | ({"examples": list(examples)} if examples else {})


def pattern(help_: str, form: str, words: str, *, examples: Sequence[str] = (), maximum: int = 400) -> Node:
    """Return a text of a form; `words` say the form in plain language."""
    node: Node = {"description": help_, "type": "string", "maxLength": maximum, "pattern": form, "errorMessage": words}
    return node | ({"examples": list(examples)} if examples else {})


def name_of(help_: str, *, examples: Sequence[str] = ()) -> Node:
    """Return the name of something that is defined elsewhere in the storyboard."""
    return text(help_, maximum=200, examples=examples)


def identifier(help_: str, *, examples: Sequence[str] = ()) -> Node:
    """Return an id that becomes part of file names."""
    return pattern(help_, ID, ID_WORDS, examples=examples, maximum=63)


def choice(help_: str, values: Sequence[str], *, is_fixed: bool = False, default: str = "") -> Node:
    """Return one of some texts; `${...}` may stand in for it unless it is fixed."""
    node: Node = {"description": help_, "type": "string"}
    if is_fixed:
        node["enum"] = list(values)
    else:
        node["anyOf"] = [{"enum": list(values)}, {"pattern": f"^{TEMPLATE}{END}"}]
    return node | ({"default": default} if default else {})


def whole(help_: str, minimum: int, maximum: int, *, default: int | None = None) -> Node:
    """Return a whole number in a range."""
    node: Node = {"description": help_, "type": "integer", "minimum": minimum, "maximum": maximum}
    return node if default is None else node | {"default": default}


def number(help_: str, minimum: int, maximum: int) -> Node:
    """Return a number in a range."""
    return {"description": help_, "type": "number", "minimum": minimum, "maximum": maximum}


def flag(help_: str, *, default: bool) -> Node:
    """Return true or false."""
    return {"description": help_, "type": "boolean", "default": default}


LENGTH_WORDS = "a length has a unit: 8s, 1.5s or 192f (frames)"


def length(help_: str, *, examples: Sequence[str] = ("18f", "1.5s"), has_bare_seconds: bool = False) -> Node:
    """Return a length of time in seconds or frames; a bare number only where it can mean nothing but seconds."""
    form = rf"^(?:(?:[0-9]{{1,9}}(?:\.[0-9]{{1,6}})?|\.[0-9]{{1,6}}) ?(?:s|sec|f)|{TEMPLATE}){END}"
    node = pattern(help_, form, LENGTH_WORDS, examples=examples)
    if has_bare_seconds:
        node |= {"type": ["string", "number"], "exclusiveMinimum": 0, "maximum": 600}
    return node


def listing(help_: str, items: Node, *, minimum: int = 0, maximum: int = 100, examples: Sequence[Any] = ()) -> Node:
    """Return a list."""
    node: Node = {"description": help_, "type": "array", "items": items, "maxItems": maximum}
    if minimum:
        node["minItems"] = minimum
    return node | ({"examples": list(examples)} if examples else {})


def texts(help_: str, item: str, *, maximum: int = 100, examples: Sequence[Any] = ()) -> Node:
    """Return a list of texts, or one text that stands for a list of one."""
    node = listing(help_, text(item, maximum=500), maximum=maximum, examples=examples)
    return node | {"type": ["array", "string"], "minLength": 1, "maxLength": 500}


def record(help_: str, properties: Mapping[str, Node], *, required: Sequence[str] = ()) -> Node:
    """Return a mapping with these keys and no others."""
    node: Node = {
        "description": help_,
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
    }
    return node | ({"required": list(required)} if required else {})


def named(help_: str, item: Node, *, maximum: int = 2_000) -> Node:
    """Return a mapping from free names to values."""
    return {
        "description": help_,
        "type": "object",
        "propertyNames": {"maxLength": 63, "pattern": ID, "errorMessage": ID_WORDS},
        "maxProperties": maximum,
        "additionalProperties": item,
    }


def refused(code: str, words: str, advice: str) -> Node:
    """Return a schema that nothing fits, with the reason."""
    return {"not": {}, "errorMessage": words, "x-code": code, "x-advice": advice}


def says(node: Node, code: str, words: str, advice: str = "") -> Node:
    """Return a constraint with its own code, sentence and advice."""
    return node | {"errorMessage": words, "x-code": code, "x-advice": advice}
