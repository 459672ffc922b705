"""Make a plan of a project, save one, and hold a saved one to its word."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from veospec.app.choices import Choices
from veospec.app.inventory import StoredInventory
from veospec.app.project import Project
from veospec.app.uncollected import uncollected
from veospec.errors import NothingSelected, PlanStale, StoreError, UsageError
from veospec.model import Digest, Key, NodeId, Storyboard
from veospec.plan.planner import make_plan
from veospec.plan.saved import SavedPlan, moved, parse_saved, render_saved
from veospec.plan.values import Ceiling, Plan, StepId
from veospec.review.values import Manifest
from veospec.run.flights import Snapshot
from veospec.spec.names import did_you_mean
from veospec.store.layout import Store

_SAVED = b'"fingerprint": "'
"""What is near the beginning of a saved plan, whatever its name is."""

_HEAD_BYTES = 8 << 10
_STORYBOARD = re.compile(r'\s*\{(?!.*"saved")', re.DOTALL)


@contextmanager
def stored(project: Project, *, near: bool = False, trusts_seals: bool = True) -> Iterator[StoredInventory]:
    """Yield what store, journal and committed manifest know, read only; nothing on disk changes."""
    with Store.open(project.store_root, write=False) as store:
        yield inventory_of(project, store, near=near, trusts_seals=trusts_seals, only_looks=True)


def inventory_of(
    project: Project,
    store: Store,
    *,
    near: bool = False,
    regenerate: bool = False,
    retry_failed: bool = False,
    trusts_seals: bool = False,
    only_looks: bool = False,
) -> StoredInventory:
    """Return the inventory of an open store.

    With `trusts_seals`, for those that only look, a clip of which the index knows nothing is not hashed (see
    `Blobs.known`). With `regenerate` the committed manifest counts for nothing, with `retry_failed` neither do jobs
    that failed.
    """
    return StoredInventory(
        store=store,
        board=project.board,
        journal=_journal(store),
        committed=dict if regenerate else partial(committed, project),
        should_verify=project.choices.should_verify,
        trusts_seals=trusts_seals,
        only_looks=only_looks,
        looks_for_near=near,
        retries_failed=retry_failed,
        provider=project.profile.name,
    )


def _journal(store: Store) -> Snapshot:
    """Read the journal; where nothing was ever paid there is none, and no database is imported for it."""
    path = store.journal_path
    if not path.exists() and not path.with_suffix(".seq").exists():
        return Snapshot()
    from veospec.run.journal import Journal

    return Journal.read(path)


def committed(project: Project) -> Mapping[tuple[StepId, Key], Digest]:
    """Return what the manifest beside the storyboard says was made, here or elsewhere; empty when there is none.

    A manifest that cannot be read is no permission to buy again, so it raises `StoreError`.
    """
    manifest = committed_manifest(project)
    if manifest is None:
        return {}
    found = {((o.node, o.take), o.key): o.digest for o in manifest.outputs if o.key and o.digest}
    return found | {((line.node, line.take), line.key): line.digest for line in manifest.bought}


def committed_manifest(project: Project) -> Manifest | None:
    """Return the manifest beside the storyboard, None when there is none. Raises `StoreError`."""
    path = project.out / "manifest.json"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable, or move it away") from error
    from veospec.review.manifest import parse_manifest

    return parse_manifest(content, str(path))


def plan_project(project: Project) -> Plan:
    """Return the plan of a project as things stand; reads only."""
    with stored(project) as inventory:
        return plan_with(project, inventory)


@uncollected()
def plan_with(project: Project, inventory: StoredInventory) -> Plan:
    """Return the plan against an inventory, narrowed to the chosen shots."""
    board = narrowed(project)
    return make_plan(
        board,
        project.digests,
        inventory,
        project.profile,
        table=project.catalogue.table,
        ceiling=_ceiling(project),
        notes=_notes(project),
    )


def _ceiling(project: Project) -> Ceiling:
    """The command line beats the storyboard, which may come from anybody."""
    choices, budget = project.choices, project.storyboard.budget
    if choices.max_credits is not None or choices.max_micro_usd is not None:
        return Ceiling(choices.max_credits, choices.max_micro_usd, "the command line")
    return Ceiling(budget.max_credits, budget.max_micro_usd, "the storyboard")


def _notes(project: Project) -> tuple[str, ...]:
    board = project.storyboard
    if project.profile.is_remote and not board.plan_class:
        return ("the Google AI plan is not known: prices are those of the dearest plan; say --plan-class to be exact",)
    return ()


def narrowed(project: Project) -> Storyboard:
    """Return the storyboard with the chosen shots and stills and what they need. Raises `NothingSelected`."""
    board, names = project.storyboard, project.choices.only
    if not names:
        return board
    known = {node.name for node in board.nodes} | {node.id for node in board.nodes}
    for name in names:
        if name not in known:
            raise NothingSelected(f"there is no shot or still '{name}'", did_you_mean(name, known))
    nodes = {node.id: node for node in board.nodes}
    wanted: set[NodeId] = set()
    waiting = [node.id for node in board.nodes if node.name in names or node.id in names]
    while waiting:
        node = waiting.pop()
        if node not in wanted:
            wanted.add(node)
            waiting.extend(nodes[node].upstream)
    return replace(board, nodes=tuple(node for node in board.nodes if node.id in wanted))


def save_plan(plan: Plan, choices: Choices, output: Path) -> None:
    """Write a plan file for `apply FILE`."""
    from veospec.app.writing import check_ours, write_text

    check_ours(output, _SAVED, "saved plan")
    write_text(output, render_saved(plan, choices.saved(), os.urandom(16).hex()))


def read_saved(path: Path) -> SavedPlan | None:
    """Return the saved plan in a file, or None when the file is none: a storyboard, which may be JSON too.

    Raises `UsageError` for a plan file that cannot be obeyed.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            head = stream.read(_HEAD_BYTES) or b""  # a pipe into which nobody writes has nothing yet
        if path.suffix.lower() != ".json" and not (head.startswith(b"{") and _SAVED in head):
            return None
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if _STORYBOARD.match(text) else parse_saved(text, str(path))


