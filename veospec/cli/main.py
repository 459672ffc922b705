"""The command group. A command's module is imported when it is called, so that `--help` stays quick."""

from __future__ import annotations

from importlib import import_module

import click

from veospec import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("write:init", "Write a first storyboard, or the files of a CI."),
    "validate": ("look:validate", "Check storyboards; report every problem with its place."),
    "plan": ("make:plan", "Say what would be made, why, and what it costs."),
    "apply": ("make:apply", "Make what the plan says, and nothing else."),
    "status": ("look:status", "Show what is made, in flight, held, refused and paid."),
    "explain": ("look:explain", "Say why a shot would be made, or not."),
    "show": ("look:show", "Print the final prompt and the request of a shot."),
    "select": ("write:select", "Circle a take, or apply what was picked in the review page."),
    "retake": ("write:retake", "Ask for a shot to be made again."),
    "resolve": ("make:resolve", "Decide what became of a request whose answer was lost."),
    "cost": ("look:cost", "Compare the price on every plan and provider."),
    "models": ("look:models", "List models, limits and prices of a catalogue table."),
    "import": ("write:import_", "Turn prompts.json or CSV into a storyboard."),
    "review": ("deliver:review", "Write the review page."),
    "reel": ("deliver:reel", "Join the cut."),
    "sheet": ("deliver:sheet", "Write the contact sheet."),
    "export": ("deliver:export", "Write timelines, captions and shot lists."),
    "comment": ("deliver:comment", "Write the Markdown of a pull request."),
    "cache": ("cache:cache", "Look after the store: ls, verify, gc, adopt."),
    "doctor": ("look:doctor", "Check this machine, the store and the account."),
    "emulator": ("serve:emulator", "Serve a double of the Google Flow API on this machine."),
    "schema": ("look:schema", "Print the JSON Schema of storyboards and outputs."),
    "completion": ("look:completion", "Print the completion script of a shell."),
}
"""Name → where it stands in `veospec.cli` and its line in the help."""


class _Lazy(click.Group):
    """A group that knows its commands by name and imports them one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command = getattr(import_module(f"veospec.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a misspelt one gets the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="veospec %(version)s")
def cli() -> None:
    """Storyboards as code: a YAML shot list in, clips, cache and manifest out.

    `veospec plan shots.yaml` says what would be made, why, and what it costs; `veospec apply shots.yaml` makes it.
    Without an account the built-in `local` provider draws a playable animatic.
    """
