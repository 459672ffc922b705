"""`comment`: the Markdown of a pull request. Reads only; a storyboard that is not valid gets its problems told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from veospec.app.account import account_of
from veospec.app.choices import Choices
from veospec.app.flaws import check_bought
from veospec.app.planning import committed_manifest, stored
from veospec.app.project import read_project
from veospec.errors import SpecInvalid, SpecUnreadable, UsageError
from veospec.model import Problem
from veospec.review.comment import Links, plan_comment, problems_comment
from veospec.review.manifest import parse_manifest
from veospec.review.values import Manifest


def pull_request_comment(
    choices: Choices,
    environment: Mapping[str, str],
    *,
    base: Path | None,
    links: Mapping[str, str],
    show_prompts: bool,
) -> str:
    """Return the comment; `base` is the manifest before the change, when there was one."""
    before = _manifest(base) if base is not None else None
    try:
        reading = read_project(choices, environment)
    except SpecUnreadable as error:
        return problems_comment(str(choices.spec), [error.problem])
    except SpecInvalid as error:
        return problems_comment(str(choices.spec), error.problems)
    project = reading.project
    if project is None:
        return problems_comment(str(choices.spec), _errors(reading.problems))
    with stored(project) as inventory:
        account = account_of(project, inventory)
        try:
            check_bought(project, inventory.store, account.plan)
        except SpecInvalid as error:
            return problems_comment(str(choices.spec), error.problems)
    after = parse_manifest(account.manifest(committed_manifest(project)))
    return plan_comment(
        account.plan,
        before=before,
        after=after,
        links=Links(links.get("preview", ""), links.get("page", ""), links.get("run", "")),
        show_prompts=show_prompts,
    )


def _errors(problems: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def _manifest(path: Path) -> Manifest | None:
    """Return the manifest in a file, None when the file is not there: the first pull request has none before it."""
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
