"""What a table of sealed rows looks like, apart from the database that keeps it."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = str | int | None
Row: TypeAlias = dict[str, Value]


class Table(Struct, frozen=True):
    """A table of sealed rows: an integer `id`, the fields ("name TYPE"), and `seal`. `extra` are indexes on it."""

    name: str
    fields: tuple[str, ...]
    extra: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field.split(" ", 1)[0] for field in self.fields)

    @property
    def ddl(self) -> str:
        """The statement that makes it."""
        return f"CREATE TABLE {self.name} (id INTEGER PRIMARY KEY, {', '.join(self.fields)}, seal TEXT)"
