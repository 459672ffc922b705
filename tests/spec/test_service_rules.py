"""Every rule of the video service that a storyboard can break is an error before anything is sent.

Source of the rules: useapi.net Google Flow API v1 reference, POST /videos, June 2026. The model is inherited in each
row, so that what is tested are the rules after expansion and not the schema of one shot.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from spec_builders import compiled

from veospec.catalog.shipped import load_catalogue
from veospec.model import Severity

BEFORE = """veospec: 1
defaults: {model: MODEL}
assets: {a: a.png, b: b.png, c: c.png, d: d.png, e: e.png, f: f.png, g: g.png, h: h.png, clip: clip.mp4}
characters:
  one: {images: [a]}
  two: {images: [a, b], voice: Kore}
shots:
  - {id: BASE, prompt: x, model: veo-3.1-fast}
  - {id: SH010, prompt: TEXT, SHOT}
"""


def codes(model: str, shot: str, text: str = "x", **options: Any) -> list[str]:
    source = BEFORE.replace("MODEL", model).replace("TEXT", f'"{text}"').replace("SHOT", shot)
    return [p.code for p in compiled(source, **options).problems if p.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("rule", "model", "shot", "code"),
    [
        ("1 an end frame needs a start frame", "veo-3.1-fast", "end: a", "VS261"),
        ("2 frames exclude references", "veo-3.1-fast", "start: a, references: [b]", "VS262"),
        ("2 frames exclude characters", "veo-3.1-lite", "start: a, end: b, characters: [one]", "VS262"),
        ("2 frames exclude a source clip", "omni-flash", "start: a, edit: {source: clip, out: 48f}", "VS263"),
        ("2 frames exclude voices on Omni", "omni-flash", "start: a, voices: [Kore]", "VS262"),
        ("2 frames exclude voices on Veo", "veo-3.1-fast", "start: a, voices: [Kore]", "VS262"),
        ("4 an edit needs Omni", "veo-3.1-fast", "edit: {source: clip, out: 48f}", "VS266"),
        ("4 an edit excludes a duration", "omni-flash", "duration: 4s, edit: {source: clip, out: 48f}", "VS263"),
        ("4 an edit takes five pictures", "omni-flash",
         "edit: {source: clip, out: 48f}, references: [a, b, c, d, e, f]", "VS270"),
        ("4 an edit takes three voices", "omni-flash",
         "edit: {source: clip, out: 48f}, voices: [Kore, Puck, Zephyr, Leda]", "VS271"),
        ("5 the window ends after it begins", "omni-flash", "edit: {source: clip, in: 48f, out: 48f}", "VS274"),
        ("5 the window is at most ten seconds", "omni-flash", "edit: {source: clip, out: 241f}", "VS267"),
        ("6 a voice needs a picture", "veo-3.1-fast", "voices: [Kore]", "VS264"),
        ("6 a voice needs a picture on Omni", "omni-flash", "voices: [Kore]", "VS264"),
        ("6 a character's voice takes a slot", "veo-3.1-fast", "characters: [two], voices: [Puck]", "VS271"),
        ("7 three pictures on Veo", "veo-3.1-fast", "references: [a, b, c, d]", "VS270"),
        ("7 pictures of characters count", "veo-3.1-lite", "references: [c, d], characters: [two]", "VS270"),
        ("7 seven pictures on Omni", "omni-flash", "references: [a, b, c, d, e, f, g, h]", "VS270"),
        ("8 references on Veo take eight seconds", "veo-3.1-fast", "references: [a], duration: 6s", "VS267"),
        ("8 no references on quality", "veo-3.1-quality", "references: [a]", "VS266"),
        ("9 no characters on quality", "veo-3.1-quality", "characters: [one]", "VS266"),
        ("9 quality takes eight seconds", "veo-3.1-quality", "duration: 4s", "VS267"),
        ("13 a marker needs its slot", "veo-3.1-fast", "references: [a], music: '@b'", "VS281"),
        ("extend takes Veo clips only", "veo-3.1-fast", "extend: SH010", "VS250"),
        ("extend is not offered on Omni", "omni-flash", "extend: BASE", "VS266"),
        ("extend takes no references", "veo-3.1-fast", "extend: BASE, references: [a]", "VS270"),
        ("Omni makes two ratios", "omni-flash", 'aspect: "1:1"', "VS268"),
        ("Veo has one resolution", "veo-3.1-fast", "resolution: 360p", "VS269"),
        ("Veo makes 4, 6 and 8 seconds", "veo-3.1-fast", "duration: 7", "VS267"),
        ("Omni makes 4, 6, 8 and 10 seconds", "omni-flash", "duration: 5s", "VS267"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_an_error_before_anything_is_sent(rule: str, model: str, shot: str, code: str) -> None:
    assert codes(model, shot) == [code], rule


def test_a_length_that_is_not_offered_says_which_are() -> None:
    (problem,) = compiled("veospec: 1\nshots:\n  - {id: A, prompt: x, duration: 7}\n").problems
    assert problem.message == "7 s is not offered by veo-3.1-fast (4, 6, 8)"
    assert (problem.location.line, problem.location.column) == (3, 34)


@pytest.mark.parametrize(
    ("rule", "model", "shot", "allowed", "refused"),
    [
        ("10 four seconds on Veo need Ultra", "veo-3.1-fast", "duration: 4s", ("ultra-100", "ultra-200"), ("pro",)),
        ("11 low priority needs the large Ultra", "veo-3.1-lite-low-priority", "seed: 1", ("ultra-200",), ("pro",)),
        ("4K needs Ultra", "veo-3.1-fast", "upscale: 4k", ("ultra-100",), ("pro",)),
    ],
)  # fmt: skip
def test_a_rule_of_the_plan(
    rule: str, model: str, shot: str, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    for plan in allowed:
        assert codes(model, shot, provider="flow", plan_class=plan) == [], rule
    for plan in refused:
        assert codes(model, shot, provider="flow", plan_class=plan) != [], rule
        assert codes(model, shot, provider="local", plan_class=plan) == [], rule
    assert codes(model, shot, provider="flow") == [], rule


@pytest.mark.parametrize(
    ("shot", "june", "november"),
    [
        ("start: a, end: b", ["VS266"], []),
        ("start: a", [], []),
        ("resolution: 360p", ["VS104"], []),
    ],
)
def test_what_a_model_can_do_depends_on_the_day(shot: str, june: list[str], november: list[str]) -> None:
    assert codes("omni-flash", shot, catalogue=load_catalogue(as_of=date(2026, 6, 15))) == june
    assert codes("omni-flash", shot, catalogue=load_catalogue(as_of=date(2026, 11, 20))) == november


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("@one waves", None), ("@referenceImage_1 waves", None), ("@ReferenceIMAGE_1", None),
        ("@referenceImage_2", "VS280"), ("@character_1 waves", None), ("@character_2", "VS280"),
        ("@referenceAudio_1", "VS280"), ("@@reference_1", "VS282"),
    ],
)  # fmt: skip
def test_markers_and_their_slots(text: str, code: str | None) -> None:
    assert codes("veo-3.1-fast", "references: [a], characters: [one]", text) == ([code] if code else [])
