"""`cache`: list, verify, collect. Needs the storyboard only to know where the store lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from veospec.app.tables import Answer, table
from veospec.errors import Exit
from veospec.plan.budget import price_text
from veospec.plan.saved import cost_document
from veospec.review.safe import terminal as term
from veospec.run.journal import Journal
from veospec.store import maintenance
from veospec.store.layout import Store
from veospec.store.maintenance import PIECES_DAYS, Collected, Entry, Finding


def store_root(spec: Path, environment: Mapping[str, str]) -> Path:
    """Return the store of a storyboard's folder; a `store:` in the storyboard counts when it can be read."""
    from veospec.app.project import spec_store

    home = environment.get("VEOSPEC_HOME") or None
    return Store.for_project(spec.absolute().parent, home, spec_store(spec))


def listing(spec: Path, environment: Mapping[str, str]) -> Answer:
    """Return every record of the store."""
    root = store_root(spec, environment)
    with Store.open(root, write=False) as store:
        found, problems = maintenance.entries(store)
    total = sum(e.record.size_bytes for e in found)
    text = [*_table(found), f"{len(found)} takes, {_size(total)} in {root}", *_finding_lines(problems)]
    document = {
        "veospec_cache": 1,
        "store": str(root),
        "bytes": total,
        "takes": [_entry_document(e) for e in found],
        "findings": [_finding_document(f) for f in problems],
    }
    return Answer(tuple(text), document, Exit.STORE if problems else Exit.DONE)


def verification(spec: Path, environment: Mapping[str, str]) -> Answer:
    """Return what hashing everything found."""
    root = store_root(spec, environment)
    with Store.open(root, write=False) as store:
        audit = maintenance.audit(store)
    damaged = [f for f in audit.findings if f.is_damage]
    head = f"{audit.records} records, {audit.blobs} files, {_size(audit.size_bytes)} hashed"
    verdict = f"{len(damaged)} damaged" if damaged else "all sound"
    document = {
        "veospec_verify": 1,
        "store": str(root),
        "records": audit.records,
        "files": audit.blobs,
        "bytes": audit.size_bytes,
        "damaged": len(damaged),
        "findings": [_finding_document(f) for f in audit.findings],
    }
    return Answer(
        (*_finding_lines(audit.findings), f"{head}: {verdict}"), document, Exit.STORE if damaged else Exit.DONE
    )


def collect(spec: Path, environment: Mapping[str, str], *, should_delete: bool, with_paid: bool) -> Answer:
    """Return what no storyboard uses; with `should_delete` it was moved to the trash."""
    root = store_root(spec, environment)
    with Store.open(root, write=should_delete, exclusive=should_delete, doing="cache gc") as store:
        keep = frozenset(Journal.read(store.journal_path).flights)
        found = maintenance.collect(store, delete=should_delete, with_paid=with_paid, keep=keep, now=datetime.now(UTC))
    text = [*_table(found.entries), *_collected_lines(found)]
    document = {
        "veospec_gc": 1,
        "store": str(root),
        "bytes": found.size_bytes + found.copies_bytes,
        "deleted": found.is_done,
        "takes": [_entry_document(e) for e in found.entries],
        "spared": [_entry_document(e) for e in found.spared],
    }
    return Answer(tuple(text), document)


def _collected_lines(found: Collected) -> Iterator[str]:
    if found.orphans:
        yield f"{len(found.orphans)} files without a record"
    if found.inputs or found.pieces:
        copies = f"{len(found.inputs)} copies of inputs"
        pieces = f"{len(found.pieces)} pieces of reels and small pictures older than {PIECES_DAYS} days"
        yield f"{copies}, {pieces}: {_size(found.copies_bytes)}, made again when they are needed"
    if found.spared or found.spared_orphans:
        kept = len(found.spared) + len(found.spared_orphans)
        yield f"{kept} kept because they cost money or may have; --paid takes them too"
    if found.trash is not None:
        yield f"moved {_size(found.size_bytes)} to {found.trash}"
    if found.is_done and found.copies_bytes:
        yield f"deleted {_size(found.copies_bytes)} of copies and pieces"
    if found.is_done:
        return
    if found.entries or found.orphans or found.inputs or found.pieces:
        size = _size(found.size_bytes + found.copies_bytes)
        yield f"{size} could go; --delete moves takes to the trash and deletes copies and pieces"
    else:
        yield "nothing to collect"


def _table(found: tuple[Entry, ...]) -> tuple[str, ...]:
    rows = [
        (
            e.record.key[:12],
            _size(e.record.size_bytes),
            str(e.record.document.get("provider", "")),
            price_text(e.record.cost),
            "" if e.is_present else "bytes gone",
            "" if e.is_used else "unused",
            term(f"{e.record.node} T{e.record.take:02} of {e.record.board}", 120),
        )
        for e in found
    ]
    return table(("key", "size", "provider", "paid", "", "", "made for"), rows, right=frozenset({1}))


def _entry_document(entry: Entry) -> dict[str, object]:
    record = entry.record
    return {
        "key": record.key,
        "digest": record.digest,
        "bytes": record.size_bytes,
        "node": record.node,
        "take": record.take,
        "spec": record.board,
        "provider": record.document.get("provider", ""),
        "cost": cost_document(record.cost),
        "present": entry.is_present,
        "used": entry.is_used,
    }


def _finding_lines(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{f.kind}: {term(f.path, 400)} {term(f.message, 400)}" for f in findings]


def _finding_document(finding: Finding) -> dict[str, object]:
    return {"kind": finding.kind, "path": finding.path, "message": finding.message, "damage": finding.is_damage}


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
