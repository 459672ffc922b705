"""`plan` without options, where its answer is soon had: before the options of any command are even known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from veospec.errors import Exit
from veospec.quick import DEFAULT_SPEC, Question

if TYPE_CHECKING:
    from veospec.app.witness import Asked, Sights


def _bare_spec(arguments: Sequence[str]) -> str | None:
    """Return the storyboard of a `plan` with no options; None for any other command line."""
    match arguments:
        case ["plan"]:
            return DEFAULT_SPEC
        case ["plan", spec] if spec.endswith((".yaml", ".yml")) and not spec.startswith("-"):
            return spec
    return None


def plan_in_short(question: Question) -> int | None:
    """Print a plan that is soon had and return the exit code; None for any other command line or storyboard."""
    spec = _bare_spec(question.arguments)
    if spec is None:
        return None
    from veospec.app.choices import Choices
    from veospec.app.planned import in_short
    from veospec.app.witness import Asked
    from veospec.cli.say import complain, say
    from veospec.cli.tables import plan_lines

    environment = Asked(os.environ)
    question.was_tried = True
    try:
        planned = in_short(question, Choices(Path(spec)), environment)
    except KeyboardInterrupt:
        complain("")  # ends the line in which the terminal shows ^C, as click does
        raise
    if planned is None:
        return None
    lines = list(plan_lines(planned.plan, show_all=False))
    for line in lines:
        say(line)
    remember(question, environment, planned.sights, lines, [], planned.note)
    return Exit.DONE


def remember(
    question: Question | None,
    environment: Asked,
    sights: Sights | None,
    out: Sequence[str],
    err: Sequence[str],
    note: bytes = b"",
) -> None:
    """Leave a witness of a run that found nothing to do; called after its last word."""
    if sights is not None and question is not None:
        from veospec.app.witness import leave_witness

        said, warned = ("".join(f"{line}\n" for line in lines) for lines in (out, err))
        leave_witness(question, environment, sights, said, warned, note)
