"""What a model allows, as `if`/`then` on `model`: generated from a catalogue, never written by hand.

A schema sees one shot alone. What a shot inherits is judged by the rules, after expansion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from veospec.catalog.catalogue import Catalogue
from veospec.catalog.values import Model, ModeLimits
from veospec.catalog.verdicts import lengths, listed
from veospec.model import Mode
from veospec.spec.shot_language import Vocabulary
from veospec.spec.words import END, TEMPLATE, Node, refused, says

_EVIDENCE: dict[str, Mode] = {"start": Mode.I2V, "end": Mode.I2V_FL, "edit": Mode.V2V, "extend": Mode.EXTEND}
"""Keys that, when written, leave no other mode."""

_WITH: dict[Mode, str] = {
    Mode.I2V: "with a start frame",
    Mode.I2V_FL: "with start and end frame",
    Mode.R2V: "with references",
    Mode.V2V: "for an edit",
    Mode.EXTEND: "for an extension",
}


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """Collect the words of a catalogue that the language uses."""
    rows = catalogue.models
    video = [row for row in rows if row.kind == "video"]
    image = [row for row in rows if row.kind == "image"]
    spellings = {ratio: spelling for spelling, ratio in catalogue.rows.aspect_aliases.items()}

    def ratios(models: Sequence[Model]) -> tuple[str, ...]:
        found = _union(row.aspects for row in models)
        return (*found, *(spellings[ratio] for ratio in found if ratio in spellings))

    upscale = {kind: catalogue.operation("upscale", kind) for kind in ("video", "image")}
    sizes = {kind: action.resolutions if action else () for kind, action in upscale.items()}
    return Vocabulary(
        video_models=catalogue.names("video"),
        image_models=catalogue.names("image"),
        video_aspects=ratios(video),
        image_aspects=ratios(image),
        resolutions=_union(row.resolutions for row in video),
        video_upscales=sizes["video"],
        image_upscales=sizes["image"],
        voices=catalogue.voices,
        max_takes=max((row.max_count for row in rows), default=1),
    )


def hints(catalogue: Catalogue) -> dict[str, str]:
    """Return what is known of names that are no model here: of another table, gone, or of the other kind."""
    table = catalogue.table
    made = {"video": "it makes clips, not stills", "image": "it makes stills, not clips"}
    kinds = {name: made[kind] for kind in made for name in catalogue.names(kind)}
    other = {name: f"not in table {table}, only in {listed(ids)}" for name, ids in catalogue.rows.elsewhere.items()}
    return other | dict(catalogue.rows.retired) | kinds


def definitions(catalogue: Catalogue) -> dict[str, Node]:
    """Return one definition for each model: what a shot or still that names it may say."""
    return {f"{row.kind}-{row.id}": _limits(catalogue, row) for row in catalogue.models}


def conditions(catalogue: Catalogue, kind: str) -> list[Node]:
    """Return the `if` on each model name of a kind, aliases included."""
    return [
        {
            "if": {"required": ["model"], "properties": {"model": {"enum": [row.id, *row.aliases]}}},
            "then": {"$ref": f"#/definitions/{kind}-{row.id}"},
        }
        for row in catalogue.models
        if row.kind == kind
    ]


def _limits(catalogue: Catalogue, row: Model) -> Node:
    aspects = (*row.aspects, *(word for word, ratio in catalogue.rows.aspect_aliases.items() if ratio in row.aspects))
    properties: dict[str, Node] = {
        "aspect": says(_words(aspects), "VS112", f"{row.id} makes {listed(row.aspects)}"),
        "takes": says({"maximum": row.max_count}, "VS114", f"{row.id} makes at most {row.max_count} takes"),
    }
    if row.kind == "image":
        properties |= _still_limits(catalogue, row)
        return {"properties": properties}
    properties |= {
        "resolution": says(_words(row.resolutions), "VS113", f"{row.id} makes {listed(row.resolutions)}",
                           "larger sizes come from upscale"),
        "mode": says({"enum": [str(mode) for mode in row.modes]}, "VS116",
                     f"{row.id} offers {listed([str(mode) for mode in row.modes])}"),
        "duration": _duration(row, row.durations(), ""),
    }  # fmt: skip
    properties |= _missing_modes(catalogue, row)
    node: Node = {"properties": properties}
    if rules := list(_by_mode(row)):
        node["allOf"] = rules
    return node


def _still_limits(catalogue: Catalogue, row: Model) -> dict[str, Node]:
    properties = _counts(row, row.modes[Mode.IMAGE], "")
    action = catalogue.operation("upscale", "image")
    if action and action.models and row.id not in action.models:
        words = f"stills of {row.id} cannot be upscaled"
        advice = f"it works for {listed(action.models)}"
        properties["upscale"] = says({"enum": ["none"]}, "VS113", words, advice)
    return properties


def _missing_modes(catalogue: Catalogue, row: Model) -> dict[str, Node]:
    """Refuse the keys that ask for a mode the model does not have."""
    found: dict[str, Node] = {}
    for key, mode in _EVIDENCE.items():
        if mode not in row.modes:
            found[key] = _no_mode(catalogue, row, mode)
    if Mode.R2V not in row.modes:
        # An edit may carry pictures and voices as well, so these two keys alone do not ask for the mode.
        without = not row.modes.get(Mode.V2V, ModeLimits()).max_images
        if without:
            found["references"] = found["characters"] = _no_mode(catalogue, row, Mode.R2V)
            found["voices"] = refused("VS115", f"{row.id} takes no voice", _able(catalogue, Mode.R2V))
    return found


def _no_mode(catalogue: Catalogue, row: Model, mode: Mode) -> Node:
    return refused("VS116", f"{row.id} makes no clip {_WITH[mode]} ({mode})", _able(catalogue, mode))


def _able(catalogue: Catalogue, mode: Mode) -> str:
    able = catalogue.models_for(mode)
    return f"models that can: {listed(able)}" if able else "no model of the table can"


def _by_mode(row: Model) -> Iterable[Node]:
    """Yield what holds for a shot that asks for a mode by its keys."""
    for key, mode in _EVIDENCE.items():
        limits = row.modes.get(mode)
        if limits is None:
            continue
        properties: dict[str, Node] = {}
        if limits.durations and limits.durations != row.durations():
            properties["duration"] = _duration(row, limits.durations, _WITH[mode])
        if mode is Mode.V2V:
            properties |= _counts(row, limits, _WITH[mode])
        if properties:
            yield {"if": {"required": [key]}, "then": {"properties": properties}}
    references = row.modes.get(Mode.R2V)
    if references is not None:
        properties = _counts(row, references, _WITH[Mode.R2V])
        if references.durations != row.durations():
            properties["duration"] = _duration(row, references.durations, _WITH[Mode.R2V])
        for key in ("references", "characters"):
            condition: Node = {"required": [key], "not": {"required": ["edit"]}}
            yield {"if": condition, "then": {"properties": properties}}


def _counts(row: Model, limits: ModeLimits, where: str) -> dict[str, Node]:
    suffix = f" {where}" if where else ""
    pictures = f"{row.id} takes at most {limits.max_images} pictures{suffix}"
    node = says({"maxItems": limits.max_images}, "VS115", pictures, "every picture of a character counts too")
    found = {"references": node, "characters": node}
    if limits.max_voices:
        words = f"{row.id} takes at most {limits.max_voices} voice{'s' * (limits.max_voices > 1)}{suffix}"
        found["voices"] = says({"maxItems": limits.max_voices}, "VS115", words, "a character's own voice counts too")
    return found


def _words(values: Sequence[str]) -> Node:
    return {"anyOf": [{"enum": list(values)}, {"pattern": f"^{TEMPLATE}{END}"}]}


def _duration(row: Model, seconds: Sequence[int], where: str) -> Node:
    """Return the lengths a model makes. Frames are let through: what they mean depends on the project's rate."""
    numbers = "|".join(str(length) for length in seconds)
    form = rf"^(?:(?:{numbers})(?:\.0{{1,6}})? ?(?:s|sec)|[0-9]{{1,9}} ?f|{TEMPLATE}){END}"
    node: Node = {
        "anyOf": [
            {"enum": [f"{length}s" for length in seconds] + [*seconds]},
            {"type": "string", "pattern": form},
        ]
    }
    words = f"{row.id} makes {lengths(seconds)}" + (f" {where}" if where else "")
    return says(node, "VS111", words, "take the next longer one and trim it in the cut")


def _union(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for group in groups for value in group))
