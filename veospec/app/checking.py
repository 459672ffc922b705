"""`validate` and `schema`: what is wrong, all of it, and the schemas that editors read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from veospec.app.choices import Choices
from veospec.app.project import Project, read_project
from veospec.errors import SpecInvalid, SpecUnreadable, UsageError
from veospec.model import Problem
from veospec.store.layout import Store


def check(choices: Choices, environment: Mapping[str, str], *, approved: bool = False) -> tuple[Problem, ...]:
    """Return every problem of a storyboard, sorted by place; with `approved` also what nobody signed off."""
    try:
        reading = read_project(choices, environment)
    except SpecUnreadable as error:
        return (error.problem,)
    except SpecInvalid as error:
        return error.problems
    project = reading.project
    if project is None:
        return reading.problems
    found = (*reading.problems, *_damage(project))
    if not approved:
        return found
    from veospec.app.planning import plan_with, stored
    from veospec.app.takes import takes_of
    from veospec.review.approved import approval_problems
    from veospec.review.manifest import output_of

    with stored(project, trusts_seals=False) as inventory:
        takes = takes_of(plan_with(project, inventory), inventory)
    return (*found, *approval_problems(project.storyboard, [output_of(take) for take in takes]))


def _damage(project: Project) -> tuple[Problem, ...]:
    """Return the inputs that cannot be decoded, where they would be sent for money; drawing a slate costs nothing."""
    if not project.profile.is_remote:
        return ()
    from veospec.app.flaws import flaws

    with Store.open(project.store_root, write=False) as store:
        return flaws(project, store, project.storyboard.nodes)


def _folder() -> Path:
    """Return where the schemas lie: in the package when it is installed, beside it in a checkout."""
    from importlib.resources import files

    packaged = Path(str(files("veospec") / "schemas"))
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "schemas"


def schema_names() -> tuple[str, ...]:
    """Return the names of the schemas, sorted."""
    return tuple(sorted(path.name.removesuffix(".schema.json") for path in _folder().glob("*.schema.json")))


def schema_text(name: str) -> str:
    """Return the text of a schema. Raises `UsageError` when the installation lacks it."""
    try:
        return (_folder() / f"{name}.schema.json").read_text("utf-8")
    except OSError as error:
        raise UsageError(f"the schema '{name}' is not installed", "install veospec again") from error
