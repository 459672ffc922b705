"""Choose the values of one shot's request: its own, those of a pass where the model can do them, and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from veospec.catalog.values import State
from veospec.model import Mode
from veospec.spec.board import Ref, Shot, To, Use
from veospec.spec.judge import ask_for_plan, place_of, report
from veospec.spec.settings import whole
from veospec.spec.stage import DEFAULT_ASPECT, Stage
from veospec.spec.tree import Json, Map, as_whole
from veospec.spec.units import LINE_FPS, UnitError, frames, seconds, spoken

DEFAULT_DURATION = Fraction(8)
"""Source: useapi.net Google Flow API v1 reference, POST /videos, `duration`, June 2026."""

UPSCALE_NONE = "none"
_FRAMED = (Mode.T2V, Mode.I2V, Mode.I2V_FL)


class Choices(Struct, frozen=True):
    """What one request asks for. `images` and `voices` count what the model's budget counts."""

    model: str
    mode: Mode
    duration: Fraction
    aspect: str
    resolution: str
    upscale: str
    takes: int
    select: int
    images: int = 0
    voices: int = 0
    window: tuple[int, int] | None = None


def choose(stage: Stage, shot: Shot, mode: Mode, source: Choices | None) -> Choices:
    """Return the choices of a shot in a cell, judged by the catalogue. `source` is what it extends or edits."""
    own = _own(stage, shot, mode, source)
    chosen = _with_pass(stage, shot, own) if stage.pass_map else own
    _judge(stage, shot, chosen)
    return chosen


def budget_of(stage: Stage, references: tuple[Ref, ...], characters: tuple[Use, ...]) -> tuple[int, int]:
    """Return how many pictures references and characters take up, and how many voices the characters bring.

    Source: useapi.net Google Flow API v1 reference, POST /videos, rules 6 and 7, June 2026.
    """
    figures = [f for use in characters if (f := stage.board.characters.get(use.name)) is not None]
    pictures = len(references) + sum(max(1, len(figure.images)) for figure in figures)
    return pictures, sum(1 for figure in figures if figure.voice)


def _own(stage: Stage, shot: Shot, mode: Mode, source: Choices | None) -> Choices:
    node = shot.map
    name = stage.word(node, "model") or stage.catalogue.default_model("video")
    model = stage.model_name(name, "video", lambda: stage.place(node, "model"), shot.id)
    pictures, character_voices = budget_of(stage, shot.references, shot.characters)
    # Where frames exclude the cast altogether, the mode rules say so once; the budget need not repeat it.
    counts = (0, 0) if mode in _FRAMED else (pictures, len(shot.voices) + character_voices)
    window = _window(stage, shot, source) if mode is Mode.V2V else None
    row = stage.row(model)
    return Choices(
        model=model,
        mode=mode,
        duration=_duration(stage, shot, mode, model, window),
        aspect=source.aspect if mode is Mode.EXTEND and source is not None else _aspect(stage, shot),
        resolution=stage.word(node, "resolution") or (row.default_resolution if row is not None else "720p"),
        upscale=stage.word(node, "upscale") or UPSCALE_NONE,
        takes=_takes(stage, shot),
        select=whole(node, "select", 1),
        images=counts[0],
        voices=counts[1],
        window=window,
    )


def _takes(stage: Stage, shot: Shot) -> int:
    found = stage.written(shot.map, "takes")
    takes = as_whole(found[0]) if found is not None else None
    return 1 if takes is None else takes


def _aspect(stage: Stage, shot: Shot) -> str:
    own = stage.scope.text(shot.map["aspect"], shot.map, "aspect") if _is_text(shot.map, "aspect") else ""
    return stage.catalogue.aspect(own or stage.ratio or stage.word(shot.map, "aspect") or DEFAULT_ASPECT)


def _is_text(node: Map, key: str) -> bool:
    return isinstance(node.get(key), str)


