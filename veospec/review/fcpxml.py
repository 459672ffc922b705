"""The cut as FCPXML 1.10, for Final Cut Pro 10.6 and later and for DaVinci Resolve 18 and later.

Times are written as multiples of the frame duration (`n*100/2400s`), because Final Cut refuses an edit that is
not on a frame boundary. A file of another rate than the film's says that its speed stays: without that word Final Cut
would play 24 frames a second as 25. Source: Apple, FCPXML Reference and Document Type Definition 1.10,
developer.apple.com, 2026; the effect ids are those that Final Cut itself exports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from veospec.model import MediaFacts, Storyboard, TransitionKind
from veospec.review.conform import Shot, conform, relative_url, take_label
from veospec.review.safe import xml_text
from veospec.review.values import CutList, Event, Output

_CROSS_DISSOLVE = "FxPlug:4731E73A-8DAC-4113-9A30-AE85B1761265"
_FADE_TO_COLOUR = "FxPlug:F779C565-486D-4633-8035-0374B4DB8F5C"
_NAMED_SIZES = {(1280, 720): "720p", (1920, 1080): "1080p", (3840, 2160): "3840x2160p"}
_NAMED_RATES = (24, 25, 30, 50, 60)
_CONFORMED_RATES = {
    Fraction(24000, 1001): "23.98",
    Fraction(24): "24",
    Fraction(25): "25",
    Fraction(30000, 1001): "29.97",
    Fraction(30): "30",
    Fraction(48): "48",
    Fraction(50): "50",
    Fraction(60000, 1001): "59.94",
    Fraction(60): "60",
}
"""The source rates that the document type has words for."""
_SIZES = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (1080, 1080), "4:3": (1440, 1080), "3:4": (1080, 1440)}


def fcpxml_text(cut: CutList, storyboard: Storyboard, outputs: Iterable[Output]) -> str:
    """Return one project in one event; the other takes lie in the event as clips.

    Media paths are relative to the file. A shot without bytes is a gap of its length with the reason as a note.
    """
    shots = conform(cut, storyboard, outputs)
    resources = _Resources(cut, shots)
    title = xml_text(f"{storyboard.project.title or storyboard.project.code or 'Storyboard'} {cut.slug}")
    spare = {o.file: o for shot in shots for o in shot.others}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<!DOCTYPE fcpxml>",
        '<fcpxml version="1.10">',
        "  <resources>",
        *resources.lines(),
        "  </resources>",
        "  <library>",
        f'    <event name="{title}">',
        *(_browser_clip(o, resources) for o in spare.values()),
        f'      <project name="{title}">',
        f'        <sequence format="{resources.sequence}" duration="{_frames(cut.frames, cut.fps)}" tcStart="0s"'
        ' tcFormat="NDF" audioLayout="stereo" audioRate="48k">',
        "          <spine>",
        *_spine(shots, cut.fps, resources),
        "          </spine>",
        "        </sequence>",
        "      </project>",
        "    </event>",
        "  </library>",
        "</fcpxml>",
    ]
    return "\n".join(lines) + "\n"


class _Resources:
    """Formats, effects and assets, numbered in the order of their first use."""

    def __init__(self, cut: CutList, shots: Sequence[Shot]) -> None:
        self._formats: dict[tuple[int, int, Fraction], str] = {}
        self._assets: dict[str, tuple[str, Output]] = {}
        self._effects: dict[str, tuple[str, str]] = {}
        first = next((s.output.media for s in shots if s.output is not None and s.output.media), None)
        width, height = (first.width, first.height) if first else _SIZES.get(cut.aspect, _SIZES["16:9"])
        self.sequence = self.format(width, height, Fraction(cut.fps))
        for shot in shots:
            for output in (shot.output, *shot.others):
                if output is not None and output.media is not None:
                    self._asset(output, output.media)
            if shot.event.leaving is not None:
                self._effect(shot.event.leaving.kind)

    def _next(self) -> str:
        return f"r{len(self._formats) + len(self._assets) + len(self._effects) + 1}"

    def format(self, width: int, height: int, fps: Fraction) -> str:
        return self._formats.setdefault((width, height, fps), self._next())

    def _asset(self, output: Output, facts: MediaFacts) -> None:
        self.format(facts.width, facts.height, facts.fps or Fraction(24))
        self._assets.setdefault(output.file, (self._next(), output))

    def _effect(self, kind: TransitionKind) -> None:
        is_dissolve = kind is TransitionKind.DISSOLVE
        name, uid = ("Cross Dissolve", _CROSS_DISSOLVE) if is_dissolve else ("Fade To Color", _FADE_TO_COLOUR)
        self._effects.setdefault(name, (self._next(), uid))
        self._effects.setdefault("Audio Crossfade", (self._next(), "FFAudioTransition"))

    def asset_id(self, output: Output) -> str:
        return self._assets[output.file][0]

    def effect_id(self, name: str) -> str:
        return self._effects[name][0]

    def lines(self) -> list[str]:
        lines = [_format_line(found, size) for size, found in self._formats.items()]
        lines += [
            f'    <effect id="{found}" name="{name}" uid="{uid}"/>' for name, (found, uid) in self._effects.items()
        ]
        for found, output in self._assets.values():
            lines += self._asset_lines(found, output)
        return lines

    def _asset_lines(self, found: str, output: Output) -> list[str]:
        facts = output.media
        assert facts is not None  # only outputs with facts become assets
        fps = facts.fps or Fraction(24)
        name = xml_text(output.file.rpartition("/")[2])
        sound = ' hasAudio="1" audioSources="1" audioChannels="2" audioRate="48000"' if facts.has_audio else ""
        return [
            f'    <asset id="{found}" name="{name}" start="0s" duration="{_frames(facts.frames, fps)}" hasVideo="1"'
            f' format="{self.format(facts.width, facts.height, fps)}" videoSources="1"{sound}>',
            f'      <media-rep kind="original-media" src="./{xml_text(relative_url(output.file))}"/>',
            "    </asset>",
        ]


def _format_line(found: str, size: tuple[int, int, Fraction]) -> str:
    width, height, fps = size
    known = (width, height) in _NAMED_SIZES and fps in _NAMED_RATES
    name = f' name="FFVideoFormat{_NAMED_SIZES[width, height]}{fps}"' if known else ""
    return (
        f'    <format id="{found}"{name} frameDuration="{_frames(1, fps)}" width="{width}" height="{height}"'
        ' colorSpace="1-1-1 (Rec. 709)"/>'
    )


def _spine(shots: Sequence[Shot], fps: int, resources: _Resources) -> list[str]:
    lines: list[str] = []
    for index, shot in enumerate(shots):
        lines += _element(shot, fps, resources)
        leaving = shot.event.leaving
        if leaving is None:
            continue
        following = shots[index + 1].event if index + 1 < len(shots) else None
        has_sound = shot.event.has_audio and (following is None or following.has_audio)
        name = "Cross Dissolve" if leaving.kind is TransitionKind.DISSOLVE else "Fade To Color"
        at = shot.event.record_out - leaving.before
        lines.append(
            f'            <transition name="{name}" offset="{_frames(at, fps)}"'
            f' duration="{_frames(leaving.frames, fps)}">'
        )
        lines.append(f'              <filter-video ref="{resources.effect_id(name)}" name="{name}"/>')
        if has_sound:
            sound = resources.effect_id("Audio Crossfade")
            lines.append(f'              <filter-audio ref="{sound}" name="Audio Crossfade"/>')
        lines.append("            </transition>")
    return lines


def _element(shot: Shot, fps: int, resources: _Resources) -> list[str]:
    event = shot.event
    if shot.output is None or shot.output.media is None:
        return _gap(event, fps)
    facts = shot.output.media
    found = resources.format(facts.width, facts.height, facts.fps or Fraction(24))
    sound = ' audioRole="dialogue"' if facts.has_audio else ""
    opening = (
        f'            <asset-clip ref="{resources.asset_id(shot.output)}" name="{xml_text(shot.label)}"'
        f' offset="{_frames(event.record_in, fps)}" start="{_frames(event.source_in, fps)}"'
        f' duration="{_frames(event.frames, fps)}" format="{found}" tcFormat="NDF"{sound}'
    )
    inside = [] if facts.fps == fps else [f"              {_conform(facts.fps or Fraction(24))}"]
    inside += [
        f'              <marker start="{_frames(event.source_in, fps)}" duration="{_frames(1, fps)}"'
        f' value="{xml_text(text)}"/>'
        for text in shot.notes
    ]
    return [f"{opening}>", *inside, "            </asset-clip>"] if inside else [f"{opening}/>"]


def _conform(fps: Fraction) -> str:
    known = f' srcFrameRate="{_CONFORMED_RATES[fps]}"' if fps in _CONFORMED_RATES else ""
    return f'<conform-rate scaleEnabled="0"{known}/>'


def _gap(event: Event, fps: int) -> list[str]:
    note = xml_text(f"{event.shot}: {event.missing}")
    return [
        f'            <gap name="{xml_text(event.shot)}" offset="{_frames(event.record_in, fps)}" start="0s"'
        f' duration="{_frames(event.frames, fps)}">',
        f"              <note>{note}</note>",
        "            </gap>",
    ]


def _browser_clip(output: Output, resources: _Resources) -> str:
    facts = output.media
    if facts is None:
        return f"      <!-- {output.take} -->"
    fps = facts.fps or Fraction(24)
    found = resources.format(facts.width, facts.height, fps)
    return (
        f'      <asset-clip ref="{resources.asset_id(output)}" name="{xml_text(output.shot)} {take_label(output)}"'
        f' start="0s" duration="{_frames(facts.frames, fps)}" format="{found}" tcFormat="NDF"/>'
    )


def _frames(frames: int, fps: int | Fraction) -> str:
    """Return a time as a rational number of seconds that is a whole number of frames."""
    if frames == 0:
        return "0s"
    rate = Fraction(fps)
    scale = 100 if rate.denominator == 1 else 1
    return f"{frames * rate.denominator * scale}/{rate.numerator * scale}s"
