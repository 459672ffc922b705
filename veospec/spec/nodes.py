"""Build the nodes of the graph: stills, clips, and the upscales and joins that follow from them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import repeat

from msgspec.structs import replace

from veospec.model import (
    Burn,
    Cut,
    Input,
    Kind,
    Mode,
    Node,
    NodeSource,
    Request,
    Review,
)
from veospec.spec.board import STILL, Shot, Still, text_of
from veospec.spec.choices import UPSCALE_NONE, Choices, budget_of, choose, extended, report_upscale
from veospec.spec.cuts import CUT_KEYS, PLAIN_CUT, cut_of
from veospec.spec.inputs import shot_inputs, still_inputs
from veospec.spec.judge import report
from veospec.spec.settings import whole
from veospec.spec.stage import DEFAULT_ASPECT, Stage
from veospec.spec.texts import Setting, shot_setting, shot_texts, still_texts
from veospec.spec.tree import Json, Map, Seq
from veospec.spec.units import LINE_FPS
from veospec.spec.words import MAX_SEED

OVERLAP = Fraction(1)
"""How much of an extension repeats the end of its source.

Source: useapi.net Google Flow API v1 reference, POST /videos/extend, June 2026: the segment starts with about one
second that overlaps the end of the source.
"""


_NO_REVIEW = Review()
_NO_OVERLAP = Fraction(0)


_CHOICE_KEYS = ("model", "duration", "aspect", "resolution", "upscale", "takes", "select")
_SETTING_KEYS = ("size", "move", "style", "avoid", "sfx", "ambience", "music")


_NOT_WRITTEN = "\0"
"""Stands for a key that is not there; no text that was read can be this one."""


def _spelt(node: Map, keys: Sequence[str]) -> tuple[Hashable, ...]:
    """Return how some keys of a shot are spelt: shots of one spelling have the same values from them."""
    values = map(node.get, keys, repeat(_NOT_WRITTEN))
    return tuple([value if type(value) is str else _exact(value) for value in values])


def _exact(value: Json) -> Hashable:
    """Return a value with its type: for Python, 1 and True are the same key of a dict."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is Map:
        return tuple([(key, _exact(each)) for key, each in value.items()])
    return (kind, *map(_exact, value)) if kind is Seq else (kind, value)


