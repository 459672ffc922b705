"""The cells of the matrix: every combination of the axes but the excluded ones, in the order of the spec."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product

from msgspec import Struct

from veospec.model import Cell
from veospec.spec.board import Board
from veospec.spec.names import did_you_mean, folded, nfc
from veospec.spec.problems import Problems
from veospec.spec.tree import Map, Seq
from veospec.spec.variables import Scope

MAX_CELLS = 1_000
MAX_VALUE = 63
ASPECT = "aspect"
EXCLUDE = "exclude"
_EXCLUDED = ("shot", "still", "scene")
"""What an exclusion may name beside the values of axes."""


class Exclusion(Struct, frozen=True):
    """One entry of `exclude`: axis values, and the shots or stills that it is about (empty: all of both)."""

    axes: Mapping[str, str]
    shot: str = ""
    still: str = ""
    scene: str = ""

    def fits(self, cell: Cell) -> bool:
        """Tell whether the axis values are those of a cell."""
        values = dict(cell.axes)
        return all(values.get(axis) == value for axis, value in self.axes.items())


class Matrix(Struct, frozen=True):
    """The cells, and what is left out of some of them."""

    cells: tuple[Cell, ...]
    exclusions: tuple[Exclusion, ...] = ()

    def has_shot(self, cell: Cell, shot: str, scene: str) -> bool:
        """Tell whether a shot is made in a cell."""
        return not any(
            e.fits(cell) and not e.still and e.shot in ("", shot) and e.scene in ("", scene) for e in self.exclusions
        )

    def has_still(self, cell: Cell, still: str) -> bool:
        """Tell whether a still is made in a cell."""
        return not any(e.fits(cell) and not e.shot and not e.scene and e.still in ("", still) for e in self.exclusions)


def read_matrix(
    node: Map | None, board: Board, scope: Scope, ratio: Callable[[str], str], problems: Problems
) -> Matrix:
    """Read the `matrix` section. `ratio` turns `landscape` into `16:9`."""
    if node is None:
        return Matrix((Cell(),))
    axes = _axes(node, scope, ratio, problems)
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > MAX_CELLS:
        problems.error(
            "VS232", node.here, f"the matrix has {size:,} combinations (at most {MAX_CELLS:,})", "use fewer values"
        )
        return Matrix((Cell(),))
    cells = [Cell(tuple(zip(axes, values, strict=True))) for values in product(*axes.values())] if axes else [Cell()]
    exclusions = _exclusions(node, axes, cells, board, scope, ratio, problems)
    kept = tuple(c for c in cells if not any(e.fits(c) and not (e.shot or e.still or e.scene) for e in exclusions))
    if not kept:
        problems.error("VS233", node.at(EXCLUDE), "every combination of the matrix is excluded", "remove an entry")
        return Matrix((Cell(),))
    return Matrix(kept, tuple(e for e in exclusions if e.shot or e.still or e.scene))


def _axes(node: Map, scope: Scope, ratio: Callable[[str], str], problems: Problems) -> dict[str, list[str]]:
    axes: dict[str, list[str]] = {}
    for axis, values in node.items():
        if axis == EXCLUDE or not isinstance(values, Seq) or not values or _is_misnamed(axis, node, problems):
            continue
        found: dict[str, str] = {}
        for number in range(len(values)):
            text = scope.text(values.spelt(number), values, number)
            text = ratio(text) if axis == ASPECT else text
            if not text or len(text) > MAX_VALUE or not any(c.isalnum() for c in text) or not text.isprintable():
                problems.error(
                    "VS231",
                    values.at(number),
                    f"'{text[:40]}' cannot be a value of an axis",
                    f"values become part of file names: at most {MAX_VALUE} characters, one of them a letter or digit",
                )
                continue
            slug = folded(Cell(((axis, text),)).slug)
            if slug in found:
                problems.error(
                    "VS231",
                    values.at(number),
                    f"the axis '{axis}' has '{found[slug]}' and '{text}', which make the same file name",
                    "remove one, or make them differ in a letter or digit",
                )
                continue
            found[slug] = text
        if found:
            axes[axis] = list(found.values())
    return axes


def _is_misnamed(axis: str, node: Map, problems: Problems) -> bool:
    """Report an axis that would be taken for something else, by people or by `exclude`."""
    if axis in _EXCLUDED:
        message, advice = f"'{axis}' cannot be an axis: in 'exclude' it names a {axis}", "choose another name"
    elif axis != ASPECT and axis.lower() in (ASPECT, EXCLUDE):
        message, advice = f"'{axis}' would be an axis of its own", f"did you mean '{axis.lower()}'?"
    else:
        return False
    problems.error("VS235", node.at_key(axis), message, advice)
    return True


def check_use(node: Map | None, cells: Sequence[Cell], used: Collection[str], problems: Problems) -> None:
    """Warn of an axis that no text holds and no exclusion names: all of its values make the same."""
    if node is None:
        return
    listed = node.get(EXCLUDE)
    named = {key for entry in (listed if isinstance(listed, Seq) else ()) if isinstance(entry, Map) for key in entry}
    for axis in dict(cells[0].axes):
        count = len({dict(cell.axes)[axis] for cell in cells})
        if count > 1 and axis != ASPECT and axis not in used and axis not in named:
            problems.warning(
                "VS234",
                node.at_key(axis),
                f"no text holds ${{{axis}}}, so the {count} values of '{axis}' make the same",
                f"write ${{{axis}}} where they differ, or remove the axis",
            )


def _exclusions(
    node: Map,
    axes: Mapping[str, Sequence[str]],
    cells: Sequence[Cell],
    board: Board,
    scope: Scope,
    ratio: Callable[[str], str],
    problems: Problems,
) -> tuple[Exclusion, ...]:
    listed = node.get(EXCLUDE)
    found = []
    for entry in listed if isinstance(listed, Seq) else ():
        if not isinstance(entry, Map):
            continue
        exclusion = _exclusion(entry, axes, board, scope, ratio, problems)
        if exclusion is None:
            continue
        if any(exclusion.fits(cell) for cell in cells):
            found.append(exclusion)
    return tuple(found)


def _exclusion(
    entry: Map,
    axes: Mapping[str, Sequence[str]],
    board: Board,
    scope: Scope,
    ratio: Callable[[str], str],
    problems: Problems,
) -> Exclusion | None:
    known_names = (
        board.shots.keys() | board.absent.shots,
        set(board.stills),
        {name for name, _ in board.scenes} | board.absent.scenes,
    )
    named = dict(zip(_EXCLUDED, known_names, strict=True))
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    is_sound = True
    for key in entry:
        text = nfc(entry.spelt(key))
        if key in axes:
            text = scope.text(text, entry, key)
            text = ratio(text) if key == ASPECT else text
            values[key] = text
            known: Collection[str] = axes[key]
        elif key in named:
            names[key] = text
            known = named[key]
        else:
            advice = did_you_mean(key, [*axes, *named])
            problems.error("VS230", entry.at_key(key), f"the matrix has no axis '{key[:60]}'", advice)
            is_sound = False
            continue
        if text not in known:
            advice = did_you_mean(text, known)
            message = f"this exclusion matches nothing: there is no {key} '{text[:60]}'"
            problems.error("VS230", entry.at(key), message, advice)
            is_sound = False
    if is_sound and names.get("shot") in board.shots and names.get("scene"):
        shot = board.shots[names["shot"]]
        if shot.scene != names["scene"]:
            problems.error(
                "VS230",
                entry.at("scene"),
                f"this exclusion matches nothing: {shot.id} is not in {names['scene']}",
                "leave 'scene' out",
            )
            return None
    return Exclusion(values, **names) if is_sound else None
