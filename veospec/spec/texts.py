"""The words of a shot or still in one cell: final prompt, captions, and what an animatic writes into the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from fractions import Fraction
from functools import lru_cache
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from veospec.model import Caption, Location, Mode
from veospec.spec.board import STILL, Shot, Still, entries, text_of
from veospec.spec.inputs import display_name, marker_slots
from veospec.spec.names import did_you_mean
from veospec.spec.prompt import NOTHING, Frame, Marked, Parts, Spoken, fill, frame_of, mark, plainly
from veospec.spec.stage import Stage
from veospec.spec.tree import Map, Seq
from veospec.spec.units import UnitError, seconds, spoken

LONGEST_PROMPT = 5_000
"""Source: useapi.net Google Flow API v1 reference, POST /videos, June 2026: the limit is not documented; one client of
the API stops at 5,000 characters.
"""

LETTERS_PER_SECOND = 17
"""How fast a line is read, for captions without an end.

Source: Netflix, "English Timed Text Style Guide", reading speed: 20 (adults) and 17 (children) characters a second.
"""

FASTEST_SPEECH = 24
"""Letters a second that nobody speaks clearly; a line that needs more does not fit its clip."""

SHORTEST_CAPTION = Fraction(1)
_START = Fraction(0)
NO_STYLE = "none"
BASE_STYLE = "base"


class Texts(Struct, frozen=True):
    """The words of one node. `plain` is its own prompt with names instead of markers."""

    prompt: str
    plain: str
    captions: tuple[Caption, ...] = ()


class Setting(Struct, frozen=True):
    """What is said around the words of a shot. `is_marked` tells that markers of that very shot are in it."""

    frame: Frame
    size: str
    move: str
    is_marked: bool


class _Voice(Struct):
    """One text after another, with the markers of one shot; `is_marked` tells that one was met."""

    stage: Stage
    subject: str
    item: Shot | Still
    absent: str = ""
    is_cast_unused: bool = False
    is_marked: bool = False

    def slots(self) -> tuple[dict[str, str], frozenset[str]]:
        """Return what the markers become, and the names that two slots share."""
        if self.absent or self.is_cast_unused:
            return {}, frozenset()
        if isinstance(self.item, Still):
            return marker_slots(self.item.references, self.item.characters, (), "reference")
        return marker_slots(self.item.references, self.item.characters, self.item.voices, "referenceImage")

    def say(self, value: str, holder: Map | Seq, key: str | int) -> str:
        """Fill in variables and number the markers."""
        text = self.stage.scope.text(value, holder, key)
        if "@" not in text:
            return text
        self.is_marked = True
        slots, shared = self.slots()
        marked = mark(text, slots)
        if marked.unknown or marked.mistaken or shared:
            twice = [name for name in sorted(shared) if f"@{name}" in text.lower()]
            self._report(marked, twice, slots, holder.at(key))  # type: ignore[arg-type]
        return marked.text

    def _report(self, marked: Marked, twice: Sequence[str], slots: Mapping[str, str], place: Location) -> None:
        problems, board = self.stage.problems, self.stage.board
        declared = {*board.assets, *board.stills, *board.characters, *board.voices}
        for name in marked.unknown:
            if self.absent:
                problems.error("VS283", place, f"'@{name}': {self.absent}", "write the words without '@'", self.subject)
            elif name in declared:
                message = f"'@{name}' is not an input of {self.subject}"
                advice = "add it to references, characters or voices, or write '@@' for a plain @"
                problems.error("VS281", place, message, advice, self.subject)
            else:
                known = {*declared, *(own for own in slots if not slots[own].lower().endswith(own))}
                advice = did_you_mean(name, known, more="write '@@' for a plain @")
                problems.error("VS280", place, f"'@{name}' names no input", advice, self.subject)
        for literal in marked.mistaken:
            message = f"the text '{literal}' would be taken for an input by the service"
            problems.error("VS282", place, message, "write it differently", self.subject)
        for name in twice:
            message = f"'@{name}' could be two inputs of {self.subject}"
            problems.error("VS284", place, message, "rename one of them", self.subject)


def shot_setting(stage: Stage, shot: Shot, mode: Mode) -> Setting:
    """Return what is said around the words of a shot in a cell."""
    voice = _voice_of(stage, shot, mode)
    node = shot.map

    def said(key: str) -> str:
        found = stage.written(node, key)
        return voice.say(found[0], found[1], key).strip() if found is not None and isinstance(found[0], str) else ""

    size, move = said("size"), said("move")
    parts = Parts(
        prompt="",
        style=_style(stage, voice, (node, shot.scene_map, stage.defaults)),
        size=size,
        move=move,
        sfx=said("sfx"),
        ambience=said("ambience"),
        music=said("music"),
        avoid=_avoid(node, voice, stage.defaults),
    )
    return Setting(frame_of(parts), size, move, voice.is_marked)


def shot_texts(stage: Stage, shot: Shot, mode: Mode, duration: Fraction, setting: Setting) -> Texts:
    """Return the words of a shot in a cell."""
    node = shot.map
    raw = text_of(node, "prompt")
    prompt = written = stage.scope.text(raw, node, "prompt")
    is_marked = "@" in written
    lines: tuple[Spoken, ...] = ()
    captions: tuple[Caption, ...] = ()
    if is_marked or "dialogue" in node or shot.characters:
        voice = _voice_of(stage, shot, mode)
        lines, captions = _dialogue(stage, shot, voice, duration)
        prompt = voice.say(raw, node, "prompt") if is_marked else written
        prompt = _with_cast(stage, shot, voice, prompt) if shot.characters else prompt
    if not written.strip():
        _tell_empty(stage, node, shot.id)
    final = _final(stage, setting.frame, prompt, lines, node, shot.id)
    return Texts(final, _plain(stage, shot, written) if is_marked else written, captions)


def _voice_of(stage: Stage, shot: Shot, mode: Mode) -> _Voice:
    absent = "the prompt of an extension takes no markers" if mode is Mode.EXTEND else ""
    return _Voice(stage, shot.id, shot, absent, is_cast_unused=mode in (Mode.I2V, Mode.I2V_FL, Mode.T2V))


def still_texts(stage: Stage, still: Still) -> tuple[Texts, str]:
    """Return the words of a still, and its size. The look of the film goes into it only where it names a style."""
    subject = STILL + still.name
    voice = _Voice(stage, subject, still)
    node = still.map
    written = stage.scope.text(text_of(node, "prompt"), node, "prompt")
    size = voice.say(text_of(node, "size"), node, "size").strip()
    parts = Parts(
        prompt="",
        style=_style(stage, voice, (node,)) if text_of(node, "style") else "",
        size=size,
        avoid=_avoid(node, voice, None),
    )
    prompt = _with_cast(stage, still, voice, voice.say(text_of(node, "prompt"), node, "prompt"))
    if not written.strip():
        _tell_empty(stage, node, subject)
    return Texts(_final(stage, frame_of(parts), prompt, (), node, subject), _plain(stage, still, written)), size


def _plain(stage: Stage, item: Shot | Still, text: str) -> str:
    """Return how people read a prompt."""
    if "@" not in text:
        return text
    figures = (stage.board.characters.get(use.name) for use in item.characters)
    return plainly(text, {f.name.lower(): display_name(stage, f) for f in figures if f is not None})


def _with_cast(stage: Stage, item: Shot | Still, voice: _Voice, prompt: str) -> str:
    """Put what the characters look like before the prompt, one line each."""
    lines = []
    for use in item.characters:
        figure = stage.board.characters.get(use.name)
        if figure is not None and (look := text_of(figure.map, "describe")):
            who = voice.slots()[0].get(use.name.lower(), "")
            name = display_name(stage, figure)
            words = stage.scope.text(look, figure.map, "describe").strip().rstrip(". ")
            if not words:
                continue
            lines.append(f"{who or name} is {name}: {words}." if who else f"{name}: {words}.")
    return "\n".join([*lines, prompt])


def _style(stage: Stage, voice: _Voice, owners: Sequence[Map | None]) -> str:
    """Return the look that the first of the owners names (the shot, its scene, `defaults`); else the base."""
    owner = next((each for each in owners if each is not None and text_of(each, "style")), None)
    name = text_of(owner, "style")
    if owner is None or name == BASE_STYLE:
        if stage.style_place is None:
            return ""
        return voice.say(stage.style_text, *stage.style_place)
    name = stage.scope.text(name, owner, "style")
    if name == NO_STYLE:
        return ""
    variant = stage.board.variants.get(name)
    if isinstance(variant, str):
        return voice.say(variant, stage.board.variants, name)
    known = [*stage.board.variants, BASE_STYLE, NO_STYLE]
    advice = did_you_mean(name, known, more=f"styles: {', '.join(known)}")
    stage.problems.error("VS245", owner.at("style"), f"there is no style '{name[:60]}'", advice, voice.subject)
    return ""


def _avoid(node: Map, voice: _Voice, defaults: Map | None) -> tuple[str, ...]:
    owner = node if "avoid" in node else defaults
    words = (voice.say(v, h, k).strip() for v, h, k in entries(owner, "avoid") if isinstance(v, str))
    return tuple(dict.fromkeys(word for word in words if word.lower() not in NOTHING))


def _dialogue(
    stage: Stage, shot: Shot, voice: _Voice, duration: Fraction
) -> tuple[tuple[Spoken, ...], tuple[Caption, ...]]:
    lines: list[Spoken] = []
    captions: list[tuple[Caption, Map]] = []
    for entry, _, _ in entries(shot.map, "dialogue"):
        if not isinstance(entry, Map) or not text_of(entry, "line"):
            continue
        line = " ".join(voice.say(entry["line"], entry, "line").split())
        if not line:
            message, advice = "a line of dialogue without words", "write what is said, or remove it"
            stage.problems.warning("VS295", entry.at("line"), message, advice, shot.id)
            continue
        said_by, shown = _speaker(stage, shot, voice, entry)
        at = _when(stage, entry, "at", shot.id)
        until = _when(stage, entry, "until", shot.id)
        lines.append(Spoken(said_by, line, at))
        begin = at or _START
        end = until if until is not None else _read_at(begin, len(line))
        captions.append((Caption(shown, line, begin, end), entry))
    return tuple(lines), tuple(_fitted(stage, shot, captions, duration))


@lru_cache(maxsize=4_096)
def _read_at(begin: Fraction, letters: int) -> Fraction:
    """Return when a line that begins then has been read; it stands for whole tenths of a second."""
    return begin + max(SHORTEST_CAPTION, Fraction(ceil(10 * letters / LETTERS_PER_SECOND), 10))


def _speaker(stage: Stage, shot: Shot, voice: _Voice, entry: Map) -> tuple[str, str]:
    """Return who speaks, for the prompt and for people."""
    name = stage.scope.text(text_of(entry, "who"), entry, "who").strip()
    figure = stage.board.characters.get(name)
    if figure is not None:
        shown = display_name(stage, figure)
        slot = voice.slots()[0].get(name.lower()) if any(use.name == name for use in shot.characters) else None
        return slot or shown, shown
    near = stage.near_speaker(name) if name else ""
    if near.startswith("did you mean"):
        message = f"'{name[:60]}' speaks, but is no character"
        stage.problems.warning("VS242", entry.at("who"), message, near, shot.id)
    return name, name


def _when(stage: Stage, entry: Map, key: str, subject: str) -> Fraction | None:
    if entry.get(key) is None:
        return None
    written = stage.scope.filled(entry, key)
    try:
        return seconds(written, stage.project.fps)
    except UnitError as fault:
        stage.problems.error("VS292", entry.at(key), f"{key}: '{written}' {fault}", "write 1.5s or 36f", subject)
        return None


def _fitted(stage: Stage, shot: Shot, captions: list[tuple[Caption, Map]], duration: Fraction) -> list[Caption]:
    """End every caption before the next one and before the clip does; say what does not fit."""
    fitted = []
    for number, (caption, entry) in enumerate(captions):
        following = captions[number + 1][0].at if number + 1 < len(captions) else duration
        until, trouble = _span(
            len(caption.line), caption.at, caption.until, following, duration, is_cut="until" in entry
        )
        if trouble is not None:
            _tell_trouble(stage, shot, caption, entry, duration, trouble)
        if until is not None:
            fitted.append(caption if until == caption.until else replace(caption, until=until))
    return fitted


class _Trouble(Enum):
    """What does not fit about a caption."""

    BEGINS_LATE = auto()
    ENDS_LATE = auto()
    ENDS_FIRST = auto()
    TOO_FAST = auto()


@lru_cache(maxsize=4_096)
def _span(
    letters: int, at: Fraction, until: Fraction, following: Fraction, duration: Fraction, *, is_cut: bool
) -> tuple[Fraction | None, _Trouble | None]:
    """Return when a caption ends, None when it is not seen at all, and what does not fit.

    `is_cut` tells that its end is written. A film says much in the same few lengths, and exact fractions are slow.
    """
    trouble = None
    if at >= duration:
        trouble = _Trouble.BEGINS_LATE
    elif is_cut and until > duration:
        trouble = _Trouble.ENDS_LATE
    elif is_cut and until <= at:
        trouble = _Trouble.ENDS_FIRST
    elif Fraction(letters, FASTEST_SPEECH) > duration - at:
        trouble = _Trouble.TOO_FAST
    end = min(until, min(duration, following) if following > at else duration)
    return (end if at < end else None), trouble


def _tell_trouble(
    stage: Stage, shot: Shot, caption: Caption, entry: Map, duration: Fraction, trouble: _Trouble
) -> None:
    warn = stage.problems.warning
    if trouble is _Trouble.BEGINS_LATE:
        message = f"the line begins at {spoken(caption.at)}, but the clip ends at {spoken(duration)}"
        warn("VS295", entry.at("at"), message, "begin it earlier, or make the clip longer", shot.id)
    elif trouble is _Trouble.ENDS_LATE:
        message = f"the line ends at {spoken(caption.until)}, but the clip ends at {spoken(duration)}"
        warn("VS295", entry.at("until"), message, "end it earlier, or make the clip longer", shot.id)
    elif trouble is _Trouble.ENDS_FIRST:
        message = "the line ends before it begins"
        stage.problems.error("VS295", entry.at("until"), message, "write a later end", shot.id)
    else:
        message = f"nobody can say {len(caption.line)} letters in the {spoken(duration - caption.at)} that are left"
        warn("VS295", entry.at("line"), message, "shorten the line, or begin it earlier", shot.id)


def _tell_empty(stage: Stage, node: Map, subject: str) -> None:
    if "prompt" in node:
        stage.problems.error("VS285", node.at("prompt"), "the prompt is empty", "say what is seen", subject)


def _final(stage: Stage, frame: Frame, prompt: str, lines: Sequence[Spoken], node: Map, subject: str) -> str:
    text = fill(frame, prompt, lines)
    if len(text) > LONGEST_PROMPT:
        message = f"the final prompt has {len(text):,} characters (the service may stop at {LONGEST_PROMPT:,})"
        stage.problems.warning("VS286", node.at("prompt"), message, "shorten prompt, style or dialogue", subject)
    return text
