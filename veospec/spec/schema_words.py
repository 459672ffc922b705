"""Our own words for what a validator found: code, sentence, advice, place; never the whole value.

`Words` turns one error of the validator into findings, `problems_of` drops what only repeats another finding and
puts the rest in the order of the file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jsonschema.exceptions import ValidationError

from veospec.catalog.verdicts import listed
from veospec.model import Problem, Severity
from veospec.spec.names import id_fault
from veospec.spec.tree import Tree
from veospec.spec.words import ID, LENGTH_WORDS, Node

Path: TypeAlias = tuple[str | int, ...]

UNKNOWN_KEY = "VS101"
MISSING = "VS102"
WRONG_KIND = "VS103"
NOT_ONE_OF = "VS104"
WRONG_FORM = "VS105"
OUT_OF_RANGE = "VS106"
WRONG_VERSION = "VS107"
STRUCTURE = "VS108"
UNKNOWN_MODEL = "VS110"
NO_SUCH_LENGTH = "VS111"
NO_SUCH_MODE = "VS116"

_MODEL_RULES = (NO_SUCH_LENGTH, "VS112", "VS113", "VS114", "VS115")
"""Codes that a model rule gives: duration, aspect, resolution, takes, number of pictures and voices."""

_KINDS = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping",
}  # fmt: skip

_SYNONYMS = {
    "aspectratio": "aspect", "aspect_ratio": "aspect", "ratio": "aspect", "count": "takes", "variants": "takes",
    "length": "duration", "seconds": "duration", "negative_prompt": "avoid", "negativeprompt": "avoid",
    "image": "start", "startimage": "start", "start_image": "start", "first_frame": "start", "endimage": "end",
    "end_image": "end", "last_frame": "end", "reference": "references", "refs": "references", "images": "references",
    "character": "characters", "voice": "voices", "camera": "move", "text": "prompt", "description": "prompt",
    "video": "edit", "name": "id", "skip": "omit", "framing": "size",
}  # fmt: skip
"""What people write who come from other tools."""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding before its place is known. `rank` orders findings at the same path: the lowest is the cause."""

    code: str
    message: str
    advice: str
    path: Path
    rank: int
    is_at_key: bool = False


class Words:
    """Words for the errors of one schema; `hints` say what became of models that are no longer or not yet there."""

    def __init__(self, schema: Node, hints: Mapping[str, str]) -> None:
        self._owners = _owners(schema)
        self._hints = hints

    def of(self, error: ValidationError, prefix: Path) -> Iterator[Found]:
        """Yield the findings of one error; `prefix` leads to what was validated."""
        path = (*prefix, *error.absolute_path)
        node = error.schema if isinstance(error.schema, Mapping) else {}
        if "propertyNames" in error.absolute_schema_path:
            name = str(error.instance)
            message = f"the name {shown(name)} {id_fault(name) or 'is not allowed'}"
            yield Found(WRONG_FORM, message, "choose another name", (*path, name), 0, is_at_key=True)
            return
        kind = str(error.validator)
        if kind == "additionalProperties":
            yield from self._unknown(error, node, path)
        elif kind == "required":
            yield from _missing(error, node, path)
        elif kind == "type":
            yield _wrong_kind(error, path)
        elif path == () and kind in ("anyOf", "not"):
            yield _structure(kind, error.instance)
        elif kind == "const":
            yield Found(WRONG_VERSION, f"veospec: {shown(error.instance)} is a form that this program does not read",
                        f"write veospec: {error.validator_value}, or use a newer program", path, 1)  # fmt: skip
        elif "x-code" in node:
            yield _by_rule(error, node, path, self._hints)
        elif kind in ("enum", "anyOf"):
            yield _not_one_of(error, node, path)
        elif kind == "pattern":
            yield Found(
                WRONG_FORM, f"{called(path)} {shown(error.instance)}{_form(error, node)}", _example(node), path, 1
            )
        else:
            yield _out_of_range(error, kind, path)

    def _unknown(self, error: ValidationError, node: Mapping[str, Any], path: Path) -> Iterator[Found]:
        known = [str(key) for key in node.get("properties", {})]
        for key in error.instance:
            if key in known or (path == () and key.startswith("x-")):
                continue
            advice = self._nearest(key, known)
            yield Found(UNKNOWN_KEY, f"unknown key {shown(key)}", advice, (*path, key), 0, is_at_key=True)

    def _nearest(self, key: str, known: Sequence[str]) -> str:
        synonym = _SYNONYMS.get(key.lower().rstrip("_0123456789"))
        near = [synonym] if synonym in known else difflib.get_close_matches(key, known, n=1, cutoff=0.65)
        if near:
            return f"did you mean {near[0]!r}?"
        owners = self._owners.get(key)
        if owners:
            return f"it belongs in {listed(owners[:3], last='or')}"
        return (
            "keys here: " + ", ".join(sorted(known))
            if len(known) <= 12
            else "remove it; `veospec schema` lists all keys"
        )


