"""The account of a storyboard: its takes as they stand, as outputs, as a cut. Everything that is delivered reads it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from veospec.app.credentials import credentials_of
from veospec.app.inventory import StoredInventory
from veospec.app.planning import plan_with
from veospec.app.project import Project
from veospec.app.takes import takes_of
from veospec.model import Digest, NodeId
from veospec.plan.planner import make_plan
from veospec.plan.values import Action, Plan, Step, StepId
from veospec.providers.local.profile import LocalProfile
from veospec.review.cut import build_cuts
from veospec.review.manifest import build_manifest, output_of, render_manifest
from veospec.review.values import CutList, Manifest, Output, Take
from veospec.store.actions import ActionRecord


class Account(Struct, frozen=True):
    """What is told about a storyboard; `slates` are local drawings of shots whose real clip is missing."""

    project: Project
    inventory: StoredInventory
    plan: Plan
    takes: tuple[Take, ...]
    outputs: tuple[Output, ...]
    cuts: tuple[CutList, ...]
    slates: Mapping[NodeId, ActionRecord]

    def manifest(self, before: Manifest | None) -> bytes:
        """Return the bytes of the manifest; what the one before says was bought stays in it."""
        return render_manifest(
            build_manifest(self.project.storyboard, self.takes, self.project.catalogue.table, before)
        )

    def record(self, key: str) -> ActionRecord:
        """Return the record of a take that has bytes."""
        record = self.inventory.record(key)
        assert record is not None
        return record

    def key_of(self, digest: Digest) -> str:
        """Return the key of an output's bytes."""
        return next(take.key for take in self.takes if take.digest == digest)


def account_of(project: Project, inventory: StoredInventory, failures: Mapping[StepId, str] | None = None) -> Account:
    """Return the account as things stand in the store."""
    whole = replace(project, choices=replace(project.choices, only=()))
    plan = plan_with(whole, inventory)
    made = [record for step in plan.steps if (record := _made(step, inventory)) is not None]
    takes = takes_of(plan, inventory, failures, credentials_of(inventory.store, made))
    outputs = tuple(output_of(take) for take in takes)
    cuts = build_cuts(project.storyboard, outputs)
    missing = {event.node for cut in cuts for event in cut.events if not event.file}
    return Account(whole, inventory, plan, takes, outputs, cuts, _slates(whole, inventory, missing))


def _made(step: Step, inventory: StoredInventory) -> ActionRecord | None:
    return inventory.record(step.key) if step.action is Action.REUSE and step.key is not None else None


def _slates(project: Project, inventory: StoredInventory, missing: set[NodeId]) -> dict[NodeId, ActionRecord]:
    """Return the animatic's clips for shots that are not made yet, as far as they were drawn before."""
    if not missing or not project.profile.is_remote:
        return {}
    board = project.storyboard
    deliver = board.deliver
    drawn = LocalProfile(board.project.fps, deliver.animatic_size, deliver.ken_burns, deliver.timecode)
    plan = make_plan(board, project.digests, replace(inventory, provider=drawn.name, _heads=None), drawn)
    found: dict[NodeId, ActionRecord] = {}
    for step in plan.steps:
        if step.node.id in missing and step.is_selected and step.action is Action.REUSE and step.key is not None:
            record = inventory.record(step.key)
            if record is not None:
                found[step.node.id] = record
    return found
