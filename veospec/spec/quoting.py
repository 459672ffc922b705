"""Write values as YAML that every reader takes for the same thing, and that a person likes to read."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence

from veospec.spec.scalars import plain

_PLAIN = re.compile(r"(?:[A-Za-z](?:[A-Za-z0-9 _./-]*[A-Za-z0-9_./-])?|[0-9]{1,9}(?:\.[0-9]{1,6})?[sf])\Z")
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_WIDTH = 100


def scalar(value: object) -> str:
    """Return a value on one line: plain when no reader could take it for anything else, else in double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {scalar(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(scalar(each) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if isinstance(value, int) or (_PLAIN.match(text) and plain(text) == (text, None)):
        return text
    return json.dumps(text, ensure_ascii=False)


def field(key: str, value: object, indent: str) -> list[str]:
    """Return the lines of one key; long texts are folded, texts of several lines are kept as such."""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return [f"{indent}{key}:", *(f"{indent}  - {scalar(each)}" for each in value)]
    if not isinstance(value, str) or (len(value) < _WIDTH and "\n" not in value):
        return [f"{indent}{key}: {scalar(value)}"]
    inner = indent + "  "
    if "\n" in value:
        lines = value.split("\n")
        if all(line == line.rstrip() and not line.startswith((" ", "\t")) for line in lines) and lines[0] and lines[-1]:
            return [f"{indent}{key}: |-", *((inner + line).rstrip() for line in lines)]
    elif value == " ".join(value.split(" ")) and "  " not in value and value == value.strip() and "\t" not in value:
        folded = textwrap.wrap(value, _WIDTH, break_long_words=False, break_on_hyphens=False)
        return [f"{indent}{key}: >-", *(inner + line for line in folded)]
    return [f"{indent}{key}: {scalar(value)}"]


def readable(text: str) -> str:
    """Return a text without the characters that the strict reader refuses, and with LF line ends."""
    return _UNREADABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def block(entries: Mapping[str, object] | Sequence[tuple[str, object]], indent: str) -> list[str]:
    """Return the lines of a mapping, one key after the other."""
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    return [line for key, value in pairs for line in field(key, value, indent)]
