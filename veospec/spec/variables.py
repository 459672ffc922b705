"""Fill in `${name}` and `${env:NAME:-default}` in the texts of a storyboard.

A name is an axis of the matrix or an entry of `vars`; a var may use others. `$${` is a literal `${`. Ids and the
names by which things refer to each other never hold variables, so that the graph is the same in every cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from veospec.model import Location
from veospec.spec.names import did_you_mean, nfc
from veospec.spec.problems import Problems
from veospec.spec.tree import Json, Map, Seq

_USE = re.compile(r"\$\$\{|\$\{([^${}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)
MAX_EXPANDED = 64 << 10


class Environment:
    """The variables of the process that the storyboard may read, and which of them it did read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.used: dict[str, str | None] = {}

    def get(self, name: str) -> str | None:
        """Return a variable, or None when it is not set."""
        found = self._values.get(name)
        self.used[name] = found
        return found


class Scope:
    """What names mean in one cell. Texts without `$` pass through untouched."""

    def __init__(self, variables: Map, env: Environment, axes: Mapping[str, str], problems: Problems) -> None:
        self._vars = variables
        self._env = env
        self._axes = axes
        self._problems = problems
        self._done: dict[str, str] = {}
        self._open: list[str] = []
        self.used_axes: set[str] = set()

    def text(self, value: str, holder: Map | Seq, key: str | int) -> str:
        """Return the text in form NFC with every variable filled in; `holder` and `key` say where it is written."""
        if "$" not in value:
            return value if value.isascii() else nfc(value)
        return nfc(self.verbatim(value, holder, key))

    def filled(self, holder: Map, key: str) -> Json:
        """Return a value with its variables filled in if it is a text: a length, for one."""
        value = holder[key]
        return self.text(value, holder, key) if isinstance(value, str) else value

    def verbatim(self, value: str, holder: Map | Seq, key: str | int) -> str:
        """Return the text with every variable filled in, in the Unicode form in which it is written: a path."""
        if "$" not in value:
            return value
        return self._expand(value, holder.at(key))  # type: ignore[arg-type]

    def has_axis(self, value: str) -> bool:
        """Tell whether a text holds an axis of the matrix, by itself or through a var."""
        waiting, seen = [value], set[str]()
        while waiting:
            for found in _USE.finditer(waiting.pop()):
                name = found[1]
                if name in self._axes:
                    return True
                if name in self._vars and name not in seen and isinstance(self._vars[name], str):
                    seen.add(name)
                    waiting.append(self._vars[name])
        return False

    def _expand(self, value: str, place: Location) -> str:
        parts: list[str] = []
        done = 0
        size = 0
        for found in _USE.finditer(value):
            parts.append(value[done : found.start()])
            parts.append(self._use(found, place))
            size += len(parts[-1]) + len(parts[-2])
            done = found.end()
            if size > MAX_EXPANDED:
                self._problems.error(
                    "VS224", place, "the text grows beyond 64 KiB once its variables are filled in", "use fewer of them"
                )
                return ""
        parts.append(value[done:])
        return "".join(parts)

    def _use(self, found: re.Match[str], place: Location) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if name is None:
            self._problems.error(
                "VS224",
                place,
                "a '${' is not closed, or holds another one",
                "close it with '}', or write '$${' for the text itself",
            )
            return ""
        if environment := _ENV.match(name):
            return self._environment(environment[1], environment[2], place)
        return self._named(name, place)

    def _environment(self, name: str, default: str | None, place: Location) -> str:
        value = self._env.get(name)
        if value or (value is not None and default is None):
            return value
        if default is None:
            self._problems.error(
                "VS223",
                place,
                f"the environment variable {name} is not set",
                f"set it, or write ${{env:{name}:-default}}",
            )
            return ""
        return default

    def _named(self, name: str, place: Location) -> str:
        if name in self._axes:
            self.used_axes.add(name)
            return self._axes[name]
        if name in self._done:
            return self._done[name]
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            self._problems.error("VS221", place, f"variables go in a circle: {circle}", "give one of them a plain text")
            return ""
        if name not in self._vars:
            known = [*self._axes, *self._vars]
            advice = did_you_mean(name, known, kind="vars")
            self._problems.error("VS220", place, f"there is no variable '{name[:60]}'", advice)
            return ""
        value = self._vars[name]
        self._open.append(name)
        self._done[name] = (
            self._expand(value, self._vars.at(name)) if isinstance(value, str) else self._vars.spelt(name)
        )
        self._open.pop()
        return self._done[name]
