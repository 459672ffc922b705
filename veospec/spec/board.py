"""What a storyboard declares, before anything is expanded: shots, stills, characters, and who refers to whom.

References never hold variables, so this stage sees the graph once for all cells. Values of a wrong shape are skipped
in silence: the schema has reported them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from veospec.model import Location
from veospec.spec.include import Document
from veospec.spec.names import did_you_mean, folded, id_fault, nfc, path_fault, tidy
from veospec.spec.problems import Problems
from veospec.spec.tree import NOTHING, Json, Map, Seq

STILL = "still:"


class To(StrEnum):
    """What a reference leads to."""

    ASSET = "asset"
    PATH = "path"
    STILL = "still"
    SHOT = "shot"


class Ref(Struct, frozen=True, gc=False):
    """One reference that was found. `frame` is set for a picture out of a clip, `via` for one of a character."""

    to: To
    name: str
    place: Location
    frame: str = ""
    via: str = ""

    @property
    def item(self) -> str:
        """The name by which the graph knows what is referred to: `still:quay`, `SH030`, or "" for a file."""
        return STILL + self.name if self.to is To.STILL else self.name if self.to is To.SHOT else ""


class Use(Struct, frozen=True, gc=False):
    """A character or voice that is used, and where."""

    name: str
    place: Location


class Shot(Struct, frozen=True, gc=False):
    """One shot as declared. `map` holds its creative values as they are written, `refs` are all that it refers to
    directly, in slot order.
    """

    id: str
    scene: str
    slug: str
    map: Map
    scene_map: Map | None
    start: Ref | None
    end: Ref | None
    references: tuple[Ref, ...]
    characters: tuple[Use, ...]
    voices: tuple[Use, ...]
    extend: Ref | None
    edit: Ref | None
    is_omitted: bool
    refs: tuple[Ref, ...]


class Still(Struct, frozen=True):
    """One still as declared."""

    name: str
    map: Map
    place: Location
    references: tuple[Ref, ...]
    characters: tuple[Use, ...]
    is_omitted: bool


class Figure(Struct, frozen=True):
    """One character as declared."""

    name: str
    map: Map
    images: tuple[Ref, ...]
    voice: str


class Board(Struct, frozen=True):
    """Everything that is declared, by name."""

    shots: Mapping[str, Shot]
    stills: Mapping[str, Still]
    characters: Mapping[str, Figure]
    assets: Map
    voices: Map
    variants: Map
    scenes: tuple[tuple[str, Map], ...]
    absent: Absent


class Absent(Struct, frozen=True):
    """Names of shots and scenes that are declared, but not in the excerpt of a storyboard that is compiled."""

    shots: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()


NOTHING_ABSENT = Absent()


def read_board(document: Document, problems: Problems, absent: Absent = NOTHING_ABSENT) -> Board:
    """Read every declaration and resolve every name."""
    return _Reader(document, problems, absent).board()


def text_of(node: Json, key: str) -> str:
    """Return a text, or "" when there is none of that shape."""
    found = node.get(key) if isinstance(node, Map) else None
    return found if isinstance(found, str) else ""


def entries(node: Json, key: str) -> Iterator[tuple[Json, Map | Seq, str | int]]:
    """Yield the items of a list with where each stands; one value alone is a list of one."""
    found = node.get(key) if isinstance(node, Map) else None
    if isinstance(found, Seq):
        for number, value in enumerate(found):
            yield value, found, number
    elif found is not None:
        yield found, node, key


_Seen: TypeAlias = dict[str, tuple[str, Callable[[], Location]]]
"""Names by their folded form, with where each is written."""


class _Reader:
    """Holds the names while they are being resolved."""

    def __init__(self, document: Document, problems: Problems, absent: Absent) -> None:
        self.document = document
        self.absent = absent
        self.problems = problems
        self.assets = document.named["assets"]
        self.voices = document.named["voices"]
        self.figures = document.named["characters"]
        self.still_maps = document.named["stills"]
        style = document.section("style")
        variants = style.get("variants") if style is not None else None
        self.variants = variants if isinstance(variants, Map) else NOTHING
        self.scenes: list[tuple[str, Map]] = []
        self.shot_maps: dict[str, tuple[Map, Map | None]] = {}

    def board(self) -> Board:
        """Read in two passes: first all names, then what refers to them."""
        self._collect_shots()
        for section in ("assets", "voices", "characters", "stills"):
            self._check_names(section)
        return Board(
            shots={name: self._shot(name, node, scene) for name, (node, scene) in self.shot_maps.items()},
            stills={name: self._still(name, node) for name, node in self.still_maps.items() if isinstance(node, Map)},
            characters={n: self._figure(n, node) for n, node in self.figures.items() if isinstance(node, Map)},
            assets=self.assets,
            voices=self.voices,
            variants=self.variants,
            scenes=tuple(self.scenes),
            absent=self.absent,
        )

    # -- names --

    def _collect_shots(self) -> None:
        seen: _Seen = {}
        seen_scenes: _Seen = {}
        for shots, number in self.document.listed["shots"]:
            self._take_shot(shots[number], None, seen)
        for scenes, number in self.document.listed["scenes"]:
            scene = scenes[number]
            if not isinstance(scene, Map):
                continue
            if name := self._checked_id(scene, "scene", seen_scenes):
                self.scenes.append((name, scene))
            own: Json = scene.get("shots")
            for node in own if isinstance(own, Seq) else ():
                self._take_shot(node, scene, seen)

    def _take_shot(self, node: Json, scene: Map | None, seen: _Seen) -> None:
        if isinstance(node, Map) and (name := self._checked_id(node, "shot", seen)):
            self.shot_maps[name] = (node, scene)

    def _checked_id(self, node: Map, kind: str, seen: _Seen) -> str:
        name = text_of(node, "id")
        if not name:
            return ""
        if "${" in name:
            self.problems.error(
                "VS222",
                node.at("id"),
                f"the {kind} id '{name[:40]}' holds a variable",
                "write the id out",
            )
            return ""
        if fault := id_fault(name):
            self.problems.error(
                "VS210",
                node.at("id"),
                f"the {kind} id '{name[:40]}' {fault}",
                "use letters, digits, '.', '_' and '-'",
            )
            return ""
        return name if self._is_new(name, lambda: node.at("id"), kind, seen) else ""

    def _is_new(self, name: str, place_of: Callable[[], Location], kind: str, seen: _Seen) -> bool:
        held, first_place_of = seen.setdefault(folded(name), (name, place_of))
        if first_place_of is place_of:
            return True
        place, first = place_of(), first_place_of()
        if first == place:
            return True
        how = "is used twice" if held == name else f"differs from '{held}' in case or Unicode form only"
        where = f"line {first.line}" if first.file == place.file else str(first)
        self.problems.error(
            "VS211", place, f"the {kind} id '{name}' {how} (first in {where})", "give every one its own id", name
        )
        return False

    def _check_names(self, section: str) -> None:
        seen: _Seen = {}
        names = self.document.named[section]
        for name in names:
            place = names.at_key(name)
            if "${" in name:
                self.problems.error("VS222", place, f"the name '{name[:40]}' holds a variable", "write the name out")
            elif fault := id_fault(name):
                self.problems.error(
                    "VS210", place, f"the name '{name[:40]}' in {section} {fault}", "use letters, digits, '_' and '-'"
                )
            else:
                self._is_new(name, partial(names.at_key, name), section[:-1], seen)

    # -- what refers --

    def _shot(self, name: str, node: Map, scene: Map | None) -> Shot:
        start = self._ref(node["start"], node, "start", name, "last") if "start" in node else None
        end = self._ref(node["end"], node, "end", name, "first") if "end" in node else None
        references = self._references(node, name) if "references" in node else ()
        extend = self._extended(node, name) if "extend" in node else None
        edit = self._edited(node, name) if "edit" in node else None
        characters = self._characters(node, name) if "characters" in node else ()
        return Shot(
            id=name,
            scene=text_of(scene, "id"),
            slug=text_of(scene, "slug"),
            map=node,
            scene_map=scene,
            start=start,
            end=end,
            references=references,
            characters=characters,
            voices=self._uses(node, "voices") if "voices" in node else (),
            extend=extend,
            edit=edit,
            is_omitted=node.get("omit") is True,
            refs=tuple(filter(None, (start, end, *references, extend, edit))),
        )

    def _still(self, name: str, node: Map) -> Still:
        place = self.still_maps.at_key(name)
        references = self._references(node, STILL + name)
        return Still(name, node, place, references, self._characters(node, STILL + name), node.get("omit") is True)

    def _figure(self, name: str, node: Map) -> Figure:
        images = tuple(r for v, h, k in entries(node, "images") if (r := self._ref(v, h, k, name, "last")))
        for image in images:
            if image.to is To.SHOT:
                self.problems.error(
                    "VS241", image.place, f"a picture of '{name}' is taken from a shot", "use an asset or a still", name
                )
        kept = tuple(replace(image, via=name) for image in images if image.to is not To.SHOT)
        return Figure(name, node, kept, text_of(node, "voice"))

    def _references(self, node: Map, subject: str) -> tuple[Ref, ...]:
        found = (self._ref(v, h, k, subject, "last") for v, h, k in entries(node, "references"))
        return tuple(ref for ref in found if ref is not None)

    def _uses(self, node: Map, key: str) -> tuple[Use, ...]:
        return tuple(Use(nfc(v), h.at(k)) for v, h, k in entries(node, key) if isinstance(v, str))  # type: ignore[arg-type]

    def _characters(self, node: Map, subject: str) -> tuple[Use, ...]:
        found = []
        for use in self._uses(node, "characters"):
            if use.name in self.figures:
                found.append(use)
            else:
                advice = did_you_mean(use.name, self.figures, kind="characters")
                self.problems.error("VS242", use.place, f"there is no character '{use.name[:60]}'", advice, subject)
        return tuple(found)

    def _extended(self, node: Map, subject: str) -> Ref | None:
        name = text_of(node, "extend")
        return self._to_shot(name, node.at("extend"), subject, "") if name else None

    def _edited(self, node: Map, subject: str) -> Ref | None:
        edit = node["edit"]
        if not isinstance(edit, Map):
            return None
        source = edit.get("source")
        if isinstance(source, Map):
            return self._to_shot(text_of(source, "shot"), source.at("shot"), subject, "")
        if not isinstance(source, str) or not source:
            return None
        name, place = nfc(source), edit.at("source")
        if name in self.assets:
            return Ref(To.ASSET, name, place)
        if name in self.shot_maps:
            return Ref(To.SHOT, name, place)
        if name.startswith(STILL):
            self.problems.error("VS241", place, "a still cannot be edited as a clip", "use it as 'start:'", subject)
            return None
        return self._file(name, place, subject, [*self.assets, *self.shot_maps])

    def _ref(self, value: Json, holder: Map | Seq, key: str | int, subject: str, frame: str) -> Ref | None:
        place = holder.at(key)  # type: ignore[arg-type]
        if isinstance(value, Map):
            asked = value.get("frame", frame)
            return self._to_shot(text_of(value, "shot"), value.at("shot"), subject, str(asked))
        if not isinstance(value, str) or not value:
            return None
        name = nfc(value)
        if "${" in name:
            self.problems.error(
                "VS222",
                place,
                f"the reference '{name[:60]}' holds a variable",
                "give it a name under 'assets'",
                subject,
            )
            return None
        if name.startswith(STILL):
            return self._to_still(name.removeprefix(STILL), place, subject)
        if name in self.assets:
            return Ref(To.ASSET, name, place)
        if name in self.still_maps:
            advice = f"write 'still:{name}'"
            self.problems.error("VS241", place, f"'{name}' is a still", advice, subject)
            return None
        if name in self.shot_maps:
            advice = f"write {{shot: {name}, frame: {frame}}}"
            self.problems.error("VS241", place, f"'{name}' is a shot", advice, subject)
            return None
        return self._file(name, place, subject, [*self.assets, *(STILL + still for still in self.still_maps)])

    def _to_still(self, name: str, place: Location, subject: str) -> Ref | None:
        if name in self.still_maps:
            return Ref(To.STILL, name, place)
        advice = did_you_mean(name, self.still_maps, kind="stills")
        self.problems.error("VS241", place, f"there is no still '{name[:60]}'", advice, subject)
        return None

    def _to_shot(self, name: str, place: Location, subject: str, frame: str) -> Ref | None:
        name = nfc(name)
        if name in self.shot_maps:
            return Ref(To.SHOT, name, place, frame)
        if name:
            advice = did_you_mean(name, self.shot_maps, kind="shots")
            self.problems.error("VS244", place, f"there is no shot '{name[:60]}'", advice, subject)
        return None

    def _file(self, name: str, place: Location, subject: str, known: list[str]) -> Ref | None:
        """Take a text as a path when it looks like one; else it is a name that nobody declared."""
        # The name of a shot that an excerpt leaves out is reported too, so that the whole is read.
        if name in self.absent.shots or ("/" not in name and "." not in name and "\\" not in name):
            advice = did_you_mean(name, known, kind="assets")
            self.problems.error("VS241", place, f"there is no asset '{name[:60]}'", advice, subject)
            return None
        if fault := path_fault(name):
            self.problems.error("VS206", place, f"the path '{name[:80]}' {fault}", "use a path in the folder", subject)
            return None
        return Ref(To.PATH, tidy(name), place)


def references_of(board: Board, item: str) -> tuple[Ref, ...]:
    """Return what an item (`SH010`, `still:quay`) refers to, the pictures of its characters included."""
    owner: Shot | Still | None
    if item.startswith(STILL):
        owner = board.stills.get(item.removeprefix(STILL))
        own = owner.references if owner is not None else ()
    else:
        owner = board.shots.get(item)
        own = owner.refs if owner is not None else ()
    if owner is None or not owner.characters:
        return own
    figures = (board.characters[use.name] for use in owner.characters if use.name in board.characters)
    return tuple(chain(own, *(figure.images for figure in figures)))
