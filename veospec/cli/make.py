"""`plan`, `apply`, `resolve`: the commands around money."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import Any

import click

from veospec.app.choices import Choices
from veospec.cli.options import (
    choices_of,
    format_option,
    reading_options,
    spec_argument,
    spec_option,
    spending_options,
)
from veospec.cli.say import answer, complain, is_terminal, json_text, problem_lines, say
from veospec.cli.short import remember
from veospec.cli.tables import plan_lines
from veospec.errors import Exit, UsageError
from veospec.quick import Question


@click.command()
@spec_argument
@reading_options
@spending_options
@format_option()
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply FILE`.")
@click.option("--exit-code", is_flag=True, help="Leave with 4 when there is something to do.")
@click.option("--all", "show_all", is_flag=True, help="Show unchanged takes too.")
def plan(spec: Path, form: str, output: Path | None, *, exit_code: bool, show_all: bool, **options: Any) -> int:
    """Say what would be made, why, and what it costs. Reads only.

    SPEC is a storyboard; shots.yaml when none is given.
    """
    from veospec.app.planned import in_full, in_short
    from veospec.app.planning import save_plan
    from veospec.app.witness import Asked
    from veospec.plan.saved import plan_document

    environment = Asked(os.environ)
    choices = choices_of(spec, options)
    question = _question()
    is_plain = form == "text" and output is None and not show_all
    short = None
    if is_plain and question is not None and not question.was_tried:
        short = in_short(question, choices, environment)
    planned = short or in_full(choices, environment, outlines=is_plain, is_saved=output is not None)
    warnings = list(problem_lines(planned.notes))
    for line in warnings:
        complain(line)
    if output is not None:
        save_plan(planned.plan, choices, output)
    if form == "json":
        lines = [json_text(plan_document(planned.plan))]
    else:
        lines = list(plan_lines(planned.plan, show_all=show_all))
        if output is not None:
            lines.append(f"saved to {output}; carry it out with: veospec apply {quote(str(output))}")
    for line in lines:
        say(line)
    ended = Exit.CHANGES if exit_code and planned.plan.has_work else Exit.DONE
    sights, note = planned.sights, planned.note
    del planned  # a witness of ten thousand shots finds room where all of them were
    remember(question, environment, sights, lines, warnings, note)
    return ended


def _question() -> Question | None:
    found = click.get_current_context().find_root().obj
    return found if isinstance(found, Question) else None


@click.command()
@spec_argument
@reading_options
@spending_options
@format_option()
@click.option("-y", "--yes", is_flag=True, help="Agree to the sum without being asked; a ceiling still holds.")
@click.option("--accept-unknown-price", is_flag=True, help="Buy although a price is not known.")
@click.option("--retry-failed", is_flag=True, help="Send again what failed more than once; it may cost again.")
@click.option("--regenerate", is_flag=True, help="Make what the committed manifest says was made elsewhere.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="How many clips to draw at once.")
@click.option("--jobs-per-account", type=click.IntRange(1, 64), default=1, show_default=True, help="Videos in flight.")
@click.option(
    "--poll", type=click.FloatRange(0.05, 600), default=None, metavar="S", help="Seconds between looks at a job."
)
@click.option("--deadline", type=click.FloatRange(1), default=None, metavar="S", help="Leave a job pending after this.")
@click.option("--events", type=click.Path(path_type=Path, dir_okay=False), help="Write what happens as NDJSON.")
@click.option("--no-reel", is_flag=True, help="Do not join the cut at the end.")
def apply(spec: Path, form: str, **options: Any) -> int:
    """Make what the plan says, and nothing else; run it again after any interruption.

    SPEC is a storyboard (shots.yaml when none is given) or a plan that was saved with `plan -o`.
    """
    from veospec.app.applying import apply_project
    from veospec.app.settings import Settings
    from veospec.app.witness import Asked
    from veospec.cli.progress import remark, watching
    from veospec.run.events import Note

    settings = Settings(
        accept_unknown_price=options.pop("accept_unknown_price"),
        retry_failed=options.pop("retry_failed"),
        regenerate=options.pop("regenerate"),
        jobs=options.pop("jobs"),
        jobs_per_account=options.pop("jobs_per_account"),
        poll_s=options.pop("poll"),
        deadline_s=options.pop("deadline"),
        join_reel=not options.pop("no_reel"),
    )
    says_yes, events = options.pop("yes"), options.pop("events")
    choices = choices_of(spec, options)
    environment = Asked(os.environ)

    def agree(question: str) -> bool:
        return says_yes or click.confirm(question, default=False, err=True)

    with watching(events, quiet=form == "json") as listener:
        done = apply_project(
            choices,
            environment,
            settings,
            listener,
            agree=agree if is_terminal() else None,
            show_plan=None if form == "json" else _show,
        )
    lines = [json_text(done.document())] if form == "json" else list(done.lines())
    for line in lines:
        say(line)
    remarks = [] if form == "json" else [remark(Note(notice)) for notice in done.notices]
    remember(_question(), environment, done.sights if events is None else None, lines, remarks)
    return done.exit


def _show(made: Any) -> None:
    for line in plan_lines(made, show_all=False):
        complain(line)


@click.command()
@click.argument("shot", required=False)
@spec_option
@click.option("--adopt", metavar="JOB", help="It ran: use this job. No charge.")
@click.option("--retry", is_flag=True, help="It may have been paid: buy it again.")
@click.option("--forget", is_flag=True, help="It did not run, or is not wanted: release the money set aside.")
@click.option("--import", "rescue", type=click.Path(path_type=Path, exists=True), help="Read a rescue file.")
@format_option()
def resolve(shot: str | None, spec: Path, form: str, **options: Any) -> int:
    """Decide what became of a request whose answer was lost.

    Without a decision it shows what is held, what was looked at, and what each choice costs.
    """
    from veospec.app.resolving import resolve_shot

    decisions = [name for name in ("adopt", "retry", "forget", "rescue") if options[name]]
    if len(decisions) > 1:
        raise UsageError(f"choose one of --{' and --'.join(decisions)}")
    result = resolve_shot(Choices(spec=spec), os.environ, shot or "", **options)
    return answer(result, form)
