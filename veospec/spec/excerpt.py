"""A storyboard cut down to what an edit can reach, so that one word among ten thousand shots is soon planned.

An outline says which stretch of a file's text belongs to which shot. With it, the text before and after an edit is cut
down to the shots that were touched, what needs them, what they need, and everything that is not a shot; both excerpts
are then compiled like any storyboard. What makes that sound:

- The stretches left out are letter for letter those of a text that was compiled without a finding.
- The indentation and the dash of the edited shot are as they were.
- The stretch behind the edit is kept too. Where the excerpt is read and every stretch begins where it was cut, the
  reader stood, at the end of the edit, where it stands in the whole text: the rest reads as it did before.
- Whatever is not plain (anchors, shots in one line, an edit outside of shots, another order of things) has no excerpt.

Pure. Nobody may believe an excerpt beyond "what of these shots is new"; whoever is in doubt compiles the whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from veospec.spec.board import STILL, Board, To, references_of
from veospec.spec.tree import Map, Seq, Source, Tree

ROOT = -1
MOST_SHOTS = 400
"""Beyond so many shots in an excerpt the whole is as quick."""


class Outline(Struct, frozen=True, array_like=True):
    """Whose each stretch of a text is. `begins` are places in the text, ascending, the first is 0.

    `owners` are `ROOT`, a shot's number, or `scene_owner(number)`. `leads` are the letters between where a shot's
    stretch begins and where the shot itself does: its indentation and dash. `scenes` are the numbers of the shots'
    scenes, -1 for a flat list. `needs` are, by the number of a shot, those of the shots that it refers to.
    """

    begins: tuple[int, ...]
    owners: tuple[int, ...]
    shots: tuple[str, ...]
    leads: tuple[int, ...]
    scenes: tuple[int, ...]
    scene_names: tuple[str, ...]
    needs: dict[int, tuple[int, ...]]


class Layout(Struct, frozen=True):
    """Where the stretches of a text begin, and which shots and scenes they belong to, in order."""

    begins: tuple[int, ...]
    shots: tuple[str, ...]
    scenes: tuple[str, ...]


class Cutting(Struct, frozen=True):
    """A text that was cut down, and how it must read for the cutting to be sound."""

    text: str
    layout: Layout


class Excerpt(Struct, frozen=True):
    """A storyboard before and after an edit, cut down to some shots; `shots` and `scenes` name what was left out."""

    before: Cutting
    after: Cutting
    shots: frozenset[str]
    scenes: frozenset[str]


def scene_owner(number: int) -> int:
    """Return what marks a stretch as a scene's own."""
    return -2 - number


pack = Encoder().encode
unpack = Decoder(Outline).decode


# -- the outline of a text --------------------------------------------------------------------------------


class _RaggedError(Exception):
    """The text is not laid out in stretches of its own."""


def outline_of(tree: Tree, board: Board) -> Outline | None:
    """Return the outline of the main file of a storyboard without findings; None for one that is not plain."""
    numbers: dict[str, int] = {}
    try:
        stretches = _Stretches(tree)
    except _RaggedError:
        return None
    for name in stretches.shots:
        if name not in board.shots or name in numbers:
            return None
        numbers[name] = len(numbers)
    needs: dict[int, tuple[int, ...]] = {}
    for name, number in numbers.items():
        found = [ref.name for ref in board.shots[name].refs if ref.to is To.SHOT]
        if found:
            if any(other not in numbers for other in found):
                return None
            needs[number] = tuple(dict.fromkeys(numbers[other] for other in found))
    if any(ref.to is To.SHOT for still in board.stills for ref in references_of(board, STILL + still)):
        return None
    return Outline(
        tuple(stretches.begins),
        tuple(stretches.owners),
        tuple(stretches.shots),
        tuple(stretches.leads),
        tuple(stretches.scenes),
        tuple(stretches.scene_names),
        needs,
    )


def layout_of(tree: Tree) -> Layout | None:
    """Return how a text reads; None where it is not plain."""
    try:
        found = _Stretches(tree)
    except _RaggedError:
        return None
    return Layout(tuple(found.begins), tuple(found.shots), tuple(found.scene_names))


