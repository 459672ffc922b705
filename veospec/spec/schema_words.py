"""Our own words for what a validator found: code, sentence, advice, place; never the whole value.

`Words` turns one error of the validator into findings; `schema_findings` makes problems of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from msgspec import Struct
from referencing import Registry

from veospec.catalog.verdicts import listed
from veospec.spec.names import id_fault, nearest
from veospec.spec.schema_advice import KINDS, allowed_words, instead, near_word
from veospec.spec.schema_findings import (
    MISSING,
    NO_SUCH_LENGTH,
    NOT_ONE_OF,
    OUT_OF_RANGE,
    STRUCTURE,
    UNKNOWN_KEY,
    UNKNOWN_MODEL,
    WRONG_FORM,
    WRONG_KIND,
    WRONG_VERSION,
    Found,
    Path,
)
from veospec.spec.words import ID, LENGTH_WORDS, Node

_SYNONYMS = {
    "aspectratio": "aspect", "aspect_ratio": "aspect", "ratio": "aspect", "count": "takes", "variants": "takes",
    "length": "duration", "seconds": "duration", "negative_prompt": "avoid", "negativeprompt": "avoid",
    "image": "start", "startimage": "start", "start_image": "start", "first_frame": "start", "endimage": "end",
    "end_image": "end", "last_frame": "end", "reference": "references", "refs": "references", "images": "references",
    "character": "characters", "voice": "voices", "camera": "move", "text": "prompt line", "description": "prompt",
    "video": "edit", "name": "id title", "skip": "omit", "framing": "size", "speaker": "who", "begin": "at",
    "stop": "until",
}  # fmt: skip
"""What people write who come from other tools, and what it is called here."""

_ELSEWHERE = {"scene": "a shot of a scene stands in the 'shots:' of that scene, below 'scenes:'"}
"""What is no key of its own, and where it is said instead."""

_WORTH_A_GUESS = 0.8
_FEW = 12


class Fault(Struct, frozen=True):
    """One error of the validator: the keyword that failed, its limit, the value, the schema, the place."""

    kind: str
    value: Any
    limit: Any
    node: Mapping[str, Any]
    path: Path
    is_name: bool


def fault_of(error: ValidationError) -> Fault:
    """Take what we need of a validator's error; its path begins at what was validated."""
    return Fault(
        kind=str(error.validator),
        value=error.instance,
        limit=error.validator_value,
        node=error.schema if isinstance(error.schema, Mapping) else {},
        path=tuple(error.absolute_path),
        is_name="propertyNames" in error.absolute_schema_path,
    )


def explainer(schema: Node, whole: Node, hints: Mapping[str, str]) -> Callable[[Any], Iterator[Found]]:
    """Return a function that says what is wrong with a value; `whole` is the schema of a storyboard."""
    # An empty registry: a reference that leaves the schema fails here and is never fetched.
    registry: Registry[Any] = Registry()
    validator = Draft202012Validator(schema, registry=registry)
    words = Words(whole, hints)
    return lambda value: (each for error in validator.iter_errors(value) for each in words.of(fault_of(error)))


