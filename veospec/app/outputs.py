"""The output folder of a project: which files in it are ours, and whether all can be written before it is bought."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from veospec.app.project import Project
from veospec.app.takes import nodes_of, output_path
from veospec.errors import StoreCorrupt
from veospec.model import Digest, Kind
from veospec.plan.values import Plan
from veospec.review.manifest import parse_manifest
from veospec.store.actions import ActionRecord
from veospec.store.layout import Store
from veospec.store.lock import Lease
from veospec.store.outputs import OutFolder

MANIFEST = "manifest.json"
PAGE = "review.html"
SHEET = "contact-sheet.jpg"
SHEET_PAGE = "contact-sheet.html"

PATIENCE_S = 600.0
"""How long a delivery waits for another one into the same folder; joining a long cut takes minutes."""

_MOVING, _PICTURE = (".mp4",), (".jpg", ".png")


def out_folder(project: Project, store: Store) -> OutFolder:
    """Open the output folder; a manifest that came with the repository, and the clips it names, count as ours."""
    named: set[tuple[str, Digest]] | None = None

    def owned(path: str, digest: Digest) -> bool:
        nonlocal named
        if named is None:
            named = _named(project)
        return (path, digest) in named or (path == MANIFEST and bool(named))

    return OutFolder(project.out, store, owned=owned)


def out_lease(project: Project, store: Store, wait_s: float) -> Lease:
    """Wait until nobody else writes into the output folder: two runs of one storyboard end at about the same time."""
    name = sha256(os.fsencode(project.out.resolve())).hexdigest()
    return store.locks.acquire(f"out-{name}", doing="deliver", wait_s=wait_s)


def deliver_take(out: OutFolder, record: ActionRecord, path: str) -> None:
    """Put a take into the folder. What cost money is copied, so that no tool can harm the original."""
    is_free = record.cost.is_free and record.receipt is None
    out.deliver(record.digest, record.suffix, path, link=is_free)


def poster_path(thumb: Path) -> str:
    """Return where a small picture lies for the pages; its name says what it shows."""
    return f"posters/{thumb.name}"


def _named(project: Project) -> set[tuple[str, Digest]]:
    """Return the files that a manifest in the folder names, with the manifest itself; nothing when it is none."""
    try:
        manifest = parse_manifest((project.out / MANIFEST).read_bytes())
    except (OSError, StoreCorrupt):
        return set()
    return {(MANIFEST, ""), *((output.file, output.digest) for output in manifest.outputs if output.file)}


def check_outputs(project: Project, store: Store, plan: Plan) -> None:
    """Raise `OutputForeign` when a take that the plan makes would meet somebody else's file at the end."""
    if not plan.has_work:
        return
    nodes = nodes_of(plan.storyboard)
    with out_folder(project, store) as out:
        for path in (MANIFEST, PAGE, SHEET, SHEET_PAGE):
            out.check(path)
        for slug in _slugs(plan):
            out.check(f"reel_{slug}.mp4")
        for step in plan.steps:
            is_picture = output_path(step.node, step.take, "", nodes).startswith("stills/")
            for suffix in _PICTURE if is_picture else _MOVING:
                out.check(output_path(step.node, step.take, suffix, nodes))


def _slugs(plan: Plan) -> set[str]:
    """Return what the reels are called after; `build_cuts` names them so once there are clips."""
    found = {cell.slug for cell in plan.storyboard.cells if cell.slug}
    return found or {step.node.request.aspect.replace(":", "x") for step in plan.steps if step.node.kind is Kind.CLIP}
