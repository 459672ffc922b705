"""Ids that can be file names, paths that stay inside, names that were probably meant, lengths with units."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veospec.spec.include import matches
from veospec.spec.names import did_you_mean, folded, id_fault, nearest, path_fault
from veospec.spec.units import UnitError, frames, seconds


@pytest.mark.parametrize("name", ["SH010", "a", "sc01.a-2", "A_b", "9", "console", "com10", "x" * 63])
def test_ids_of_films_are_allowed(name: str) -> None:
    assert id_fault(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../a", "/a", "a\\b", "a b", "a\n", "\0", "x" * 64, "CON", "con.mp4", "Lpt1", "a.", "a..b",
     "-a", "_a", "é", "ａ", "a:b", "a*", "nul", "$a", "COM0",
     "a\u200b"],
)  # fmt: skip
def test_ids_that_make_bad_file_names_are_not(name: str) -> None:
    assert id_fault(name)


@given(st.text(max_size=70))
def test_what_is_allowed_is_a_plain_file_name(name: str) -> None:
    if not id_fault(name):
        assert name.isascii()
        assert "/" not in name
        assert name not in (".", "..")
        assert len(name.encode()) <= 63


def test_names_that_a_file_system_takes_for_one() -> None:
    assert folded("SH010") == folded("sh010")
    assert folded("caf\u00e9") == folded("CAFE\u0301")


@pytest.mark.parametrize("path", ["a.png", "refs/a b.png", "./a.png", "refs/été.png", "a..b.png"])
def test_paths_below_the_folder(path: str) -> None:
    assert path_fault(path) == ""


@pytest.mark.parametrize(
    "path", ["", ".", "/etc/passwd", "../a.png", "refs/../../a.png", "~/a.png", "C:\\a.png", "c:/a.png", "refs\\a.png",
             "http://x/a.png"]
)  # fmt: skip
def test_paths_that_lead_elsewhere(path: str) -> None:
    assert path_fault(path)


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("a.yaml", "a.yaml", True), ("*.yaml", "a.yaml", True), ("*.yaml", "s/a.yaml", False),
        ("s/*.yaml", "s/a.yaml", True),
        ("**/*.yaml", "s/t/a.yaml", True), ("**/*.yaml", "a.yaml", True), ("s/**", "s/t/a.yaml", True),
        ("a?.yaml", "ab.yaml", True),
        ("a?.yaml", "a/.yaml", False), ("[a].yaml", "a.yaml", False), ("a.yaml", "axyaml", False),
    ],
)  # fmt: skip
def test_patterns_of_includes(pattern: str, path: str, is_match: bool) -> None:
    assert matches(pattern, path) is is_match


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("SH01O", ["SH010", "SH020"], "SH010"), ("ADA", ["ada", "bo"], "ada"), ("thermoss", ["thermos"], "thermos"),
        ("zzz", ["ada"], ""), ("x", [], ""),
        ("modle", ["mode", "model", "move"], "model"),
    ],
)  # fmt: skip
def test_the_nearest_name(name: str, known: list[str], meant: str) -> None:
    assert nearest(name, known) == meant


@pytest.mark.parametrize(
    ("name", "meant"), [("sh00042", "SH00042"), ("SH0042", "SH00042"), ("SH00O42", "SH00042"), ("quite else", "")]
)
def test_the_nearest_of_ten_thousand(name: str, meant: str) -> None:
    known = {f"SH{n:05d}": None for n in range(10_000)}
    found = nearest(name, known)
    assert bool(found) == bool(meant)
    if meant:
        assert found in known


def test_advice_lists_a_few_names_when_none_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a"], kind="styles") == "known styles: a, b"
    assert did_you_mean("zzz", [], kind="assets") == "declare it under 'assets'"


@pytest.mark.parametrize(
    ("value", "fps", "length"),
    [(8, 24, 8), (8.0, 24, 8), ("8s", 24, 8), ("8", 24, 8), ("1.5s", 24, Fraction(3, 2)), (0.1, 24, Fraction(1, 10)),
     ("192f", 24, 8),
     ("100f", 25, 4), (" 8 s ", 24, 8), ("8sec", 24, 8)],
)  # fmt: skip
def test_seconds(value: object, fps: int, length: Fraction) -> None:
    assert seconds(value, fps) == length


@pytest.mark.parametrize("value", ["", "soon", "8m", "1.5f", "-8s", "8 8", None, True, "1e3s", "٨s"])
def test_what_is_no_length(value: object) -> None:
    with pytest.raises(UnitError):
        seconds(value, 24)


def test_frames_need_a_unit_and_are_whole() -> None:
    assert frames("18f", 24) == 18
    assert frames("0.75s", 24) == 18
    for value in ("18", 18, "0.33s", "0.5f"):
        with pytest.raises(UnitError):
            frames(value, 24)
