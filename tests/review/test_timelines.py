"""Timelines read back by other people's readers, compared with the cut to the frame."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest
from fcpxml_rules import broken
from msgspec.structs import replace
from review_boards import absent, board, clip_facts, ferry, shot, take

from veospec.model import Cut, Input, Kind, Mode, NodeSource, Review, Storyboard, TransitionKind
from veospec.review.conform import conform, delivery_name
from veospec.review.cut import build_cuts
from veospec.review.edl import edl_text, reel_names, timecode
from veospec.review.fcpxml import fcpxml_text
from veospec.review.manifest import output_of
from veospec.review.timeline import otio_text
from veospec.review.values import CutList, Event, Output, Take

DISSOLVE, FADE = TransitionKind.DISSOLVE, TransitionKind.FADE


def material(storyboard: Storyboard, takes: list[Take]) -> tuple[list[CutList], list[Output]]:
    outputs = [output_of(t) for t in takes]
    return list(build_cuts(storyboard, outputs)), outputs


def thousand() -> tuple[Storyboard, list[Take]]:
    kinds = [Cut(), Cut(1, 2), Cut(0, 3, DISSOLVE, 13), Cut(5, 0, FADE, 24)]
    nodes = [shot(f"SHOT_NUMBER_{i}", seconds=(4, 6, 8)[i % 3], cut=kinds[i % 4]) for i in range(1000)]
    return board(*nodes, handles=6), [take(n) for n in nodes]


def strange() -> tuple[Storyboard, list[Take]]:
    title = '夜のフェリー & <script> العبّارة 👩‍💻 "x"\n\x07'
    first = shot("SH010", notes='look: <b> & "quotes" | 手\n\n* LOC: 01:00:00:00 RED x', cut=Cut(0, 0, DISSOLVE, 12))
    second = shot("sh.02-b")
    return board(first, second, handles=6, title=title), [take(first), absent(second, why="refused: ]]> & <x>")]


BOARDS = {"ferry": ferry, "thousand": thousand, "strange": strange}


@pytest.mark.parametrize("made", BOARDS.values(), ids=BOARDS)
def test_otio_has_every_cut_to_the_frame(made: Any) -> None:
    storyboard, takes = made()
    cuts, outputs = material(storyboard, takes)
    for cut in cuts:
        timeline = otio.adapters.read_from_string(otio_text(cut, storyboard, outputs), "otio_json")
        video = timeline.video_tracks()[0]
        clips = list(video.find_clips())
        assert len(cut.events) == len(clips)
        for event, clip in zip(cut.events, clips, strict=True):
            placed = clip.range_in_parent()
            assert event.record_in == placed.start_time.to_frames()
            assert event.frames == placed.duration.to_frames()
            assert event.source_in == clip.source_range.start_time.to_frames()
            assert clip.source_range.start_time.rate == cut.fps
            if event.file:
                assert event.file == clip.media_reference.target_url
                assert event.media_frames == clip.available_range().duration.to_frames()
            else:
                assert clip.media_reference.is_missing_reference
                assert event.missing == clip.media_reference.name
        assert cut.frames == video.duration().to_frames()
        transitions = [t for t in video if isinstance(t, otio.schema.Transition)]
        expected = [e.leaving for e in cut.events if e.leaving]
        assert [(t.before, t.after) for t in expected] == [
            (t.in_offset.to_frames(), t.out_offset.to_frames()) for t in transitions
        ]
        for track in timeline.audio_tracks():
            assert cut.frames == track.duration().to_frames()


def test_otio_offers_other_takes_and_upscales_and_says_where_the_media_comes_from() -> None:
    node = shot("SH010", notes="watch the hand", review=Review("done", "mk"))
    finer = replace(
        node,
        id="upscale:SH010@16:9",
        kind=Kind.UPSCALE,
        request=replace(node.request, mode=Mode.UPSCALE, inputs=(Input("source", NodeSource(node.id), node.location),)),
        takes=1,
    )
    storyboard = board(node, finer)
    takes = [take(node, 1), take(node, 2), take(finer, 1, file="clips/SH010_T01_4k.mp4", source_type="unknown")]
    [cut], outputs = material(storyboard, takes)
    timeline = otio.adapters.read_from_string(otio_text(cut, storyboard, outputs), "otio_json")
    [clip] = list(timeline.video_tracks()[0])
    references = clip.media_references()
    assert sorted(references) == ["T01", "T01 4k", "T02"]
    assert clip.active_media_reference_key == "T01"
    assert references["T01 4k"].target_url == "clips/SH010_T01_4k.mp4"
    assert references["T01 4k"].metadata["veospec"]["digital_source_type"] == "unknown"
    assert references["T01"].metadata["veospec"]["digital_source_type"].endswith("/digitalCreation")
    assert [m.name for m in clip.markers] == ["watch the hand", "done (mk)"]


def test_otio_sound_has_a_gap_where_a_shot_is_silent() -> None:
    nodes = [shot("A", cut=Cut(0, 0, DISSOLVE, 12)), shot("B")]
    silent = replace(clip_facts(), has_audio=False, audio_codec="")
    storyboard = board(*nodes, handles=6)
    [cut], outputs = material(storyboard, [take(nodes[0]), take(nodes[1], facts=silent)])
    timeline = otio.adapters.read_from_string(otio_text(cut, storyboard, outputs), "otio_json")
    [sound] = timeline.audio_tracks()
    assert [type(item).__name__ for item in sound] == ["Clip", "Gap"]


# -- EDL --------------------------------------------------------------------------------------------------


BLACK = "BLACK"


def edl_expected(cut: CutList) -> list[tuple[str, int, int, int]]:
    """Return (file or black, record in, frames, source in) of each event as CMX3600 counts.

    A dissolve starts with its event, and the way to black is an event of its own.
    """
    rows = []
    for index, event in enumerate(cut.events):
        lead, fading = dissolve_before(cut, index - 1), fade_before(event)
        early = dissolve_before(cut, index) or fading
        name = event.file.rpartition("/")[2] or f"{event.shot} T{event.take:02} MISSING"
        rows.append((name, event.record_in - lead, event.frames + lead - early, event.source_in - lead))
        if fading:
            rows.append((BLACK, event.record_out - fading, fading, 0))
    return rows


def fade_before(event: Event) -> int:
    leaving = event.leaving
    return leaving.before if leaving is not None and leaving.kind is FADE and event.file else 0


def fade_after(cut: CutList, index: int) -> int:
    leaving = cut.events[index - 1].leaving if index else None
    return leaving.after if leaving is not None and leaving.kind is FADE and cut.events[index].file else 0


def dissolve_before(cut: CutList, index: int) -> int:
    leaving = cut.events[index].leaving if 0 <= index < len(cut.events) - 1 else None
    return leaving.before if leaving is not None and leaving.kind is DISSOLVE else 0


@pytest.mark.parametrize("made", BOARDS.values(), ids=BOARDS)
def test_edl_has_every_cut_to_the_frame(made: Any) -> None:
    storyboard, takes = made()
    cuts, outputs = material(storyboard, takes)
    for cut in cuts:
        text = edl_text(cut, storyboard, outputs)
        timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=cut.fps)
        for track in timeline.tracks:
            clips = list(track.find_clips())
            start = clips[0].range_in_parent().start_time.to_frames()
            assert edl_expected(cut) == [
                (
                    c.name,
                    c.range_in_parent().start_time.to_frames() - start,
                    c.source_range.duration.to_frames(),
                    c.source_range.start_time.to_frames(),
                )
                for c in clips
            ]
            assert cut.frames == sum(c.source_range.duration.to_frames() for c in clips)
        video = next(t for t in timeline.tracks if t.kind == otio.schema.TrackKind.Video)
        transitions = [t for t in video if isinstance(t, otio.schema.Transition)]
        lengths = []
        for index, event in enumerate(cut.events):
            leaving = event.leaving
            is_inner = leaving is not None and leaving.kind is DISSOLVE and index + 1 < len(cut.events)
            lengths += [fade_after(cut, index), leaving.frames if leaving and is_inner else fade_before(event)]
        assert [frames for frames in lengths if frames] == [t.out_offset.to_frames() for t in transitions]


def test_edl_fades_are_dissolves_to_and_from_black() -> None:
    nodes = [shot("SH010", cut=Cut(0, 0, FADE, 24)), shot("SH020", cut=Cut(0, 0, FADE, 12))]
    storyboard = board(*nodes)
    [cut], outputs = material(storyboard, [take(n) for n in nodes])
    text = edl_text(cut, storyboard, outputs)
    assert [line for line in text.splitlines() if re.match(r"\d", line)] == [
        "001  SH010T01 AA/V  C        00:00:00:00 00:00:07:12 01:00:00:00 01:00:07:12",
        "002  SH010T01 AA/V  C        00:00:07:12 00:00:07:12 01:00:07:12 01:00:07:12",
        "002  BL       AA/V  D    012 00:00:00:00 00:00:00:12 01:00:07:12 01:00:08:00",
        "003  BL       AA/V  C        00:00:00:00 00:00:00:00 01:00:08:00 01:00:08:00",
        "003  SH020T01 AA/V  D    012 00:00:00:00 00:00:07:12 01:00:08:00 01:00:15:12",
        "004  SH020T01 AA/V  C        00:00:07:12 00:00:07:12 01:00:15:12 01:00:15:12",
        "004  BL       AA/V  D    012 00:00:00:00 00:00:00:12 01:00:15:12 01:00:16:00",
    ]
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=24)
    black = [c for c in timeline.video_tracks()[0].find_clips() if c.name == "BLACK"]
    assert [c.media_reference.generator_kind for c in black] == ["black", "black"]


def test_edl_reels_are_short_plain_and_belong_to_one_file_each() -> None:
    storyboard, takes = thousand()
    [cut], outputs = material(storyboard, takes)
    reels = reel_names(conform(cut, storyboard, outputs))
    assert len(set(reels)) == 1000
    assert all(re.fullmatch(r"[A-Z0-9]{1,8}", r) for r in reels)
    assert not {"AX", "BL", "BLACK", "BARS"} & set(reels)


def test_edl_reels_of_names_that_look_alike_differ() -> None:
    nodes = [shot(name) for name in ("SH.010", "SH-010", "SH010", "BLACK", "--", "VERYLONGNAME1", "VERYLONGNAME2")]
    storyboard = board(*nodes)
    [cut], outputs = material(storyboard, [take(n) for n in nodes])
    reels = reel_names(conform(cut, storyboard, outputs))
    assert len(nodes) == len(set(reels))
    assert all(re.fullmatch(r"[A-Z0-9]{1,8}", r) for r in reels)


def test_edl_text_is_lines_that_no_note_can_forge() -> None:
    storyboard, takes = strange()
    [cut], outputs = material(storyboard, takes)
    lines = edl_text(cut, storyboard, outputs).splitlines()
    assert all(re.match(r"TITLE: |FCM: |\d{3}  |\* |$", line) for line in lines)
    assert sum(line.startswith("* LOC:") for line in lines) == 1
    assert lines[3].startswith("001  SH010T01 V     C        00:00:00:06 00:00:07:12 01:00:00:00 01:00:07:06")
    assert lines[9].startswith("002  SH010T01 V     C        00:00:07:12 00:00:07:12 01:00:07:06 01:00:07:06")
    assert lines[10].startswith("002  BL       V     D    012 00:00:00:00 00:00:07:18 01:00:07:06 01:00:15:00")


@pytest.mark.parametrize(
    ("frames", "fps", "text"),
    [(0, 24, "00:00:00:00"), (86399, 24, "00:59:59:23"), (2160000, 25, "00:00:00:00"), (61, 60, "00:00:01:01")],
)
def test_timecode(frames: int, fps: int, text: str) -> None:
    assert text == timecode(frames, fps)


# -- FCPXML -----------------------------------------------------------------------------------------------


def seconds(text: str) -> Fraction:
    return Fraction(text.removesuffix("s"))


@pytest.mark.parametrize("made", BOARDS.values(), ids=BOARDS)
def test_fcpxml_has_every_cut_to_the_frame(made: Any) -> None:
    storyboard, takes = made()
    cuts, outputs = material(storyboard, takes)
    for cut in cuts:
        root = ET.fromstring(fcpxml_text(cut, storyboard, outputs))
        spine = root.find("./library/event/project/sequence/spine")
        assert spine is not None
        items = [item for item in spine if item.tag != "transition"]
        assert len(cut.events) == len(items)
        for event, item in zip(cut.events, items, strict=True):
            assert Fraction(event.record_in, cut.fps) == seconds(item.get("offset", ""))
            assert Fraction(event.frames, cut.fps) == seconds(item.get("duration", ""))
            if event.file:
                assert Fraction(event.source_in, cut.fps) == seconds(item.get("start", ""))
                asset = root.find(f"./resources/asset[@id='{item.get('ref')}']")
                assert asset is not None
                assert f"./{event.file}" == asset[0].get("src")
                assert Fraction(event.media_frames, cut.fps) == seconds(asset.get("duration", ""))
                assert root.find(f"./resources/format[@id='{asset.get('format')}']") is not None
            else:
                assert item.tag == "gap"
                assert event.missing in (item.findtext("note") or "")
        expected = [(e.record_out - e.leaving.before, e.leaving.frames) for e in cut.events if e.leaving]
        assert [(Fraction(at, cut.fps), Fraction(length, cut.fps)) for at, length in expected] == [
            (seconds(t.get("offset", "")), seconds(t.get("duration", ""))) for t in spine.findall("transition")
        ]
        ids = [r.get("id") for r in root.findall("./resources/*")]
        assert len(ids) == len(set(ids))
        assert {ref.get("ref") for ref in root.iter() if ref.get("ref")} <= set(ids)


def rates() -> tuple[Storyboard, list[Take]]:
    """Clips of other rates than the film's, one of which the format has no name for."""
    nodes = [shot(name) for name in ("SH010", "SH020", "SH030")]
    found = [clip_facts(240, 30), clip_facts(96, 12), clip_facts()]
    return board(*nodes, handles=6), [take(n, facts=facts) for n, facts in zip(nodes, found, strict=True)]


