"""From what a validator found to the problems of a person: one for each fault, each at its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from veospec.model import Problem, Severity
from veospec.spec.tree import Tree

Path: TypeAlias = tuple[str | int, ...]

UNKNOWN_KEY = "VS101"
MISSING = "VS102"
WRONG_KIND = "VS103"
NOT_ONE_OF = "VS104"
WRONG_FORM = "VS105"
OUT_OF_RANGE = "VS106"
WRONG_VERSION = "VS107"
STRUCTURE = "VS108"
UNKNOWN_MODEL = "VS110"
NO_SUCH_LENGTH = "VS111"
NO_SUCH_MODE = "VS116"

_MODEL_RULES = (NO_SUCH_LENGTH, "VS112", "VS113", "VS114", "VS115")
"""Codes that a model rule gives: duration, aspect, resolution, takes, number of pictures and voices."""


class Found(Struct, frozen=True):
    """One finding before its place is known. `rank` orders findings at the same path: the lowest is the cause."""

    code: str
    message: str
    advice: str
    path: Path
    rank: int
    is_at_key: bool = False


def problems_of(found: Iterable[Found], tree: Tree, *, may_use_unlisted_models: bool) -> tuple[Problem, ...]:
    """Keep one finding for each fault, find its place, and sort by place."""
    first: dict[Path, Found] = {}
    for each in found:
        if each.path not in first or each.rank < first[each.path].rank:
            first[each.path] = each
    kept = _without_echoes(first)
    problems = [_problem(each, tree, may_use_unlisted_models=may_use_unlisted_models) for each in kept]
    return tuple(sorted(problems, key=lambda problem: (problem.location, problem.code, problem.message)))


_PARTS: set[Path] = {("shots",), ("scenes",), ("stills",), ("include",)}
"""What a file needs one of, so that there is something to make."""


def _without_echoes(first: Mapping[Path, Found]) -> Iterator[Found]:
    """Leave out findings that another one explains: in one object, a misspelt key and the key it was meant for."""
    meant: set[Path] = set()
    no_mode: dict[Path, Found] = {}
    for path, each in first.items():
        if each.code == UNKNOWN_KEY and each.advice.startswith("did you mean"):
            meant.add((*path[:-1], each.advice.split("'")[1]))
        if each.code == NO_SUCH_MODE and no_mode.get(path[:-1], each).path[-1] in ("mode", path[-1]):
            # The key that asks for the mode says more than `mode:` itself.
            no_mode[path[:-1]] = each
    for path, each in first.items():
        if (each.code == MISSING and path in meant) or (each.code == STRUCTURE and meant & _PARTS):
            continue
        owner = no_mode.get(path[:-1])
        if owner is not None and each is not owner and each.code in (*_MODEL_RULES, NO_SUCH_MODE):
            continue
        yield each


def _problem(each: Found, tree: Tree, *, may_use_unlisted_models: bool) -> Problem:
    is_warning = may_use_unlisted_models and each.code == UNKNOWN_MODEL
    path = each.path[:-1] if each.code == MISSING else each.path
    return Problem(
        each.code,
        each.message,
        each.advice,
        tree.locate(path, key=each.is_at_key),
        subject=_subject(each.path, tree.root),
        severity=Severity.WARNING if is_warning else Severity.ERROR,
    )


def _subject(path: Path, root: Any) -> str:
    """Return the shot, still or scene that a path leads into, or ""."""
    if len(path) > 1 and path[0] == "stills":
        return f"still:{path[1]}"
    node, subject = root, ""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            subject = node["id"][:63]
    return subject
