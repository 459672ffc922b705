"""Read the two forms that other tools keep shots in, `prompts.json` and CSV, as rows that know their lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from veospec.model import Location, Problem, Severity

UNREADABLE = "VS150"
WRONG_VALUE = "VS152"


class Row(Struct, frozen=True):
    """One prompt. `places` has the place of each key, `here` that of the row."""

    values: dict[str, Any]
    places: dict[str, Location]
    here: Location

    def at(self, key: str) -> Location:
        """Where a key is written, or the row."""
        return self.places.get(key, self.here)


def read_rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    """Return the rows of a file, JSON or CSV by its look and name."""
    bare = text.removeprefix("\ufeff")
    is_json = bare.lstrip()[:1] in ("[", "{") and not file.lower().endswith((".csv", ".tsv"))
    return (_read_json if is_json or file.lower().endswith(".json") else _read_csv)(bare, file)


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = sorted({name for name in names if names.count(name) > 1}) if len(names) > len(self) else []


_DECODER = json.JSONDecoder(object_pairs_hook=_Object)


def _read_json(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    start = Location(file, 1, 1)
    try:
        json.loads(text, parse_constant=_no_constant)
        entries = list(_entries(text))
    except json.JSONDecodeError as error:
        place = Location(file, error.lineno, error.colno)
        return [], [Problem(UNREADABLE, f"not JSON: {error.msg.lower()}", "correct the text", place)]
    except (ValueError, RecursionError):
        return [], [Problem(UNREADABLE, "not JSON: a number or a depth that cannot be read", "correct it", start)]
    rows: list[Row] = []
    problems: list[Problem] = []
    for begin, value in entries:
        here = _location(text, begin, file)
        if not isinstance(value, _Object):
            problems.append(Problem(WRONG_VALUE, "an entry is no object", 'write {"prompt": "..."}', here))
            continue
        places = _key_places(text, begin, value, file)
        rows.append(Row(dict(value), places, here))
        problems += [warning(WRONG_VALUE, f"{name!r} is written twice; the last one counts", "remove one", here)
                     for name in value.twice]  # fmt: skip
    if not rows and not problems:
        problems.append(Problem(UNREADABLE, "there is no prompt", 'write [{"prompt": "..."}]', start))
    return rows, problems


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _entries(text: str) -> Iterator[tuple[int, Any]]:
    """Yield where each entry of the list begins, and the entry; an object alone is a list of one."""
    begin = len(text) - len(text.lstrip())
    if text[begin : begin + 1] == "{":
        value = _DECODER.raw_decode(text, begin)[0]
        lists = [name for name, each in value.items() if isinstance(each, list)]
        if len(lists) != 1 or "prompt" in value:
            yield begin, value
            return
        begin = text.index("[", text.index(json.dumps(lists[0], ensure_ascii=False), begin))
    at = begin + 1
    while (found := _NEXT.match(text, at)) and text[found.end() : found.end() + 1] not in ("]", ""):
        value, at = _DECODER.raw_decode(text, found.end())
        yield found.end(), value


_NEXT = re.compile(r"[\s,]*")


def _key_places(text: str, begin: int, value: _Object, file: str) -> dict[str, Location]:
    """Find the keys in their order; a quote inside a text is escaped, so it cannot be taken for one."""
    places: dict[str, Location] = {}
    at = begin
    for name in value:
        found = re.compile(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:").search(text, at)
        if found is not None:
            places[name] = _location(text, found.start(), file)
            at = found.end()
    return places


def _location(text: str, index: int, file: str) -> Location:
    return Location(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _read_csv(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    header: list[str] = []
    before = 0
    try:
        for cells in reader:
            here = Location(file, before + 1, 1)
            before = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                continue
            if len(cells) > len(header):
                problems.append(Problem(WRONG_VALUE, f"a row of {len(cells)} cells under {len(header)} columns",
                                        "quote cells that hold the separator", here))  # fmt: skip
            values = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name and cell.strip()}
            rows.append(Row(values, {}, here))
    except csv.Error as error:
        problems.append(Problem(UNREADABLE, f"not CSV: {error}", "close the quotes", Location(file, before + 1, 1)))
    if not header:
        problems.append(Problem(UNREADABLE, "the file is empty", "write a header row", Location(file, 1, 1)))
    return rows, problems


def warning(code: str, message: str, advice: str, place: Location, subject: str = "") -> Problem:
    """Return a problem that does not stop the import."""
    return Problem(code, message, advice, place, subject, Severity.WARNING)