@pytest.mark.parametrize("made", [*BOARDS.values(), rates], ids=[*BOARDS, "rates"])
def test_fcpxml_is_what_final_cut_accepts(made: Any) -> None:
    storyboard, takes = made()
    cuts, outputs = material(storyboard, takes)
    for cut in cuts:
        assert broken(fcpxml_text(cut, storyboard, outputs)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("library>", "libary>", "unknown"),
        ('offset="', 'ofset="', "may not have"),
        ('<gap name="sh.02-b" ', '<gap name="x" lane="1" ', "may not have"),
        (' ref="r2"', ' ref="r1"', "which is format"),
        ('id="r2"', 'id="r1"', "given twice"),
        ('<format id="r1"', '<format id="r9"', "which is none"),
        ("<spine>", "<spine><note/>", "may not hold"),
        ('start="600/2400s"', 'start="610/2400s"', "between two frames"),
        ('<media-rep kind="original-media" src="', '<media-rep kind="original-media" sr="', "lacks"),
        ('hasAudio="1" ', "", "says of its sound only"),
        ('<marker start="600/2400s"', '<marker start="0s"', "outside"),
    ],
)
def test_the_rules_catch_what_final_cut_refuses(right: str, wrong: str, said: str) -> None:
    storyboard, takes = strange()
    [cut], outputs = material(storyboard, takes)
    text = fcpxml_text(cut, storyboard, outputs)
    assert right in text
    assert broken(text) == []
    assert any(said in sentence for sentence in broken(text.replace(right, wrong)))


