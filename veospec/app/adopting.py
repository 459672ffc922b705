"""`cache adopt`: take over what another store holds, or what lies in an output folder with its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from veospec.app.caching import store_root
from veospec.app.choices import Choices
from veospec.app.outputs import MANIFEST
from veospec.app.project import Project, open_project
from veospec.app.tables import Answer
from veospec.errors import Exit, StoreError
from veospec.model import Digest, NodeId
from veospec.plan.keys import document_of, key_of
from veospec.plan.values import Document, StepId
from veospec.review.manifest import parse_manifest
from veospec.review.safe import terminal as term
from veospec.review.values import Manifest, Output
from veospec.store import maintenance
from veospec.store.actions import ActionRecord
from veospec.store.layout import Store
from veospec.store.maintenance import TakenOver


def take_over(source: Path, spec: Path, environment: Mapping[str, str]) -> Answer:
    """Take records and bytes, each checked against its digest.

    SOURCE is a store, or a folder with a manifest and its clips; the latter needs the storyboard, because a manifest
    holds the keys but not what decided them.
    """
    manifest_file = source / MANIFEST
    skipped: tuple[str, ...] = ()
    if manifest_file.is_file():
        manifest = _manifest(manifest_file)
        project = open_project(Choices(spec, provider=manifest.provider), environment)
        offers, skipped = _offers(project, manifest)
        root = project.store_root
        with Store.open(root, write=True, doing="cache adopt") as store:
            found = maintenance.take_clips(store, source, offers)
    else:
        root = store_root(spec, environment)
        maintenance.shelves_of(source)  # before a store is made here
        with Store.open(root, write=True, doing="cache adopt") as store:
            found = maintenance.take_over(store, source)
    return _answer(found, skipped, root)


def _answer(found: TakenOver, skipped: tuple[str, ...], root: Path) -> Answer:
    parts = [f"{len(found.added)} new", f"{len(found.healed)} healed", f"{len(found.known)} known"]
    text = (
        *(term(reason, 300) for reason in found.refused),
        *(f"passed over: {term(name, 200)}, the storyboard asks for something else now" for name in skipped),
        ", ".join(parts) + f" in {root}",
    )
    document = {
        "veospec_adopt": 1,
        "store": str(root),
        "added": list(found.added),
        "healed": list(found.healed),
        "known": list(found.known),
        "refused": list(found.refused),
        "skipped": list(skipped),
    }
    return Answer(text, document, Exit.STORE if found.refused else Exit.DONE)


def _manifest(path: Path) -> Manifest:
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", "make it readable") from error


def _offers(project: Project, manifest: Manifest) -> tuple[list[tuple[str, ActionRecord]], tuple[str, ...]]:
    """Return (path, record) of every clip whose key the storyboard still compiles to, and the names of the others."""
    documents = dict(_documents(project, manifest))
    offers, skipped = [], []
    for output in manifest.outputs:
        if not output.file or output.media is None:
            continue
        document = documents.get(output.id)
        if document is None or key_of(document) != output.key:
            skipped.append(f"{output.node} T{output.take:02}")
        else:
            offers.append((output.file, _record(project, output, document)))
    return offers, tuple(skipped)


def _documents(project: Project, manifest: Manifest) -> Iterator[tuple[StepId, Document]]:
    """Yield the key document of every take; an upstream take counts with the bytes that the manifest gives it."""
    outputs = {output.id: output for output in manifest.outputs if output.digest}
    upstream: dict[NodeId, Digest] = {}
    for node in project.storyboard.nodes:
        for take in range(1, node.takes + 1):
            yield (node.id, take), document_of(node, take, project.digests, upstream, project.profile)
        selected = outputs.get((node.id, node.select))
        if selected is not None:
            upstream[node.id] = selected.digest


def _record(project: Project, output: Output, document: Document) -> ActionRecord:
    assert output.media is not None
    return ActionRecord(
        key=output.key,
        document=document,
        digest=output.digest,
        size_bytes=output.size_bytes,
        suffix=Path(output.file).suffix,
        facts=output.media,
        receipt=None,
        node=output.node,
        take=output.take,
        seed=output.seed if output.seed is not None else output.take,
        cost=output.cost,
        board=project.board,
    )
