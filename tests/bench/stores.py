"""Fill the store of a storyboard as if every take had been made: records, blobs, heads and outputs, without drawing.

What is written is what the program itself would have written, by its own encoders; only the fsyncs are left out, and
each clip is one short real clip with its own number in a `free` box, so that all bytes differ.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from veospec.app.choices import Choices
from veospec.app.planning import inventory_of
from veospec.app.project import open_project
from veospec.media import testclip
from veospec.media.probe import probe
from veospec.media.testcard import Card, Hold
from veospec.model import FREE, MediaFacts
from veospec.plan.planner import make_plan
from veospec.plan.values import Step
from veospec.store.actions import ActionRecord, encode_record
from veospec.store.layout import Store


def small_clip() -> tuple[bytes, MediaFacts]:
    """Return the bytes of one second of film in a stamp's size, and what it is."""
    body = testclip.encode_clip((Hold(Card(1), 24),), 64, 36)
    with NamedTemporaryFile(suffix=".mp4") as file:
        file.write(body)
        file.flush()
        return body, probe(Path(file.name))


def clip_of(number: int, body: bytes) -> bytes:
    """Return a playable clip that no other number has."""
    mark = f"{number:016}".encode()
    return body + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark


def fill(spec: Path) -> int:
    """Put a record and a blob for every take of a storyboard without chains into its store; return how many."""
    body, facts = small_clip()
    before = Path.cwd()
    os.chdir(spec.parent)
    try:
        project = open_project(Choices(Path(spec.name)), os.environ)
        with Store.open(project.store_root, write=True, doing="bench") as store:
            inventory = inventory_of(project, store)
            plan = make_plan(project.storyboard, project.digests, inventory, project.profile)
            for number, step in enumerate(plan.steps):
                _put(store, project.board, step, clip_of(number, body), facts)
            store.heads.accept(project.board, {step.id: step.key for step in plan.steps if step.key})
        return len(plan.steps)
    finally:
        os.chdir(before)


def _put(store: Store, board: str, step: Step, content: bytes, facts: MediaFacts) -> None:
    assert step.key is not None
    assert step.document is not None
    digest = sha256(content).hexdigest()
    record = ActionRecord(step.key, step.document, digest, len(content), ".mp4", facts, None, step.node.id, step.take,
                          1, FREE, board)  # fmt: skip
    for path, what, mode in (
        (store.blobs.path(digest, ".mp4"), content, 0o444),
        (store.actions.path(step.key), encode_record(record), 0o600),
    ):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(what)
        path.chmod(mode)