class Builder:
    """Builds nodes item by item, in an order in which every upstream came before."""

    def __init__(self, cells: Sequence[Stage], loose: Stage, modes: Mapping[str, Mode]) -> None:
        self._cells = cells
        self._loose = loose
        self._modes = modes
        self._chosen: dict[str, Choices] = {}
        self._choices_of: dict[Hashable, Choices] = {}
        self._setting_of: dict[Hashable, Setting] = {}
        self._cut_of: dict[Hashable, Cut] = {}
        self._joins: dict[str, Node] = {}

    def build(self, item: str) -> list[Node]:
        """Return the nodes of a still (`still:NAME`) or a shot in every cell in which it is made."""
        board = self._loose.board
        if item.startswith(STILL):
            still = board.stills[item.removeprefix(STILL)]
            cells = (self._loose,) if still.name in self._loose.loose_stills else self._cells
            return [node for stage in cells if stage.has_item(still) for node in self._still(stage, still)]
        shot = board.shots[item]
        made: list[Node] = []
        for stage in self._cells:
            if stage.has_item(shot):
                made += self._shot(stage, shot)
        return made

    # -- stills --

    def _still(self, stage: Stage, still: Still) -> list[Node]:
        node = still.map
        scope = stage.scope
        subject = STILL + still.name
        written = scope.text(text_of(node, "model"), node, "model")
        model = stage.model_name(
            written or stage.catalogue.default_model("image"),
            "image",
            lambda: node.at("model") if written else still.place,
            subject,
        )
        aspect = scope.text(text_of(node, "aspect"), node, "aspect") or stage.ratio or DEFAULT_ASPECT
        aspect = stage.catalogue.aspect(aspect)
        images, _ = budget_of(stage, still.references, still.characters)
        verdict = stage.verdict(model, Mode.IMAGE, aspect=aspect, images=images)
        if verdict.findings or verdict.notes:
            report(stage, verdict, node, mode=Mode.IMAGE, model=model, subject=subject, fallback=still.place)
        texts, framing = still_texts(stage, still)
        row = stage.row(model)
        takes = whole(node, "takes", 1)
        retake = whole(node, "retake", 0)
        made = Node(
            id=stage.still_id(still.name),
            kind=Kind.STILL,
            name=still.name,
            cell=stage.cell,
            request=Request(
                model=model,
                mode=Mode.IMAGE,
                prompt=texts.prompt,
                aspect=aspect,
                resolution=row.default_resolution if row is not None else "",
                duration=None,
                seed=_seed(stage, node, takes, subject),
                retake=retake,
                inputs=still_inputs(stage, still),
            ),
            takes=takes,
            select=_select(stage, node, takes, whole(node, "select", 1), retake, subject),
            stem=_stem(stage, "", still.name),
            location=still.place,
            burn=Burn(code=stage.project.code, shot=still.name, size=framing, text=texts.plain),
            review=_review(node),
            title=scope.text(text_of(node, "title"), node, "title"),
            notes=scope.text(text_of(node, "notes"), node, "notes"),
            tags=_tags(node),
        )
        size = scope.text(text_of(node, "upscale"), node, "upscale") or UPSCALE_NONE
        if size == UPSCALE_NONE:
            return [made]
        larger = stage.verdict(model, Mode.UPSCALE, resolution=size)
        report_upscale(stage, larger.findings, larger.notes, node, subject)
        return [made, _upscale(made, size)]

    # -- shots --

    def _shot(self, stage: Stage, shot: Shot) -> list[Node]:
        node = shot.map
        mode = self._modes[shot.id]
        before = extended(shot.extend or shot.edit) if shot.refs else ""
        source = self._chosen.get(stage.shot_id(before)) if before else None
        node_id = stage.shot_id(shot.id)
        chosen = self._chosen[node_id] = self._choices(stage, shot, mode, source)
        setting = self._setting(stage, shot, mode)
        if shot.start is not None or shot.end is not None:
            self._check_frames(stage, shot)
        retake = whole(node, "retake", 0) if "retake" in node else 0
        texts = shot_texts(stage, shot, mode, chosen.duration, setting)
        clip = Node(
            id=node_id,
            kind=Kind.CLIP,
            name=shot.id,
            cell=stage.cell,
            request=Request(
                model=chosen.model,
                mode=mode,
                prompt=texts.prompt,
                aspect=chosen.aspect,
                resolution=chosen.resolution,
                duration=chosen.duration,
                seed=_seed(stage, node, chosen.takes, shot.id),
                retake=retake,
                inputs=shot_inputs(stage, shot),
                window=chosen.window,
                overlap=OVERLAP if mode is Mode.EXTEND else _NO_OVERLAP,
            ),
            takes=chosen.takes,
            select=_select(stage, node, chosen.takes, chosen.select, retake, shot.id),
            stem=_stem(stage, shot.scene, shot.id),
            location=node.at("id"),
            scene=shot.scene,
            burn=Burn(
                code=stage.project.code,
                scene=shot.scene,
                slug=stage.scope.text(shot.slug, shot.scene_map, "slug") if shot.scene_map is not None else "",
                shot=shot.id,
                size=setting.size,
                move=setting.move,
                text=texts.plain,
                continues=_continues(shot) if shot.refs else "",
                captions=texts.captions,
            ),
            cut=PLAIN_CUT if node.keys().isdisjoint(CUT_KEYS) else self._cut(stage, shot, chosen.duration),
            review=_review(node) if "review" in node else _NO_REVIEW,
            title=stage.scope.text(text_of(node, "title"), node, "title") if "title" in node else "",
            notes=stage.scope.text(text_of(node, "notes"), node, "notes") if "notes" in node else "",
            tags=_tags(node) if "tags" in node else (),
        )
        if chosen.upscale == UPSCALE_NONE and mode is not Mode.EXTEND:
            return [clip]
        return [clip, *self._derived(stage, shot, clip, chosen, source)]

    def _choices(self, stage: Stage, shot: Shot, mode: Mode, source: Choices | None) -> Choices:
        """Return the choices of a shot, made once for all that are spelt alike and of which there is nothing to say.

        What is said of a value is said at its place, so shots that were reported on have theirs for themselves; so do
        those that depend on another shot.
        """
        if shot.extend is not None or shot.edit is not None:
            return choose(stage, shot, mode, source)
        cast = tuple([use.name for use in shot.characters]) if shot.characters else ()
        counts = (len(shot.references), cast, len(shot.voices))
        spelling = (stage.suffix, mode, counts, _spelt(shot.map, _CHOICE_KEYS))
        found = self._choices_of.get(spelling)
        if found is None:
            heard = stage.problems.heard
            found = choose(stage, shot, mode, source)
            if stage.problems.heard == heard:
                self._choices_of[spelling] = found
        return found

    def _setting(self, stage: Stage, shot: Shot, mode: Mode) -> Setting:
        """Return the setting of a shot, made once as the choices are; markers make it the shot's own."""
        spelling = (stage.suffix, text_of(shot.scene_map, "style"), _spelt(shot.map, _SETTING_KEYS))
        found = self._setting_of.get(spelling)
        if found is None:
            heard = stage.problems.heard
            found = shot_setting(stage, shot, mode)
            if stage.problems.heard == heard and not found.is_marked:
                self._setting_of[spelling] = found
        return found

    def _cut(self, stage: Stage, shot: Shot, duration: Fraction) -> Cut:
        """Return how the cut uses a shot, made once as the choices are."""
        spelling = (stage.suffix, duration, _spelt(shot.map, CUT_KEYS))
        found = self._cut_of.get(spelling)
        if found is None:
            heard = stage.problems.heard
            found = cut_of(stage, shot, duration)
            if stage.problems.heard == heard:
                self._cut_of[spelling] = found
        return found

    def _derived(self, stage: Stage, shot: Shot, clip: Node, chosen: Choices, source: Choices | None) -> list[Node]:
        made = []
        if chosen.upscale != UPSCALE_NONE:
            made.append(_upscale(clip, chosen.upscale))
        begin = next((entry for entry in clip.request.inputs if entry.slot == "source"), None)
        if clip.request.mode is Mode.EXTEND and begin is not None and source is not None:
            _check_source(stage, shot, chosen, source)
            made.append(self._join(clip, begin, source))
        return made

    def _join(self, clip: Node, begin: Input, source: Choices) -> Node:
        """Join a clip to the one it extends; to all that came before, when that is an extension itself."""
        assert isinstance(begin.source, NodeSource)
        before = self._joins.get(begin.source.node)
        length = before.request.duration if before is not None else source.duration
        whole_source = begin if before is None else replace(begin, source=NodeSource(before.id))
        request = Request(
            model="",
            mode=Mode.JOIN,
            prompt="",
            aspect=clip.request.aspect,
            resolution=clip.request.resolution,
            duration=(length or _NO_OVERLAP) + (clip.request.duration or _NO_OVERLAP) - OVERLAP,
            seed=0,
            inputs=(whole_source, Input("segment", NodeSource(clip.id), clip.location)),
            overlap=OVERLAP,
        )
        made = replace(clip, id=f"join:{clip.id}", kind=Kind.JOIN, request=request, takes=1, select=1)
        self._joins[clip.id] = made
        return made

    def _check_frames(self, stage: Stage, shot: Shot) -> None:
        """A frame that is taken by its number has to be in the clip."""
        for ref in (shot.start, shot.end):
            if ref is None or not (ref.frame.isascii() and ref.frame.isdigit()):
                continue
            source = self._chosen.get(stage.shot_id(ref.name))
            count = int(source.duration * LINE_FPS) if source is not None else None
            if count is not None and int(ref.frame) >= count:
                message = f"{ref.name} has the frames 0 to {count - 1}, but no frame {ref.frame}"
                stage.problems.error("VS296", ref.place, message, "write 'last' for the last one", shot.id)


