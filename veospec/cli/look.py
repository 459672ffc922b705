"""Commands that only look, from `validate` and `status` to `doctor`; they change nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from veospec.cli.options import (
    choices_of,
    format_option,
    reading_options,
    spec_argument,
    spec_option,
)
from veospec.cli.say import (
    answer,
    complain,
    problem_annotation,
    problem_document,
    problem_lines,
    say,
    say_json,
)
from veospec.errors import Exit, UsageError
from veospec.model import Severity
from veospec.quick import DEFAULT_SPEC
from veospec.review.safe import ci_log


@click.command()
@click.argument("specs", nargs=-1, type=click.Path(path_type=Path))
@reading_options
@click.option(
    "--approved", is_flag=True, help="Fail when the cut uses a take that nobody approved, or whose bytes changed."
)
@format_option("text", "json", "github")
def validate(specs: tuple[Path, ...], form: str, *, approved: bool, **options: Any) -> int:
    """Check storyboards; report every problem of every file with its place, its code, and what to do."""
    from veospec.app.checking import check

    problems = [
        problem
        for spec in specs or (Path(DEFAULT_SPEC),)
        for problem in check(choices_of(spec, dict(options)), os.environ, approved=approved)
    ]
    errors = sum(1 for p in problems if p.severity is Severity.ERROR)
    if form == "json":
        say_json({"veospec_problems": 1, "errors": errors, "problems": [problem_document(p) for p in problems]})
    elif form == "github":
        for problem in problems:
            say(problem_annotation(problem))
        say(ci_log(_verdict(len(specs) or 1, errors)))
    else:
        for line in problem_lines(problems):
            say(line)
        complain(_verdict(len(specs) or 1, errors))
    return Exit.SPEC if errors else Exit.DONE


def _verdict(files: int, errors: int) -> str:
    storyboards = f"{files} storyboard{'' if files == 1 else 's'}"
    return f"{storyboards}: {errors} error{'' if errors == 1 else 's'}" if errors else f"{storyboards} valid"


@click.command()
@spec_argument
@reading_options
@format_option()
def status(spec: Path, form: str, **options: Any) -> int:
    """Show what is made, in flight, held, refused and paid. Reads only, works offline."""
    from veospec.app.looking import status_of

    found = status_of(choices_of(spec, options), os.environ)
    return answer(found, form)


@click.command()
@click.argument("shot")
@spec_option
@reading_options
@format_option()
def explain(shot: str, spec: Path, form: str, **options: Any) -> int:
    """Say why a shot would be made or not, down to the field that changed."""
    from veospec.app.looking import explain_shot
    from veospec.cli.tables import explain_lines
    from veospec.plan.saved import step_document

    steps = explain_shot(choices_of(spec, options), os.environ, shot)
    if form == "json":
        say_json({"veospec_explain": 1, "steps": [step_document(step) for step in steps]})
    else:
        for step in steps:
            for line in explain_lines(step):
                say(line)
    return Exit.DONE


@click.command()
@click.argument("shot")
@spec_option
@reading_options
@format_option()
def show(shot: str, spec: Path, form: str, **options: Any) -> int:
    """Print the final prompt and the request of a shot as it would be sent, so that nobody has to guess."""
    from veospec.app.looking import show_shot

    shown = show_shot(choices_of(spec, options), os.environ, shot)
    if form == "json":
        say_json({"veospec_show": 1, "requests": [one.document() for one in shown]})
    else:
        for one in shown:
            for line in one.lines():
                say(line)
    return Exit.DONE


@click.command()
@spec_argument
@reading_options
@format_option()
def cost(spec: Path, form: str, **options: Any) -> int:
    """Compare what the whole storyboard costs on every plan and on Google's metered APIs."""
    from veospec.app.pricing import compare

    table = compare(choices_of(spec, options), os.environ)
    return answer(table, form)


@click.command()
@click.argument("name", required=False)
@click.option("--as-of", type=str, default=None, metavar="YYYY-MM-DD", help="The table that was valid on this day.")
@click.option("--catalogue", type=click.Path(path_type=Path, dir_okay=False), default=None, help="A TOML overlay.")
@format_option()
def models(name: str | None, as_of: str | None, catalogue: Path | None, form: str) -> int:
    """List the models of a catalogue table with their limits and prices, or one model in full."""
    from veospec.app.pricing import list_models

    listed = list_models(name or "", as_of, catalogue)
    return answer(listed, form)


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> int:
    """Print the JSON Schema of storyboards (shots) or of what --format json prints. Without NAME list all of them."""
    from veospec.app.checking import schema_names, schema_text

    if name is None:
        for known in schema_names():
            say(known)
        return Exit.DONE
    if name not in schema_names():
        raise UsageError(f"there is no schema '{name}'", f"choose one of {', '.join(schema_names())}")
    say(schema_text(name).rstrip("\n"))
    return Exit.DONE


@click.command()
@spec_argument
@click.option("--provider", default="", metavar="NAME", help="Also ask this provider about the account (flow).")
@format_option()
def doctor(spec: Path, provider: str, form: str) -> int:
    """Check this machine, the store, the fonts and, with --provider flow, the token and the account. Spends nothing."""
    from veospec.app.doctor import examine

    report = examine(spec, os.environ, provider)
    return answer(report, form)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell; for bash: eval "$(veospec completion bash)"."""
    from click.shell_completion import get_completion_class

    from veospec.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(cli, {}, "veospec", "_VEOSPEC_COMPLETE").source())
    return Exit.DONE