class Words:
    """Words for the errors of one schema; `hints` say what became of models that are no longer or not yet there."""

    def __init__(self, schema: Node, hints: Mapping[str, str]) -> None:
        self._owners = _owners(schema)
        self._definitions: Mapping[str, Node] = schema["definitions"]
        self._larger = allowed_words(self._definitions["shot"]["properties"]["upscale"])[1:]
        self._hints = hints

    def of(self, fault: Fault) -> Iterator[Found]:
        """Yield the findings of one error."""
        kind, path = fault.kind, fault.path
        if fault.is_name:
            name = str(fault.value)
            message = f"the name {shown(name)} {id_fault(name) or 'is not allowed'}"
            yield Found(WRONG_FORM, message, "choose another name", (*path, name), 0, is_at_key=True)
        elif kind == "additionalProperties":
            yield from self._unknown(fault)
        elif kind == "required":
            yield from _missing(fault)
        elif kind == "type":
            yield _wrong_kind(fault, self._definitions)
        elif "$schema" in fault.node and kind in ("anyOf", "not"):
            yield _structure(fault)
        elif kind == "const":
            message = f"veospec: {shown(fault.value)} is a form that this program does not read"
            yield Found(WRONG_VERSION, message, f"write veospec: {fault.limit}, or use a newer program", path, 1)
        elif "x-code" in fault.node:
            yield _by_rule(fault, self._hints)
        elif kind in ("enum", "anyOf"):
            yield _not_one_of(fault, self._larger)
        elif kind == "pattern":
            yield Found(WRONG_FORM, f"{called(path)} {shown(fault.value)}{_form(fault)}", _example(fault.node), path, 1)
        else:
            yield _out_of_range(fault)

    def _unknown(self, fault: Fault) -> Iterator[Found]:
        known = [str(key) for key in fault.node.get("properties", {})]
        for key in fault.value:
            if key in known or ("$schema" in fault.node and key.startswith("x-")):
                continue
            advice = self._nearest(key, known)
            yield Found(UNKNOWN_KEY, f"unknown key {shown(key)}", advice, (*fault.path, key), 0, is_at_key=True)

    def _nearest(self, key: str, known: Sequence[str]) -> str:
        if key in _ELSEWHERE and "prompt" in known:
            return _ELSEWHERE[key]
        bare = key.lower().rstrip("_0123456789")
        owners = self._owners.get(key, ())
        near = _meant(bare, known) or (not owners and _spelt_alike(key, bare, known))
        if near:
            return f"did you mean {near!r}?"
        few = "keys here: " + ", ".join(sorted(known)) if len(known) <= _FEW else ""
        if owners:
            home = f"it belongs in {listed(owners[:3], last='or')}"
            return f"{home}; {few}" if few else home
        return few or "remove it; `veospec schema` lists all keys"


def _meant(word: str, known: Sequence[str]) -> str:
    """Return the key of this place that other tools call so."""
    return next((name for name in _SYNONYMS.get(word, "").split() if name in known), "")


def _spelt_alike(key: str, bare: str, known: Sequence[str]) -> str:
    """Return the key that was probably meant; another tool's word may be misspelt too."""
    near = nearest(key, known)
    if near:
        return near
    found = difflib.get_close_matches(bare, _SYNONYMS, n=1, cutoff=_WORTH_A_GUESS)
    return _meant(found[0], known) if found else ""


def _owners(schema: Node) -> dict[str, tuple[str, ...]]:
    """Return in which objects each key may stand, for keys that stand in the wrong one."""
    found: dict[str, tuple[str, ...]] = {}
    places: list[tuple[str, Mapping[str, Any]]] = [("a shot", schema["definitions"]["shot"])]
    places += [("a still", schema["definitions"]["still"]), ("the top of the file", schema)]
    places += [("a scene", schema["properties"]["scenes"]["items"])]
    places += [(f"{name!r}", node) for name, node in schema["properties"].items() if "properties" in node]
    for place, node in places:
        for key in node["properties"]:
            found[key] = (*found.get(key, ()), place)
    return found


def _form(fault: Fault) -> str:
    clause = id_fault(str(fault.value)) if fault.node.get("pattern") == ID else ""
    return f" {clause}" if clause else f": {fault.node.get('errorMessage', 'this form is not allowed')}"


def _missing(fault: Fault) -> Iterator[Found]:
    for key in fault.limit:
        if key not in fault.value:
            help_ = str(fault.node.get("properties", {}).get(key, {}).get("description", ""))
            advice = f"add it: {help_[:1].lower()}{help_[1:].partition('. ')[0].rstrip('.')}"
            yield Found(MISSING, f"{key!r} is missing", advice, (*fault.path, key), 2)


def _wrong_kind(fault: Fault, definitions: Mapping[str, Node]) -> Found:
    value, path = fault.value, fault.path
    subject = "the file" if "$schema" in fault.node else called(path)
    kinds = [fault.limit] if isinstance(fault.limit, str) else list(fault.limit)
    words = listed([KINDS[kind] for kind in kinds], last="or")
    if value is None:
        return Found(WRONG_KIND, f"{subject} has no value", f"write {words}, or remove the key", path, 0)
    if fault.node.get("errorMessage") == LENGTH_WORDS and isinstance(value, int | float):
        message = f"{called(path)} {shown(value)}: {LENGTH_WORDS}"
        return Found(WRONG_FORM, message, f"write {value}f or {value}s", path, 0)
    advice = instead(value, fault.node, called(path), definitions)
    return Found(WRONG_KIND, f"{subject} has to be {words}, not {kind_of(value)}", advice, path, 0)


