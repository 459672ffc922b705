"""The one place that turns exceptions into text and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from veospec.cli.short import plan_in_short
from veospec.errors import Exit, SpecInvalid, SpecUnreadable, UsageError, VeospecError

if TYPE_CHECKING:
    from veospec.quick import Question


def run(arguments: Sequence[str], question: Question | None = None) -> int:
    """Run one command line and return its exit code; nothing that happens inside escapes as a traceback.

    `question` is the command line as it was before anything was read, when the next run may be answered from this one.
    """
    _speak_utf8()
    try:
        short = plan_in_short(question) if question is not None else None
        return _commanded(arguments, question) if short is None else short
    except KeyboardInterrupt:
        _complain("interrupted")
        return Exit.INTERRUPTED
    except SystemExit:  # click's own answer to a reader of its help who went away
        return Exit.DONE
    except VeospecError as error:
        tell(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last fence before a person sees a traceback
        if isinstance(error, FileNotFoundError) and not _has_folder():
            tell(UsageError("the current folder does not exist any more", "go to another one"))
            return Exit.USAGE
        return _bug(error)


def _commanded(arguments: Sequence[str], question: Question | None) -> int:
    """Let click find the command. Raises what the command raises."""
    import click

    from veospec.cli.main import cli

    try:
        result = cli.main(args=list(arguments), prog_name="veospec", standalone_mode=False, obj=question)
        return int(result) if isinstance(result, int) else Exit.DONE
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except click.Abort:
        raise KeyboardInterrupt from None


def _speak_utf8() -> None:
    """Print UTF-8 whatever the locale says: a storyboard that goes into a file must not lose a letter.

    A file name that is no text in any encoding is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _has_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _complain(text: str) -> None:
    from veospec.cli.say import complain

    complain(text)


def tell(error: VeospecError) -> None:
    """Print an error for a person: what, where, why, and what to do."""
    from veospec.cli.say import complain, problem_lines

    if isinstance(error, SpecInvalid):
        for line in problem_lines(error.problems):
            complain(line)
        complain(f"error: {error.message}")
    elif isinstance(error, SpecUnreadable):
        for line in problem_lines([error.problem]):
            complain(line)
    else:
        complain(f"error: {error.message}")
    if error.hint and not isinstance(error, SpecUnreadable):
        complain(f"  {error.hint}")


def _bug(error: BaseException) -> int:
    """Write where it happened (no values, so no secrets) to a log and say so in two lines."""
    import traceback

    from veospec.cli.say import complain

    frames = traceback.extract_tb(error.__traceback__)
    report = "".join(f"{f.filename}:{f.lineno} {f.name}\n" for f in frames) + type(error).__name__ + "\n"
    where = ""
    try:
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "veospec"
        where = str(home / "bug.log")
        home.mkdir(parents=True, exist_ok=True)
        Path(where).write_text(report, encoding="utf-8")
    except (OSError, RuntimeError):  # RuntimeError: this user has no home
        where = ""
    complain(f"error: this is a bug in veospec ({type(error).__name__}); nothing more was done")
    complain(f"  its trace is in {where}" if where else "  " + report.replace("\n", "\n  ").rstrip())
    return Exit.BUG
