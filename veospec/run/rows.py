"""The journal's values and how they lie in rows: types, columns, and nothing that decides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from veospec.errors import Charge
from veospec.model import FREE, Cost, Digest, Key, NodeId
from veospec.providers.base import Attempt, Receipt
from veospec.run.lifecycle import LIVE, State
from veospec.run.tables import Row, Table, Value

SCHEMA = 1
"""Version of the tables; a change needs a migration that copies the file first."""

_LIVE = ", ".join(f"'{state.value}'" for state in sorted(LIVE))

TABLES = (
    Table(
        "attempts",
        (
            "attempt TEXT",
            "reply_ref TEXT",
            "run TEXT",
            "board TEXT",
            "provider TEXT",
            "process TEXT",
            "node TEXT",
            "account TEXT",
            "model TEXT",
            "path TEXT",
            "body TEXT",
            "created_at TEXT",
            "job_id TEXT",
        ),
        (
            "CREATE UNIQUE INDEX one_attempt ON attempts (attempt)",
            "CREATE UNIQUE INDEX one_reply_ref ON attempts (reply_ref)",
        ),
    ),
    Table(
        "entries",
        (
            "attempt TEXT",
            "run TEXT",
            "position INTEGER",
            "key TEXT",
            "sent_key TEXT",
            "take INTEGER",
            "seed INTEGER",
            "state TEXT",
            "charge TEXT",
            "credits INTEGER",
            "micro_usd INTEGER",
            "is_ceiling INTEGER",
            "reason TEXT",
            "document TEXT",
            "sent_document TEXT",
            "url TEXT",
            "expires_at TEXT",
            "receipt TEXT",
            "digest TEXT",
            "created_at TEXT",
            "updated_at TEXT",
        ),
        (
            f"CREATE UNIQUE INDEX one_live_key ON entries (key) WHERE state IN ({_LIVE})",
            f"CREATE UNIQUE INDEX one_live_sent_key ON entries (sent_key) WHERE state IN ({_LIVE})",
            "CREATE INDEX by_attempt ON entries (attempt)",
            "CREATE INDEX by_key ON entries (key)",
            "CREATE INDEX by_sent_key ON entries (sent_key)",
            "CREATE INDEX by_state ON entries (state)",
            "CREATE INDEX by_run_and_charge ON entries (run, charge, credits, micro_usd, is_ceiling)",
        ),
    ),
    Table(
        "refs",
        ("account TEXT", "name TEXT", "handle TEXT", "made_at TEXT"),
        ("CREATE UNIQUE INDEX one_ref ON refs (account, name)",),
    ),
    Table(
        "denials",
        ("run TEXT", "account TEXT", "model TEXT", "reason TEXT", "denied_at TEXT"),
        ("CREATE UNIQUE INDEX one_denial ON denials (run, account, model)",),
    ),
)


class Part(Struct, frozen=True):
    """One take of an intent.

    `key` and `document` are what the plan wants. `sent_key` and `sent_document` are what is sent: the same, except
    for a second try with another seed after a refusal, which is another request that answers for the first.
    """

    key: Key
    document: Mapping[str, Any]
    sent_key: Key
    sent_document: Mapping[str, Any]
    take: int
    seed: int
    cost: Cost


class Intent(Struct, frozen=True):
    """A request before it is sent. `attempt` is random; `reply_ref` holds it and is unique for all time."""

    attempt: str
    reply_ref: str
    run: str
    board: str
    provider: str
    process: str
    node: NodeId
    account: str
    model: str
    path: str
    body: Mapping[str, Any]
    parts: tuple[Part, ...]

    @property
    def cost(self) -> Cost:
        """The price of all takes together."""
        return sum((part.cost for part in self.parts), FREE)


class Entry(Struct, frozen=True):
    """One take of an attempt as it stands. `charge` is `no` once its reservation is released."""

    number: int
    attempt: str
    position: int
    key: Key
    sent_key: Key
    take: int
    seed: int
    state: State
    charge: Charge
    cost: Cost
    reason: str
    url: str
    expires_at: datetime | None
    receipt: Receipt | None
    digest: Digest
    created_at: datetime
    updated_at: datetime
    documents: tuple[str, str]

    @property
    def document(self) -> Mapping[str, Any]:
        """The key document that the plan wants."""
        return _mapping(self.documents[0])

    @property
    def sent_document(self) -> Mapping[str, Any]:
        """The key document of what was sent."""
        return _mapping(self.documents[1] or self.documents[0])

    @property
    def is_live(self) -> bool:
        """True while the take stands in the way of another attempt at its key."""
        return self.state in LIVE

    @property
    def is_second_try(self) -> bool:
        """True when another seed than that of the plan was sent."""
        return self.key != self.sent_key


class Record(Struct, frozen=True):
    """One attempt with its takes, in the order of the request."""

    attempt: Attempt
    run: str
    board: str
    provider: str
    process: str
    entries: tuple[Entry, ...]

    @property
    def id(self) -> str:
        """The attempt's own id."""
        return self.attempt.id

    @property
    def is_live(self) -> bool:
        """True while any take of it is live."""
        return any(entry.is_live for entry in self.entries)

    @property
    def cost(self) -> Cost:
        """What it may cost at worst."""
        return sum((entry.cost for entry in self.entries if entry.charge is not Charge.NO), FREE)


