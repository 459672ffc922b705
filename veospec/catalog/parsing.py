"""Model tables as text (TOML) into `values.Table`: choose the date, lay the overlay on, copy `like` rows, check.

Why TOML for data: comments, dates, and a parser in the standard library. It gives no positions, so `lines.py`
finds them for messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

from veospec.catalog import rows
from veospec.catalog.lines import Lines, broken_place
from veospec.catalog.sections import Problems, Section
from veospec.catalog.values import OVERLAY_SOURCE, Table
from veospec.errors import SpecError, SpecInvalid
from veospec.model import Location, Problem

Tree: TypeAlias = dict[str, Any]

_FORMAT = 1
_SHARED = ("voices", "aspect_aliases", "plans", "plan_groups")
_DATED = ("models", "operations", "retired", "defaults")


def parse_table(text: str, *, overlay: str | None, as_of: date | None, file: str, overlay_file: str) -> Table:
    """Return the table of a date with the overlay laid over it. Raises: see `catalogue.parse_catalogue`."""
    return table_of(tree_of(text, file), text, overlay=overlay, as_of=as_of, file=file, overlay_file=overlay_file)


def table_of(tree: Tree, text: str, *, overlay: str | None, as_of: date | None, file: str, overlay_file: str) -> Table:
    """Return the same from values that were read already; `text` is for the lines in messages."""
    shipped = _pick(tree, as_of)
    chosen = tree["tables"][shipped]
    merged: Tree = {key: tree[key] for key in _SHARED} | {key: chosen.get(key, {}) for key in _DATED}
    merged["models"] = _like(chosen["models"], {}, ("models",), Problems(Lines(text, file)))
    lines = Lines(text, file, prefix=("tables", str(shipped)))
    problems = Problems(lines)
    source = str(chosen["source"])
    overlaid: tuple[str, ...] = ()
    if overlay is not None:
        problems = Problems(Lines(overlay, overlay_file), lines)
        patch = tree_of(overlay, overlay_file)
        overlaid = tuple(patch.get("models", {})) if isinstance(patch.get("models"), dict) else ()
        merged = _overlaid(merged, patch, problems)
        problems.stop()
    sources = dict.fromkeys(overlaid, OVERLAY_SOURCE + overlay_file)
    table = _table(str(chosen["id"]), chosen["valid_from"], source, Section(merged, (), problems), sources, tree)
    problems.stop()
    return table


def tree_of(text: str, file: str) -> Tree:
    """Return the values of a TOML text. Raises: `SpecInvalid`."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = broken_place(str(error), text)
        message = str(error).partition(" (at ")[0].rstrip(".")
        place = Location(file, line, column)
        raise SpecInvalid([Problem("VS190", f"not TOML: {message}", "correct the text", place)]) from error


def _pick(tree: Tree, as_of: date | None) -> int:
    tables = tree["tables"]
    fitting = [index for index, table in enumerate(tables) if as_of is None or table["valid_from"] <= as_of]
    if not fitting:
        first = min(table["valid_from"] for table in tables)
        raise SpecError(f"no model table is as old as {as_of}", f"the first one holds from {first}; set as_of to that")
    return max(fitting, key=lambda index: tables[index]["valid_from"])


def _overlaid(base: Tree, patch: Tree, problems: Problems) -> Tree:
    """Lay a project's own file over the chosen table: named rows are merged key by key, voices are added."""
    section = Section(patch, (), problems)
    if section.whole("catalogue", default=_FORMAT) != _FORMAT:
        problems.add(("catalogue",), "VS192", f"catalogue: this version reads form {_FORMAT}", "write catalogue = 1")
    merged = dict(base)
    for key in ("plans", "operations", "retired", "defaults", "plan_groups", "aspect_aliases"):
        changes = section.table(key)
        merged[key] = {**base[key], **{name: _merged_row(base[key].get(name), row) for name, row in changes.items()}}
    merged["voices"] = [*base["voices"], *(v for v in section.texts("voices") if v not in base["voices"])]
    merged["models"] = _like(section.table("models"), base["models"], ("models",), problems)
    section.close()
    return merged