def choices_of_saved(saved: SavedPlan, now: Choices) -> Choices:
    """Return the choices that a plan was made with. Raises `UsageError` when the file was changed by hand."""
    options = saved.options
    try:
        day = options["as_of"]
        overlay = options["overlay"]
        return replace(
            now,
            spec=Path(str(options["spec"])),
            provider=str(options["provider"]),
            pass_name=str(options["pass_name"]),
            plan_class=str(options["plan_class"]),
            as_of=date.fromisoformat(str(day)) if day else None,
            overlay=Path(str(overlay)) if overlay else None,
            may_use_unlisted_models=bool(options["may_use_unlisted_models"]),
            max_credits=_sum(options["max_credits"]),
            max_micro_usd=_sum(options["max_micro_usd"]),
            only=tuple(map(str, options["only"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{now.spec} is not a saved plan", "save one with `veospec plan SPEC -o FILE`") from error


def _sum(value: object) -> int | None:
    if value is None or (isinstance(value, int) and value >= 0):
        return value
    raise ValueError(value)


def hold_to(saved: SavedPlan, plan: Plan) -> None:
    """Raise `PlanStale` when the plan of now is not the saved one."""
    found = moved(saved, plan)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise PlanStale(
            f"the saved plan is stale: {'; '.join(found[:3])}{more}",
            "make a new plan; a saved plan works once, and only while nothing moves",
        )


def use_up(saved: SavedPlan, store: Store, file: Path) -> None:
    """Write down that a saved plan is carried out now. Raises `PlanStale` when it was before, by anybody.

    Most plans cannot be carried out twice because the first time changes what there is to do. This holds for the
    others as well: when every take failed, a second run of the same file would spend what was agreed to once.
    """
    if not store.spend_plan(saved.name):
        raise PlanStale(f"{file} was carried out before", "make a new plan; a saved plan works once")
