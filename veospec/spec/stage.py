"""What every node of one compilation is built from: the board, the settings, and values by their layers.

A creative value of a shot comes from the pass that was asked for, else from the shot, else from `defaults`, else from
the catalogue. Where it is written goes with it, so that a problem of a default is reported once, there.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from msgspec import Struct, field
from msgspec.structs import replace

from veospec.catalog.catalogue import Catalogue
from veospec.catalog.values import Model, Verdict
from veospec.model import Cell, FileSource, Location, Mode, Project
from veospec.spec.board import STILL, Board, Shot, Still
from veospec.spec.matrix import ASPECT, Matrix
from veospec.spec.names import did_you_mean
from veospec.spec.problems import Problems
from veospec.spec.tree import Json, Map
from veospec.spec.variables import Scope

DEFAULT_ASPECT = "16:9"
PAID_BY_PLAN = "flow"
"""The provider whose offers depend on the Google AI plan of the account."""


class Stage(Struct, frozen=True):
    """One cell of one compilation. The cells share everything but their names and values and `assets`.

    `verdicts`, `rows`, `paths`, `speakers` and `problems` fill up on the way. `ratio` is that of the cell, or ""
    without such an axis; `suffix` ends the ids of its nodes, `slug` their file names.
    """

    cell: Cell
    scope: Scope
    ratio: str
    suffix: str
    slug: str
    board: Board
    catalogue: Catalogue
    matrix: Matrix
    project: Project
    seed: int
    provider: str
    plan_class: str
    defaults: Map
    pass_name: str
    pass_map: Map
    style: Map | None
    style_text: str
    style_place: tuple[Map, str] | None
    may_use_unlisted: bool
    problems: Problems
    loose_stills: frozenset[str]
    verdicts: dict[tuple[object, ...], Verdict] = field(default_factory=dict)
    rows: dict[str, Model | None] = field(default_factory=dict)
    paths: dict[str, Location] = field(default_factory=dict)
    assets: dict[str, FileSource | None] = field(default_factory=dict)
    speakers: dict[str, str] = field(default_factory=dict)

    @property
    def is_by_plan(self) -> bool:
        """True when the plan class decides what is offered."""
        return self.provider == PAID_BY_PLAN

    def written(self, node: Map, key: str) -> tuple[Json, Map] | None:
        """Return the value of a shot's key and the mapping that it is written in: the shot, or `defaults`."""
        if node.get(key) is not None:
            return node[key], node
        if self.defaults.get(key) is not None:
            return self.defaults[key], self.defaults
        return None

    def word(self, node: Map, key: str) -> str:
        """Return a text of a shot with its variables filled in, or ""."""
        found = self.written(node, key)
        if found is None or not isinstance(found[0], str):
            return ""
        return self.scope.text(found[0], found[1], key)

    def place(self, node: Map, key: str) -> Location:
        """Return where a shot's value is written; the shot's own id when it is nowhere."""
        found = self.written(node, key)
        return found[1].at(key) if found is not None else node.at("id") if "id" in node else node.here

    def for_cell(self, cell: Cell, scope: Scope) -> Stage:
        """Return the same compilation in another cell."""
        ratio = next((value for axis, value in cell.axes if axis == ASPECT), "")
        return replace(
            self,
            cell=cell,
            scope=scope,
            ratio=ratio,
            suffix=f"@{cell.label}" if cell.axes else "",
            slug=cell.slug,
            assets={},
        )

    def row(self, model: str) -> Model | None:
        """Return what the catalogue says of a model."""
        if model not in self.rows:
            self.rows[model] = self.catalogue.model(model)
        return self.rows[model]

    def model_name(self, name: str, kind: str, place: Callable[[], Location], subject: str) -> str:
        """Return the catalogue's own id of a model; report one that it does not list at `place`."""
        row = self.row(name)
        if row is not None:
            return row.id
        known = self.catalogue.names(kind)
        message = f"the model '{name[:60]}' is not in table {self.catalogue.table}"
        if self.may_use_unlisted:
            self.problems.warning("VS240", place(), message, "its limits and price are not known", subject)
        else:
            advice = did_you_mean(name, known, more=f"models: {', '.join(known)}")
            self.problems.error("VS240", place(), message, advice, subject)
        return name

    def verdict(
        self,
        model: str,
        mode: Mode,
        *,
        duration: Fraction | None = None,
        aspect: str = "",
        resolution: str = "",
        images: int = 0,
        voices: int = 0,
    ) -> Verdict:
        """Ask the catalogue, once for each distinct request."""
        asked = (model, mode, duration, aspect, resolution, images, voices)
        found = self.verdicts.get(asked)
        if found is None:
            found = self.verdicts[asked] = self.catalogue.verdict(
                model,
                mode,
                duration=duration,
                aspect=aspect,
                resolution=resolution,
                images=images,
                voices=voices,
                plan_class=self.plan_class if self.is_by_plan else "",
            )
        return found

    def near_speaker(self, name: str) -> str:
        """Return which character a speaker may be meant to be, as advice; once for each name."""
        if name not in self.speakers:
            self.speakers[name] = did_you_mean(name, self.board.characters)
        return self.speakers[name]

    def shot_id(self, name: str) -> str:
        """Return the node id of a shot in this cell."""
        return name + self.suffix

    def still_id(self, name: str) -> str:
        """Return the node id of a still as this cell sees it; one that no axis can change belongs to no cell."""
        return STILL + name if name in self.loose_stills else STILL + name + self.suffix

    def has_item(self, item: Shot | Still) -> bool:
        """Tell whether a shot or still is made in this cell."""
        if item.is_omitted:
            return False
        if not self.matrix.exclusions:
            return True
        if isinstance(item, Shot):
            return self.matrix.has_shot(self.cell, item.id, item.scene)
        return item.name in self.loose_stills or self.matrix.has_still(self.cell, item.name)
