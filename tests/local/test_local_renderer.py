"""The local provider draws real films: exact, repeatable, one look for each mode."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from local_orders import drawn_picture, material, order
from msgspec.structs import replace
from PIL import Image, ImageChops, ImageStat

from veospec.errors import MediaError
from veospec.media import frames
from veospec.media.animatic import panel_picture
from veospec.media.boxes import box_order
from veospec.media.layout import film_size, layout_for
from veospec.media.probe import probe
from veospec.model import Caption, Character, FileSource, Mode, NodeSource, PresetVoice
from veospec.providers.base import Material, Order
from veospec.providers.local.profile import LocalProfile
from veospec.providers.local.renderer import LocalRenderer

SMALL = LocalProfile(animatic_size="180p")


def drawn(tmp_path: Path, order: Order, profile: LocalProfile = SMALL, name: str = "out") -> Path:
    target = tmp_path / name
    LocalRenderer(profile).render(order, target)
    return target


def frame(path: Path, which: str) -> Image.Image:
    return frames.read_frames(path, (which,), probe(path))[0]


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return drawn_picture(tmp_path / "a.png")


@pytest.fixture
def clip(tmp_path: Path, picture: Path) -> Path:
    found = drawn(tmp_path, order(Mode.I2V, [material("start", picture)], seconds=2, name="SH070"), name="up.mp4")
    assert probe(found).frames == 48
    return found


def inputs_of(mode: Mode, picture: Path, clip: Path) -> list[Material]:
    chained = NodeSource("SH070")
    ada = Character("ada", "Ada", "", (FileSource("refs/ada.png"),), None)
    return {
        Mode.T2V: [],
        Mode.I2V: [material("start", picture)],
        Mode.I2V_FL: [material("start", picture), material("end", picture)],
        Mode.R2V: [
            material("reference_1", picture),
            material("reference_2", clip),
            material("character_1", None, ada, parts=(material("image", picture),)),
            material("voice_1", None, PresetVoice("Zephyr")),
        ],
        Mode.V2V: [material("source", clip)],
        Mode.EXTEND: [material("source", clip, chained)],
    }[mode]


MODES = (Mode.T2V, Mode.I2V, Mode.I2V_FL, Mode.R2V, Mode.V2V, Mode.EXTEND)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_a_whole_film_of_the_length_asked_for_with_the_same_bytes_again(
    tmp_path: Path, picture: Path, clip: Path, mode: Mode
) -> None:
    work = order(
        mode, inputs_of(mode, picture, clip), seconds=Fraction(29, 24), window=(12, 41), overlap=Fraction(1, 2)
    )
    path = drawn(tmp_path, work)
    facts = probe(path, deep=True)
    assert (facts.width, facts.height, facts.frames, facts.fps) == (320, 180, 29, 24)
    assert facts.duration == Fraction(29, 24)
    assert (facts.codec, facts.audio_codec) == ("h264", "aac")
    with path.open("rb") as file:
        names = box_order(file, path.stat().st_size)
    assert names.index("moov") < names.index("mdat")
    assert drawn(tmp_path, work, name="again").read_bytes() == path.read_bytes()


def test_many_at_once_give_the_bytes_of_one(tmp_path: Path, picture: Path) -> None:
    work = order(Mode.I2V, [material("start", picture)])
    alone = drawn(tmp_path, work).read_bytes()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: drawn(tmp_path, work, name=str(n)).read_bytes(), range(6)))
    assert set(made) == {alone}


@pytest.mark.parametrize(
    ("aspect", "lines", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("1:1", "720p", (720, 720)),
        ("4:3", "720p", (960, 720)),
        ("3:4", "720p", (720, 960)),
        ("16:9", "1080p", (1920, 1080)),
        ("16:9", "480p", (854, 480)),
        ("auto", "720p", (1280, 720)),
    ],
)
def test_sizes_by_aspect(aspect: str, lines: str, size: tuple[int, int]) -> None:
    assert film_size(aspect, lines) == size


@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1", "4:3", "3:4"])
def test_every_aspect_is_drawn(tmp_path: Path, aspect: str) -> None:
    lines = (Caption("ADA", "Hold her there. Slowly. That is not the engine.", Fraction(0), Fraction(1)),) * 2
    words = {"size": "EWS", "move": "crane down through the stairwell", "captions": lines, "continues": "SH070"}
    path = drawn(tmp_path, order(Mode.T2V, aspect=aspect, seconds=Fraction(1, 4), prompt="long words " * 90, **words))
    facts = probe(path, deep=True)
    assert (facts.width, facts.height) == film_size(aspect, "180p")
    layout = layout_for(facts.width, facts.height)
    for box in (layout.panel, layout.column, layout.strip):
        assert box.right <= facts.width
        assert box.bottom <= facts.height


@pytest.mark.parametrize("fps", [24, 25, 30])
def test_the_rate_is_the_projects(tmp_path: Path, fps: int) -> None:
    facts = probe(drawn(tmp_path, order(Mode.T2V), replace(SMALL, fps=fps)), deep=True)
    assert (facts.fps, facts.frames, facts.duration) == (fps, fps, 1)


def test_dialogue_is_seen_in_its_seconds_only(tmp_path: Path) -> None:
    line = Caption("ADA", "Hold her there.", Fraction(1, 2), Fraction(3, 4))
    path = drawn(tmp_path, order(Mode.T2V, captions=(line,)))
    strip = layout_for(320, 180).strip
    shown = [ImageStat.Stat(frame(path, str(n)).crop(strip.corners)).stddev[0] > 5 for n in range(24)]
    assert shown == [12 <= n < 18 for n in range(24)]


def test_the_clock_runs_in_every_frame_and_can_be_left_out(tmp_path: Path) -> None:
    big = replace(SMALL, animatic_size="360p")
    running = drawn(tmp_path, order(Mode.T2V), big)
    pictures = [frame(running, str(n)) for n in range(24)]
    assert all(difference(a, b) > 0 for a, b in pairwise(pictures))
    still = drawn(tmp_path, order(Mode.T2V), replace(big, timecode=False), name="still")
    assert difference(frame(still, "3"), frame(still, "4")) == 0


def test_what_is_written_is_in_the_picture(tmp_path: Path) -> None:
    plain = drawn(tmp_path, order(Mode.T2V)).read_bytes()
    for said in ({"code": "XYZ"}, {"scene": "SC09"}, {"slug": "INT. ATTIC"}, {"shot": "SH999"}, {"size": "CU"},
                 {"move": "pan left"}, {"continues": "SH001"}, {"text": "Other words."}):  # fmt: skip
        assert drawn(tmp_path, order(Mode.T2V, **said)).read_bytes() != plain, said


def test_takes_and_seeds_look_different(tmp_path: Path, picture: Path) -> None:
    made = {
        (take, seed): drawn(tmp_path, order(Mode.I2V, [material("start", picture)], take=take, seed=seed)).read_bytes()
        for take, seed in ((1, 7), (2, 8), (1, 8))
    }
    assert len(set(made.values())) == 3


def panel_of(path: Path, which: str) -> Image.Image:
    whole = frame(path, which)
    panel = panel_picture(whole)
    assert panel.size != whole.size
    return panel


def test_a_start_picture_moves_only_when_it_should(tmp_path: Path, picture: Path) -> None:
    inputs = [material("start", picture)]
    pushed = drawn(tmp_path, order(Mode.I2V, inputs, move="slow push-in"))
    held = drawn(tmp_path, order(Mode.I2V, inputs, move="locked off"), name="held")
    quiet = drawn(tmp_path, order(Mode.I2V, inputs, move="slow push-in"), replace(SMALL, ken_burns=False), name="quiet")
    assert difference(panel_of(pushed, "first"), panel_of(pushed, "last")) > 2
    for path in (held, quiet):
        assert difference(panel_of(path, "first"), panel_of(path, "last")) < 1


def test_a_dissolve_begins_and_ends_on_its_pictures(tmp_path: Path) -> None:
    for name, grey in (("a.png", 40), ("b.png", 220)):
        Image.new("RGB", (320, 180), (grey, grey, grey)).save(tmp_path / name)
    path = drawn(
        tmp_path, order(Mode.I2V_FL, [material("start", tmp_path / "a.png"), material("end", tmp_path / "b.png")])
    )
    levels = [ImageStat.Stat(panel_of(path, which)).median[0] for which in ("first", "12", "last")]
    assert abs(levels[0] - 40) < 4
    assert 90 < levels[1] < 180
    assert abs(levels[2] - 220) < 4


def test_a_chained_shot_opens_on_the_picture_that_the_one_before_ended_on(tmp_path: Path, clip: Path) -> None:
    last = tmp_path / "last.png"
    frames.extract(clip, "last", probe(clip), last)
    inputs = [material("start", last, NodeSource("SH070", "last"))]
    path = drawn(tmp_path, order(Mode.I2V, inputs, name="SH090", continues="SH070"))
    assert difference(panel_of(path, "first"), panel_of(clip, "last")) < 3


def test_an_extension_repeats_the_end_of_its_source(tmp_path: Path, clip: Path) -> None:
    inputs = [material("source", clip, NodeSource("SH070"))]
    path = drawn(tmp_path, order(Mode.EXTEND, inputs, name="SH080", seconds=2, overlap=1))
    for shared in (0, 11, 23):
        assert difference(panel_of(path, str(shared)), panel_of(clip, str(24 + shared))) < 2
    assert difference(panel_of(path, "24"), panel_of(clip, "last")) < 2


def test_an_edit_shows_its_window_of_the_plate_under_a_band(tmp_path: Path, clip: Path) -> None:
    inputs = [material("source", clip)]
    path = drawn(tmp_path, order(Mode.V2V, inputs, window=(20, 44)))
    upper = (0, 0, 256, 110)
    for shown in (0, 10, 23):
        assert difference(panel_of(path, str(shown)).crop(upper), panel_of(clip, str(20 + shown)).crop(upper)) < 2
    with pytest.raises(MediaError, match="beyond the end"):
        drawn(tmp_path, order(Mode.V2V, inputs, window=(480, 504)))


def test_a_real_plate_is_not_mistaken_for_a_slate(tmp_path: Path) -> None:
    dark = Image.new("RGB", (320, 180), (4, 4, 5))
    assert panel_picture(dark).size == dark.size


def test_source_and_extension_become_one_clip(tmp_path: Path, clip: Path) -> None:
    longer = drawn(tmp_path, order(Mode.EXTEND, [material("source", clip)], seconds=2, overlap=1), name="more.mp4")
    joined = drawn(tmp_path, order(Mode.JOIN, [material("source", clip), material("segment", longer)], overlap=1))
    facts = probe(joined, deep=True)
    assert (facts.frames, facts.duration, facts.has_audio) == (72, 3, True)
    assert difference(frame(joined, "48"), frame(longer, "24")) == 0


@pytest.mark.parametrize(
    ("aspect", "size"), [("16:9", (1376, 768)), ("9:16", (768, 1376)), ("1:1", (1024, 1024)), ("3:4", (896, 1200))]
)
def test_stills_are_jpeg_of_the_1k_class(tmp_path: Path, picture: Path, aspect: str, size: tuple[int, int]) -> None:
    work = order(Mode.IMAGE, [material("reference_1", picture)], aspect=aspect, seconds=None, name="wheelhouse")
    path = drawn(tmp_path, work)
    facts = probe(path, deep=True)
    assert (facts.container, facts.width, facts.height, facts.frames) == ("jpeg", *size, 1)
    assert drawn(tmp_path, work, name="again").read_bytes() == path.read_bytes()


def test_upscales_are_the_source_in_the_size_asked_for(tmp_path: Path, clip: Path) -> None:
    path = drawn(tmp_path, order(Mode.UPSCALE, [material("source", clip)], resolution="360p", seconds=None))
    facts = probe(path, deep=True)
    assert (facts.width, facts.height, facts.frames, facts.has_audio) == (640, 360, 48, True)
    assert difference(frame(path, "20").resize((320, 180)), frame(clip, "20")) < 3
    still = drawn(tmp_path, order(Mode.IMAGE, [], seconds=None), name="still.jpg")
    big = drawn(tmp_path, order(Mode.UPSCALE, [material("source", still)], resolution="2k", seconds=None))
    assert (probe(big).width, probe(big).height) == (2752, 1536)


@pytest.mark.parametrize("mode", [Mode.I2V, Mode.I2V_FL, Mode.V2V, Mode.EXTEND, Mode.UPSCALE, Mode.JOIN])
def test_missing_and_broken_inputs_are_told_and_leave_nothing(tmp_path: Path, mode: Mode) -> None:
    with pytest.raises(MediaError, match="is not there"):
        drawn(tmp_path, order(mode, [], window=(0, 24)))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42 and then nothing of use")
    slots = ("start", "end", "source", "segment")
    with pytest.raises(MediaError, match=r"SH010: refs/x\.png is .*\(named at shots\.yaml:1:1\)"):
        drawn(tmp_path, order(mode, [material(slot, broken) for slot in slots], window=(0, 24)))
    assert not (tmp_path / "out").exists()


def test_characters_that_no_font_has_are_noticed() -> None:
    renderer = LocalRenderer(SMALL)
    assert renderer.notices(order(Mode.T2V).node) == ()
    (notice,) = renderer.notices(order(Mode.T2V, prompt="a \ue123 b").node)
    assert notice.startswith("SH010: no font on this machine")