def _duration(stage: Stage, shot: Shot, mode: Mode, model: str, window: tuple[int, int] | None) -> Fraction:
    if window is not None:
        return Fraction(window[1] - window[0], LINE_FPS)
    limits = stage.catalogue.limits(model, mode) if mode is Mode.EXTEND else None
    if "duration" not in shot.map and limits is not None and limits.durations:
        # An extension has the length that the service gives it, whatever the clips of the film are.
        return Fraction(DEFAULT_DURATION if DEFAULT_DURATION in limits.durations else limits.durations[-1])
    found = stage.written(shot.map, "duration")
    if found is None:
        return DEFAULT_DURATION
    return _length(stage, found[0], found[1], shot.id)


def _length(stage: Stage, value: Json, holder: Map, subject: str) -> Fraction:
    text = stage.scope.text(value, holder, "duration") if isinstance(value, str) else value
    try:
        found = seconds(text, stage.project.fps)
        fault = "" if found > 0 else "leaves nothing to see"
    except UnitError as unit_fault:
        found, fault = DEFAULT_DURATION, str(unit_fault)
    if fault:
        message = f"duration: '{text}' {fault}"
        stage.problems.error("VS292", holder.at("duration"), message, "write 8s or 192f", subject)
        return DEFAULT_DURATION
    return found


def _window(stage: Stage, shot: Shot, source: Choices | None) -> tuple[int, int]:
    """Return the edited frames on the 24 fps line, end exclusive."""
    edit = shot.map["edit"]
    whole_clip = int(source.duration * LINE_FPS) if source is not None else int(DEFAULT_DURATION * LINE_FPS)
    if not isinstance(edit, Map):
        return (0, whole_clip)
    found = {"in": 0, "out": whole_clip}
    for key in found:
        if edit.get(key) is None:
            continue
        written = stage.scope.filled(edit, key)
        try:
            found[key] = frames(written, LINE_FPS)
        except UnitError as fault:
            message = f"{key}: '{written}' {fault}"
            stage.problems.error("VS292", edit.at(key), message, f"write {fault.near or '0f or 8s'}", shot.id)
    begin, end = found["in"], found["out"]
    if end <= begin:
        stage.problems.error(
            "VS274",
            edit.at("out"),
            f"the window ends at frame {end}, not after it begins ({begin})",
            "write a later 'out'",
            shot.id,
        )
        return (0, whole_clip)
    if source is not None and end > whole_clip:
        message = f"the window ends at frame {end}, but the clip has {whole_clip} frames"
        stage.problems.error("VS274", edit.at("out"), message, f"write at most {whole_clip}f", shot.id)
    return (begin, end)


def _judge(stage: Stage, shot: Shot, chosen: Choices) -> None:
    verdict = stage.verdict(
        chosen.model, chosen.mode, duration=chosen.duration, aspect=chosen.aspect,
        resolution=chosen.resolution, images=chosen.images, voices=chosen.voices,
    )  # fmt: skip
    if verdict.findings or (verdict.notes and stage.is_by_plan):
        if chosen.mode is Mode.R2V and chosen.images == 0:
            # That a voice needs a picture is said already, in plainer words.
            verdict = replace(verdict, findings=tuple(f for f in verdict.findings if f.about != "images"))
        place = place_of(stage, shot.map, "id", chosen.mode, None)
        report(
            stage, verdict, shot.map, mode=chosen.mode, model=chosen.model, subject=shot.id,
            duration=chosen.duration, fallback=place,
        )  # fmt: skip
    if chosen.upscale != UPSCALE_NONE:
        larger = stage.verdict(chosen.model, Mode.UPSCALE, resolution=chosen.upscale)
        if larger.findings or (larger.notes and stage.is_by_plan):
            report_upscale(stage, larger.findings, larger.notes, shot.map, shot.id)


def report_upscale(stage: Stage, findings: object, notes: object, node: Map, subject: str) -> None:
    """Report what the table says of an upscale, at `upscale:`."""
    place = stage.place(node, "upscale")
    for finding in findings if isinstance(findings, tuple) else ():
        stage.problems.error("VS276", place, finding.message, finding.advice or "leave 'upscale' out", subject)
    for note in notes if stage.is_by_plan and isinstance(notes, tuple) else ():
        stage.problems.note("VS276", place, note.message, note.advice or ask_for_plan(stage), subject)


