"""A SQLite file that knows when it was damaged: it is refused then, and never read as shorter than it was.

Each row carries a hash of its own content, and a head row the number of rows, the sum of their hashes and a sequence
number. A changed, missing, doubled or older row breaks the sum. An older state of the whole file (a lost or damaged
`-wal`, a restored copy, a file cut to nothing) agrees with itself, so the sequence number is also kept outside, in a
small file beside it, as a lower bound. The hashes are no signature: they stand against accidents only.

Durability: WAL with `synchronous=FULL`. Source: SQLite, "PRAGMA synchronous", 2026: with NORMAL a power cut may roll
back committed transactions of a WAL file. Python's default (rollback journal) lost the last record as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from veospec.errors import JournalError, StoreLocked
from veospec.run.bound import Bound
from veospec.run.tables import Row, Table, Value
from veospec.store.durable import PRIVATE, scratch_name, sync_folder

APPLICATION_ID = 0x7665_6F53
BUSY_MS = 30_000
_MODULUS = 1 << 256
_REPAIR = "Nothing was changed. Put a backup of the file back; deleting it can make veospec pay a second time."
_HEAD_DDL = "CREATE TABLE head (id INTEGER PRIMARY KEY, seq INTEGER, rows INTEGER, total TEXT, seal TEXT)"


class _Head(Struct, frozen=True):
    seq: int = 0
    rows: int = 0
    total: int = 0

    @property
    def values(self) -> tuple[Value, ...]:
        return (self.seq, self.rows, f"{self.total:064x}")


class SealedDb:
    """An open file. Not for use by several threads at once; several processes may have it open."""

    def __init__(self, path: Path, tables: Sequence[Table], version: int, *, write: bool) -> None:
        """Open an existing file, or make it when it is written and not there; every row is checked.

        Raises `JournalError` for a file that is damaged, newer, missing after it was there, or cannot be opened.
        """
        self.path = path
        self._tables = {table.name: table for table in tables}
        self._columns = {table.name: table.columns for table in tables}
        self._names = {name: ("id", *columns, "seal") for name, columns in self._columns.items()}
        self._updates = {
            name: f"UPDATE {name} SET {', '.join(f'{c} = ?' for c in columns)}, seal = ? WHERE id = ? AND seal = ?"  # noqa: S608
            for name, columns in self._columns.items()
        }
        self._version = version
        self._head = self._before = _Head()
        self._is_open = False
        self._last: dict[str, int] = {}
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        self._bound = Bound(path.with_suffix(".seq"))
        bound = self._bound.read()
        if not path.exists():
            if bound:
                raise self.damaged("the file is gone although it was written before")
            if write:
                self._create()
        with self._faults("open"):
            self._db = self._connect(write=write)
            try:
                self._check_form()
                self._check_rows(bound, whole=write)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._db.close()
        if self._copies is not None:
            self._copies.cleanup()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside durable together, or not at all. Inside another one it is a part of that."""
        if self._is_open:
            yield
            return
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.undo()
            raise

    def begin(self) -> None:
        """Begin a transaction; waits while another process writes."""
        try:
            with self._faults("write"):
                self._db.execute("BEGIN IMMEDIATE")
                self._is_open = True
                self._last.clear()
                self._head = self._before = self._read_head()
        except BaseException:
            self.undo()
            raise

    def commit(self) -> None:
        """Make the transaction durable; after an error it has to be undone."""
        with self._faults("write"):
            if self._head != self._before:
                self._head = replace(self._head, seq=self._before.seq + 1)
                self._write_head()
            self._db.execute("COMMIT")
            self._is_open = False
        if self._head != self._before:
            self._bound.write(self._head.seq)

    def undo(self) -> None:
        """End the transaction and leave everything as it was; nothing happens when none is open."""
        if self._is_open:
            self._is_open = False
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    def insert(self, table: str, row: Row) -> int:
        """Add a row and return its id. Raises `sqlite3.IntegrityError` when a unique index forbids it."""
        columns = self._columns[table]
        values = [row[name] for name in columns]
        number = self._next_number(table)
        seal = _seal(table, (number, *values))
        marks = ", ".join("?" * (len(columns) + 2))
        with self._faults("write"):
            self._db.execute(f"INSERT INTO {table} VALUES ({marks})", (number, *values, seal))  # noqa: S608
        self._add(1, int(seal, 16))
        return number

    def _next_number(self, table: str) -> int:
        """Return an id above all others; nobody else adds a row while a transaction is open."""
        last = self._last.get(table)
        if last is None:
            last = int(self._db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])  # noqa: S608
        self._last[table] = last + 1
        return last + 1

    def update(self, table: str, row: Row, changes: Mapping[str, Value]) -> Row | None:
        """Change a row as it was read and return it as it is then; None when it is another one by now."""
        columns = self._columns[table]
        values = [changes[name] if name in changes else row[name] for name in columns]
        number, old = row["id"], str(row["seal"])
        seal = _seal(table, (number, *values))
        with self._faults("write"):
            done = self._db.execute(self._updates[table], (*values, seal, number, old))
        if done.rowcount != 1:
            return None
        self._add(0, int(seal, 16) - int(old, 16))
        return {**row, **changes, "seal": seal}

    def delete(self, table: str, number: int) -> None:
        """Remove a row that is no record of money."""
        for row in self.select(table, {"id": number}):
            with self._faults("write"):
                self._db.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608
            self._add(-1, -int(str(row["seal"]), 16))

    def select(self, table: str, where: Mapping[str, Value]) -> list[Row]:
        """Return the rows with all of these values, by id."""
        tests = " AND ".join(f"{name} = ?" for name in where)
        return self.search(table, tests, tuple(where.values()))

    def search(self, table: str, condition: str, values: Sequence[Value]) -> list[Row]:
        """Return the rows that a condition with `?` holds for, by id.

        They were checked when the file was opened; a change is checked again, by the sum that every writer keeps.
        """
        with self._faults("read"):
            found = self._db.execute(
                f"SELECT * FROM {table} WHERE {condition} ORDER BY id",  # noqa: S608
                tuple(values),
            ).fetchall()
        names = self._names[table]
        return [dict(zip(names, row, strict=True)) for row in found]

    def total(
        self, table: str, columns: Sequence[str], where: Mapping[str, Value], *, skips_null: bool = False
    ) -> list[int | None]:
        """Return the sum of each column over the rows with these values; None when any of them is null and counts."""
        sums = ", ".join(f"coalesce(sum({name}), 0), count(*) - count({name})" for name in columns)
        tests = " AND ".join(f"{name} = ?" for name in where)
        with self._faults("read"):
            found = self._db.execute(
                f"SELECT {sums} FROM {table} WHERE {tests}",  # noqa: S608
                tuple(where.values()),
            ).fetchone()
        return [
            None if missing and not skips_null else value
            for value, missing in zip(found[::2], found[1::2], strict=True)
        ]

    def scan(self, table: str) -> Iterator[Row]:
        """Yield every row by id, from the table itself and by no index."""
        with self._faults("read"):
            cursor = self._db.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY id")  # noqa: S608
        while True:
            with self._faults("read"):
                values = cursor.fetchone()
            if values is None:
                return
            yield self._checked(table, values)

    def damaged(self, what: str) -> JournalError:
        """Return the error that says what is wrong with the file."""
        return JournalError(f"{self.path} is damaged: {what}", _REPAIR)

    # -- opening

    def _create(self) -> None:
        """Make the file aside and link it into place, so that it is never seen empty or half made."""
        fresh = self.path.with_name(scratch_name(".new"))
        with self._faults("make"):
            db = sqlite3.connect(fresh, isolation_level=None)
            try:
                fresh.chmod(PRIVATE)
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("BEGIN")
                for statement in self._statements():
                    db.execute(statement)
                db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                db.execute(f"PRAGMA user_version={self._version}")
                head = _Head().values
                db.execute("INSERT INTO head VALUES (1, ?, ?, ?, ?)", (*head, _seal("head", head)))
                db.execute("COMMIT")
            finally:
                db.close()
            fd = os.open(fresh, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
            with suppress(FileExistsError):  # another process was first
                os.link(fresh, self.path)
            fresh.unlink()
            sync_folder(self.path.parent)

    def _statements(self) -> list[str]:
        tables = self._tables.values()
        return [_HEAD_DDL, *(table.ddl for table in tables), *(line for table in tables for line in table.extra)]

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        path = self.path
        if not write and not os.access(path.parent, os.W_OK):
            path = self._copy()
        if path.stat().st_size == 0:  # SQLite takes an empty file for a new database
            raise self.damaged("it is empty")
        mode = "rw" if write else "ro"
        db = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_MS / 1000,
            check_same_thread=False,
        )
        for pragma in (
            "trusted_schema=OFF",
            "cell_size_check=ON",
            f"busy_timeout={BUSY_MS}",
            *(("synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON") if write else ("query_only=ON",)),
        ):
            db.execute(f"PRAGMA {pragma}")
        return db

    def _copy(self) -> Path:
        """Copy a file in a folder that cannot be written: SQLite needs to make files beside a WAL database."""
        self._copies = tempfile.TemporaryDirectory(prefix="veospec-")
        target = Path(self._copies.name) / self.path.name
        for suffix in ("", "-wal"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                shutil.copyfile(source, target.with_name(target.name + suffix))
        return target

    def _check_form(self) -> None:
        number = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if number != APPLICATION_ID:
            raise self.damaged("it is not a journal of veospec")
        if version > self._version:
            raise JournalError(
                f"{self.path} was written by a newer veospec (version {version}; this one knows {self._version})",
                "Use that version of veospec. Nothing was changed.",
            )
        if self._db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raise self.damaged("it is not in WAL mode")
        found = {row[0] for row in self._db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
        if version != self._version or found != set(self._statements()):
            raise self.damaged("its tables are not those that veospec makes")

    def _check_rows(self, bound: int, *, whole: bool) -> None:
        self._db.execute("BEGIN")
        try:
            if whole and self._db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise self.damaged("SQLite finds an error in its structure")
            head = self._read_head()
            rows = total = 0
            for name in self._tables:
                for row in self.scan(name):
                    rows += 1
                    total += int(str(row["seal"]), 16)
            if (rows, total % _MODULUS) != (head.rows, head.total):
                raise self.damaged(f"{rows} rows are there, {head.rows} were written, or one is an older version")
            if head.seq < bound:
                raise self.damaged(f"it is an older state (number {head.seq}; {bound} was reached before)")
        finally:
            with suppress(sqlite3.Error):
                self._db.execute("COMMIT")

    # -- head, seals, the bound outside

    def _read_head(self) -> _Head:
        found = self._db.execute("SELECT seq, rows, total, seal FROM head").fetchall()
        if len(found) != 1 or _seal("head", found[0][:3]) != found[0][3]:
            raise self.damaged("its head is not what was written")
        return _Head(found[0][0], found[0][1], int(found[0][2], 16))

    def _write_head(self) -> None:
        head = self._head.values
        self._db.execute("UPDATE head SET seq = ?, rows = ?, total = ?, seal = ?", (*head, _seal("head", head)))

    def _add(self, rows: int, amount: int) -> None:
        assert self._is_open, "rows change inside a transaction only"
        self._head = replace(self._head, rows=self._head.rows + rows, total=(self._head.total + amount) % _MODULUS)

    def _checked(self, table: str, values: Sequence[Value]) -> Row:
        if _seal(table, values[:-1]) != values[-1]:
            raise self.damaged(f"row {values[0]} of {table} is not what was written")
        return dict(zip(self._names[table], values, strict=True))

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what happens inside when it fails, and leave the rest of the transaction as it is."""
        before = self._head
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._head = before
            self._db.execute("ROLLBACK TO part")
            raise
        finally:
            self._db.execute("RELEASE part")

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Translate what SQLite and the system raise."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or type(error).__name__
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                text = f"another process keeps {self.path} locked"
                raise StoreLocked(text, "Wait for it and run the command again.") from error
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise self.damaged(f"SQLite finds an error in its structure ({name})") from error
            raise JournalError(f"cannot {doing} {self.path}: {error} ({name})", _advice(name)) from error
        except (OSError, UnicodeDecodeError, OverflowError) as error:
            raise JournalError(f"cannot {doing} {self.path}: {error}") from error


def _advice(name: str) -> str:
    if name.startswith("SQLITE_FULL"):
        return "Free some space and run the command again; nothing is bought meanwhile."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "Make the folder writable, or set VEOSPEC_HOME; nothing is bought without a journal."
    return "Nothing is bought without a journal."


def _seal(table: str, values: Sequence[Value]) -> str:
    return hashlib.sha256(json.dumps([table, *values], separators=(",", ":")).encode("ascii")).hexdigest()
