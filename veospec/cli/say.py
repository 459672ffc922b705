"""How values look in a terminal. Every text from outside goes through `term`, so nothing can move the cursor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from veospec.errors import UsageError
from veospec.model import Problem, Severity
from veospec.review.safe import annotation_message, annotation_property
from veospec.review.safe import terminal as term

if TYPE_CHECKING:
    from veospec.app.tables import Answer


def say(text: str = "") -> None:
    """Print a result line to standard output. Raises `UsageError` when it cannot be written.

    That nobody reads on (`| head`) is no failure: the rest is done, and the exit code tells how it went.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        mute(sys.stdout)
    except OSError as error:
        mute(sys.stdout)
        raise UsageError(f"cannot write to standard output: {error.strerror}", "what was done is done") from error


def complain(text: str) -> None:
    """Print a line about the work itself to standard error; where that cannot be written, the work goes on."""
    try:
        _write(sys.stderr, text)
    except OSError:
        mute(sys.stderr)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:  # it was closed before we began
        stream.write(f"{text}\n")
        stream.flush()


def mute(stream: TextIO) -> None:
    """Let what is still to be printed go nowhere."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_json(document: Any) -> None:
    """Print JSON values."""
    say(json_text(document))


def json_text(document: Any) -> str:
    """Return JSON values as they are printed: ASCII only, safe in every terminal and log."""
    return json.dumps(document, indent=2, ensure_ascii=True)


def answer(found: Answer, form: str) -> int:
    """Print a finished answer in the form that was asked for, and return the code to leave with."""
    if form == "json":
        say_json(found.document())
    else:
        for line in found.lines():
            say(line)
    return found.exit


def is_terminal() -> bool:
    """Tell whether a person can be asked: both ends are a terminal."""
    return has_person(sys.stdin) and has_person(sys.stderr)


def has_person(stream: TextIO | None) -> bool:
    """Tell whether a person is at the other end; a stream that was closed before we began has no end."""
    return stream is not None and stream.isatty()


def problem_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield the lines that show problems to a person, in the form that editors turn into links."""
    for problem in problems:
        subject = f" [{term(problem.subject)}]" if problem.subject else ""
        where = term(str(problem.location), 400)
        yield f"{where}: {problem.severity} {problem.code}{subject}: {term(problem.message, 600)}"
        if problem.advice:
            yield f"    {term(problem.advice, 600)}"


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON values; `schemas/problems.schema.json` describes them."""
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "file": problem.location.file,
        "line": problem.location.line,
        "column": problem.location.column,
        "subject": problem.subject,
        "message": problem.message,
        "advice": problem.advice,
    }


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def problem_annotation(problem: Problem) -> str:
    """Return a workflow command that puts a problem beside its line in a pull request."""
    where = problem.location
    text = f"{problem.message}. {problem.advice}" if problem.advice else problem.message
    place = f"file={annotation_property(where.file)},line={where.line},col={where.column}"
    return (
        f"::{_LEVELS[problem.severity]} {place},title={annotation_property(problem.code)}::{annotation_message(text)}"
    )