def _owners(schema: Node) -> dict[str, tuple[str, ...]]:
    """Return in which objects each key may stand, for keys that stand in the wrong one."""
    found: dict[str, tuple[str, ...]] = {}
    places: list[tuple[str, Mapping[str, Any]]] = [("a shot", schema["definitions"]["shot"])]
    places += [("a still", schema["definitions"]["still"]), ("the top of the file", schema)]
    places += [(f"{name!r}", node) for name, node in schema["properties"].items() if "properties" in node]
    for place, node in places:
        for key in node["properties"]:
            found[key] = (*found.get(key, ()), place)
    return found


def _form(error: ValidationError, node: Mapping[str, Any]) -> str:
    fault = id_fault(str(error.instance)) if node.get("pattern") == ID else ""
    return f" {fault}" if fault else f": {node.get('errorMessage', 'this form is not allowed')}"


def _missing(error: ValidationError, node: Mapping[str, Any], path: Path) -> Iterator[Found]:
    for key in error.validator_value:
        if key not in error.instance:
            help_ = str(node.get("properties", {}).get(key, {}).get("description", ""))
            advice = f"add it: {help_[:1].lower()}{help_[1:].partition('. ')[0].rstrip('.')}"
            yield Found(MISSING, f"{key!r} is missing", advice, (*path, key), 2)


def _wrong_kind(error: ValidationError, path: Path) -> Found:
    wanted = error.validator_value
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    words = listed([_KINDS[kind] for kind in kinds], last="or")
    value = error.instance
    node: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    if value is None:
        return Found(WRONG_KIND, f"{called(path)} has no value", f"write {words}, or remove the key", path, 0)
    if node.get("errorMessage") == LENGTH_WORDS and isinstance(value, int | float):
        return Found(
            WRONG_FORM, f"{called(path)} {shown(value)}: {LENGTH_WORDS}", f"write {value}f or {value}s", path, 0
        )
    is_number_as_text = isinstance(value, str) and value.strip().isdigit() and {"integer", "number"} & set(kinds)
    advice = f"write it without quotes: {value.strip()}" if is_number_as_text else f"write {words}"
    if kinds == ["array"] and isinstance(value, str):
        advice = f"write it in brackets: [{value[:40]}]"
    if "string" in kinds and isinstance(value, (int, float)):
        advice = f'put it in quotes: "{value}"'
    return Found(WRONG_KIND, f"{called(path)} has to be {words}, not {kind_of(value)}", advice, path, 0)


def _structure(kind: str, root: Mapping[str, Any]) -> Found:
    if kind == "not":
        return Found(
            STRUCTURE, "both 'scenes' and 'shots'", "put the shots into a scene", ("shots",), 1, is_at_key=True
        )
    return Found(
        STRUCTURE, "there is nothing to make", "add 'shots:' or 'scenes:'", (next(iter(root), ""),), 3, is_at_key=True
    )


def _by_rule(error: ValidationError, node: Mapping[str, Any], path: Path, hints: Mapping[str, str]) -> Found:
    code, words, advice = str(node["x-code"]), str(node["errorMessage"]), str(node.get("x-advice", ""))
    subject = called(path)
    if error.validator == "maxItems":
        subject = f"{subject} has {len(error.instance)} entries"
    elif error.validator != "not":
        subject = f"{subject} {shown(error.instance)}"
    if code == UNKNOWN_MODEL:
        near = _near(error.instance, _allowed(error, node))
        if isinstance(error.instance, str) and error.instance in hints:
            return Found(code, f"{subject}: {hints[error.instance]}", "use another model, or another `as_of`", path, 1)
        advice = f"did you mean {near}?" if near else "use one of them, or describe it in a catalogue overlay"
    if code == NO_SUCH_LENGTH:
        advice = _next_length(error.instance, _allowed(error, node))
    return Found(code, f"{subject}: {words}", advice, path, 1 if code == UNKNOWN_MODEL else 2)


def _next_length(value: Any, allowed: Sequence[Any]) -> str:
    """Say which length to make instead: the next longer one, cut to the wanted one; else the longest."""
    made = [each for each in allowed if isinstance(each, int)]
    try:
        wanted = float(str(value).rstrip("sec "))
    except ValueError:
        return ""
    longer = [seconds for seconds in made if seconds > wanted]
    return f"take {min(longer)}s and trim it in the cut" if longer else f"take {max(made)}s"


def _not_one_of(error: ValidationError, node: Mapping[str, Any], path: Path) -> Found:
    allowed = _allowed(error, node)
    words = listed([str(value) for value in allowed], last="or")
    near = _near(error.instance, allowed)
    is_short = len(words) <= 120
    advice = f"did you mean {near}?" if near else "use one of them" if is_short else f"use {words}"
    message = f"{called(path)} {shown(error.instance)} is not {words}" if is_short else ""
    return Found(NOT_ONE_OF, message or f"{called(path)} {shown(error.instance)} is not known", advice, path, 1)