def test_fcpxml_reads_in_otio(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader wants a module that Python dropped in 3.9; under its old name it is the one we have."""
    monkeypatch.setattr("xml.etree.cElementTree", ET, raising=False)
    storyboard, takes = ferry()
    cuts, outputs = material(storyboard, takes)
    [timeline] = otio.adapters.read_from_string(fcpxml_text(cuts[0], storyboard, outputs), "fcpx_xml")
    [track] = timeline.tracks
    found = [
        (c.range_in_parent().start_time.value, c.source_range.start_time.value, c.source_range.duration.value)
        for c in track
    ]
    assert [(e.record_in, e.source_in, e.frames) for e in cuts[0].events] == found


def test_fcpxml_has_rates_sound_and_names() -> None:
    nodes = [shot("SH010"), shot("SH020")]
    storyboard = board(*nodes, title="")
    tall = replace(clip_facts(240, 30), width=720, height=1280, has_audio=False)
    [cut], outputs = material(storyboard, [take(nodes[0]), take(nodes[0], 2), take(nodes[1], facts=tall)])
    root = ET.fromstring(fcpxml_text(cut, storyboard, outputs))
    formats = {f.get("id"): f for f in root.findall("./resources/format")}
    assert [f.get("name") for f in formats.values()] == ["FFVideoFormat720p24", None]
    assert [f.get("frameDuration") for f in formats.values()] == ["100/2400s", "100/3000s"]
    assets = root.findall("./resources/asset")
    assert [a.get("hasAudio") for a in assets] == ["1", "1", None]
    assert [a.get("name") for a in assets] == [
        "NFY_SC01_SH010_16x9_T01.mp4",
        "NFY_SC01_SH010_16x9_T02.mp4",
        "NFY_SC01_SH020_16x9_T01.mp4",
    ]
    assert [c.get("name") for c in root.findall("./library/event/asset-clip")] == ["SH010 T02"]


def test_names_of_deliveries() -> None:
    storyboard, takes = ferry()
    cuts, _ = material(storyboard, takes)
    assert delivery_name("timeline", ".edl", cuts[1], cuts) == "timeline_9x16.edl"
    assert delivery_name("timeline", ".edl", cuts[1], cuts[1:]) == "timeline.edl"
