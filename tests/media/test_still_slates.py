"""A still slate is encoded at its key frames only; every frame between them must still show its own time."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import pytest
from PIL import Image, ImageChops

from veospec.media import animatic
from veospec.media.animatic import Moved
from veospec.media.clock import Clock
from veospec.media.layout import Box, film_size, layout_for
from veospec.media.palette import MARGIN
from veospec.media.probe import probe
from veospec.media.reel import ReelCut, Segment, make_reel
from veospec.media.slate import Card
from veospec.media.stage import Planes, Stage, planes_of
from veospec.media.ticks import _encoded
from veospec.model import Caption

CODING_ERROR = 40
"""The most that a pixel of a coded digit may be off; its neighbour's shape differs by 150 and more."""


def card(frames: int, fps: int = 24, *captions: Caption, timecode: bool = True, shot: str = "SH010") -> Card:
    return Card("NFY", "SC01", "EXT. HARBOUR", shot, 1, "i2v", "MS", "locked off", "She looks out. " * 20, "", captions,
                7, fps, frames, timecode)  # fmt: skip


def noise(seed: int) -> Image.Image:
    return Image.frombytes("RGB", (640, 360), Random(seed).randbytes(640 * 360 * 3))


def written(tmp_path: Path, card: Card, size: tuple[int, int], name: str = "a.mp4") -> Path:
    animatic.write_move(card, size, Moved(noise(len(name))), tmp_path / name)
    return tmp_path / name


def decoded(path: Path) -> list[tuple[bool, Planes]]:
    """Decode strictly: whatever a decoder would have to conceal is an error."""
    with av.open(str(path), options={"err_detect": "explode"}) as film:
        return [(bool(frame.key_frame), planes_of(frame)) for frame in film.decode(video=0)]


def coded(path: Path) -> list[tuple[bool, bytes]]:
    with av.open(str(path)) as film:
        return [(packet.is_keyframe, bytes(packet)) for packet in film.demux(video=0) if packet.size]


def cut(picture: Image.Image, box: Box) -> Image.Image:
    return picture.crop(box.corners)


def furthest(first: Image.Image, second: Image.Image) -> int:
    return max(level for level, count in enumerate(ImageChops.difference(first, second).histogram()) if count)


