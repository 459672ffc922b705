"""Judge one request against one row of a model table, in words; every reason, not only the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from msgspec import Struct

from veospec.catalog.values import Finding, Model, ModeLimits, Operation, State, Table, Unsure, Verdict
from veospec.model import Mode

MODE_WORDS = {
    Mode.T2V: "text to video",
    Mode.I2V: "a start frame",
    Mode.I2V_FL: "start and end frame",
    Mode.R2V: "references",
    Mode.V2V: "editing a clip",
    Mode.EXTEND: "extending a clip",
    Mode.IMAGE: "making stills",
    Mode.UPSCALE: "upscaling",
    Mode.JOIN: "joining",
}


class Asked(Struct, frozen=True):
    """One request as a verdict sees it; see `Catalogue.verdict` for the meaning of the fields."""

    name: str
    mode: Mode
    duration: Fraction | int | None
    aspect: str
    resolution: str
    images: int
    voices: int
    count: int
    plan_class: str


def judge(table: Table, row: Model | None, asked: Asked) -> Verdict:
    """Return the verdict on a request; `row` is what its model name means in the table."""
    if asked.mode is Mode.JOIN:
        return Verdict(State.ALLOWED)
    if row is None:
        return Verdict(State.UNLISTED, (_unlisted(table, asked.name),))
    if asked.mode is Mode.UPSCALE:
        return _judge_upscale(table, row, asked)
    limits = row.modes.get(asked.mode)
    if limits is None:
        return Verdict(State.REFUSED, (_no_mode(table, row, asked),))
    findings = (
        *_length(row, limits, asked),
        *_shape(row, asked),
        *_inputs(row, limits, asked),
        *_plan(table, row, limits, asked),
    )
    notes = (*_plan_notes(table, row, limits, asked), *_unsure(row.unsure, asked))
    return Verdict(State.REFUSED if findings else State.ALLOWED, findings, notes)


def _unlisted(table: Table, name: str) -> Finding:
    if name in table.retired:
        return Finding("model", f"{name} is not offered any more", table.retired[name])
    if others := table.elsewhere.get(name):
        return Finding("model", f"{name} is not in table {table.id}, only in {listed(others)}", "set as_of to choose")
    return Finding(
        "model",
        f"{name} is not in table {table.id}",
        "describe it in a catalogue overlay, or allow unknown models",
    )


def _no_mode(table: Table, row: Model, asked: Asked) -> Finding:
    able = [other.id for other in table.models if asked.mode in other.modes]
    advice = f"models that can: {listed(able)}" if able else ""
    if other_kind := {Mode.IMAGE: "video"}.get(asked.mode, "image" if row.kind == "image" else ""):
        words = {"video": "a video model and makes no stills", "image": "an image model and makes no clips"}
        return Finding("mode", f"{row.id} is {words[other_kind]}", advice)
    own = listed([str(mode) for mode in row.modes])
    return Finding("mode", f"{row.id} does not offer {MODE_WORDS[asked.mode]} ({asked.mode}), only {own}", advice)


def _length(row: Model, limits: ModeLimits, asked: Asked) -> Iterator[Finding]:
    seconds = asked.duration
    if seconds is None:
        return
    if limits.max_seconds is not None and seconds > limits.max_seconds:
        message = f"{row.id} edits at most {limits.max_seconds} s, not {number(seconds)} s"
        yield Finding("duration", message, "choose a shorter window")
    if limits.durations and seconds not in limits.durations:
        offered = lengths(limits.durations)
        message = f"{row.id} makes {offered} in {asked.mode}, not {number(seconds)} s"
        longer = [length for length in limits.durations if length > seconds]
        advice = f"take {min(longer)} s and trim it in the cut" if longer else f"take {max(limits.durations)} s"
        yield Finding("duration", message, advice)


def _shape(row: Model, asked: Asked) -> Iterator[Finding]:
    if asked.aspect and asked.aspect not in row.aspects:
        yield Finding("aspect", f"{row.id} does not make {asked.aspect}", f"it makes {listed(row.aspects)}")
    if asked.aspect == "auto" and asked.aspect in row.aspects and asked.images == 0:
        yield Finding("aspect", "aspect auto needs at least one reference or character", "write the ratio")
    if asked.resolution and row.resolutions and asked.resolution not in row.resolutions:
        advice = f"it makes {listed(row.resolutions)}; larger sizes come from upscale"
        yield Finding("resolution", f"{row.id} does not make {asked.resolution}", advice)
    if asked.resolution and not row.resolutions:
        yield Finding("resolution", f"{row.id} has no choice of resolution", "leave it out; upscale makes it larger")
    if not 1 <= asked.count <= row.max_count:
        yield Finding("count", f"{row.id} makes 1 to {row.max_count} variants at once, not {asked.count}")


def _inputs(row: Model, limits: ModeLimits, asked: Asked) -> Iterator[Finding]:
    where = f"{row.id} in {asked.mode}"
    if asked.images > limits.max_images:
        takes = f"takes {limits.max_images} pictures" if limits.max_images else "takes no reference pictures"
        advice = "every picture of a character counts" if limits.max_images else "leave references and characters out"
        yield Finding("images", f"{where} {takes}, not {asked.images}", advice)
    if asked.images < limits.min_images:
        yield Finding("images", f"{where} needs at least {limits.min_images} reference picture or character")
    if asked.voices > limits.max_voices:
        takes = f"takes {limits.max_voices} voice(s)" if limits.max_voices else "takes no voice"
        advice = "a character's own voice counts too" if limits.max_voices else "a voice needs references, or an edit"
        yield Finding("voices", f"{where} {takes}, not {asked.voices}", advice)


def _plan(table: Table, row: Model, limits: ModeLimits, asked: Asked) -> Iterator[Finding]:
    if not asked.plan_class:
        return
    mine = plan_title(table, asked.plan_class)
    if asked.plan_class not in row.plans:
        yield Finding("plan", f"{row.id} needs {plan_titles(table, row.plans)}; the plan is {mine}")
        return
    narrowed = limits.plans_for(asked.duration)
    if narrowed is not None and asked.plan_class not in narrowed:
        needs = plan_titles(table, narrowed)
        message = f"{number(asked.duration)} s on {row.id} needs {needs}; the plan is {mine}"
        open_lengths = [s for s in limits.durations if (limits.plans_for(s) or row.plans).count(asked.plan_class)]
        advice = f"this plan makes {lengths(open_lengths)}" if open_lengths else ""
        yield Finding("plan", message, advice)


def _plan_notes(table: Table, row: Model, limits: ModeLimits, asked: Asked) -> Iterator[Finding]:
    if row.plan_note:
        yield Finding("plan", f"{row.id}: {row.plan_note}")
    if asked.plan_class:
        return
    narrowed = limits.plans_for(asked.duration)
    if narrowed is not None:
        message = f"{number(asked.duration)} s on {row.id} needs {plan_titles(table, narrowed)}"
        yield Finding("plan", message)
    elif len(row.plans) < len(_paid(table)):
        yield Finding("plan", f"{row.id} needs {plan_titles(table, row.plans)}")


def _judge_upscale(table: Table, row: Model, asked: Asked) -> Verdict:
    action = next((op for op in table.operations if op.name == "upscale" and op.kind == row.kind), None)
    if action is None:
        return Verdict(State.UNLISTED, (Finding("mode", f"table {table.id} has no upscale of {row.kind}s"),))
    findings = tuple(_upscale_findings(table, row, action, asked))
    needs = action.plans_for(asked.resolution)
    notes = _unsure(action.unsure, asked)
    if not asked.plan_class and len(needs) < len(_paid(table)):
        message = f"upscale to {asked.resolution} needs {plan_titles(table, needs)}"
        notes = (Finding("plan", message), *notes)
    return Verdict(State.REFUSED if findings else State.ALLOWED, findings, notes)


def _upscale_findings(table: Table, row: Model, action: Operation, asked: Asked) -> Iterator[Finding]:
    if asked.resolution and asked.resolution not in action.resolutions:
        advice = f"sizes: {listed(action.resolutions)}"
        yield Finding("resolution", f"{row.kind}s are not upscaled to {asked.resolution}", advice)
    if action.models and row.id not in action.models:
        advice = f"it works for {listed(action.models)}"
        yield Finding("model", f"results of {row.id} cannot be upscaled", advice)
    needs = action.plans_for(asked.resolution)
    if asked.plan_class and asked.plan_class not in needs:
        mine = plan_title(table, asked.plan_class)
        yield Finding("plan", f"upscale to {asked.resolution} needs {plan_titles(table, needs)}; the plan is {mine}")


def _unsure(entries: Sequence[Unsure], asked: Asked) -> tuple[Finding, ...]:
    """Pick what the sources leave open about exactly the values that were asked for."""
    values = {
        "aspect": asked.aspect,
        "mode": str(asked.mode),
        "duration": "" if asked.duration is None else number(asked.duration),
        "resolution": asked.resolution,
        "images": str(asked.images) if asked.images else "",
        "voices": str(asked.voices) if asked.voices else "",
        "plan": asked.plan_class,
    }
    return tuple(
        Finding(entry.about, f"not sure: {entry.note}")
        for entry in entries
        if (value := values.get(entry.about, "")) and (not entry.values or value in entry.values)
    )


def _paid(table: Table) -> tuple[str, ...]:
    return tuple(name for name, plan in table.plans.items() if plan.micro_usd_per_credit is not None)


def plan_title(table: Table, plan_class: str) -> str:
    """Return the name people know a plan class by."""
    plan = table.plans.get(plan_class)
    return plan.title if plan else plan_class


def plan_titles(table: Table, classes: Iterable[str]) -> str:
    """Return `Google AI Pro or Google AI Ultra ($100)`."""
    return listed([plan_title(table, name) for name in classes], last="or")


def listed(words: Iterable[str], *, last: str = "and") -> str:
    """Return `a, b and c`."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else "nothing"


def lengths(seconds: Sequence[int]) -> str:
    """Return `4, 6 or 8 s`, or `3 to 15 s` for a run of more than four."""
    if len(seconds) > 4 and list(seconds) == list(range(seconds[0], seconds[-1] + 1)):
        return f"{seconds[0]} to {seconds[-1]} s"
    return f"{listed([str(length) for length in seconds], last='or')} s"


def number(value: Fraction | int | None) -> str:
    """Return `8`, `1.5`; at most three decimals."""
    if value is None:
        return "?"
    exact = Fraction(value)
    return str(exact.numerator) if exact.denominator == 1 else f"{float(exact):.3f}".rstrip("0").rstrip(".")
