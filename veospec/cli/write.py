"""Commands that write the user's own files: `init`, `import`, `select`, `retake`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote
from typing import Any

import click

from veospec.cli.options import spec_option
from veospec.cli.say import complain, problem_lines, say
from veospec.errors import Exit, UsageError
from veospec.model import Severity


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--minimal", is_flag=True, help="The smallest storyboard that works.")
@click.option("--ci", type=click.Choice(["github", "gitlab"]), default=None, help="Write the files of a CI instead.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(folder: Path, ci: str | None, *, minimal: bool, force: bool) -> int:
    """Write a first storyboard into FOLDER, or the preview workflow of a CI."""
    from veospec.app.editing import start

    for path in start(folder, is_minimal=minimal, ci=ci or "", should_overwrite=force):
        say(f"wrote {path}")
    if ci is None:
        say(f"next: veospec plan {quote(str(folder / 'shots.yaml'))}")
    return Exit.DONE


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of printing.")
@click.option("--force", is_flag=True, help="Overwrite the output.")
def import_(source: Path, output: Path | None, *, force: bool) -> int:
    """Turn a prompts.json or a CSV file into a storyboard. Unknown keys are named, never dropped in silence."""
    from veospec.app.editing import import_file

    text, problems = import_file(source)
    for line in problem_lines(problems):
        complain(line)
    if any(p.severity is Severity.ERROR for p in problems):
        return Exit.SPEC
    if output is None:
        say(text.rstrip("\n"))
    elif output.exists() and not force:
        raise UsageError(f"{output} exists", "say --force to overwrite it")
    else:
        from veospec.app.writing import write_text

        write_text(output, text)
        say(f"wrote {output}")
    return Exit.DONE


class _Take(click.ParamType[int]):
    name = "take"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read `2`, and `T02` as it stands in every list of takes."""
        found = re.fullmatch(r"[Tt]?0*([1-9][0-9]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is no take like 2 or T02", param, ctx)
        return int(found[1])


@click.command()
@click.argument("shot", required=False)
@click.argument("take", type=_Take(), required=False)
@spec_option
@click.option("--from", "patch", type=click.Path(path_type=Path, dir_okay=False), help="A patch from the review page.")
def select(shot: str | None, take: int | None, spec: Path, patch: Path | None) -> int:
    """Circle TAKE of SHOT in the storyboard; comments and layout stay. Or apply a patch from the review page."""
    from veospec.app.editing import apply_patch_file, select_take

    if (patch is None) == (shot is None or take is None):
        raise UsageError("say SHOT and TAKE, or --from FILE", "for example: veospec select SH010 2")
    if patch is not None:
        changed = apply_patch_file(spec, patch, os.environ)
    else:
        assert shot is not None
        assert take is not None
        changed = select_take(spec, shot, take, os.environ)
    for line in changed:
        say(line)
    return Exit.DONE


@click.command()
@click.argument("shot")
@spec_option
def retake(shot: str, spec: Path) -> int:
    """Raise `retake` of SHOT in the storyboard, so that the next apply makes it again on purpose."""
    from veospec.app.editing import bump

    for line in bump(spec, shot):
        say(line)
    return Exit.DONE
