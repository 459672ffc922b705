"""Fill the slots of a request: files, stills, frames, voices and characters, and the markers that name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from veospec.model import (
    Character,
    FileSource,
    Input,
    Location,
    NodeSource,
    OwnVoice,
    PresetVoice,
)
from veospec.spec.board import STILL, Figure, Ref, Shot, Still, To, Use, text_of
from veospec.spec.names import did_you_mean, nfc, path_fault, tidy
from veospec.spec.stage import Stage
from veospec.spec.tree import Map


def shot_inputs(stage: Stage, shot: Shot) -> tuple[Input, ...]:
    """Return the filled slots of a shot in slot order; what cannot be filled is reported and left out."""
    if not (shot.refs or shot.characters or shot.voices):
        return ()
    filled: list[Input] = []
    for slot, ref in (("start", shot.start), ("end", shot.end), ("source", shot.extend or shot.edit)):
        if ref is not None and (entry := _filled(stage, slot, ref, shot.id)):
            filled.append(entry)
    if shot.references or shot.characters:
        filled += _cast(stage, shot.references, shot.characters, shot.id)
    for number, use in enumerate(shot.voices, 1):
        if voice := voice_of(stage, use.name, use.place, shot.id):
            filled.append(Input(f"voice_{number}", voice, use.place))
    return tuple(filled)


def still_inputs(stage: Stage, still: Still) -> tuple[Input, ...]:
    """Return the filled slots of a still."""
    return tuple(_cast(stage, still.references, still.characters, STILL + still.name))


def _cast(stage: Stage, references: Sequence[Ref], characters: Sequence[Use], subject: str) -> Iterable[Input]:
    for number, ref in enumerate(references, 1):
        if entry := _filled(stage, f"reference_{number}", ref, subject):
            yield entry
    for number, use in enumerate(characters, 1):
        if figure := stage.board.characters.get(use.name):
            yield Input(f"character_{number}", character_of(stage, figure, use.place), use.place)


def _filled(stage: Stage, slot: str, ref: Ref, subject: str) -> Input | None:
    source = source_of(stage, ref, subject)
    return Input(slot, source, ref.place) if source is not None else None


def source_of(stage: Stage, ref: Ref, subject: str) -> FileSource | NodeSource | None:
    """Return what a reference means in a cell, or None when it is not made there."""
    if ref.to is To.ASSET:
        return asset_of(stage, ref.name)
    if ref.to is To.PATH:
        stage.paths.setdefault(ref.name, ref.place)
        return FileSource(ref.name)
    item: Shot | Still | None
    if ref.to is To.STILL:
        item = stage.board.stills.get(ref.name)
        node = stage.still_id(ref.name)
    else:
        item = stage.board.shots.get(ref.name)
        node = stage.shot_id(ref.name)
    if item is None or item.is_omitted:
        return None
    if not stage.has_item(item):
        stage.problems.error(
            "VS248",
            ref.place,
            f"'{ref.item}' is excluded in {stage.cell.label}",
            f"exclude {subject} there too, or take '{ref.item}' out of 'matrix.exclude'",
            subject,
        )
        return None
    return NodeSource(node, ref.frame)


def asset_of(stage: Stage, name: str) -> FileSource | None:
    """Return the file of an asset; its path may hold variables."""
    if name not in stage.assets:
        stage.assets[name] = _asset(stage, name)
    return stage.assets[name]


def _asset(stage: Stage, name: str) -> FileSource | None:
    written = stage.board.assets.get(name)
    if not isinstance(written, str):
        return None
    path = stage.scope.verbatim(written, stage.board.assets, name)
    place = stage.board.assets.at(name)
    if fault := path_fault(path):
        stage.problems.error(
            "VS206", place, f"the path '{written[:80]}' {fault}", "use files below the storyboard's folder", name
        )
        return None
    path = tidy(path)
    stage.paths.setdefault(path, place)
    return FileSource(path, name)


def character_of(stage: Stage, figure: Figure, used_at: Location) -> Character:
    """Return a character as it is made for a cell."""
    scope = stage.scope
    images = tuple(s for ref in figure.images if (s := source_of(stage, ref, figure.name)) is not None)
    place = figure.map.at("voice") if figure.voice else used_at
    return Character(
        name=figure.name,
        display_name=display_name(stage, figure),
        notes=scope.text(text_of(figure.map, "notes"), figure.map, "notes"),
        images=images,
        voice=voice_of(stage, nfc(figure.voice), place, figure.name) if figure.voice else None,
    )


def display_name(stage: Stage, figure: Figure) -> str:
    """Return the name that people see."""
    return stage.scope.text(text_of(figure.map, "name"), figure.map, "name") or figure.name


def check_cast(stage: Stage) -> None:
    """Resolve every character and voice that is declared, used or not, so that each mistake is told."""
    for figure in stage.board.characters.values():
        character_of(stage, figure, figure.map.here)
    for name, own in stage.board.voices.items():
        if isinstance(own, Map):
            _own_voice(stage, name, own)


def voice_of(stage: Stage, name: str, place: Location, subject: str) -> PresetVoice | OwnVoice | None:
    """Return a voice of the storyboard, or a system voice by any letter case."""
    own = stage.board.voices.get(name)
    if isinstance(own, Map):
        return _own_voice(stage, name, own)
    preset = stage.catalogue.voice(name)
    if preset is not None:
        return PresetVoice(preset)
    known = [*stage.board.voices, *stage.catalogue.voices]
    advice = did_you_mean(
        name, known, more="use a system voice ('veospec models' lists them) or declare it under 'voices'"
    )
    stage.problems.error("VS243", place, f"there is no voice '{name[:60]}'", advice, subject)
    return None


def _own_voice(stage: Stage, name: str, own: Map) -> PresetVoice | OwnVoice | None:
    written = stage.scope.text(text_of(own, "preset"), own, "preset")
    preset = stage.catalogue.voice(written)
    if preset is None:
        if written:
            advice = did_you_mean(written, stage.catalogue.voices, more="'veospec models' lists the system voices")
            stage.problems.error("VS243", own.at("preset"), f"there is no system voice '{written[:60]}'", advice, name)
        return None
    scope = stage.scope
    line, performance = (scope.text(text_of(own, key), own, key) for key in ("line", "performance"))
    return OwnVoice(name, preset, line, performance) if line or performance else PresetVoice(preset)


def marker_slots(
    references: Sequence[Ref], characters: Sequence[Use], voices: Sequence[Use], picture: str
) -> tuple[dict[str, str], frozenset[str]]:
    """Return what each marker (in lower case) becomes, and the names that two slots share.

    `picture` is the service's word for a reference: `referenceImage` in videos, `reference` in stills.
    """
    slots: dict[str, str] = {}
    shared: set[str] = set()
    groups: tuple[tuple[str, Sequence[Ref | Use]], ...] = (
        (picture, references),
        ("character", characters),
        ("referenceAudio", voices),
    )
    for marker, uses in groups:
        for number, use in enumerate(uses, 1):
            slot = f"@{marker}_{number}"
            name = use.name.lower()
            if slots.get(name, slot) != slot:
                shared.add(name)
            slots[name] = slot
            slots[slot[1:].lower()] = slot
    return slots, frozenset(shared)
