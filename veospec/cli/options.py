"""Options that several commands share, turned into one value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from veospec.app.choices import Choices
from veospec.quick import DEFAULT_SPEC

Command = TypeVar("Command", bound=Callable[..., Any])


class _Date(click.ParamType[date]):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date like 2026-11-01", param, ctx)


class _Dollars(click.ParamType[int]):
    name = "USD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read dollars with up to six decimals into whole micro-dollars; never through a float."""
        if isinstance(value, int):
            return value
        from veospec.plan.budget import MICRO

        whole, _, rest = str(value).removeprefix("$").partition(".")
        if not (whole + rest).isdigit() or not (whole + rest).isascii() or len(rest) > 6 or len(whole) > 9:
            self.fail(f"{value!r} is no sum like 12.50", param, ctx)
        return int(whole or "0") * MICRO + int(rest.ljust(6, "0") or "0")


def spec_argument(command: Command) -> Command:
    """Add the storyboard as an argument; `shots.yaml` when none is given."""
    return click.argument("spec", type=click.Path(path_type=Path), default=DEFAULT_SPEC)(command)


def spec_option(command: Command) -> Command:
    """Add the storyboard as an option, for commands whose argument is a shot."""
    option = click.option(
        "-f", "--spec", type=click.Path(path_type=Path), default=DEFAULT_SPEC, show_default=True, help="The storyboard."
    )
    return option(command)


def format_option(*names: str) -> Callable[[Command], Command]:
    """Add `--format`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(names or ("text", "json")),
        default="text",
        help="How to print the result.",
    )


_READING = (
    click.option("--provider", default="", metavar="NAME", help="local, flow; over what the storyboard says."),
    click.option("--pass", "pass_name", default="", metavar="NAME", help="Use the overrides of a pass, such as draft."),
    click.option("--plan-class", default="", metavar="CLASS", help="The Google AI plan: pro, ultra-100, ultra-200…"),
    click.option("--as-of", type=_Date(), default=None, help="Use the model table that was valid on this day."),
    click.option(
        "--catalogue",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        metavar="FILE",
        help="A TOML overlay with more models or other prices.",
    ),
    click.option("--allow-unknown-model", is_flag=True, help="Accept model names that the table does not list."),
    click.option("--verify", is_flag=True, help="Hash every input and clip instead of trusting unchanged file times."),
)

_SPENDING = (
    click.option("--max-credits", type=click.IntRange(min=0), default=None, help="Ceiling of this run in credits."),
    click.option("--max-usd", "max_micro_usd", type=_Dollars(), default=None, help="Ceiling of this run in dollars."),
    click.option("--only", multiple=True, metavar="SHOT", help="Make only this shot or still and what it needs."),
)


def reading_options(command: Command) -> Command:
    """Add what decides how a storyboard is read."""
    for option in reversed(_READING):
        command = option(command)
    return command


def spending_options(command: Command) -> Command:
    """Add what bounds a run."""
    for option in reversed(_SPENDING):
        command = option(command)
    return command


def choices_of(spec: Path, options: dict[str, Any]) -> Choices:
    """Return the choices of a command line and take them out of `options`."""
    return Choices(
        spec=spec,
        provider=options.pop("provider", ""),
        pass_name=options.pop("pass_name", ""),
        plan_class=options.pop("plan_class", ""),
        as_of=options.pop("as_of", None),
        overlay=options.pop("catalogue", None),
        may_use_unlisted_models=options.pop("allow_unknown_model", False),
        should_verify=options.pop("verify", False),
        max_credits=options.pop("max_credits", None),
        max_micro_usd=options.pop("max_micro_usd", None),
        only=tuple(options.pop("only", ())),
    )