def _structure(fault: Fault) -> Found:
    if fault.kind == "not":
        advice = "put the shots into a scene"
        return Found(STRUCTURE, "both 'scenes' and 'shots'", advice, ("shots",), 1, is_at_key=True)
    first = next(iter(fault.value), "")
    return Found(STRUCTURE, "there is nothing to make", "add 'shots:' or 'scenes:'", (first,), 3, is_at_key=True)


def _by_rule(fault: Fault, hints: Mapping[str, str]) -> Found:
    node, path = fault.node, fault.path
    code, words, advice = str(node["x-code"]), str(node["errorMessage"]), str(node.get("x-advice", ""))
    subject = called(path)
    if fault.kind == "maxItems":
        subject = f"{subject} has {len(fault.value)} entries"
    elif fault.kind != "not":
        subject = f"{subject} {shown(fault.value)}"
    if code == UNKNOWN_MODEL:
        near = near_word(fault.value, _allowed(fault))
        is_known = isinstance(fault.value, str) and fault.value in hints
        words, _, names = words.partition(": ")
        words = hints[fault.value] if is_known else words
        advice = f"did you mean {near}?" if near and not is_known else f"use {names}"
    if code == NO_SUCH_LENGTH:
        advice = _next_length(fault.value, _allowed(fault))
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


def _not_one_of(fault: Fault, larger: Sequence[str]) -> Found:
    allowed = _allowed(fault)
    words = listed([str(value) for value in allowed], last="or")
    near = near_word(fault.value, allowed)
    is_short = len(words) <= 120
    advice = f"did you mean {near}?" if near else "use one of them" if is_short else f"use {words}"
    size = str(fault.value).lower()
    if called(fault.path) == "resolution" and size in larger:
        advice = f"write 'upscale: {size}' to make the selected take larger"
    subject = f"{called(fault.path)} {shown(fault.value)}"
    return Found(NOT_ONE_OF, f"{subject} is not {words if is_short else 'known'}", advice, fault.path, 1)


def _allowed(fault: Fault) -> list[Any]:
    return list(fault.limit) if fault.kind == "enum" else allowed_words(fault.node)


_BOUNDS = {
    "minLength": "is empty", "minItems": "is empty", "minProperties": "is empty",
    "minimum": "is below {limit}", "maximum": "is above {limit}", "exclusiveMinimum": "has to be above {limit}",
    "maxLength": "has {size} characters, at most {limit} are allowed",
    "maxItems": "has {size} entries, at most {limit} are allowed",
    "maxProperties": "has {size} entries, at most {limit} are allowed",
}  # fmt: skip


def _out_of_range(fault: Fault) -> Found:
    value = fault.value
    size = len(value) if hasattr(value, "__len__") else 0
    words = _BOUNDS.get(fault.kind, "is not allowed here").format(limit=fault.limit, size=f"{size:,}")
    subject = called(fault.path) if hasattr(value, "__len__") else f"{called(fault.path)} {shown(value)}"
    advice = "remove it or fill it" if words == "is empty" else "shorten it" if "most" in words else _range(fault.node)
    return Found(OUT_OF_RANGE, f"{subject} {words}", advice, fault.path, 1)


def _range(node: Mapping[str, Any]) -> str:
    above, highest = node.get("exclusiveMinimum"), node.get("maximum")
    if above is not None:
        return f"use more than {above}, at most {highest}"
    return f"use {node['minimum']} to {highest}" if "minimum" in node and highest is not None else ""


def _example(node: Mapping[str, Any]) -> str:
    examples = [str(each) for each in node.get("examples", ()) if isinstance(each, str)]
    return f"for example {listed(examples, last='or')}" if examples else "correct it"


def called(path: Path) -> str:
    """Return what people call a place: the key, or the number of an entry from 1."""
    if not path:
        return "the entry"
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
            return KINDS[word]
    return "nothing"
