"""Change single values in a storyboard's text and leave every other character as it is.

Why not load and dump: a round trip through ruamel.yaml 0.19 with its own settings re-wrote 81 of the 181 lines of the
reference storyboard for one changed number; it is exact only when told the indentation, width and line ends of the
file beforehand. Here a value is replaced where it stands, or a line is added. Afterwards the new text is read again:
when it says anything but the old text plus the wish, nothing is changed and the message says what to write by hand.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

from veospec.errors import SpecUnreadable, UsageError
from veospec.spec.quoting import scalar
from veospec.spec.spans import Span, read_spans
from veospec.spec.yamltext import parse

PATCH_FORM = 1
"""The form of the patch that the review page exports: `{"veospec_patch": 1, "shots": {...}}`."""

STILL = "still:"
_UNKNOWN: Mapping[str, int] = MappingProxyType({})

Value: TypeAlias = str | int | Mapping[str, str] | None
"""What a key is set to; None takes the key away."""

Splice: TypeAlias = tuple[int, int, str]
"""Characters to replace, `[start, end)`, and what comes there."""

_AFTER: Mapping[str, tuple[str, ...]] = {
    "select": ("takes", "seed"),
    "retake": ("select", "takes", "seed"),
    "review": ("select", "takes"),
}
"""Where a new key is put: after the first of these that is there, else at the end."""

_REVIEW_KEYS = ("status", "by", "approved", "note")


class Wish(Struct, frozen=True):
    """One value at a path of keys below a shot or still."""

    item: str
    path: tuple[str, ...]
    value: Value

    @property
    def by_hand(self) -> str:
        """What a person would do instead."""
        name = ".".join(self.path)
        return f"take {name} away by hand" if self.value is None else f"write {name}: {scalar(self.value)} by hand"


def item_names(text: str) -> tuple[str, ...]:
    """Return the shots and stills that a file declares: `SH010`, `still:quay`."""
    return tuple(_Items(text).spans)


def set_select(text: str, name: str, take: int, *, takes: int | None = None) -> str:
    """Return the text with `select: take` for a shot or `still:NAME`.

    `takes` is how many the item has, where that is known; else it is read from the item and `defaults`.
    Raises: `UsageError` for an unknown name or a take that there is not.
    """
    items = _Items(text)
    return _granted(items, [items.select(name, take, takes)])


def bump_retake(text: str, name: str) -> str:
    """Return the text with `retake` one higher, so that the next run makes the item again."""
    items = _Items(text)
    written = items.find(name)[1].text("retake") or "0"
    if not written.isdigit():
        raise UsageError(f"{name}: retake is {written!r} and no whole number", "correct it first")
    return _granted(items, [Wish(items.find(name)[0], ("retake",), int(written) + 1)])


def set_review(text: str, name: str, review: Mapping[str, str | None]) -> str:
    """Return the text with keys of `review` set (status, by, approved, note); None or "" takes a key away."""
    items = _Items(text)
    return _granted(items, items.review(name, review))


def set_notes(text: str, name: str, notes: str) -> str:
    """Return the text with `notes` set; "" takes them away."""
    items = _Items(text)
    return _granted(items, [Wish(items.find(name)[0], ("notes",), notes or None)])


def apply_patch(text: str, patch: Any, *, elsewhere: Collection[str] = (), takes: Mapping[str, int] = _UNKNOWN) -> str:
    """Return the text with the picks, reviews and notes of a review page's patch.

    Names in `elsewhere` belong to other files of the storyboard and are left to them. `takes` is how many each item
    has, as far as it is known. Everything is applied or nothing. Raises: `UsageError` that names the entry which does
    not fit.
    """
    if not isinstance(patch, Mapping) or patch.get("veospec_patch") != PATCH_FORM:
        raise UsageError("this is no patch of the review page", f'it begins with {{"veospec_patch": {PATCH_FORM}')
    if unknown := set(patch) - {"veospec_patch", "spec", "shots", "stills"}:
        raise UsageError(f"patch: unknown key {min(map(str, unknown))!r}", "use the page of this version")
    items = _Items(text)
    wishes: list[Wish] = []
    for name, change in _entries(patch):
        if name not in elsewhere:
            wishes += _wishes(items, name, change, takes.get(name))
    return _granted(items, wishes)


def _wishes(items: _Items, name: str, change: Any, takes: int | None) -> Iterator[Wish]:
    if not isinstance(change, Mapping):
        raise UsageError(f"patch: {name} has to be a mapping", "export the patch again")
    if unknown := set(change) - {"select", "review", "notes"}:
        raise UsageError(f"patch: {name}: unknown key {min(map(str, unknown))!r}", "use the page of this version")
    if "select" in change:
        yield items.select(name, _whole(change["select"], name), takes)
    if "review" in change:
        yield from items.review(name, change["review"])
    if "notes" in change:
        yield Wish(items.find(name)[0], ("notes",), _text(change["notes"], f"{name}.notes") or None)


def _entries(patch: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, prefix in (("shots", ""), ("stills", STILL)):
        entries = patch.get(section, {})
        if not isinstance(entries, Mapping):
            raise UsageError(f"patch: {section} has to be a mapping", "export the patch again")
        for name, change in entries.items():
            yield (name if name.startswith(prefix) else prefix + name), change


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"patch: {name}.select has to be a whole number", "export the patch again")
    return value


def _text(value: Any, what: str) -> str:
    if value is not None and not isinstance(value, str):
        raise UsageError(f"patch: {what} has to be a text", "export the patch again")
    return value or ""


class _Items:
    """The shots and stills of a text by name. Raises: `SpecUnreadable` when the strict reader refuses the text."""

    def __init__(self, text: str) -> None:
        parse(text.encode(), "the storyboard")
        # Windows editors put a byte order mark before the text; the parser does not count it.
        self.mark = text[:1] if text.startswith("\ufeff") else ""
        self.text = text[len(self.mark) :]
        self.root = read_spans(self.text)
        self.spans = _named_spans(self.root)

    def find(self, name: str) -> tuple[str, Span]:
        """Return an item by its name, a node's id or a still's bare name. Raises: `UsageError` with the nearest."""
        bare = name.partition("@")[0]
        known = bare if bare in self.spans else STILL + bare
        found = self.spans.get(known)
        if found is None:
            near = difflib.get_close_matches(bare, self.spans, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(list(self.spans)[:8]) or 'none'}"
            raise UsageError(f"there is no shot or still {bare!r}", advice)
        if found.kind != "map":
            raise UsageError(f"{bare} is an alias or no mapping", "change it by hand where it is written")
        return known, found

    def select(self, name: str, take: int, takes: int | None) -> Wish:
        """Circle a take that there is."""
        known, item = self.find(name)
        count = takes if takes is not None else self._takes(known, item)
        if not 1 <= take <= count:
            has = "one take" if count == 1 else f"{count} takes"
            raise UsageError(f"{name} has {has}; there is no take {take}", f"choose 1 to {count}, or raise takes first")
        return Wish(known, ("select",), take)

    def _takes(self, name: str, item: Span) -> int:
        defaults = None if name.startswith(STILL) else self.root.get("defaults")
        for holder in (item, defaults):
            written = holder.text("takes") if holder is not None else ""
            if written.isdigit():
                return int(written)
        return 1

    def review(self, name: str, review: Any) -> list[Wish]:
        """Set or take away keys of the review."""
        known, item = self.find(name)
        if not isinstance(review, Mapping) or not set(review) <= set(_REVIEW_KEYS):
            raise UsageError(
                f"{name}.review has to be a mapping of {', '.join(_REVIEW_KEYS)}", "export the patch again"
            )
        texts = {key: _text(review[key], f"{name}.review.{key}") for key in _REVIEW_KEYS if key in review}
        written = item.get("review")
        kept = {key: value for key, value in texts.items() if value}
        if written is None:
            return [Wish(known, ("review",), kept)] if kept else []
        if not kept and {key.value for key, _ in written.pairs} <= set(texts):
            return [Wish(known, ("review",), None)]
        return [Wish(known, ("review", key), value or None) for key, value in texts.items()]


def _named_spans(root: Span) -> dict[str, Span]:
    found: dict[str, Span] = {}
    owners = [root]
    scenes = root.get("scenes")
    if scenes is not None:
        owners += [scene for scene in scenes.items if scene.kind == "map"]
    for owner in owners:
        shots = owner.get("shots")
        for shot in shots.items if shots is not None else ():
            if shot.kind == "map" and (name := shot.text("id")):
                found.setdefault(name, shot)
    stills = root.get("stills")
    for key, value in stills.pairs if stills is not None else ():
        found.setdefault(STILL + key.value, value)
    return found


def _granted(items: _Items, wishes: Sequence[Wish]) -> str:
    """Return the text with every wish granted, all at once where that is proven right, else one by one."""
    mark = items.mark
    at_once = _spliced(items.text, [next(_ways(items, wish), None) for wish in wishes])
    if at_once is not None and _says(items.text, at_once, wishes):
        return mark + at_once
    for wish in wishes:
        texts = (_spliced(items.text, [way]) for way in _ways(items, wish))
        proven = next((text for text in texts if text is not None and _says(items.text, text, [wish])), None)
        if proven is None:
            raise UsageError(f"{wish.item} is written in a way that cannot be changed safely", wish.by_hand)
        items = _Items(proven)
    return mark + items.text


def _spliced(text: str, splices: Iterable[Splice | None]) -> str | None:
    """Return the text with all splices made, or None when two of them touch the same characters."""
    pieces: list[str] = []
    done = 0
    wanted = list(splices)
    if None in wanted:
        return None
    for start, end, new in sorted((each for each in wanted if each), key=lambda splice: splice[:2]):
        if start < done:
            return None
        pieces += (text[done:start], new)
        done = end
    return "".join((*pieces, text[done:]))


def _ways(items: _Items, wish: Wish) -> Iterator[Splice]:
    """Yield ways to grant a wish, the best first; none where it would touch more than this key."""
    holder = items.find(wish.item)[1]
    for step in wish.path[:-1]:
        inner = holder.get(step)
        if inner is None or inner.kind != "map":
            return
        holder = inner
    text, key = items.text, wish.path[-1]
    old = holder.get(key)
    if wish.value is None:
        if old is not None:
            yield from _removals(text, holder, key)
        else:
            yield (0, 0, "")
    elif old is None:
        yield from _insertions(text, holder, key, wish.value)
    elif old.kind in ("scalar", "alias") and not old.has_anchor:
        before = " " if text[: old.start].endswith(":") else ""
        yield old.start, old.end, before + _written(text, holder, wish.value)


def _written(text: str, holder: Span, value: Value) -> str:
    """Return a value in the manner of its neighbours: a storyboard may be written as JSON."""
    return json.dumps(value, ensure_ascii=False) if _is_json(text, holder) else scalar(value)


def _is_json(text: str, holder: Span) -> bool:
    return holder.is_flow and bool(holder.pairs) and text[holder.pairs[0][0].start] == '"'


def _insertions(text: str, holder: Span, key: str, value: Value) -> Iterator[Splice]:
    written = _written(text, holder, value)
    key = json.dumps(key) if _is_json(text, holder) else key
    if not holder.pairs:
        if holder.is_flow:
            yield holder.start + 1, holder.start + 1, f"{key}: {written}"
        return
    places = {name.value: value for name, value in holder.pairs}
    wanted = [places[other] for other in _AFTER.get(key.strip('"'), ()) if other in places]
    first = holder.pairs[0][0].start
    indent = " " * (first - _line_start(text, first))
    # The last place may be after a text that keeps its blank lines; then the line goes after the first key.
    for place in (*wanted[:1], holder.pairs[-1][1], holder.pairs[0][1]):
        if holder.is_flow:
            yield place.end, place.end, f", {key}: {written}"
        else:
            end = _line_end(text, place.end)
            yield end, end, f"{_newline(text)}{indent}{key}: {written}"


def _removals(text: str, holder: Span, key: str) -> Iterator[Splice]:
    """Yield how to take one key away; nothing for the only key of a map, which would leave no map."""
    number = next(index for index, (name, _) in enumerate(holder.pairs) if name.value == key)
    if len(holder.pairs) == 1:
        return
    name, value = holder.pairs[number]
    if number == 0:
        yield name.start, holder.pairs[1][0].start, ""
    elif holder.is_flow:
        yield holder.pairs[number - 1][1].end, value.end, ""
    else:
        start, end = _line_start(text, name.start), _line_end(text, value.end)
        if end < len(text):
            yield start, end + len(_newline(text)), ""
        else:
            # The last line of a file without a line end: take the line end before it instead.
            yield start - len(_newline(text)), end, ""


def _line_end(text: str, index: int) -> int:
    found = _LINE_END.search(text, index)
    return found.start() if found else len(text)


_LINE_END = re.compile(r"\r?\n|\Z")


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _says(old: str, new: str, wishes: Iterable[Wish]) -> bool:
    """Tell whether the new text says what the old one says with the wishes granted, and nothing else."""
    try:
        before, after = parse(old.encode(), "old").root, parse(new.encode(), "new").root
    except SpecUnreadable:
        return False
    data = _named_data(before)
    for wish in wishes:
        holder = data[wish.item]
        for step in wish.path[:-1]:
            holder = holder[step]
        if wish.value is None:
            holder.pop(wish.path[-1], None)
        else:
            holder[wish.path[-1]] = wish.value
    return bool(before == after)


def _named_data(root: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for owner in (root, *(scene for scene in root.get("scenes") or () if isinstance(scene, dict))):
        for shot in owner.get("shots") or ():
            if isinstance(shot, dict) and isinstance(shot.get("id"), str):
                found.setdefault(shot["id"], shot)
    for name, still in (root.get("stills") or {}).items():
        found.setdefault(STILL + name, still)
    return found
