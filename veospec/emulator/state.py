"""What the emulator remembers: accounts, media, jobs, voices, characters, charges, and the clock.

Everything is kept in memory; with a folder each change is also written to a small SQLite file, so that the next
start goes on where this one was killed. It outlives a killed process, not a power cut: that would cost an fsync for
each request and buy a test nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import asdict

from veospec.emulator.options import DEFAULT_ACCOUNT, AccountOption
from veospec.emulator.times import Clock
from veospec.errors import UsageError

Json: TypeAlias = Any

WINDOW_S = 900.0
"""How far back the load balancer looks. Source: GET /jobs, November 2025 to June 2026."""


class Account(Struct):
    """A connected Google account with its live balance; `health` is OK or a sentence."""

    email: str
    plan: str
    credits: int
    created: float
    is_connected: bool = True
    health: str = "OK"


class Media(Struct):
    """A picture or clip. `recipe` says how its bytes are made when somebody asks; frames are 24 a second.

    `created` is the end of the job that makes it. `origin`: upload, generated, extended, upscaled. `key` is the uuid,
    for an upscale with `_upsampled`.
    """

    key: str
    user: str
    email: str
    kind: str
    origin: str
    family: str
    aspect: str
    width: int
    height: int
    frames: int
    created: float
    recipe: dict[str, Json]
    workflow: str = ""
    title: str = ""
    model: str = ""
    is_deleted: bool = False


class Job(Struct):
    """A generation. What comes of it is decided when it is accepted and shown when its time has come.

    `entries` are `{"key", "seed", "filtered"}`: a filtered one has a reason instead of a link. `spoiled` is the fault
    that its record suffers from: job-vanished, job-expired, or expired-link until it has been seen.
    """

    id: str
    user: str
    email: str
    family: str
    operation: str
    request: dict[str, Json]
    created: float
    ends: float
    model: str
    internal: str
    entries: list[dict[str, Json]]
    captcha: dict[str, Json]
    remaining: int
    failure: str = ""
    http_status: int = 200
    shows_operations: bool = False
    is_sync: bool = False
    spoiled: str = ""


class Voice(Struct):
    """A user voice."""

    key: str
    media: str
    user: str
    email: str
    base: str
    name: str
    dialog: str
    performance: str


class Character(Struct):
    """A character of one or two pictures."""

    key: str
    user: str
    email: str
    name: str
    notes: str
    pictures: list[str]
    voice: str


class Quarantine(Struct):
    """Why the balancer leaves an account alone; `model` `*` is every model."""

    email: str
    model: str
    reason: str
    since: float
    until: float


class Totals(Struct):
    """What the balancer counts for an account: (time, kind) with kind completed, failed, rateLimited."""

    events: deque[tuple[float, str, float]] = field(default_factory=deque)


class State:
    """All records; `put` and `drop` keep the file in step."""

    def __init__(self, folder: Path | None, accounts: tuple[AccountOption, ...]) -> None:
        self.clock = Clock()
        self.accounts: dict[str, Account] = {}
        self.media: dict[str, Media] = {}
        self.jobs: dict[str, Job] = {}
        self.voices: dict[str, Voice] = {}
        self.characters: dict[str, Character] = {}
        self.quarantines: dict[str, Quarantine] = {}
        self.charges: list[dict[str, Json]] = []
        self.attempts: list[dict[str, Json]] = []
        self.counters: dict[str, int] = {}
        self.settings: dict[str, Json] = {}
        self.running: dict[str, list[Job]] = {}
        self.totals: dict[str, Totals] = {}
        self._blobs: dict[str, bytes] = {}
        self._folder = folder
        self._database = _opened(folder) if folder else None
        if self._database:
            try:
                self._load(self._database)
            except (ValueError, TypeError) as error:
                self._database.close()
                raise UsageError(f"the emulator cannot read {folder}: {error}", "give a folder of its own") from error
        for option in accounts or (() if self.accounts else (DEFAULT_ACCOUNT,)):
            known = self.accounts.get(option.email.lower())
            if known is None:
                created = self.clock.now() - 30 * 86_400
                self.put_account(Account(option.email, option.plan, option.credits, created))
            elif known.plan != option.plan:
                known.plan = option.plan
                self.put_account(known)

    # -- writing ------------------------------------------------------------------------------------------

    def _write(self, kind: str, key: str, record: Json) -> None:
        if self._database:
            shown = asdict(record) if isinstance(record, Struct) else record
            text = json.dumps(shown, separators=(",", ":"))
            self._database.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (kind, key, text))

    def _erase(self, kind: str, key: str) -> None:
        if self._database:
            self._database.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Write all of a block or nothing: a job without its charge would be a lie after a kill.

        What is in memory is not taken back, so nothing in a block may raise but what ends the program.
        """
        if self._database is None:
            yield
            return
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("COMMIT")

    def put_account(self, account: Account) -> None:
        """Remember an account by its e-mail, whatever the case."""
        self.accounts[account.email.lower()] = account
        self._write("account", account.email.lower(), account)

    def put_media(self, media: Media) -> None:
        """Remember a picture or clip."""
        self.media[media.key] = media
        self._write("media", media.key, media)

    def put_job(self, job: Job) -> None:
        """Remember a job; a new one counts as running until its time has come."""
        if job.id not in self.jobs:
            self.running.setdefault(job.email, []).append(job)
        self.jobs[job.id] = job
        self._write("job", job.id, job)

    def put_voice(self, voice: Voice) -> None:
        """Remember a user voice."""
        self.voices[voice.key] = voice
        self._write("voice", voice.key, voice)

    def drop_voice(self, key: str) -> None:
        """Forget a user voice."""
        self.voices.pop(key, None)
        self._erase("voice", key)

    def put_character(self, character: Character) -> None:
        """Remember a character."""
        self.characters[character.key] = character
        self._write("character", character.key, character)

    def drop_character(self, key: str) -> None:
        """Forget a character."""
        self.characters.pop(key, None)
        self._erase("character", key)

    def put_quarantine(self, entry: Quarantine) -> None:
        """Rest an account; a repeat keeps the first time."""
        key = f"{entry.email} {entry.model} {entry.reason}"
        known = self.quarantines.get(key)
        if known and known.until > entry.since:
            return
        self.quarantines[key] = entry
        self._write("quarantine", key, entry)

    def add_charge(self, charge: dict[str, Json]) -> None:
        """Append to the ledger."""
        self._write("charge", f"{len(self.charges):09d}", charge)
        self.charges.append(charge)

    def add_attempt(self, attempt: dict[str, Json]) -> None:
        """Append to the log of captcha and API attempts."""
        self._write("attempt", f"{len(self.attempts):09d}", attempt)
        self.attempts.append(attempt)

    def count(self, name: str) -> int:
        """Return how often `name` was counted, this time included."""
        self.counters[name] = self.counters.get(name, 0) + 1
        self._write("counter", name, self.counters[name])
        return self.counters[name]

    def forget_counts(self) -> None:
        """Start counting at one again."""
        for name in list(self.counters):
            del self.counters[name]
            self._erase("counter", name)

    def set(self, name: str, value: Json) -> None:
        """Keep a setting."""
        self.settings[name] = value
        self._write("setting", name, value)

    def move_clock(self, seconds: float) -> None:
        """Move the clock by so many seconds, for good."""
        self.clock.offset_s += seconds
        self._write("setting", "clock", self.clock.offset_s)

    def add_blob(self, content: bytes) -> str:
        """Keep uploaded bytes; return their digest."""
        digest = hashlib.sha256(content).hexdigest()
        if self._folder:
            path = self._folder / "blobs" / digest
            if not path.exists():
                part = path.with_suffix(".part")
                part.write_bytes(content)
                part.replace(path)
        else:
            self._blobs[digest] = content
        return digest

    def blob(self, digest: str) -> bytes:
        """Return uploaded bytes."""
        return (self._folder / "blobs" / digest).read_bytes() if self._folder else self._blobs[digest]

    def close(self) -> None:
        """Let the file go."""
        if self._database:
            self._database.close()

    # -- reading ------------------------------------------------------------------------------------------

    def is_there(self, media: Media) -> bool:
        """Return whether a picture or clip can be used: made already, and not deleted or filtered."""
        return not media.is_deleted and media.created <= self.clock.now()

    def in_flight(self, email: str) -> list[Job]:
        """Return the jobs of an account that still run; counts those that have ended meanwhile."""
        now = self.clock.now()
        waiting: list[Job] = []
        for job in self.running.get(email, ()):
            if job.ends > now:
                waiting.append(job)
            else:
                self.note(email, "failed" if job.failure else "completed", job.ends, job.ends - job.created)
        self.running[email] = waiting
        return waiting

    def note(self, email: str, kind: str, at: float, took_s: float = 0.0) -> None:
        """Count something for the balancer."""
        self.totals.setdefault(email, Totals()).events.append((at, kind, took_s))

    def recent(self, email: str) -> list[tuple[float, str, float]]:
        """Return what was counted for an account in the last 15 minutes."""
        self.in_flight(email)
        since = self.clock.now() - WINDOW_S
        events = self.totals.setdefault(email, Totals()).events
        while events and events[0][0] < since:
            events.popleft()
        return [event for event in events if event[0] >= since]

    def active_quarantines(self) -> list[Quarantine]:
        """Return what rests now."""
        now = self.clock.now()
        return [entry for entry in self.quarantines.values() if entry.until > now]

    def _load(self, database: sqlite3.Connection) -> None:
        for kind, key, text in database.execute("SELECT kind, key, doc FROM records ORDER BY kind, key"):
            record = json.loads(text)
            match kind:
                case "account":
                    self.accounts[key] = Account(**record)
                case "media":
                    self.media[key] = Media(**record)
                case "job":
                    job = self.jobs[key] = Job(**record)
                    self.running.setdefault(job.email, []).append(job)
                case "voice":
                    self.voices[key] = Voice(**record)
                case "character":
                    self.characters[key] = Character(**record)
                case "quarantine":
                    self.quarantines[key] = Quarantine(**record)
                case "charge":
                    self.charges.append(record)
                case "attempt":
                    self.attempts.append(record)
                case "counter":
                    self.counters[key] = record
                case _:
                    self.settings[key] = record
        self.clock.offset_s = self.settings.get("clock", 0.0)


def _opened(folder: Path) -> sqlite3.Connection:
    try:
        (folder / "blobs").mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(
            folder / "emulator.sqlite3", isolation_level=None, check_same_thread=False, timeout=1
        )
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE IF NOT EXISTS records (kind TEXT, key TEXT, doc TEXT, PRIMARY KEY (kind, key))")
        database.execute("BEGIN IMMEDIATE")
        database.execute("COMMIT")
    except (OSError, sqlite3.Error) as error:
        raise UsageError(
            f"the emulator cannot use {folder}: {error}", "give a folder that no other emulator is using"
        ) from error
    return database
