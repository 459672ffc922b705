"""Every file of `tests/cases` has exactly the problems that are written beside it; a new case is a new file.

A line of `NAME.expected` is `line:column CODE fragment`, with the file first where it is not the main one, and
`warning` or `note` before the code where it is no error.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_builders import CASES, compiled_case, shown

from veospec.model import Severity

VALID = sorted((CASES / "valid").glob("*.yaml"))
INVALID = sorted((CASES / "invalid").glob("*.yaml"))


def expected(case: Path) -> list[str]:
    beside = case.with_suffix(".expected")
    return beside.read_text("utf-8").splitlines() if beside.exists() else []


@pytest.mark.parametrize("case", [*VALID, *INVALID], ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_a_case_has_the_problems_that_are_expected(case: Path) -> None:
    found = [shown(problem) for problem in compiled_case(case).problems]
    wanted = expected(case)
    assert len(found) == len(wanted), "\n".join(found)
    for problem, line in zip(found, wanted, strict=True):
        assert problem.startswith(line) or _has_fragment(problem, line), f"{problem!r} is not {line!r}"


def _has_fragment(problem: str, line: str) -> bool:
    place, _, fragment = line.partition(" VS")
    return problem.startswith(f"{place} VS{fragment[:3]}") and fragment[4:] in problem


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.stem)
def test_an_invalid_case_gives_no_storyboard_unless_all_are_warnings(case: Path) -> None:
    outcome = compiled_case(case)
    assert (outcome.storyboard is None) == any(p.severity is Severity.ERROR for p in outcome.problems)
    assert outcome.problems


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.stem)
def test_a_valid_case_gives_a_storyboard(case: Path) -> None:
    outcome = compiled_case(case)
    assert outcome.storyboard is not None
    assert outcome.storyboard.nodes


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.stem)
def test_every_problem_says_what_to_do_and_where(case: Path) -> None:
    for problem in compiled_case(case).problems:
        assert problem.location.line >= 1
        assert problem.location.column >= 1
        assert problem.message
        assert "\n" not in problem.message
        assert len(problem.message) < 400
        if not problem.code.startswith("VS1"):
            assert problem.advice, problem


def test_no_case_is_without_a_storyboard_beside_it() -> None:
    for beside in CASES.rglob("*.expected"):
        assert beside.with_suffix(".yaml").exists(), beside