class _Stretches:
    """Walks a tree once, in the order of the text. Raises `_RaggedError`."""

    def __init__(self, tree: Tree) -> None:
        self._source: Source = tree.source
        self.begins: list[int] = [0]
        self.owners: list[int] = [ROOT]
        self.shots: list[str] = []
        self.leads: list[int] = []
        self.scenes: list[int] = []
        self.scene_names: list[str] = []
        root = tree.root
        if tree.has_anchors or tree.problems or not isinstance(root, Map):
            raise _RaggedError
        for number, (name, value) in enumerate(root.items()):
            self._begin(self._spot(root, number), ROOT)
            if name == "shots":
                self._take_shots(value, -1)
            elif name == "scenes":
                self._take_scenes(value)

    def _take_scenes(self, scenes: object) -> None:
        for scene in scenes if isinstance(scenes, Seq) else ():
            if not isinstance(scene, Map) or not isinstance(scene.get("id"), str):
                raise _RaggedError
            number = len(self.scene_names)
            self.scene_names.append(scene["id"])
            for place, (name, value) in enumerate(scene.items()):
                self._begin(self._spot(scene, place), scene_owner(number))
                if name == "shots":
                    self._take_shots(value, number)

    def _take_shots(self, shots: object, scene: int) -> None:
        for shot in shots if isinstance(shots, Seq) else ():
            if not isinstance(shot, Map) or not isinstance(shot.get("id"), str):
                raise _RaggedError
            self._begin(shot.start, len(self.shots))
            self.shots.append(shot["id"])
            self.leads.append(shot.start - self.begins[-1])
            self.scenes.append(scene)

    def _begin(self, index: int, owner: int) -> None:
        """Let a stretch begin with the line of a place, which may hold nothing else before it."""
        text = self._source.text
        line = text.rfind("\n", 0, index) + 1
        if text[line:index].strip(" -"):
            raise _RaggedError
        if line > self.begins[-1]:
            self.begins.append(line)
            self.owners.append(owner)
        elif line < self.begins[-1] or owner != self.owners[-1]:
            raise _RaggedError

    def _spot(self, node: Map, number: int) -> int:
        return self._source.spots[node.base + 2 * number]


# -- the excerpt of an edit -------------------------------------------------------------------------------


def excerpt_of(outline: Outline, before: str, after: str) -> Excerpt | None:
    """Return what an edit of `before`, whose outline this is, can reach; None when that is not plain."""
    begin, end = _changed(before, after)
    # What is added between two stretches is the last of the one before: lines at the end of a shot, most often.
    edited = max(0, (bisect_left if begin == end else bisect_right)(outline.begins, begin) - 1)
    ends = (*outline.begins[1:], len(before))
    shot = outline.owners[edited]
    if shot < 0 or end > ends[edited] or begin < outline.begins[edited] + outline.leads[shot]:
        return None  # also where a shot stands in its list is for the whole to judge
    shots = _reached(outline, edited)
    if len(shots) > MOST_SHOTS:
        return None
    scenes = {outline.scenes[shot] for shot in shots}
    following = outline.owners[edited + 1] if edited + 1 < len(ends) else ROOT
    owners = {ROOT, following, *shots, *(scene_owner(number) for number in scenes if number >= 0)}
    kept = [number for number, owner in enumerate(outline.owners) if owner in owners]
    parts = [before[outline.begins[number] : ends[number]] for number in kept]
    at = kept.index(edited)
    grown = len(after) - len(before)
    changed = [*parts[:at], after[outline.begins[edited] : ends[edited] + grown], *parts[at + 1 :]]
    names = tuple([name for number, name in enumerate(outline.shots) if number in owners])
    headings = tuple([name for number, name in enumerate(outline.scene_names) if scene_owner(number) in owners])
    return Excerpt(
        before=Cutting("".join(parts), Layout(_begins(parts), names, headings)),
        after=Cutting("".join(changed), Layout(_begins(changed), names, headings)),
        shots=frozenset(outline.shots).difference(names),
        scenes=frozenset(outline.scene_names).difference(headings),
    )


def _changed(before: str, after: str) -> tuple[int, int]:
    """Return the bounds, in `before`, of what is not the same at the beginning and the end of both.

    What was only added or only removed may be told at several places; it is told at the beginning of a line if it can.
    """
    most = min(len(before), len(after))
    end, last = len(before), len(after)
    head = _common(most, lambda done, more: before[done:more] == after[done:more])
    tail = _common(most - head, lambda done, more: before[end - more : end - done] == after[last - more : last - done])
    begin, until, last = head, end - tail, last - tail
    extra = after[begin:last] if begin == until else before[begin:until] if begin == last else ""
    line = before[before.rfind("\n", 0, begin) + 1 : begin]
    back = len(line) if extra.endswith(line) else 0
    return begin - back, until - back


def _common(most: int, is_same: Callable[[int, int], bool]) -> int:
    """Return the greatest length up to `most` at which both are the same; each letter is compared about twice."""
    done = 0
    while done < most:
        more = (done + most + 1) // 2
        if is_same(done, more):
            done = more
        else:
            most = more - 1
    return done


def _reached(outline: Outline, edited: int) -> set[int]:
    """Return the edited shot, the one that is read next, what is made from the edited one, and what they all need."""
    users: dict[int, list[int]] = {}
    for user, needs in outline.needs.items():
        for need in needs:
            users.setdefault(need, []).append(user)
    found = _closure([outline.owners[edited]], users)
    following = next((owner for owner in outline.owners[edited + 1 :] if owner >= 0), None)
    return _closure([*found, *(() if following is None else (following,))], outline.needs)


def _closure(start: Iterable[int], steps: Mapping[int, Sequence[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += steps.get(number, ())
    return found


def _begins(parts: Sequence[str]) -> tuple[int, ...]:
    return tuple(accumulate((len(part) for part in parts[:-1]), initial=0))