def _merged_row(base: Any, row: Any) -> Any:
    return {**base, **row} if isinstance(base, dict) and isinstance(row, dict) else row


def _like(models: Mapping[str, Any], base: Mapping[str, Any], path: tuple[str, ...], problems: Problems) -> Tree:
    """Return `base` with `models` laid over it; a row with `like` starts as a copy of the row it names."""
    merged: Tree = dict(base)
    for name, row in models.items():
        if not isinstance(row, dict):
            problems.add((*path, name), "VS192", f"{name}: a model is a table of keys", f"write [models.{name}]")
            continue
        changes = dict(row)
        start = merged.get(name, {})
        pattern = changes.pop("like", None)
        if pattern is not None:
            copied = merged.get(pattern) if isinstance(pattern, str) else None
            if copied is None:
                advice = f"name a row above it: {', '.join(merged)}"
                problems.add((*path, name, "like"), "VS192", f"like: there is no model {pattern!r} to copy", advice)
            else:
                start = {key: value for key, value in copied.items() if key != "aliases"}
        modes = changes.get("modes")
        if isinstance(modes, dict):
            kept = {**start.get("modes", {}), **modes}
            changes["modes"] = {mode: limits for mode, limits in kept.items() if limits is not False}
        merged[name] = {**start, **changes}
    return merged


def _table(id_: str, valid_from: date, source: str, section: Section, sources: Mapping[str, str], tree: Tree) -> Table:
    groups = {
        name: tuple(str(each) for each in members) if isinstance(members, list) else ()
        for name, members in section.table("plan_groups").items()
    }
    plans = {name: rows.plan(name, row) for name, row in section.sections("plans")}
    reader = rows.Reader(groups, tuple(plans))
    models = tuple(reader.model(name, row, sources.get(name, source)) for name, row in section.sections("models"))
    operations = tuple(reader.operation(name, row) for name, row in section.sections("operations"))
    _check_names([(model.id, model.aliases) for model in models], section)
    return Table(
        id=id_,
        valid_from=valid_from,
        source=source,
        models=models,
        operations=operations,
        plans=plans,
        voices=section.texts("voices"),
        aspect_aliases=section.words("aspect_aliases"),
        defaults=_defaults(section, models),
        retired=section.words("retired"),
        elsewhere=_elsewhere(tree, id_),
    )


def _defaults(section: Section, models: tuple[Any, ...]) -> dict[str, str]:
    defaults = section.words("defaults")
    for kind, name in defaults.items():
        if not any(name in (model.id, *model.aliases) and model.kind == kind for model in models):
            section.problem(
                f"defaults: there is no {kind} model {name!r}", "name a model of the table", "defaults", kind
            )
    return defaults


def _check_names(names: list[tuple[str, tuple[str, ...]]], section: Section) -> None:
    """A name may mean one row only: a second meaning would silently buy from another model."""
    owner: dict[str, str] = {id_: id_ for id_, _ in names}
    for id_, aliases in names:
        for alias in aliases:
            if owner.setdefault(alias, id_) != id_:
                message = f"{alias!r} already means {owner[alias]}"
                section.problem(message, "choose another alias, or drop it there", "models", id_, "aliases")


def _elsewhere(tree: Tree, chosen: str) -> dict[str, tuple[str, ...]]:
    """Return which other tables know a name, so that a message can say when it came or went."""
    found: dict[str, tuple[str, ...]] = {}
    for table in tree["tables"]:
        if table["id"] == chosen:
            continue
        for id_, row in table["models"].items():
            for name in (id_, *row.get("aliases", ())):
                found[name] = (*found.get(name, ()), table["id"])
    return found
