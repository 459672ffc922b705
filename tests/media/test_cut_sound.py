"""The sound of a cut: encoded in blocks that are kept, and yet as good as in one run, to the sample and to the ear."""

from __future__ import annotations

import hashlib
from array import array
from fractions import Fraction
from math import pi, sin, sqrt
from pathlib import Path
from random import Random

import pytest
from numbered_films import SIZE, loudness, wave, write_numbered
from PIL import Image

from veospec.media import colour, sound
from veospec.media.cut_sound import encode_cut
from veospec.media.encode import ClipWriter, samples_of
from veospec.media.mix import SoundPart, mixed
from veospec.media.reel import ReelCut, Segment, make_reel

FPS = 24


def clip(path: Path, frames: int, pcm: bytes) -> Path:
    with ClipWriter(path, SIZE, FPS) as writer:
        writer.add_sound(sound.encode_aac([pcm]))
        for _ in range(frames):
            writer.add(colour.frame_of(Image.new("RGB", SIZE)))
    return path


def part(path: Path, first: int, count: int, joint: tuple[int, int] = (0, 0)) -> SoundPart:
    return SoundPart(path, first, count, joint, digest=hashlib.sha256(path.read_bytes()).hexdigest())


def heard(tmp_path: Path, track: sound.SoundTrack, frames: int) -> array[int]:
    path = tmp_path / "heard.mp4"
    with ClipWriter(path, (16, 16), FPS) as writer:
        writer.add_sound(track)
        for _ in range(frames):
            writer.add(colour.frame_of(Image.new("RGB", (16, 16))))
    return loudness(path)


def left(pcm: bytes) -> array[int]:
    return array("h", pcm)[::2]


def noise(samples: int, seed: int) -> bytes:
    """Return loud noise in bursts: the hardest that an encoder can meet at a seam."""
    draw = Random(seed)
    line = array("h", bytes(4 * samples))
    level = 0.0
    for n in range(samples):
        if n % 3001 == 0:
            level = draw.choice((0.0, 0.02, 0.5))
        line[2 * n] = line[2 * n + 1] = int(32767 * level * (draw.random() * 2 - 1))
    return line.tobytes()


def off(one: array[int], other: array[int]) -> float:
    """Return the root mean square of a difference."""
    return sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one))