def _check_source(stage: Stage, shot: Shot, chosen: Choices, source: Choices) -> None:
    """Only clips of some families can be continued by a model."""
    catalogue = stage.catalogue
    limits, row = catalogue.limits(chosen.model, Mode.EXTEND), catalogue.model(source.model)
    if limits is None or row is None or not limits.sources or row.family in limits.sources:
        return
    message = f"{chosen.model} cannot extend a clip of {source.model}"
    advice = f"it extends clips of {', '.join(limits.sources)} models"
    stage.problems.error("VS275", shot.map.at("extend"), message, advice, shot.id)


def _continues(shot: Shot) -> str:
    return extended(shot.extend) or extended(shot.start)


def _upscale(made: Node, size: str) -> Node:
    request = Request(
        model=made.request.model,
        mode=Mode.UPSCALE,
        prompt="",
        aspect=made.request.aspect,
        resolution=size,
        duration=made.request.duration,
        seed=made.request.seed,
        inputs=(Input("source", NodeSource(made.id), made.location),),
    )
    return replace(made, id=f"upscale:{made.id}", kind=Kind.UPSCALE, request=request, takes=1, select=1)


def _stem(stage: Stage, scene: str, name: str) -> str:
    return "_".join(filter(None, (stage.project.code, scene, name, stage.slug)))


def _seed(stage: Stage, node: Map, takes: int, subject: str) -> int:
    seed = whole(node, "seed", stage.seed)
    if seed < 0 or seed + takes - 1 > MAX_SEED:
        place = node.at("seed") if "seed" in node else node.here
        message = f"take {takes} would need the seed {seed + takes - 1} (0 to {MAX_SEED})"
        stage.problems.error("VS290", place, message, "write a smaller seed", subject)
    return seed


def _select(stage: Stage, node: Map, takes: int, select: int, retake: int, subject: str) -> int:
    if 1 <= select <= takes and retake >= 0:
        return select
    for key, value, least in (("takes", takes, 1), ("select", select, 1), ("retake", retake, 0)):
        if value < least:
            message = f"{key}: {value} is less than {least}"
            advice = "use 'omit: true' to make nothing" if key == "takes" else f"write {least} or more"
            stage.problems.error("VS290", stage.place(node, key), message, advice, subject)
    if select > takes >= 1:
        message = f"select: {select}, but only {takes} take{'s are' if takes > 1 else ' is'} made"
        place = node.at("select") if "select" in node else node.here
        stage.problems.error("VS291", place, message, f"raise 'takes' to {select}, or select another", subject)
    return select


def _review(node: Map) -> Review:
    found = node.get("review")
    if not isinstance(found, Map):
        return _NO_REVIEW
    return Review(*(text_of(found, key) for key in ("status", "by", "approved", "note")))


def _tags(node: Map) -> tuple[str, ...]:
    found: Json = node.get("tags")
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, Seq) else ()
