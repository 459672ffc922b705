"""What the model table says of a shot or still, worded as problems at the places where the values are written.

No model is known by name here: every limit comes from the catalogue. What depends on the plan of an account is an
error when the plan class is known and a note when it is not; other providers than Flow have no plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from veospec.catalog.values import Finding, State, Verdict
from veospec.catalog.verdicts import number
from veospec.model import Location, Mode, Problem
from veospec.spec.modes import EVIDENCE, has
from veospec.spec.stage import Stage
from veospec.spec.tree import Map

_CODES = {
    "model": "VS240", "mode": "VS266", "duration": "VS267", "aspect": "VS268", "resolution": "VS269",
    "images": "VS270", "voices": "VS271", "plan": "VS272", "count": "VS290",
}  # fmt: skip
_UNSURE = "VS273"
_KEYS: Mapping[str, Sequence[str]] = {
    "images": ("references", "characters"),
    "voices": ("voices", "characters"),
    "count": ("takes",),
    "plan": ("model",),
}


def report(
    stage: Stage,
    verdict: Verdict,
    node: Map,
    *,
    mode: Mode,
    model: str,
    subject: str,
    duration: Fraction | None = None,
    fallback: Location | None = None,
) -> None:
    """Turn a verdict into problems. `fallback` is where a value counts as written that is nowhere."""
    if verdict.state is State.UNLISTED and mode is not Mode.UPSCALE:
        return  # `Stage.model_name` has said so
    for finding in verdict.findings:
        about = _about(stage, finding, mode, model, duration)
        place = place_of(stage, node, about, mode, fallback)
        message, advice = _words(stage, finding, mode, model, duration)
        problem = Problem(_CODES.get(finding.about, "VS266"), message, advice, place, subject)
        if is_own(node, place):
            stage.problems.add(problem)
        else:
            stage.problems.add_shared(problem)
    if not stage.is_by_plan:
        return
    for note in verdict.notes:
        place = place_of(stage, node, _about(stage, note, mode, model, duration), mode, fallback)
        code = _CODES["plan"] if note.about == "plan" else _UNSURE
        advice = note.advice or (ask_for_plan(stage) if note.about == "plan" else "try it with one take first")
        stage.problems.note(code, place, note.message, advice, subject)


def ask_for_plan(stage: Stage) -> str:
    """Return the advice of a note about plans."""
    return "nothing to do if the account may" if stage.plan_class else "name the plan with --plan-class"


def is_own(node: Map, place: Location) -> bool:
    """Tell whether a place is inside a shot rather than in `defaults`."""
    return any(node.at(key) == place for key in node)


def _about(stage: Stage, finding: Finding, mode: Mode, model: str, duration: Fraction | None) -> str:
    """A plan that does not cover a *length* is a matter of the length, not of the model."""
    limits = stage.catalogue.limits(model, mode)
    is_length = finding.about == "plan" and limits is not None and limits.plans_for(duration) is not None
    return "duration" if is_length else finding.about


def place_of(stage: Stage, node: Map, about: str, mode: Mode, fallback: Location | None) -> Location:
    """Return where the value that a finding is about is written: in the shot, in `defaults`, else its id."""
    keys = EVIDENCE.get(mode, ("model",)) if about == "mode" else _KEYS.get(about, (about,))
    for key in keys:
        if has(node, key):
            return node.at(key)
    found = next((key for key in (*keys, "model") if stage.written(node, key) is not None), "")
    if found:
        return stage.place(node, found)
    return fallback if fallback is not None else stage.place(node, "")


def _words(stage: Stage, finding: Finding, mode: Mode, model: str, duration: Fraction | None) -> tuple[str, str]:
    limits = stage.catalogue.limits(model, mode)
    if finding.about != "duration" or limits is None or not limits.durations:
        return finding.message, finding.advice or "choose another model or leave it out"
    offered = ", ".join(str(length) for length in limits.durations)
    row = stage.catalogue.model(model)
    where = f" in {mode}" if row is not None and row.durations() != limits.durations else ""
    return f"{number(duration)} s is not offered by {model}{where} ({offered})", finding.advice