def attempt_row(intent: Intent, now: datetime) -> Row:
    """Return the row of a new attempt."""
    return {
        "attempt": intent.attempt,
        "reply_ref": intent.reply_ref,
        "run": intent.run,
        "board": intent.board,
        "provider": intent.provider,
        "process": intent.process,
        "node": intent.node,
        "account": intent.account,
        "model": intent.model,
        "path": intent.path,
        "body": _json(intent.body),
        "created_at": instant(now),
        "job_id": "",
    }


def entry_row(intent: Intent, position: int, part: Part, state: State, now: datetime) -> Row:
    """Return the row of a new take; its price is set aside, so it counts until it is released."""
    return {
        "attempt": intent.attempt,
        "run": intent.run,
        "position": position,
        "key": part.key,
        "sent_key": part.sent_key,
        "take": part.take,
        "seed": part.seed,
        "state": state.value,
        "charge": Charge.UNKNOWN.value,
        "credits": part.cost.credits,
        "micro_usd": part.cost.micro_usd,
        "is_ceiling": int(part.cost.is_ceiling),
        "reason": "",
        "document": _json(part.document),
        "sent_document": _json(part.sent_document) if part.sent_key != part.key else "",
        "url": "",
        "expires_at": "",
        "receipt": "",
        "digest": "",
        "created_at": instant(now),
        "updated_at": instant(now),
    }


def record_of(row: Row, entries: Iterable[Entry]) -> Record:
    """Return the value of an attempt's row."""
    takes = tuple(sorted(entries, key=lambda entry: entry.position))
    attempt = Attempt(
        id=_text(row["attempt"]),
        reply_ref=_text(row["reply_ref"]),
        keys=tuple(entry.sent_key for entry in takes),
        node=_text(row["node"]),
        takes=tuple(entry.take for entry in takes),
        account=_text(row["account"]),
        model=_text(row["model"]),
        path=_text(row["path"]),
        body=json.loads(_text(row["body"])),
        created_at=datetime.fromisoformat(_text(row["created_at"])),
        job_id=_text(row["job_id"]),
    )
    run, board, provider, process = (_text(row[name]) for name in ("run", "board", "provider", "process"))
    return Record(attempt, run, board, provider, process, takes)


def entry_of(row: Row) -> Entry:
    """Return the value of a take's row."""
    return Entry(
        number=_int(row["id"]),
        attempt=_text(row["attempt"]),
        position=_int(row["position"]),
        key=_text(row["key"]),
        sent_key=_text(row["sent_key"]),
        take=_int(row["take"]),
        seed=_int(row["seed"]),
        state=State(_text(row["state"])),
        charge=Charge(_text(row["charge"])),
        cost=Cost(_maybe(row["credits"]), _maybe(row["micro_usd"]), bool(row["is_ceiling"])),
        reason=_text(row["reason"]),
        url=_text(row["url"]),
        expires_at=datetime.fromisoformat(_text(row["expires_at"])) if row["expires_at"] else None,
        receipt=_receipt(_text(row["receipt"])),
        digest=_text(row["digest"]),
        created_at=datetime.fromisoformat(_text(row["created_at"])),
        updated_at=datetime.fromisoformat(_text(row["updated_at"])),
        documents=(_text(row["document"]), _text(row["sent_document"])),
    )


def instant(at: datetime | None) -> str:
    """Return an instant as text, UTC; nothing for None."""
    return "" if at is None else at.astimezone(UTC).isoformat()


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt as text."""
    return _json(
        {
            "provider": receipt.provider,
            "account": receipt.account,
            "job_id": receipt.job_id,
            "media_id": receipt.media_id,
            "seed": receipt.seed,
            "model": receipt.model,
        }
    )


def _receipt(text: str) -> Receipt | None:
    return Receipt(**json.loads(text)) if text else None


def _mapping(text: str) -> Mapping[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _text(value: Value) -> str:
    assert isinstance(value, str)
    return value


def _int(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _maybe(value: Value) -> int | None:
    assert value is None or isinstance(value, int)
    return value
