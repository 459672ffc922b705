"""What an unquoted YAML scalar means, and what a syntax error of the parser means in plain words.

Source: YAML 1.2.2 specification (October 2021), chapter 10.3 "Core schema"; YAML 1.1 type repository
(2005: bool, int, float, timestamp) for what older readers make of the same text.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from veospec.model import Location, Problem

TRAP = "VS020"
"""The code of the warning that another tool reads the same text differently."""

Finding: TypeAlias = tuple[str, str, str]
"""Code, message and advice."""

FIRST_OF_SPECIAL = frozenset(["", *"0123456789+-.~nNtTfFyYoO"])
"""No plain scalar that begins with another character is anything but text, for any reader."""

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,17}|[0-9]{1,17}\.[0-9]{0,17})\Z")
_AMBIGUOUS = re.compile(
    r"[-+]?(0[0-9_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]{18,}|[0-9]+_[0-9_]*|[0-9_]*\.[0-9_]+|[0-9][0-9_]*\."
    r"|(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)[eE][-+]?[0-9]+|\.inf|\.nan)\Z",
    re.IGNORECASE,
)
_BOOL_1_1 = frozenset(
    word for base in ("yes", "no", "on", "off", "y", "n") for word in (base, base.capitalize(), base.upper())
)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?\Z")
_LONGEST_SPECIAL = 64


def plain(text: str) -> tuple[str | int | float | bool | None, Finding | None]:
    """Return what an unquoted scalar means, and a finding when not every reader agrees."""
    if text in _WORDS:
        return _WORDS[text], None
    if len(text) > _LONGEST_SPECIAL:  # no pattern below runs on long texts; a number of that length is no number
        return text, None if text.strip("+-0123456789_") else _ambiguous(text)
    if _INT.match(text):
        return int(text), None
    if _FLOAT.match(text):
        return float(text), None
    if _AMBIGUOUS.match(text):
        return text, _ambiguous(text)
    if text in _BOOL_1_1:
        return text, _trap(text, "true or false")
    if _BASE_60.match(text):
        return text, _trap(text, "a number in base 60")
    if _DATE.match(text):
        return text, _trap(text, "a date")
    return text, None


def _ambiguous(text: str) -> Finding:
    return (
        "VS015",
        f"'{text[:40]}' is a different number, or none, for different YAML readers",
        "quote it if it is text, or write it as a plain decimal number",
    )


def _trap(text: str, other: str) -> Finding:
    shown = text[:40]
    return TRAP, f"'{shown}' is text here, but {other} for YAML 1.1 tools", f'quote it: "{shown}"'


class PureParser(Reader, Scanner, Parser):
    """PyYAML's own parser without its loaders, for an installation without libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


_SYNTAX = (
    ("mapping values are not allowed", "a second ': ' in one line", "quote the text, or mend the indentation"),
    ("could not find expected ':'", "a line without ': '", "write 'key: value', or indent the text under its key"),
    ("did not find expected key", "the indentation does not fit the lines above", "line it up with its neighbours"),
    ("did not find expected '-' indicator", "an item of a list is not lined up", "begin it with '- ' under the others"),
    ("did not find expected ',' or ']'", "a list in [ ] is not closed", "write ',' between and ']' at the end"),
    ("did not find expected ',' or '}'", "a mapping in { } is not closed", "write ',' between and '}' at the end"),
    ("found unexpected end of stream", "a quote, [ or { is never closed", "close it"),
    ("unexpected end of stream", "a quote, [ or { is never closed", "close it"),
    ("found character that cannot start any token", "this character cannot begin a value", "quote the text"),
    ("found unknown escape character", "an unknown escape in double quotes", "use single quotes"),
    ("block sequence entries are not allowed", "'- ' cannot stand here", "begin the list on its own line"),
    ("invalid Unicode character escape", "an escape in double quotes makes no character", "write the character itself"),
    ("did not find expected node content", "a value is missing", "write a value, or close the bracket"),
    ("found undefined tag handle", "a tag is not allowed", "remove it, or quote a text that begins with '!'"),
    ("found duplicate anchor", "the same anchor twice", "use another name"),
    ("found a tab character", "a tab is used to indent", "use spaces"),
    ("incompatible YAML document", "another version of YAML is asked for", "remove the %YAML line"),
)  # fmt: skip


def syntax_problem(error: Exception, text: str, file: str) -> Problem:
    """Return what a parser's error means, at the place where it noticed."""
    if isinstance(error, UnicodeError):
        return Problem(
            "VS005", "an escape in double quotes makes no character", "write the character itself", Location(file, 1, 1)
        )
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    if context is not None and (mark is None or "end of stream" in str(getattr(error, "problem", ""))):
        mark = context  # what is never closed is mended where it was opened
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    place = Location(file, line + 1, column + 1)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    indent = here[: len(here) - len(here.lstrip())]
    if "\t" in indent or here[column : column + 1] == "\t":
        return Problem("VS007", "a tab is used to indent", "use spaces: YAML allows no tabs there", place)
    said = str(getattr(error, "problem", None) or "").splitlines()[:1]
    return _worded(said[0] if said else "the text is broken", place)


def _worded(said: str, place: Location) -> Problem:
    if "maximum nesting depth" in said:  # libyaml since 0.2.6 counts by itself, while it looks ahead of our own count
        return Problem("VS009", "nested far too deep", "make it flatter", place)
    for fragment, message, advice in _SYNTAX:
        if fragment in said:
            return Problem("VS008", f"broken YAML: {message}", advice, place)
    return Problem("VS008", f"broken YAML: {said[:120]}", "mend this line or the one above", place)
