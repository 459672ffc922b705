"""A plan and what the next run is answered from: in full, or in short where only a part has to be planned."""

from __future__ import annotations

from typing import NamedTuple

from veospec.app.choices import Choices
from veospec.app.edited import plan_of_edit, remembered
from veospec.app.halves import look_by_halves
from veospec.app.planning import plan_with, stored
from veospec.app.project import open_project
from veospec.app.witness import Asked, Sights, sights_of_plan
from veospec.model import Problem
from veospec.plan.values import Plan
from veospec.quick import Question


class Planned(NamedTuple):
    """A plan, what was looked at for it when there is nothing to do, what an edit will be compared with, warnings."""

    plan: Plan
    sights: Sights | None = None
    note: bytes = b""
    notes: tuple[Problem, ...] = ()


def in_short(question: Question, choices: Choices, environment: Asked) -> Planned | None:
    """Plan a storyboard of which only a part was edited, or of which all is here; None for any other.

    Such a plan is for showing only: it has steps for a part of the storyboard.
    """
    if question.edit is not None:
        edited = plan_of_edit(question.edit, choices, environment)
        return None if edited is None else Planned(edited)
    whole = look_by_halves(choices, environment)
    return None if whole is None else Planned(whole.plan, whole.sights, remembered(whole.outline, whole.plan))


def in_full(choices: Choices, environment: Asked, *, outlines: bool, is_saved: bool) -> Planned:
    """Plan the whole storyboard. Raises what reading it raises, and for an input that no service would take."""
    project = open_project(choices, environment, outlines=outlines)
    with stored(project) as inventory:
        made = plan_with(project, inventory)
        if not made.totals.buy.is_free:
            from veospec.app.flaws import check_bought

            check_bought(project, inventory.store, made)
        sights = None if is_saved else sights_of_plan(project, inventory, made, environment)
    note = b"" if sights is None else remembered(project.outline, made)
    return Planned(made, sights, note, project.notes)
