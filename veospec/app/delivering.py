"""Put what was made where people look: `out/`. Everything here can be made again from the store, for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from veospec.app.inventory import StoredInventory
from veospec.app.planning import plan_with
from veospec.app.project import Project
from veospec.app.takes import takes_of
from veospec.review.manifest import build_manifest, render_manifest
from veospec.review.values import Take
from veospec.run.events import Ended
from veospec.run.outcome import Report
from veospec.store.layout import Store
from veospec.store.outputs import OutFolder

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in the output folder now; paths are relative to it."""

    clips: int
    reels: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()

    def places(self, out: Path) -> Iterator[tuple[str, Path]]:
        """Yield (what, where) of the things a person opens first."""
        if self.clips:
            yield "clips", out / "clips"
        yield "manifest", out / MANIFEST
        for reel in self.reels:
            yield "reel", out / reel
        for page in self.pages:
            yield Path(page).stem, out / page


def deliver(
    project: Project, store: Store, inventory: StoredInventory, report: Report, *, join_reel: bool
) -> Delivered:
    """Write clips, stills, frames and the manifest; remove our files that no take has any more."""
    failures = {o.step.id: o.reason for o in report.outcomes if o.state is Ended.FAILED}
    plan = plan_with(project, inventory)
    takes = takes_of(plan, inventory, failures)
    document = build_manifest(project.storyboard, takes, project.catalogue.table)
    with OutFolder(project.out, store) as out:
        for take in takes:
            _put(out, take, inventory)
        out.write(MANIFEST, render_manifest(document))
    return Delivered(sum(1 for t in takes if t.file.startswith("clips/")))


def _put(out: OutFolder, take: Take, inventory: StoredInventory) -> None:
    record = inventory.record(take.key) if take.file else None
    if record is not None:
        is_free = record.cost.is_free and record.receipt is None
        out.deliver(record.digest, record.suffix, take.file, link=is_free)
