"""The contact sheet as values and as a page."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from review_boards import absent, board, clip_facts, ferry, shot, take

from veospec.model import Deliver
from veospec.review.manifest import output_of
from veospec.review.sheet import frame_numbers, sheet_lines, sheet_page
from veospec.review.values import Disposition


@pytest.mark.parametrize(
    ("frames", "wanted", "expected"),
    [
        (192, ("first", "middle", "last"), (0, 96, 191)),
        (1, ("first", "middle", "last"), (0,)),
        (2, ("first", "middle", "last"), (0, 1)),
        (10, ("last", "3", "99", "nonsense"), (3, 9)),
        (10, (), (0,)),
    ],
)
def test_frames_are_those_the_file_has(frames: int, wanted: tuple[str, ...], expected: tuple[int, ...]) -> None:
    assert frame_numbers(clip_facts(frames), wanted) == expected


def test_every_take_is_there_with_its_label_seed_length_and_flags() -> None:
    storyboard, takes = ferry()
    takes = [replace(t, flags=("no-audio",)) if t.take == 2 else t for t in takes]
    lines = sheet_lines(storyboard, [output_of(t) for t in takes])
    assert [line.label for line in lines[:3]] == ["SH010 16:9 T01", "SH010 16:9 T02", "SH020 16:9 T01"]
    assert lines[0].note == "seed 1 · 8 s, 192 frames"
    assert [line.is_selected for line in lines[:2]] == [True, False]
    assert lines[1].flags == ("no-audio",)
    assert lines[4].flags == ("stale",)
    assert (lines[-1].frames, lines[-1].missing) == ((), "not made yet")


def test_which_frames_is_up_to_the_storyboard() -> None:
    node = shot("SH010")
    made = replace(board(node), deliver=Deliver(sheet_frames=("last",)))
    assert sheet_lines(made, [output_of(take(node))])[0].frames == (191,)


def test_the_page_shows_pictures_reasons_and_no_markup_of_strangers() -> None:
    node = shot("SH010")
    hostile = "<script>1</script> & 手"
    outputs = [output_of(take(node)), output_of(absent(node, 2, hostile))]
    lines = sheet_lines(board(node), outputs)
    page = sheet_page(hostile, lines, 4, {("SH010@16:9", 1): ["frames/a b.jpg"]})
    assert "<script" not in page
    assert 'src="frames/a%20b.jpg"' in page
    assert page.count("&lt;script&gt;1&lt;/script&gt; &amp; 手") == 3
    assert page.count('class="selected"') == 1
    assert Disposition.MISSING.value in page