def packets(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def test_blocks_are_as_good_as_one_run(tmp_path: Path, cache: Path) -> None:
    """Noise in bursts through three clips: blocks add no error anywhere, and none at their edges."""
    clips = [clip(tmp_path / f"{n}.mp4", 50, noise(samples_of(50, FPS), n)) for n in range(3)]
    parts = [part(path, 3 + n, 41) for n, path in enumerate(clips)]
    samples = samples_of(123, FPS)
    line = left(b"".join(mixed(parts, FPS)))
    in_blocks = heard(tmp_path, encode_cut(parts, FPS, cache), 123)[:samples]
    in_one = heard(tmp_path, sound.encode_aac(mixed(parts, FPS)), 123)[:samples]
    assert len(packets(cache)) == 7
    piece = 2048
    for at in range(0, samples - piece, piece):
        cut = slice(at, at + piece)
        allowed = 1.3 * off(in_one[cut], line[cut]) + 40
        assert off(in_blocks[cut], line[cut]) < allowed, at / sound.RATE


def roughness(line: array[int], around: range) -> int:
    """Return how sharply a line bends at most: a click bends it many times more than any tone in these tests."""
    return max(abs(line[n - 1] - 2 * line[n] + line[n + 1]) for n in around)


@pytest.mark.parametrize("first", [0, 5])
def test_tones_meet_without_a_click_at_any_seam_of_clips_or_blocks(tmp_path: Path, cache: Path, first: int) -> None:
    """Eight sines that break off anywhere, with and without sound to spare at their ends."""
    level, count = 0.4, 24
    pitches = [310.0 + 37.7 * n for n in range(8)]
    clips = [
        clip(tmp_path / f"{n}.mp4", count + 2 * first, wave(samples_of(count + 2 * first, FPS), hertz, level))
        for n, hertz in enumerate(pitches)
    ]
    parts = [part(path, first, count) for path in clips]
    got = heard(tmp_path, encode_cut(parts, FPS, cache), 8 * count)
    line = left(b"".join(mixed(parts, FPS)))
    smooth = int(32767 * level * (2 * sin(pi * pitches[-1] / sound.RATE)) ** 2)
    begin = samples_of(first, FPS)
    hard = array("h", b"".join(wave(begin + 24 * 2000, hertz, level)[begin * 4 :] for hertz in pitches))[::2]
    for n in range(1, 8):
        seam = samples_of(n * count, FPS)
        assert roughness(got, range(seam - 200, seam + 200)) < smooth * 8, n
        blocks = range(seam - 14_000, min(seam + 14_000, len(line) - 1))
        assert roughness(got, blocks) < 1.2 * roughness(line, blocks) + 100, n
        assert n % 2 or roughness(hard, range(seam - 100, seam + 100)) > smooth * 10
    for n, hertz in enumerate(pitches):
        middle = range(samples_of(n * count, FPS) + 1200, samples_of((n + 1) * count, FPS) - 1200)
        tone = left(wave(begin + 50_000, hertz, level))
        start = samples_of(n * count, FPS) - begin
        assert max(abs(got[m] - tone[m - start]) for m in middle) < 32767 * level * 0.02, n


@pytest.mark.parametrize("joint", [(0, 0), (6, 6)])
def test_when_a_shot_changes_only_its_own_seconds_are_encoded(
    tmp_path: Path, cache: Path, joint: tuple[int, int]
) -> None:
    clips = [clip(tmp_path / f"{n}.mp4", 96, wave(samples_of(96, FPS), 200.0 + 40 * n)) for n in range(6)]
    parts = [part(path, 8, 72, joint) for path in clips]
    encode_cut(parts, FPS, cache)
    before = packets(cache)
    fresh = clip(tmp_path / "fresh.mp4", 96, wave(samples_of(96, FPS), 700.0))
    track = encode_cut([*parts[:3], part(fresh, 8, 72, joint), *parts[4:]], FPS, cache)
    after = packets(cache)
    assert {name: stamp for name, stamp in after.items() if name in before} == before
    assert len(after) - len(before) == 3
    assert track == encode_cut([*parts[:3], part(fresh, 8, 72, joint), *parts[4:]], FPS, cache)
    assert packets(cache) == after


def test_what_is_known_needs_no_clip(tmp_path: Path, cache: Path) -> None:
    parts = [part(clip(tmp_path / f"{n}.mp4", 60, wave(samples_of(60, FPS), 300.0)), 0, 60) for n in range(3)]
    track = encode_cut(parts, FPS, cache)
    for known in parts:
        assert known.path is not None
        known.path.unlink()
    assert encode_cut(parts, FPS, cache) == track


def test_a_shot_that_moves_by_whole_packets_is_not_encoded_again(tmp_path: Path, cache: Path) -> None:
    """Eight seconds are 375 packets: without the first shot the others lie on the same grid."""
    parts = [part(clip(tmp_path / f"{n}.mp4", 192, wave(samples_of(192, FPS), 300.0 + n)), 0, 192) for n in range(4)]
    encode_cut(parts, FPS, cache)
    before = len(packets(cache))
    encode_cut(parts[1:], FPS, cache)
    assert len(packets(cache)) - before == 1


def test_a_damaged_block_is_made_again(tmp_path: Path, cache: Path) -> None:
    parts = [part(clip(tmp_path / "a.mp4", 60, wave(samples_of(60, FPS), 300.0)), 0, 60)]
    track = encode_cut(parts, FPS, cache)
    for block in cache.iterdir():
        block.write_bytes(block.read_bytes()[:-5])
    assert encode_cut(parts, FPS, cache) == track


def test_many_short_shots_and_silence(tmp_path: Path, cache: Path) -> None:
    path = clip(tmp_path / "a.mp4", 60, wave(samples_of(60, FPS), 300.0))
    parts = [part(path, n % 50, 2) if n % 3 else SoundPart(None, 0, 2) for n in range(500)]
    got = heard(tmp_path, encode_cut(parts, FPS, cache), 1000)
    wanted = left(b"".join(mixed(parts, FPS)))
    assert len(wanted) == samples_of(1000, FPS)
    assert off(got[: len(wanted)], wanted) < 250


def test_sound_and_picture_are_together_at_the_end_of_a_hundred_clips(tmp_path: Path) -> None:
    """Each clip begins with one white frame and a beep; in the hundredth they still come at the same moment."""
    frames = 29
    segments = []
    for n in range(3):
        beep = sound.tone_pcm(sound.RATE // FPS, 1000, 0.5)
        path = tmp_path / f"{n}.mp4"
        with ClipWriter(path, SIZE, FPS) as writer:
            quiet = sound.silence(samples_of(6, FPS))
            writer.add_sound(sound.encode_aac(sound.exactly([quiet, beep], samples_of(frames, FPS))))
            for number in range(frames):
                writer.add(colour.frame_of(Image.new("RGB", SIZE, (255,) * 3 if number == 6 else (0, 0, n))))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        segments.append(Segment("S", path, digest, 0, frames))
    reel = tmp_path / "reel.mp4"
    make_reel(ReelCut(tuple(segments[n % 3] for n in range(100)), "16:9", FPS), reel, tmp_path / "cache")
    line = loudness(reel)
    for n in (0, 1, 50, 98, 99):
        flash = n * frames + 6
        begin = samples_of(flash, FPS)
        onset = next(m for m in range(begin - 2000, begin + 2000) if abs(line[m]) > 6000)
        assert abs(onset - begin) < 300, (n, Fraction(onset - begin, sound.RATE))
    assert abs(len(line) - samples_of(100 * frames, FPS)) <= 1024


def test_sound_that_sets_in_late_stays_late(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 24)
    late = tmp_path / "late.mp4"
    track = sound.copied(path)
    assert track is not None
    with ClipWriter(late, SIZE, FPS) as writer:
        writer.add_sound(sound.SoundTrack(tuple((pts + 9600, n, content) for pts, n, content in track.chunks)))
        for _ in range(24):
            writer.add(colour.frame_of(Image.new("RGB", SIZE)))
    pcm = left(b"".join(sound.decode_pcm(late)))
    assert not any(pcm[:8000])
    assert max(pcm[10_000:12_000]) > 5000
