"""`emulator`: a double of the Google Flow API on loopback."""

from __future__ import annotations

from pathlib import Path

import click

from veospec.errors import Exit, UsageError

_ACCOUNT_HELP = """EMAIL[:PLAN[:CREDITS]], repeatable; without it one Ultra account with 25,000 credits (or what --state
knows). Plans: free, plus, pro, ultra-100, ultra-200, ultra-200-member (of a family), ws-ultra."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback only.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.option(
    "--job-seconds", type=click.FloatRange(min=0), default=2.0, show_default=True, help="How long a video takes."
)
@click.option(
    "--job-spread", type=click.FloatRange(min=0), default=0.0, help="Up to how many seconds longer, job by job."
)
@click.option("--image-seconds", type=click.FloatRange(min=0), default=None, help="How long a picture takes.")
@click.option(
    "--table", type=click.Choice(["june", "november"]), default="november", show_default=True, help="Model table."
)
@click.option("--account", "accounts", multiple=True, metavar="ACCOUNT", help=_ACCOUNT_HELP)
@click.option("--concurrency", type=click.IntRange(min=0), default=0, help="Videos in flight per account; 0: no limit.")
@click.option("--throttle-seconds", type=click.FloatRange(min=0), default=30.0, help="The wait that a 429 asks for.")
@click.option(
    "--faults", type=click.Path(path_type=Path, dir_okay=False), help="A YAML file of faults, see --faults-help."
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here over a restart.")
@click.option("--token", default="", help="Accept only this made-up token; default: any of the right shape.")
@click.option(
    "--media", type=click.Choice(["full", "small"]), default="full", show_default=True, help="Size of results."
)
@click.option("--faults-help", is_flag=True, help="Explain the form of a fault file and leave.")
def emulator(faults: Path | None, accounts: tuple[str, ...], *, faults_help: bool, **options: object) -> int:
    """Serve a double of the Google Flow API on this machine: same paths, same strictness, same faults, no money.

    Prints one line with the variables to export. GET /_emulator/ledger tells what a real account would have paid; GET
    /_emulator/ what else there is: a log of calls, a clock that can be moved, faults and balances to change meanwhile.
    """
    try:
        from veospec.emulator.fault_script import load
        from veospec.emulator.faults import HELP
        from veospec.emulator.options import Options, parse_account
        from veospec.emulator.serve import serve
    except ModuleNotFoundError as error:
        raise UsageError(f"the emulator needs {error.name}", "pip install 'veospec[emulator]'") from error
    if faults_help:
        click.echo((HELP or "").strip())
        return Exit.DONE
    given = tuple(parse_account(text) for text in accounts)
    rules = load(faults) if faults is not None else ()
    serve(Options(faults=rules, accounts=given, **options))  # type: ignore[arg-type]
    return Exit.DONE
