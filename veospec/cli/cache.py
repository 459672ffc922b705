"""`cache`: look after the store."""

from __future__ import annotations

import os
from pathlib import Path

import click

from veospec.cli.options import format_option, spec_option
from veospec.cli.say import answer


@click.group()
def cache() -> None:
    """Look after the store: list it, verify it, clean it, take over what others made."""


@cache.command()
@spec_option
@format_option()
def ls(spec: Path, form: str) -> int:
    """List what is stored: size, node, provider, price."""
    from veospec.app.caching import listing

    found = listing(spec, os.environ)
    return answer(found, form)


@cache.command()
@spec_option
@format_option()
def verify(spec: Path, form: str) -> int:
    """Hash every stored byte and read every record; report what is damaged. Changes nothing."""
    from veospec.app.caching import verification

    found = verification(spec, os.environ)
    return answer(found, form)


@cache.command()
@spec_option
@click.option("--delete", is_flag=True, help="Move to the trash what the list names; without it nothing is changed.")
@click.option("--paid", is_flag=True, help="Also what cost money; it cannot be bought again exactly.")
@format_option()
def gc(spec: Path, form: str, *, delete: bool, paid: bool) -> int:
    """List what no storyboard of this store uses any more; with --delete move takes to the trash.

    Copies of inputs and old pieces of reels go at once: they are made again when they are needed."""
    from veospec.app.caching import collect

    found = collect(spec, os.environ, should_delete=delete, with_paid=paid)
    return answer(found, form)


@cache.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@spec_option
@format_option()
def adopt(source: Path, spec: Path, form: str) -> int:
    """Take over records and clips from SOURCE: another store, or a folder with manifest.json and its clips."""
    from veospec.app.adopting import take_over

    found = take_over(source, spec, os.environ)
    return answer(found, form)
