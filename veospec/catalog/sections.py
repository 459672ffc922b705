"""Strict reading of one table of keys: each value has a kind, each unknown key is a problem, none is dropped."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from veospec.catalog.lines import Lines
from veospec.errors import SpecInvalid
from veospec.model import Location, Problem

MICRO = 1_000_000


class Problems:
    """What is wrong with a table. The first file that knows the path is the one a message names: the overlay."""

    def __init__(self, *files: Lines) -> None:
        self._files = files
        self._found: list[Problem] = []

    def add(self, path: tuple[str, ...], code: str, message: str, advice: str) -> None:
        """Note a problem at a path of keys."""
        self._found.append(Problem(code, message, advice, self._place(path), subject=".".join(path)))

    def stop(self) -> None:
        """Raise `SpecInvalid` when there was any problem."""
        if self._found:
            raise SpecInvalid(sorted(self._found, key=lambda problem: problem.location))

    def _place(self, path: tuple[str, ...]) -> Location:
        places = [lines.find(path) for lines in self._files]
        return next((place for depth, place in places if depth > 0), places[0][1])


class Section:
    """One table of keys. Every getter marks its key as known; `close` reports the others."""

    def __init__(self, values: Mapping[str, Any], path: tuple[str, ...], problems: Problems) -> None:
        self.values = values
        self.path = path
        self.problems = problems
        self._known: list[str] = []

    def has(self, key: str) -> bool:
        """Say whether a key is written."""
        return key in self.values

    def problem(self, message: str, advice: str, *keys: str, code: str = "VS192") -> None:
        """Note a problem at one of the keys."""
        self.problems.add((*self.path, *keys), code, message, advice)

    def text(self, key: str, *, default: str | None = None, allowed: tuple[str, ...] = ()) -> str:
        """Return a text; one of `allowed` when that is given."""
        value = self._get(key, default)
        if not isinstance(value, str):
            self._wrong(key, "a text")
            return default or ""
        if allowed and value not in allowed:
            self.problem(f"{key}: {value!r} is not one of {', '.join(allowed)}", "use one of them", key)
        return value

    def texts(self, key: str, *, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts; empty when it is not written."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._wrong(key, "a list of texts")
            return ()
        for each in value:
            if allowed and each not in allowed:
                near = difflib.get_close_matches(each, allowed, n=1)
                advice = f"did you mean {near[0]!r}?" if near else f"use {', '.join(allowed)}"
                self.problem(f"{key}: {each!r} is not known here", advice, key)
        return tuple(each for each in value if not allowed or each in allowed)

    def whole(self, key: str, *, default: int | None = None) -> int | None:
        """Return a whole number that is not negative."""
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._wrong(key, "a whole number that is not negative")
        return default

    def wholes(self, key: str) -> tuple[int, ...]:
        """Return a list of positive whole numbers, ascending."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(type(each) is int and each > 0 for each in value):
            self._wrong(key, "a list of whole numbers above 0")
            return ()
        return tuple(sorted(set(value)))

    def flag(self, key: str) -> bool:
        """Return true or false; false when it is not written."""
        value = self.values.get(key, False)
        self._known.append(key)
        if not isinstance(value, bool):
            self._wrong(key, "true or false")
            return False
        return value

    def dollars(self, key: str) -> int | None:
        """Return micro-dollars from a sum written as text (so that no float touches money); None when not written."""
        if not self.has(key):
            self._known.append(key)
            return None
        value = self._get(key, "")
        try:
            micro = Decimal(value) * MICRO if isinstance(value, str) else Decimal("NaN")
        except InvalidOperation:
            micro = Decimal("NaN")
        if not micro.is_finite() or micro < 0 or micro != micro.to_integral_value():
            self.problem(
                f"{key} is no sum in dollars", f'write it as text, with at most six decimals: {key} = "0.05"', key
            )
            return None
        return int(micro)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table of keys; empty when it is not written."""
        value = self._get(key, {})
        if not isinstance(value, dict):
            self._wrong(key, "a table of keys")
            return {}
        return value

    def words(self, key: str) -> dict[str, str]:
        """Return a table of texts."""
        section = Section(self.table(key), (*self.path, key), self.problems)
        return {name: section.text(name) for name in section.values}

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """Yield each named table below a key."""
        for name, value in self.table(key).items():
            if isinstance(value, dict):
                yield name, Section(value, (*self.path, key, name), self.problems)
            else:
                self.problem(f"{key}.{name} has to be a table of keys", "write its keys below it", key, name)

    def rows(self, key: str) -> Iterator[Section]:
        """Yield each table of a list of tables."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._wrong(key, "a list of tables")
            return
        for index, each in enumerate(value):
            yield Section(each, (*self.path, key, str(index)), self.problems)

    def close(self) -> None:
        """Report every key that nobody asked for."""
        for key in self.values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, n=1)
                advice = f"did you mean {near[0]!r}?" if near else f"keys here: {', '.join(sorted(self._known))}"
                self.problem(f"unknown key {key!r}", advice, key, code="VS191")

    def _get(self, key: str, default: Any) -> Any:
        self._known.append(key)
        if key in self.values:
            return self.values[key]
        if default is None:
            self.problem(f"{key} is missing", "every row needs it (or copy a row with `like`)", code="VS193")
        return default

    def _wrong(self, key: str, wanted: str) -> None:
        if self.has(key):
            self.problem(f"{key} has to be {wanted}", "correct the value", key)