def blocks_of(box: Box, part: int) -> Box:
    """Return the macroblocks of a box in a plane that is `part` times smaller."""
    left, right = box.left // 16 * 16, -(-box.right // 16) * 16
    return Box(left // part, box.top // part, (right - left) // part, box.height // part)


def without(picture: Image.Image, box: Box) -> bytes:
    blank = picture.copy()
    blank.paste(0, box.corners)
    return blank.tobytes()


WORDS = (
    Caption("ADA", "Hold her there.", Fraction(1, 3), Fraction(7, 8)),
    Caption("", "No.", Fraction(2), Fraction(9)),
)


@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1", "4:3"])
@pytest.mark.parametrize(("lines", "fps", "captions"), [("360p", 24, WORDS), ("720p", 25, ()), ("540p", 30, WORDS[:1])])
def test_every_frame_shows_its_time_and_nothing_else_changes(
    tmp_path: Path, aspect: str, lines: str, fps: int, captions: tuple[Caption, ...]
) -> None:
    size = film_size(aspect, lines)
    layout, count = layout_for(*size), 3 * fps + 7
    path = written(tmp_path, card(count, fps, *captions), size)
    assert probe(path, deep=True).frames == count
    drawn = Stage(Image.new("RGB", size, MARGIN))
    clock = Clock(layout, fps, count)
    whole: Planes | None = None
    for number, (is_key, shown) in enumerate(decoded(path)):
        clock.show(drawn, number)
        wanted = cut(planes_of(drawn.frame)[0], layout.clock)
        assert furthest(cut(shown[0], layout.clock), wanted) < CODING_ERROR, number
        if is_key or whole is None:
            whole = shown
            continue
        for plane, (here, there) in enumerate(zip(shown, whole, strict=True)):
            ground, spot = blocks_of(layout.clock_ground, 2 if plane else 1), blocks_of(layout.clock, 2 if plane else 1)
            assert without(here, ground) == without(there, ground), number
            for picture in (here, there):
                picture.paste(0, spot.corners if plane == 0 else (0, 0, 0, 0))
            assert furthest(here, there) <= 6, number


def test_only_key_frames_depend_on_the_picture(tmp_path: Path) -> None:
    size = film_size("16:9", "360p")
    one, two = (coded(written(tmp_path, card(100, shot=name), size, f"{name}.mp4")) for name in ("SH010", "B"))
    assert [n for n, (is_key, _) in enumerate(one) if is_key] == [0, 48, 96]
    assert [content for is_key, content in one if not is_key] == [content for is_key, content in two if not is_key]
    assert all(a != b for (is_key, a), (_, b) in zip(one, two, strict=True) if is_key)
    assert all(len(content) < 1000 for is_key, content in one if not is_key)


def test_frames_that_were_kept_are_the_bytes_of_fresh_ones(tmp_path: Path) -> None:
    size, shown = film_size("4:3", "360p"), card(100, 24, *WORDS)
    first = written(tmp_path, shown, size).read_bytes()
    assert written(tmp_path, shown, size).read_bytes() == first
    _encoded.cache_clear()
    assert written(tmp_path, shown, size).read_bytes() == first


def test_captions_come_and_go_in_their_frames(tmp_path: Path) -> None:
    size = film_size("16:9", "360p")
    strip = layout_for(*size).strip
    frames = decoded(written(tmp_path, card(72, 24, *WORDS), size))
    assert [n for n, (is_key, _) in enumerate(frames) if is_key] == [0, 8, 21, 48]
    bright = [max(cut(planes[0], strip).histogram()[120:]) > 0 for _, planes in frames]
    assert bright == [8 <= n < 21 or n >= 48 for n in range(72)]


def test_without_a_clock_the_frames_between_say_as_before(tmp_path: Path) -> None:
    path = written(tmp_path, card(60, timecode=False), film_size("9:16", "360p"))
    between = [content for is_key, content in coded(path) if not is_key]
    assert len(between) == 58
    assert max(map(len, between)) < 30
    frames = decoded(path)
    assert all(planes[0].tobytes() == frames[0][1][0].tobytes() for _, planes in frames[:48])


def test_a_column_that_is_too_full_is_encoded_frame_by_frame(tmp_path: Path) -> None:
    size = film_size("16:9", "180p")
    layout = layout_for(*size)
    path = written(tmp_path, card(30), size)
    drawn = Stage(Image.new("RGB", size, MARGIN))
    clock = Clock(layout, 24, 30)
    for number, (_, shown) in enumerate(decoded(path)):
        clock.show(drawn, number)
        bar = Box(layout.clock.left, layout.clock.bottom - 2, layout.clock.width, 2)
        assert furthest(cut(shown[0], bar), cut(planes_of(drawn.frame)[0], bar)) < CODING_ERROR


def test_a_cut_through_still_slates_shows_the_frames_of_the_slates(tmp_path: Path) -> None:
    size = film_size("16:9", "360p")
    paths = [written(tmp_path, card(96, shot=name), size, f"{name}.mp4") for name in ("A", "SH020")]
    parts = [(paths[0], 6, 60), (paths[1], 48, 40), (paths[0], 0, 96), (paths[1], 95, 1)]
    segments = tuple(
        Segment("S", path, hashlib.sha256(path.read_bytes()).hexdigest(), first, count) for path, first, count in parts
    )
    make_reel(ReelCut(segments, "16:9", 24, "360p"), tmp_path / "reel.mp4", tmp_path / "cache")
    films = {path: decoded(path) for path in paths}
    wanted = [films[path][n][1] for path, first, count in parts for n in range(first, first + count)]
    shown = [planes for _, planes in decoded(tmp_path / "reel.mp4")]
    assert len(shown) == len(wanted) == 197
    clock = layout_for(*size).clock
    for number, (here, there) in enumerate(zip(shown, wanted, strict=True)):
        assert furthest(cut(here[0], clock), cut(there[0], clock)) < CODING_ERROR, number
