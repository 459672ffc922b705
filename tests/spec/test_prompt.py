"""The final prompt: a fixed order, readable words, numbered markers."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veospec.spec.prompt import Parts, Spoken, compose, mark, tidy

SLOTS = {
    "ada": "@character_1",
    "livery": "@referenceImage_1",
    "a.b-c": "@referenceImage_2",
    "zephyr": "@referenceAudio_1",
}


def test_the_parts_come_in_a_fixed_order() -> None:
    text = compose(
        Parts(
            prompt="A ferry leaves.",
            style="35 mm film",
            size="EWS",
            move="slow push-in",
            dialogue=(Spoken("ADA", "Hold her.", Fraction(3, 2)), Spoken("", "Now.", None)),
            sfx="one horn",
            ambience="low hum",
            music="a harp!",
            avoid=("subtitles", "logos"),
        )
    )
    assert text.split("\n") == [
        "Style: 35 mm film.",
        "Extreme wide shot, slow push-in.",
        "A ferry leaves.",
        'At 1.5 s, ADA says: "Hold her."',
        'a voice says: "Now."',
        "Sound effects: one horn.",
        "Ambience: low hum.",
        "Music: a harp!",
        "Avoid: subtitles, logos.",
    ]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (Parts("x"), "x"),
        (Parts("x", size="CU"), "Close-up.\nx"),
        (Parts("x", size="macro of a leaf"), "macro of a leaf.\nx"),
        (Parts("x", move="locked off."), "Camera: locked off.\nx"),
        (Parts("x", music="none", ambience="None", sfx="off"), "x\nNo ambient sound.\nNo music."),
        (Parts("two\r\nlines \n\n end "), "two\nlines\n end"),
    ],
)
def test_what_is_not_said_is_left_out(parts: Parts, text: str) -> None:
    assert compose(parts) == text


@pytest.mark.parametrize(
    ("text", "result", "unknown", "mistaken"),
    [
        ("@ada waves", "@character_1 waves", (), ()),
        ("hull of @livery.", "hull of @referenceImage_1.", (), ()),
        ("@Ada's and @LIVERY", "@character_1's and @referenceImage_1", (), ()),
        ("@ada-like, @a.b-c.", "@character_1-like, @referenceImage_2.", (), ()),
        ("@zephyr @ada@livery", "@referenceAudio_1 @character_1@livery", (), ()),
        ("me@example.com and @@ada, @@@ada", "me@example.com and @ada, @@ada", (), ()),
        ("@bob and @bob.", "@bob and @bob.", ("bob",), ()),
        ("@@character_3 @@reference", "@character_3 @reference", (), ("@character_3",)),
        ("alone @ and @-", "alone @ and @-", (), ()),
    ],
)
def test_markers(text: str, result: str, unknown: tuple[str, ...], mistaken: tuple[str, ...]) -> None:
    marked = mark(text, SLOTS)
    assert (marked.text, marked.unknown, marked.mistaken) == (result, unknown, mistaken)


@given(st.text(st.sampled_from("@adlivery.-_ 1c"), max_size=40))
def test_every_service_marker_in_the_result_has_its_slot(text: str) -> None:
    marked = mark(text, SLOTS)
    if marked.unknown or marked.mistaken:
        return
    found = re.findall(r"(?<![\w@])@(?:character|referenceImage|referenceAudio|reference)_\d+", marked.text)
    assert set(found) <= set(SLOTS.values())


@given(st.text(max_size=60))
def test_tidying_twice_is_tidying_once(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert "\r" not in once
