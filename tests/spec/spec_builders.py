"""Compile storyboards in tests: from a text, or from a file of `tests/cases` with the files beside it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from veospec.catalog.catalogue import Catalogue
from veospec.catalog.shipped import load_catalogue
from veospec.model import Node, Problem, Storyboard
from veospec.spec.compiler import Compiled, compile_storyboard

CASES = Path(__file__).parent.parent / "cases"
ENVIRONMENT = {"CITY": "Bergen", "EMPTY": ""}


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


def compiled(text: str | bytes, *, files: dict[str, str] | None = None, **options: Any) -> Compiled:
    """Compile a storyboard; `files` are others of its folder."""
    data = text if isinstance(text, bytes) else text.encode()
    sources = {"shots.yaml": data, **{name: content.encode() for name, content in (files or {}).items()}}
    return compile_storyboard(sources, "shots.yaml", **{"env": ENVIRONMENT, "catalogue": catalogue(), **options})


def board(text: str | bytes, **options: Any) -> Storyboard:
    """Compile a storyboard that has to be sound."""
    outcome = compiled(text, **options)
    assert outcome.storyboard is not None, outcome.problems
    return outcome.storyboard


def node(storyboard: Storyboard, name: str) -> Node:
    return next(each for each in storyboard.nodes if each.id == name)


def compiled_case(path: Path) -> Compiled:
    """Compile a file of `tests/cases`. `# test: key=value ...` in its first line are options; `link=NAME` says that
    this file is there but is a link. A folder of the same name with `.d` holds the other files.
    """
    data = path.read_bytes()
    found = re.match(rb"# test: (.*)", data)
    options: dict[str, Any] = dict(pair.split("=", 1) for pair in found[1].decode().split()) if found else {}
    link = options.pop("link", "")
    folder = path.with_suffix(".d")
    sources = {"shots.yaml": data}
    sources |= {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.yaml")}
    return compile_storyboard(
        sources,
        "shots.yaml",
        env=ENVIRONMENT,
        catalogue=catalogue(),
        unreadable={link: "is a symbolic link"} if link else {},
        **options,
    )


def shown(problem: Problem) -> str:
    """Return a problem as the `.expected` files write it."""
    place = problem.location
    file = "" if place.file == "shots.yaml" else f"{place.file}:"
    mark = {"error": "", "warning": "warning ", "note": "note "}[problem.severity.value]
    return f"{file}{place.line}:{place.column} {mark}{problem.code} {problem.message}"