# -- passes --


def _with_pass(stage: Stage, shot: Shot, own: Choices) -> Choices:
    """Lay the pass over the shot: all of it when the model can do it, else value by value as far as it can."""
    asked = stage.pass_map
    scope = stage.scope
    changes: dict[str, object] = {}
    if isinstance(asked.get("model"), str):
        name = scope.text(asked["model"], asked, "model")
        changes["model"] = stage.model_name(name, "video", lambda: asked.at("model"), "")
    if "duration" in asked and own.mode not in (Mode.V2V, Mode.EXTEND):
        changes["duration"] = _length(stage, asked["duration"], asked, "")
    if isinstance(asked.get("resolution"), str):
        changes["resolution"] = scope.text(asked["resolution"], asked, "resolution")
    chosen = _changed(stage, own, changes)
    if _refusal(stage, chosen):
        chosen = own
        for key, value in changes.items():
            chosen = _tried(stage, shot, chosen, key, value)
    if isinstance(asked.get("upscale"), str):
        chosen = _upscaled(stage, shot, chosen, scope.text(asked["upscale"], asked, "upscale"))
    return _retaken(stage, shot, chosen)


def _changed(stage: Stage, chosen: Choices, changes: Mapping[str, object]) -> Choices:
    """Return the choices with some changed; another model brings its own resolution where it lacks the old one."""
    trial = replace(chosen, **changes)
    row = stage.catalogue.model(trial.model)
    if "resolution" not in changes and row is not None and trial.resolution not in row.resolutions:
        return replace(trial, resolution=row.default_resolution)
    return trial


def _refusal(stage: Stage, trial: Choices) -> str:
    verdict = stage.verdict(
        trial.model, trial.mode, duration=trial.duration, aspect=trial.aspect,
        resolution=trial.resolution, images=trial.images, voices=trial.voices,
    )  # fmt: skip
    return "; ".join(verdict.reasons) if verdict.state is State.REFUSED else ""


def _tried(stage: Stage, shot: Shot, chosen: Choices, key: str, value: object) -> Choices:
    trial = _changed(stage, chosen, {key: value})
    why = _refusal(stage, trial)
    if not why:
        return trial
    kept = {"model": chosen.model, "duration": spoken(chosen.duration), "resolution": chosen.resolution}[key]
    stage.problems.note(
        "VS277",
        shot.map.at("id"),
        f"{shot.id} keeps {key} {kept} in pass '{stage.pass_name}': {why}",
        "nothing to do, unless you want it otherwise",
        shot.id,
    )
    return chosen


def _upscaled(stage: Stage, shot: Shot, chosen: Choices, size: str) -> Choices:
    if size == UPSCALE_NONE or stage.verdict(chosen.model, Mode.UPSCALE, resolution=size).state is not State.REFUSED:
        return replace(chosen, upscale=size)
    message = f"{shot.id} keeps upscale {chosen.upscale} in pass '{stage.pass_name}': {size} is not offered"
    stage.problems.note("VS277", shot.map.at("id"), message, "nothing to do, unless you want it otherwise", shot.id)
    return chosen


def _retaken(stage: Stage, shot: Shot, chosen: Choices) -> Choices:
    takes = whole(stage.pass_map, "takes", chosen.takes)
    if takes < 1 or takes == chosen.takes:
        return chosen
    if chosen.select > takes:
        message = (
            f"{shot.id} selects take {chosen.select}, but pass '{stage.pass_name}' makes {takes}: take {takes} is used"
        )
        stage.problems.note("VS278", shot.map.at("select"), message, "nothing to do", shot.id)
    return replace(chosen, takes=takes, select=min(chosen.select, takes))


def extended(ref: Ref | None) -> str:
    """Return the id of the shot that a reference leads to, or ""."""
    return ref.name if ref is not None and ref.to is To.SHOT else ""
