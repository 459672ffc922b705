"""The cut: every frame in its place, sound without clicks, and nothing encoded twice."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from numbered_films import SIZE, greys, loudness, numbers, wave, wrapped, write_numbered
from PIL import Image

from veospec.errors import MediaError
from veospec.media import colour, join, sound
from veospec.media.boxes import box_order
from veospec.media.encode import FINE, ClipWriter, samples_of
from veospec.media.leader import Leader, leader_pcm
from veospec.media.probe import probe
from veospec.media.reel import ReelCut, Segment, make_reel
from veospec.model import TransitionKind


def part(path: Path | None, first: int, count: int, **more: object) -> Segment:
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    return Segment("SH010", path, digest, first, count, **more)  # type: ignore[arg-type]


def made(tmp_path: Path, *segments: Segment, leader: Leader | None = None, name: str = "reel.mp4") -> Path:
    target = tmp_path / name
    make_reel(ReelCut(segments, "16:9", 24, "54p", leader), target, tmp_path / "cache")
    return target


def test_whole_clips_are_copied_frame_for_frame(tmp_path: Path) -> None:
    one, two = write_numbered(tmp_path / "1.mp4", 30), write_numbered(tmp_path / "2.mp4", 20)
    reel = made(tmp_path, part(one, 0, 30), part(two, 0, 20), part(one, 0, 30))
    assert numbers(reel) == wrapped(range(30), range(20), range(30))
    assert probe(reel, deep=True).duration == Fraction(80, 24)
    assert not list((tmp_path / "cache").glob("*.mp4"))
    with reel.open("rb") as file:
        order = box_order(file, reel.stat().st_size)
    assert order.index("moov") < order.index("mdat")


@pytest.mark.parametrize(("first", "count"), [(6, 30), (0, 13), (1, 1), (47, 3), (48, 12), (6, 54), (55, 9)])
def test_trims_are_exact(tmp_path: Path, first: int, count: int) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 64)
    reel = made(tmp_path, part(clip, first, count), part(clip, 0, 64))
    assert numbers(reel) == wrapped(range(first, first + count), range(64))


def test_after_the_first_key_frame_nothing_is_encoded_again(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 96)
    made(tmp_path, part(clip, 6, 84))
    (piece,) = (tmp_path / "cache").glob("*.mp4")
    assert probe(piece).frames == 42


def test_other_peoples_clips_and_slates_mix(tmp_path: Path) -> None:
    slate = write_numbered(tmp_path / "1.mp4", 24)
    real = write_numbered(tmp_path / "2.mp4", 30, fps=30, coding=FINE, size=(192, 108))
    reel = made(tmp_path, part(slate, 0, 24), part(real, 6, 12), part(slate, 0, 24))
    facts = probe(reel, deep=True)
    assert (facts.frames, facts.fps) == (60, 24)
    assert numbers(reel)[:24] == wrapped(range(24))
    assert numbers(reel)[36:] == wrapped(range(24))


def test_a_dissolve_plays_both_around_the_cut(tmp_path: Path) -> None:
    dark, light = write_numbered(tmp_path / "1.mp4", 1), write_numbered(tmp_path / "2.mp4", 1, base=160)
    for path, grey in ((dark, 40), (light, 200)):
        with ClipWriter(path, SIZE, 24) as writer:
            writer.add_sound(sound.encode_aac([wave(samples_of(40, 24))]))
            for _ in range(40):
                writer.add(colour.frame_of(Image.new("RGB", SIZE, (grey, grey, grey))))
    leaving = {"transition": TransitionKind.DISSOLVE, "before": 6, "after": 6}
    seen = greys(made(tmp_path, part(dark, 6, 28, **leaving), part(light, 6, 28)))
    assert len(seen) == 56
    assert all(abs(grey - 40) <= 2 for grey in seen[:22])
    assert all(abs(grey - 200) <= 2 for grey in seen[34:])
    mix = seen[22:34]
    assert mix == sorted(mix)
    assert abs(sum(mix) / 12 - 120) <= 3


def test_a_fade_dips_to_black_and_a_last_one_ends_in_it(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 40, base=0)
    dip = {"transition": TransitionKind.FADE, "before": 6, "after": 6}
    end = {"transition": TransitionKind.FADE, "before": 8, "after": 0}
    seen = greys(made(tmp_path, part(clip, 0, 40, **dip), part(clip, 0, 40, **end)))
    assert len(seen) == 80
    assert seen[39] < 40 < seen[30]
    assert seen[40] < seen[45] < seen[48]
    assert seen[79] < 30


def test_sound_joins_without_a_click_and_ends_with_the_picture(tmp_path: Path) -> None:
    clips = []
    for n, hertz in enumerate((300.0, 437.0, 251.0)):
        path = tmp_path / f"{n}.mp4"
        with ClipWriter(path, SIZE, 24) as writer:
            writer.add_sound(sound.encode_aac([wave(samples_of(48, 24), hertz, 0.5)]))
            for _ in range(48):
                writer.add(colour.frame_of(Image.new("RGB", SIZE)))
        clips.append(path)
    reel = made(tmp_path, *(part(clip, 5, 37) for clip in clips))
    heard = loudness(reel)
    assert abs(len(heard) - samples_of(111, 24)) <= 1024
    steps = [abs(a - b) for a, b in pairwise(heard)]
    # The steepest of these tones rises by 2 * pi * 437 / 48000 * 0.5 * 32767 = 938 a sample.
    assert max(steps) < 1400
    loud = max(heard[samples_of(20, 24) : samples_of(21, 24)])
    for cut in (37, 74):
        around = heard[samples_of(cut, 24) - 960 : samples_of(cut, 24) + 960]
        assert max(around) > loud * 0.5


def test_the_second_time_everything_comes_from_the_cache(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 48)
    leader = Leader(Fraction(2), True, "Title", "CODE")
    first = made(tmp_path, part(clip, 6, 36), part(None, 0, 12, missing="refused"), leader=leader).read_bytes()
    stamps = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    again = made(tmp_path, part(clip, 6, 36), part(None, 0, 12, missing="refused"), leader=leader, name="b.mp4")
    assert again.read_bytes() == first
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()} == stamps
    assert not [name for name in stamps if name.endswith(".part")]


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 48)
    first = made(tmp_path, part(clip, 6, 36)).read_bytes()
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(kept.read_bytes()[:-7])
    assert made(tmp_path, part(clip, 6, 36)).read_bytes() == first


def test_missing_shots_have_a_placeholder_of_their_length(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "1.mp4", 24)
    reel = made(tmp_path, part(clip, 0, 24), part(None, 100, 17, missing="not made yet"), part(clip, 0, 24))
    assert probe(reel, deep=True).frames == 65


def test_only_placeholders_make_a_reel_too(tmp_path: Path) -> None:
    facts = probe(made(tmp_path, part(None, 0, 12, missing="not made yet")), deep=True)
    assert (facts.width, facts.height, facts.frames) == (96, 54, 12)


def test_the_pop_sounds_for_one_frame_two_seconds_before_the_picture(tmp_path: Path) -> None:
    pcm = leader_pcm(Leader(Fraction(3), True), 24)
    heard = memoryview(pcm).cast("h")[::2].tolist()
    sounding = [n for n, value in enumerate(heard) if value]
    assert (sounding[0] >= 48_000, sounding[-1] < 48_000 + 2_000) == (True, True)
    assert len(heard) == 3 * 48_000
    assert not any(memoryview(leader_pcm(Leader(Fraction(3), False), 24)).cast("h"))
    clip = write_numbered(tmp_path / "1.mp4", 24)
    assert probe(made(tmp_path, part(clip, 0, 24), leader=Leader(Fraction(3), True, "T")), deep=True).frames == 96


def test_an_empty_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no shots"):
        made(tmp_path)


def test_an_extension_is_joined_without_what_both_share(tmp_path: Path) -> None:
    source, more = write_numbered(tmp_path / "1.mp4", 40), write_numbered(tmp_path / "2.mp4", 44)
    join.join_extension(source, more, 24, tmp_path / "j.mp4")
    assert numbers(tmp_path / "j.mp4") == wrapped(range(40), range(24, 44))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.mp4", "2.mp4", "j.mp4"]
    with pytest.raises(MediaError, match="longer than"):
        join.join_extension(source, more, 44, tmp_path / "k.mp4")


def test_a_chain_is_joined_link_by_link_and_copies_what_was_joined_before(tmp_path: Path) -> None:
    """Clips of a stranger's encoder: the joined part is coded by us, and never again."""
    films = [write_numbered(tmp_path / f"{n}.mp4", 40, coding=FINE) for n in range(3)]
    join.join_extension(films[0], films[1], 24, tmp_path / "a.mp4")
    join.join_extension(tmp_path / "a.mp4", films[2], 24, tmp_path / "b.mp4")
    assert numbers(tmp_path / "b.mp4") == wrapped(range(40), range(24, 40), range(24, 40))
    with av.open(str(tmp_path / "a.mp4")) as first, av.open(str(tmp_path / "b.mp4")) as second:
        before, after = ([bytes(p) for p in film.demux(video=0) if p.size] for film in (first, second))
    assert after[: len(before)] == before
    assert abs(len(loudness(tmp_path / "b.mp4")) - samples_of(72, 24)) <= 1024
