"""The cut as OpenTimelineIO: tracks, transitions, all takes as media references, notes as markers, relative media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from veospec.model import Storyboard, TransitionKind
from veospec.review.conform import Shot, conform, relative_url, take_label
from veospec.review.provenance import IPTC_BASE, UNKNOWN
from veospec.review.values import CutList, Event, Output, Transition

_SPACE = "veospec"


def otio_text(cut: CutList, storyboard: Storyboard, outputs: Iterable[Output]) -> str:
    """Return one timeline as `.otio` JSON.

    Positions are frames at the project's rate from 0. A clip's active media is the take in the cut, its other
    takes and upscales are further references under their labels. Media paths are relative to the file's folder.
    """
    shots = conform(cut, storyboard, outputs)
    timeline = otio.schema.Timeline(name=f"{storyboard.project.title or storyboard.project.code} {cut.slug}".strip())
    timeline.metadata[_SPACE] = {
        "version": 1,
        "aspect": cut.aspect,
        "cell": dict(cut.cell.axes),
        "spec": storyboard.file,
        "handles": storyboard.project.handles,
    }
    timeline.tracks.append(_track("V1", otio.schema.TrackKind.Video, shots, cut.fps))
    if any(shot.event.has_audio for shot in shots):
        timeline.tracks.append(_track("A1", otio.schema.TrackKind.Audio, shots, cut.fps))
    return str(otio.adapters.write_to_string(timeline, "otio_json", indent=2)) + "\n"


def _track(name: str, kind: str, shots: Sequence[Shot], fps: int) -> Any:
    track = otio.schema.Track(name=name, kind=kind)
    is_sound = kind == otio.schema.TrackKind.Audio
    for index, shot in enumerate(shots):
        silent = is_sound and not shot.event.has_audio
        track.append(_gap(shot.event, fps) if silent else _clip(shot, fps, with_markers=not is_sound))
        leaving = shot.event.leaving
        if leaving is None:
            continue
        following = shots[index + 1].event if index + 1 < len(shots) else None
        if not is_sound or _both_sound(shot.event, following):
            track.append(_transition(leaving, fps))
    return track


def _both_sound(event: Event, following: Event | None) -> bool:
    return event.has_audio and (following is None or following.has_audio)


def _clip(shot: Shot, fps: int, *, with_markers: bool) -> Any:
    event = shot.event
    clip = otio.schema.Clip(name=shot.label, source_range=_range(event.source_in, event.frames, fps))
    active = f"T{event.take:02}"
    references = {take_label(o): _reference(o) for o in shot.others}
    references[active] = _reference(shot.output) if shot.output is not None else _missing(event, fps)
    clip.set_media_references(references, active)
    clip.metadata[_SPACE] = {
        "shot": event.shot,
        "scene": event.scene,
        "node": event.node,
        "take": event.take,
        "digest": event.digest,
        "missing": event.missing,
        "overlap": event.overlap,
    }
    for text in shot.notes if with_markers else ():
        clip.markers.append(
            otio.schema.Marker(
                name=text,
                marked_range=_range(event.source_in, 1, fps),
                color=otio.schema.MarkerColor.GREEN if text.startswith("done") else otio.schema.MarkerColor.YELLOW,
            )
        )
    return clip


def _reference(output: Output) -> Any:
    facts = output.media
    fps = facts.fps if facts is not None and facts.fps is not None else Fraction(24)
    available = otio.opentime.TimeRange(_time(0, fps), _time(facts.frames, fps)) if facts is not None else None
    reference = otio.schema.ExternalReference(target_url=relative_url(output.file), available_range=available)
    reference.name = output.file.rpartition("/")[2]
    reference.metadata[_SPACE] = {
        "digest": output.digest,
        "provider": output.provider,
        "model": output.model,
        "seed": output.seed,
        "digital_source_type": UNKNOWN if output.source_type == UNKNOWN else IPTC_BASE + output.source_type,
    }
    return reference


def _missing(event: Event, fps: int) -> Any:
    return otio.schema.MissingReference(name=event.missing, available_range=_range(0, event.media_frames, fps))


def _gap(event: Event, fps: int) -> Any:
    return otio.schema.Gap(source_range=_range(0, event.frames, fps))


def _transition(leaving: Transition, fps: int) -> Any:
    is_dissolve = leaving.kind is TransitionKind.DISSOLVE
    kinds = otio.schema.TransitionTypes
    transition = otio.schema.Transition(
        name="Dissolve" if is_dissolve else "Fade through black",
        transition_type=kinds.SMPTE_Dissolve if is_dissolve else kinds.Custom,
        in_offset=_time(leaving.before, Fraction(fps)),
        out_offset=_time(leaving.after, Fraction(fps)),
    )
    transition.metadata[_SPACE] = {"kind": leaving.kind.value}
    return transition


def _range(start: int, frames: int, fps: int) -> Any:
    return otio.opentime.TimeRange(_time(start, Fraction(fps)), _time(frames, Fraction(fps)))


def _time(frames: int, fps: Fraction) -> Any:
    return otio.opentime.RationalTime(frames, float(fps))