def _allowed(error: ValidationError, node: Mapping[str, Any]) -> list[Any]:
    if error.validator == "enum":
        return list(error.validator_value)
    return next((list(each["enum"]) for each in node.get("anyOf", ()) if "enum" in each), [])


def _near(value: Any, allowed: Iterable[Any]) -> str:
    names = {str(each).casefold(): str(each) for each in allowed}
    found = difflib.get_close_matches(str(value).casefold(), names, n=1, cutoff=0.7)
    return names[found[0]] if found else ""


_BOUNDS = {
    "minLength": "is empty", "minItems": "is empty", "minProperties": "is empty",
    "minimum": "is below {limit}", "maximum": "is above {limit}", "exclusiveMinimum": "has to be above {limit}",
    "maxLength": "has {size} characters, at most {limit} are allowed",
    "maxItems": "has {size} entries, at most {limit} are allowed",
    "maxProperties": "has {size} entries, at most {limit} are allowed",
}  # fmt: skip


def _out_of_range(error: ValidationError, kind: str, path: Path) -> Found:
    value, limit = error.instance, error.validator_value
    size = len(value) if hasattr(value, "__len__") else 0
    words = _BOUNDS.get(kind, "is not allowed here").format(limit=limit, size=f"{size:,}")
    subject = called(path) if hasattr(value, "__len__") else f"{called(path)} {shown(value)}"
    node: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    advice = "remove it or fill it" if words == "is empty" else "shorten it" if "most" in words else _range(node)
    return Found(OUT_OF_RANGE, f"{subject} {words}", advice, path, 1)


def _range(node: Mapping[str, Any]) -> str:
    lowest, highest = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum")
    return f"use {lowest} to {highest}" if lowest is not None and highest is not None else ""


def _example(node: Mapping[str, Any]) -> str:
    examples = [str(each) for each in node.get("examples", ()) if isinstance(each, str)]
    return f"for example {listed(examples, last='or')}" if examples else "correct it"


def called(path: Path) -> str:
    """Return what people call a place: the key, or the number of an entry from 1."""
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return last
    return f"entry {last + 1} of {called(path[:-1])}" if len(path) > 1 else f"entry {last + 1}"


def shown(value: Any) -> str:
    """Return a value for a message: short, quoted when it is a text, never a whole structure."""
    if isinstance(value, str):
        line = value.replace("\n", " ").replace("\r", " ")
        return f"'{line[:40]}…'" if len(line) > 40 else f"'{line}'"
    if isinstance(value, (dict, list)):
        return kind_of(value)
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value)[:40])
        if not _is_number(value)
        else str(value)[:40]
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    """Return what a value is, in the words of the schema."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float):
        return "a number with a fraction"
    for kind, word in ((str, "string"), (int, "integer"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return _KINDS[word]
    return "nothing"


def problems_of(found: Iterable[Found], tree: Tree, *, may_use_unlisted_models: bool) -> tuple[Problem, ...]:
    """Keep one finding for each fault, find its place, and sort by place."""
    first: dict[Path, Found] = {}
    for each in found:
        if each.path not in first or each.rank < first[each.path].rank:
            first[each.path] = each
    kept = _without_echoes(first)
    problems = [_problem(each, tree, may_use_unlisted_models=may_use_unlisted_models) for each in kept]
    return tuple(sorted(problems, key=lambda problem: (problem.location, problem.code, problem.message)))


def _without_echoes(first: Mapping[Path, Found]) -> Iterator[Found]:
    """Leave out findings that another one explains: in one object, a misspelt key and the key it was meant for."""
    meant: set[Path] = set()
    no_mode: dict[Path, Found] = {}
    for path, each in first.items():
        if each.code == UNKNOWN_KEY and each.advice.startswith("did you mean"):
            meant.add((*path[:-1], each.advice.split("'")[1]))
        if each.code == NO_SUCH_MODE:
            no_mode.setdefault(path[:-1], each)
    for path, each in first.items():
        if each.code in (MISSING, STRUCTURE) and path in meant:
            continue
        owner = no_mode.get(path[:-1])
        if owner is not None and each is not owner and each.code in (*_MODEL_RULES, NO_SUCH_MODE):
            continue
        yield each


def _problem(each: Found, tree: Tree, *, may_use_unlisted_models: bool) -> Problem:
    is_warning = may_use_unlisted_models and each.code == UNKNOWN_MODEL
    path = each.path[:-1] if each.code == MISSING else each.path
    return Problem(
        each.code,
        each.message,
        each.advice,
        tree.locate(path, key=each.is_at_key),
        subject=_subject(each.path, tree.root),
        severity=Severity.WARNING if is_warning else Severity.ERROR,
    )


def _subject(path: Path, root: Any) -> str:
    """Return the shot, still or scene that a path leads into, or ""."""
    if len(path) > 1 and path[0] == "stills":
        return f"still:{path[1]}"
    node, subject = root, ""
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            subject = node["id"][:63]
    return subject
