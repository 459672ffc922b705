"""What is written is what was asked, to the frame and to the sample; what is broken is said in words."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import pytest
from numbered_films import SIZE, grey_of, number_of, numbers, wrapped, write_numbered
from PIL import Image

from veospec.errors import MediaError
from veospec.media import colour, frames, rescale, sound
from veospec.media.boxes import box_order
from veospec.media.encode import DRAFT, FINE, ClipWriter, Coding, samples_of
from veospec.media.probe import flaw_of, probe
from veospec.model import MediaFacts


@pytest.mark.parametrize("coding", [DRAFT, FINE], ids=["draft", "fine"])
@pytest.mark.parametrize(("count", "fps"), [(1, 24), (24, 24), (37, 24), (25, 25), (31, 30), (60, 60)])
def test_films_have_exactly_the_frames_and_the_length_asked_for(
    tmp_path: Path, count: int, fps: int, coding: Coding
) -> None:
    path = write_numbered(tmp_path / "a.mp4", count, fps=fps, coding=coding)
    length = Fraction(count, fps)
    assert probe(path, deep=True) == MediaFacts("mp4", "h264", *SIZE, count, Fraction(fps), length, True, "aac")
    with av.open(str(path)) as film:
        heard = film.streams.audio[0]
        assert heard.duration is not None
        assert abs(heard.duration - length * sound.RATE) <= 1
        assert heard.start_time == 0
        assert film.streams.audio[0].codec_context.sample_rate == 48_000
        assert film.streams.audio[0].codec_context.layout.name == "stereo"
        context = film.streams.video[0].codec_context
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


def test_the_index_lies_before_the_pictures(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 24)
    with path.open("rb") as file:
        order = box_order(file, path.stat().st_size)
    assert order.index("moov") < order.index("mdat")


def test_the_same_work_gives_the_same_bytes_also_side_by_side(tmp_path: Path) -> None:
    alone = write_numbered(tmp_path / "alone.mp4", 30).read_bytes()
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda n: write_numbered(tmp_path / f"{n}.mp4", 30), range(4)))
    assert {path.read_bytes() for path in paths} == {alone}


def test_a_failure_while_writing_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"

    def fail() -> None:
        with ClipWriter(path, SIZE, 24) as writer:
            writer.add(colour.frame_of(Image.new("RGB", SIZE)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"cannot write a\.mp4"):
        ClipWriter(tmp_path / "none" / "a.mp4", SIZE, 24)


@pytest.mark.parametrize("rgb", [(255, 255, 255), (0, 0, 0), (200, 40, 30), (20, 160, 90), (30, 60, 200)])
def test_colours_come_back_as_they_went_in(rgb: tuple[int, int, int]) -> None:
    frame = colour.frame_of(Image.new("RGB", (64, 64), rgb))
    back = colour.picture_of(frame).getpixel((20, 20))
    assert isinstance(back, tuple)
    assert all(abs(a - b) <= 2 for a, b in zip(rgb, back, strict=True))


def test_white_is_limited_range() -> None:
    frame = colour.frame_of(Image.new("RGB", (64, 64), (255, 255, 255)))
    assert bytes(frame.planes[0])[0] == 235


@pytest.mark.parametrize("which", ["first", "middle", "last", "0", "7", "47", "59"])
def test_any_frame_is_found_exactly(tmp_path: Path, which: str) -> None:
    path = write_numbered(tmp_path / "a.mp4", 60)
    facts = probe(path)
    wanted = frames.frame_number(which, facts)
    picture = frames.read_frames(path, (which,), facts)[0]
    found = picture.getpixel((10, 10))
    assert isinstance(found, tuple)
    assert abs(found[0] - grey_of(wanted)) <= 3


def test_extracted_frames_have_the_same_bytes_every_time(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 30)
    for name in ("a.png", "b.png"):
        frames.extract(path, "last", probe(path), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert probe(tmp_path / "a.png") == MediaFacts("png", "png", *SIZE, 1, None, None, False)


@pytest.mark.parametrize(
    ("which", "words"), [("60", "beyond the end"), ("-1", "names no frame"), ("final", "names no frame")]
)
def test_frames_that_are_not_there_are_refused(tmp_path: Path, which: str, words: str) -> None:
    path = write_numbered(tmp_path / "a.mp4", 60)
    with pytest.raises(MediaError, match=words):
        frames.extract(path, which, probe(path), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("first", "count", "fps", "expected"),
    [
        (0, 5, None, [0, 1, 2, 3, 4]),
        (10, 3, None, [10, 11, 12]),
        (28, 4, None, [28, 29, 29, 29]),
        (0, 6, 48, [0, 0, 1, 1, 2, 2]),
        (4, 4, 12, [9, 11, 13, 15]),
    ],
)
def test_walking_counts_frames_of_the_rate_asked_for(
    tmp_path: Path, first: int, count: int, fps: int | None, expected: list[int]
) -> None:
    path = write_numbered(tmp_path / "a.mp4", 30)
    seen = [colour.picture_of(f).getpixel((9, 9)) for f in frames.walk(path, first, count, fps=fps)]
    assert [number_of(pixel[0]) for pixel in seen if isinstance(pixel, tuple)] == wrapped(expected)


def test_thumbnails_are_small_and_in_order(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 40)
    small = frames.thumbnails(path, probe(path), 48)
    assert [p.size for p in small] == [(48, 27)] * 3
    levels = [p.getpixel((5, 5)) for p in small]
    assert [number_of(level[0]) for level in levels if isinstance(level, tuple)] == wrapped([0, 20, 39])
    frames.thumbnail(path, probe(path), "middle", 48, tmp_path / "t.jpg")
    assert probe(tmp_path / "t.jpg").container == "jpeg"


def test_enlarging_keeps_every_frame_and_the_sound(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 31)
    rescale.enlarge_film(path, probe(path), (192, 108), tmp_path / "b.mp4")
    facts = probe(tmp_path / "b.mp4", deep=True)
    assert (facts.width, facts.height, facts.frames, facts.duration) == (192, 108, 31, Fraction(31, 24))
    assert numbers(tmp_path / "b.mp4") == wrapped(range(31))
    assert sound.copied(tmp_path / "b.mp4") == sound.copied(path)


def test_a_silent_film_is_enlarged_silently(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with ClipWriter(path, SIZE, 24, sound=False) as writer:
        for _ in range(5):
            writer.add(colour.frame_of(Image.new("RGB", SIZE)))
    assert not probe(path).has_audio
    rescale.enlarge_film(path, probe(path), (192, 108), tmp_path / "b.mp4")
    assert not probe(tmp_path / "b.mp4").has_audio


@pytest.mark.parametrize(
    ("frames_", "fps", "samples"), [(24, 24, 48_000), (1, 24, 2_000), (1, 30, 1_600), (7, 23, 14_609)]
)
def test_samples_follow_frames(frames_: int, fps: int, samples: int) -> None:
    assert samples_of(frames_, fps) == samples


def png_of(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def test_broken_files_are_told_in_words(tmp_path: Path) -> None:
    film = write_numbered(tmp_path / "whole.mp4", 30).read_bytes()
    Image.effect_mandelbrot((200, 200), (-2, -1.5, 1, 1.5), 50).save(tmp_path / "whole.png")
    picture = (tmp_path / "whole.png").read_bytes()
    moov = film.index(b"moov")
    cases = {
        "cut.mp4": (film[:-100], "is not a whole MP4"),
        "head.mp4": (film[:2000], "is not a whole MP4"),
        "page.mp4": (b"<!doctype html><title>403</title>", "neither PNG, JPEG, WebP nor MP4"),
        "empty.png": (b"", "neither PNG"),
        "text.png": (b"this is no picture at all, only words", "neither PNG"),
        "noise.mp4": (film[: moov + 8] + bytes(len(film) - moov - 8), "not a whole MP4"),
        "huge.png": (png_of(60_000, 60_000), "broken picture|pixels"),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MediaError, match=words) as told:
            probe(path, deep=True)
        assert name in told.value.message
    short = tmp_path / "short.png"
    short.write_bytes(picture[: len(picture) // 2])
    with pytest.raises(MediaError, match="broken picture"):
        probe(short, deep=True)
    with pytest.raises(MediaError, match="cannot be read"):
        probe(tmp_path / "nothing.png")


def test_a_flaw_is_a_clause_and_a_good_file_has_none(tmp_path: Path) -> None:
    film = write_numbered(tmp_path / "a.mp4", 30).read_bytes()
    picture = io.BytesIO()
    Image.effect_mandelbrot((200, 200), (-2, -1.5, 1, 1.5), 50).save(picture, "PNG")
    whole = picture.getvalue()
    assert [flaw_of(film, "mp4"), flaw_of(whole, "png")] == ["", ""]
    damaged = bytearray(film)
    start = damaged.index(b"mdat") + 8
    damaged[start:] = bytes(len(damaged) - start)
    for content, kind in [
        (film[:-9], "mp4"), (bytes(damaged), "mp4"), (whole[:-200], "png"), (whole[:90], "png"), (b"", "jpeg"),
        (png_of(60_000, 60_000), "png"),
    ]:  # fmt: skip
        assert flaw_of(content, kind), (kind, len(content))
    assert "more than 64,000,000" in flaw_of(png_of(9_000, 9_000) + b"\0\0\x01\0IDAT", "png")


def test_damaged_pictures_inside_a_whole_container_are_found(tmp_path: Path) -> None:
    film = bytearray(write_numbered(tmp_path / "a.mp4", 30).read_bytes())
    start = film.index(b"mdat") + 8
    film[start:] = bytes(len(film) - start)
    path = tmp_path / "b.mp4"
    path.write_bytes(film)
    with pytest.raises(MediaError):
        probe(path, deep=True)


def test_a_name_is_never_a_protocol(tmp_path: Path) -> None:
    path = tmp_path / "concat:a|b.mp4"
    write_numbered(tmp_path / "plain.mp4", 3).rename(path)
    assert probe(path).frames == 3


def test_exif_turns_and_transparency_are_honoured(tmp_path: Path) -> None:
    lying = Image.new("RGB", (40, 20), (200, 0, 0))
    exif = lying.getexif()
    exif[274] = 6
    lying.save(tmp_path / "a.jpg", exif=exif)
    assert frames.read_picture(tmp_path / "a.jpg").size == (20, 40)
    Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(tmp_path / "b.png")
    assert frames.read_picture(tmp_path / "b.png").getpixel((1, 1)) == (0, 0, 0)
