"""Captions and shot lists: the right seconds, and nothing a player or a spreadsheet would obey."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

import pytest
from msgspec.structs import replace
from review_boards import board, extension, ferry, shot, take

from veospec.model import Burn, Caption, Cut, Node, Scene
from veospec.review.captions import cues, srt, vtt
from veospec.review.cut import build_cuts
from veospec.review.manifest import output_of
from veospec.review.shotlist import HEADER, shot_list_csv, shot_list_markdown
from veospec.review.values import CutList


def spoken(name: str, *lines: tuple[float, float, str], **fields: object) -> Node:
    captions = tuple(Caption("ADA", line, Fraction(at), Fraction(until)) for at, until, line in lines)
    return shot(name, burn=Burn(captions=captions), **fields)


def cut_of(*nodes: Node, handles: int = 0) -> CutList:
    return build_cuts(board(*nodes, handles=handles), [output_of(take(n)) for n in nodes])[0]


@pytest.mark.parametrize(
    ("line", "head", "tail", "expected"),
    [
        ((2, 4), 0, 0, (10, 12)),
        ((2, 4), 24, 0, (9, 11)),
        ((2, 4), 72, 0, (8, 9)),
        ((2, 4), 96, 0, None),
        ((6, 9), 0, 24, (14, 15)),
        ((7.5, 9), 0, 24, None),
        ((0, 0.05), 0, 0, None),
    ],
)
def test_a_line_moves_with_the_cut(
    line: tuple[float, float], head: int, tail: int, expected: tuple[int, int] | None
) -> None:
    nodes = (shot("SH1"), spoken("SH2", (*line, "Now."), cut=Cut(head, tail)))
    found = [(c.at, c.until) for c in cues(cut_of(*nodes), board(*nodes))]
    assert found == ([expected] if expected else [])


def test_a_line_in_an_extension_counts_from_after_the_overlap() -> None:
    first = shot("SH1")
    more = replace(extension("SH2", first), burn=Burn(captions=(Caption("", "Go.", Fraction(3), Fraction(4)),)))
    [cue] = cues(cut_of(first, more), board(first, more))
    assert (cue.at, cue.until) == (8 + 3 - 1, 8 + 4 - 1)


def test_subrip() -> None:
    node = spoken("SH1", (1.5, 3.25, "Hold <i>her</i>\n\n --> there."), (4, 5, "{\\an8}夜だ。"), (5, 6, " \n "))
    text = srt(cut_of(node), board(node))
    assert text == (
        "1\n00:00:01,500 --> 00:00:03,250\nHold ‹i>her‹/i>\n→ there.\n\n"
        "2\n00:00:04,000 --> 00:00:05,000\n(\\an8}夜だ。\n"
    )


def test_webvtt() -> None:
    node = spoken("SH1", (1.5, 3.25, "Hold <i>her</i> --> there & now."))
    text = vtt(cut_of(node), board(node))
    assert text == (
        "WEBVTT\n\n00:00:01.500 --> 00:00:03.250\n<v ADA>Hold &lt;i&gt;her&lt;/i&gt; --&gt; there &amp; now.\n"
    )


def test_a_cut_without_dialogue_still_gives_files() -> None:
    node = shot("SH1")
    assert srt(cut_of(node), board(node)) == ""
    assert vtt(cut_of(node), board(node)) == "WEBVTT\n"


def test_the_shot_list_as_csv() -> None:
    storyboard, takes = ferry()
    outputs = [output_of(t) for t in takes]
    rows = list(csv.DictReader(io.StringIO(shot_list_csv(storyboard, outputs, build_cuts(storyboard, outputs)))))
    assert tuple(rows[0]) == HEADER
    assert [(r["shot"], r["cell"]) for r in rows] == [
        *((name, cell) for cell in ("16:9", "9:16") for name in ("SH010", "SH020")),
        *((name, cell) for cell in ("16:9", "9:16") for name in ("SH070", "SH080")),
    ]
    assert rows[0]["status"] == "done"
    assert rows[1]["dialogue"] == "ADA: Hold her there."
    assert rows[-1]["state"] == "missing"


def test_no_prompt_becomes_a_formula_or_a_table() -> None:
    node = shot("SH1", prompt='=HYPERLINK("http://evil","x")', notes="+1 | a")
    text = shot_list_csv(board(node), [output_of(take(node))], [])
    [row] = csv.DictReader(io.StringIO(text))
    assert row["prompt"].startswith("'=")
    assert row["notes"].startswith("'+")
    hostile = shot("SH1", prompt="a | b\n| c | <script> @everyone ![x](http://evil)")
    table = shot_list_markdown(board(hostile), [], [])
    row_line = table.splitlines()[-1]
    assert row_line.replace("\\|", "").count("|") == 8
    assert "<script" not in row_line.replace("\\<", "")


def test_the_shot_list_says_what_people_wrote_for_each_other() -> None:
    storyboard = replace(board(shot("SH1", title="The | kite")), scenes=(Scene("SC01", "EXT. SEA", "At <dawn>."),))
    [row] = csv.DictReader(io.StringIO(shot_list_csv(storyboard, [], [])))
    assert row["title"] == "The | kite"
    text = shot_list_markdown(storyboard, [], [])
    assert "\n## SC01 EXT\\. SEA\n\nAt \\<dawn\\>\\.\n\n| Shot" in text
    assert "\n| `SH1 16:9` The \\| kite |" in text


def test_the_shot_list_as_markdown_has_a_table_per_scene() -> None:
    storyboard, takes = ferry()
    text = shot_list_markdown(storyboard, [output_of(t) for t in takes], [])
    assert text.count("\n## ") == 2
    assert "`SH080 9:16`" in text


def test_no_line_lasts_longer_than_the_cut() -> None:
    node = spoken("SH1", (6, 8, "Now."), cut=Cut(0, 23))
    cut = cut_of(node)
    assert cut.frames == 169  # 7.041666… seconds
    assert "00:00:06,000 --> 00:00:07,041\n" in srt(cut, board(node))
