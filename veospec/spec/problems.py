"""Collect the findings of one compilation: without repeats, sorted by place, the more basic one first."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from veospec.model import Location, Problem, Severity
from veospec.spec.scalars import TRAP


class Problems:
    """Findings of all stages. A place where the form is wrong already is not judged by the rules as well."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Location], Problem] = {}
        self._sharers: dict[tuple[str, str, Location], dict[str, None]] = {}
        self._silent: set[Location] = set()
        self.heard = 0
        """How often anything was reported, repeats and silenced ones included."""

    def error(self, code: str, place: Location, message: str, advice: str, subject: str = "") -> None:
        """Note what stops the run."""
        self.add(Problem(code, message, advice, place, subject))

    def warning(self, code: str, place: Location, message: str, advice: str, subject: str = "") -> None:
        """Note what is probably not meant."""
        self.add(Problem(code, message, advice, place, subject, Severity.WARNING))

    def note(self, code: str, place: Location, message: str, advice: str, subject: str = "") -> None:
        """Note what is good to know."""
        self.add(Problem(code, message, advice, place, subject, Severity.NOTE))

    def add(self, problem: Problem) -> None:
        """Note a finding; the same one of another matrix cell is dropped."""
        self.heard += 1
        if problem.location in self._silent:
            return
        self._found.setdefault((problem.code, problem.message, problem.location), problem)

    def add_shared(self, problem: Problem) -> None:
        """Note a finding about a value that several shots share; it is told once and names them."""
        self.add(problem)
        key = (problem.code, problem.message, problem.location)
        if key in self._found:
            self._sharers.setdefault(key, {})[problem.subject] = None

    def settle(self, problems: Iterable[Problem]) -> None:
        """Take findings of a stage that goes before the rules. What it says of a place is enough said of it.

        Only warnings of the reader, which are about spelling, leave the place open for the rules.
        """
        fresh = list(problems)
        for problem in fresh:
            self.add(problem)
        self._silent.update(p.location for p in fresh if p.code != TRAP)

    @property
    def has_errors(self) -> bool:
        """True when something stops the run."""
        return any(problem.severity is Severity.ERROR for problem in self._found.values())

    def all(self) -> tuple[Problem, ...]:
        """Return every finding, sorted by file, line and column.

        How to quote a word is no advice where that word cannot stand at all.
        """
        found = [
            replace(problem, message=f"{problem.message} ({_named(self._sharers[key])})")
            if key in self._sharers
            else problem
            for key, problem in self._found.items()
            if problem.code != TRAP or problem.location not in self._silent
        ]
        return tuple(sorted(found, key=lambda p: (p.location, _RANK[p.severity], p.code, p.message)))


def _named(subjects: Iterable[str]) -> str:
    names = list(subjects)
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


_FEW = 3
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
