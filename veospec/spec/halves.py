"""Cut a long storyboard in two, so that both halves can be read at once, and put their outlines together again.

Each half has everything that is not an item of the list that is cut, and is compiled like any storyboard. What makes
that sound:

- The cut lies before an item of the list, at the indentation of the first one. The first half could be read up to
  there and beyond, so nothing was open; the second begins, behind the same header, with an item again.
- Between the header and the tail, which are in both halves, lies nothing but that list.
- What the other half declares is not declared in this one. Only halves without a finding count, so none refers to the
  other; a name that could be taken for a path instead is not let through.
- What may not be more than so many in the whole is counted here once more.

Pure. Nobody may believe halves beyond "all of this is here": whoever is in doubt compiles the whole.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from msgspec import Struct

from veospec.spec.excerpt import ROOT, Outline
from veospec.spec.names import folded
from veospec.spec.words import MAX_SCENES, MAX_SHOTS
from veospec.spec.yamltext import MAX_NODES

_MOST_LETTERS = 2 * MAX_NODES
"""A value takes two letters at least, so no text of so many has more values than the reader takes."""
_BEFORE_VALUES = ":-,[{?"
"""No value stands without one of these before it."""
_LIST = re.compile(r"\n(?:scenes|shots):")
_ITEM = re.compile(r"\n( *)- ")
_TOP_LEVEL = re.compile(r"\n(?:[^\s#-]|---)")
_ANOTHER_DOCUMENT = re.compile(r"\n(?:---|\.\.\.)")
_LONE_RETURN = re.compile(r"\r(?!\n)")


class Halves(Struct, frozen=True):
    """Two storyboards out of one text.

    The items begin at `items` in both. Those of the second began at `cut`, where the first one's tail is now; the
    second one's tail begins at `tail`, which is its end when there is none.
    """

    first: str
    second: str
    items: int
    cut: int
    tail: int


def in_halves(text: str) -> Halves | None:
    """Return the halves of a text; None where it is not laid out for it. Whether they are sound, `joined` tells."""
    if len(text) > _MOST_LETTERS and sum(map(text.count, _BEFORE_VALUES)) > MAX_NODES:
        return None
    heading = _LIST.search(text)
    first = _ITEM.search(text, heading.end()) if heading is not None else None
    if first is None or ("\r" in text and _LONE_RETURN.search(text)):
        return None
    items = first.start() + 1
    following = _TOP_LEVEL.search(text, items)
    end = len(text) if following is None else following.start() + 1
    if _ANOTHER_DOCUMENT.search(text, 0, items) or _ANOTHER_DOCUMENT.search(text, end - 1):
        return None
    item, middle = f"\n{first[1]}- ", (items + end) // 2
    found = [at + 1 for at in (text.rfind(item, items, middle + len(item)), text.find(item, middle, end)) if at >= 0]
    if not found:
        return None
    cut = min(found, key=lambda at: abs(at - middle))
    return Halves(text[:cut] + text[end:], text[:items] + text[cut:], items, cut, items + end - cut)


def joined(halves: Halves, first: Outline, second: Outline) -> Outline | None:
    """Return the outline of the whole; None when the halves are no halves of it."""
    begin = bisect_left(first.begins, halves.items)
    end, other_end = bisect_left(first.begins, halves.cut), bisect_left(second.begins, halves.tail)
    is_sound = (
        _is_list(first, begin, end, halves.items, halves.cut, len(halves.first))
        and _is_list(second, begin, other_end, halves.items, halves.tail, len(halves.second))
        and first.begins[:begin] == second.begins[:begin]
        and first.owners[begin] == second.owners[begin]
        and _are_apart(first.shots, second.shots)
        and _are_apart(first.scene_names, second.scene_names)
        and not any("." in name for name in first.shots + second.shots)
        and len(first.shots) + len(second.shots) <= MAX_SHOTS
        and len(first.scene_names) + len(second.scene_names) <= MAX_SCENES
    )
    return _in_one(first, second, begin, end, halves.cut - halves.items) if is_sound else None


def _is_list(outline: Outline, begin: int, end: int, items: int, tail: int, length: int) -> bool:
    """Tell whether the stretches from `begin` to `end` are those of shots and scenes, and no others are."""
    begins, owners = outline.begins, outline.owners
    return (
        begin < end
        and begins[begin] == items
        and (begins[end] == tail if end < len(begins) else tail == length)
        and ROOT not in owners[begin:end]
        and set(owners[:begin] + owners[end:]) == {ROOT}
    )


def _are_apart(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return {folded(name) for name in some}.isdisjoint(folded(name) for name in others)


def _in_one(first: Outline, second: Outline, begin: int, end: int, shift: int) -> Outline:
    shots, scenes = len(first.shots), len(first.scene_names)

    def owner(number: int) -> int:
        """Return the owner's number in the whole; those of scenes count downwards, see `scene_owner`."""
        return number + shots if number >= 0 else ROOT if number == ROOT else number - scenes

    return Outline(
        first.begins[:end] + tuple([place + shift for place in second.begins[begin:]]),
        first.owners[:end] + tuple([owner(number) for number in second.owners[begin:]]),
        first.shots + second.shots,
        first.leads + second.leads,
        first.scenes + tuple([number + scenes if number >= 0 else number for number in second.scenes]),
        first.scene_names + second.scene_names,
        first.needs | {user + shots: tuple([need + shots for need in needs]) for user, needs in second.needs.items()},
    )
