"""Commands that write what people look at, from the manifest and the store: they spend nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from veospec.cli.options import choices_of, reading_options, spec_argument
from veospec.cli.say import complain, say
from veospec.errors import Exit
from veospec.review.safe import terminal as term

if TYPE_CHECKING:
    from veospec.app.delivering import Wrote

FORMATS = ("otio", "fcpxml", "edl", "srt", "vtt", "csv", "md")


def _told(wrote: Wrote) -> int:
    for path in wrote.paths:
        say(str(path))
    for note in wrote.notes:
        complain(f"note: {term(note, 600)}")
    return Exit.DONE


@click.command()
@spec_argument
@reading_options
def review(spec: Path, **options: Any) -> int:
    """Write review.html: one page that plays every take, opens from disk, and exports picks as a patch."""
    from veospec.app.delivering import deliver_review

    return _told(deliver_review(choices_of(spec, options), os.environ))


@click.command()
@spec_argument
@reading_options
def reel(spec: Path, **options: Any) -> int:
    """Join the cut of every aspect; real clips where they exist, slates where they do not."""
    from veospec.app.delivering import deliver_reel

    return _told(deliver_reel(choices_of(spec, options), os.environ))


@click.command()
@spec_argument
@reading_options
def sheet(spec: Path, **options: Any) -> int:
    """Write the contact sheet as JPEG and as a page to print."""
    from veospec.app.delivering import deliver_sheet

    return _told(deliver_sheet(choices_of(spec, options), os.environ))


@click.command()
@spec_argument
@reading_options
@click.option(
    "--to", "forms", multiple=True, type=click.Choice(FORMATS), help="Which; all of `deliver` when not given."
)
def export(spec: Path, forms: tuple[str, ...], **options: Any) -> int:
    """Write timelines (otio, fcpxml, edl), captions (srt, vtt) and shot lists (csv, md)."""
    from veospec.app.delivering import deliver_exports

    return _told(deliver_exports(choices_of(spec, options), os.environ, forms))


@click.command()
@spec_argument
@reading_options
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of printing.")
@click.option("--base", type=click.Path(path_type=Path, dir_okay=False), help="The manifest before the change.")
@click.option("--preview-url", default="", metavar="URL", help="A picture of the cut that the comment shows.")
@click.option("--page-url", default="", metavar="URL", help="Where the review page was uploaded.")
@click.option("--run-url", default="", metavar="URL", help="The CI run.")
@click.option("--no-prompts", is_flag=True, help="Leave the text of prompts out.")
def comment(spec: Path, output: Path | None, base: Path | None, *, no_prompts: bool, **options: Any) -> int:
    """Write the Markdown of a pull request: what changed, what it would cost, what is stale."""
    from veospec.app.commenting import pull_request_comment

    links = {name: options.pop(f"{name}_url", "") for name in ("preview", "page", "run")}
    text = pull_request_comment(
        choices_of(spec, options), os.environ, base=base, links=links, show_prompts=not no_prompts
    )
    if output is None:
        say(text.rstrip("\n"))
    else:
        from veospec.app.writing import check_ours, write_text
        from veospec.review.comment import MARK

        check_ours(output, MARK.encode(), "comment")
        write_text(output, text)
        say(f"wrote {output}")
    return Exit.DONE
