"""What lies in `out/` after a run: timelines, captions, lists, sheet and page, held against the manifest."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest
from acceptance import SMALL, Person, film
from PIL import Image

from veospec.media import frames
from veospec.media import sheet as media_sheet
from veospec.review.approved import approval_digest

HOSTILE = '夜のフェリー العبّارة 👩‍🔧 <script>window.pwned = 1</script> & "x" | * y'
LINE = "待って! انتظر <script>alert(1)</script> --> 🚢"

CUT = """\
veospec: 1
project: {{code: CUT, title: Cut, fps: {fps}, handles: 5, slate: {{leader: 1s, beep: true}}}}
defaults: {{duration: 4s}}
deliver:
  animatic: {{size: 180p, ken_burns: false}}
  review: none
  contact_sheet: {{frames: [first]}}
  timeline: [otio, fcpxml, edl]
  captions: [srt, vtt]
shots:
  - id: A
    prompt: A ferry leaves.
    trim: {{head: 3f, tail: 7f}}
    transition: {{type: dissolve, frames: 12}}
    dialogue: [{{who: ADA, line: Slowly., at: 1s}}]
  - id: B
    prompt: She looks out.
    takes: 2
    select: 2
    transition: {{type: fade, frames: 10}}
  - {{id: C, prompt: The ramp., duration: 8s}}
  - {{id: D, extend: C, prompt: The ramp settles., trim: {{tail: 6f}}}}
"""


@pytest.mark.parametrize(("room", "draw"), [(media_sheet, "write_sheet"), (frames, "write_jpeg")])
def test_a_disk_that_is_full_at_the_end_is_said_and_costs_nothing(
    veospec: Person, monkeypatch: pytest.MonkeyPatch, room: Any, draw: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    veospec.write("veospec: 1\nshots:\n  - {id: A, prompt: Rain., duration: 4s}\n" + SMALL)
    with monkeypatch.context() as disk:
        disk.setattr(room, draw, full)
        ran = veospec("apply")
        assert "no space is left on the disk" in ran.said
        assert "1 made" in ran.out
    assert "nothing to do: 1 take is here" in veospec("apply").out
    assert (veospec.folder / "out/contact-sheet.jpg").exists()


def test_a_reel_that_has_no_room_is_named_and_leaves_nothing(veospec: Person) -> None:
    """A real limit: no file may grow larger than a clip, so the reel of many cannot be written."""
    shots = "".join(f"  - {{id: S{n}, prompt: Rain {n}., duration: 4s}}\n" for n in range(6))
    veospec.write(f"veospec: 1\nshots:\n{shots}{SMALL}")
    veospec("apply", "--no-reel")
    largest = max(path.stat().st_size for path in (veospec.folder / "out/clips").iterdir())
    limited = f'ulimit -f {largest // 1024 + 2}; exec "$0" -m veospec reel'
    ran = subprocess.run(
        ["/bin/bash", "-c", limited, sys.executable], cwd=veospec.folder, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "cannot make reel_16x9.mp4: the file is larger than allowed here" in ran.stderr) == (
        9,
        True,
    )
    assert list((veospec.folder / ".veospec/scratch").iterdir()) == []
    assert not (veospec.folder / "out/reel_16x9.mp4").exists()
    (veospec.folder / "out/manifest.json").unlink()
    ran = subprocess.run(
        ["/bin/bash", "-c", limited.replace("reel", "apply"), sys.executable],
        cwd=veospec.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, "everything is made, so it is no failed run"
    assert "cannot make reel_16x9.mp4" in ran.stdout + ran.stderr
    assert (veospec.folder / "out/manifest.json").exists()
    veospec("reel")
    assert (veospec.folder / "out/reel_16x9.mp4").exists()


@pytest.mark.parametrize("fps", [24, 25, 30])
def test_timelines_captions_and_reel_agree_with_the_manifest_to_the_frame(veospec: Person, fps: int) -> None:
    veospec.write(CUT.format(fps=fps))
    veospec("apply")
    [cut] = veospec.manifest()["cuts"]
    events = cut["events"]
    assert [(e["shot"], e["take"], e["overlap"]) for e in events] == [
        ("A", 1, 0), ("B", 2, 0), ("C", 1, 0), ("D", 1, fps),
    ]  # fmt: skip
    assert [e["transition"] and e["transition"]["kind"] for e in events] == ["dissolve", "fade", None, None]
    out = veospec.folder / "out"
    assert film(out / "reel_16x9.mp4").frames == cut["frames"] + fps
    _holds_otio(out, events, fps)
    _holds_fcpxml(out, events, fps)
    _holds_edl(out, events, fps)
    # The line is spoken a second into the clip; the cut drops the handle and the trim before it.
    at = (fps - events[0]["source_in"]) / fps
    [(start, text)] = re.findall(r"00:00:(\S+) --> .*\n(.*)", (out / "captions.srt").read_text("utf-8"))
    assert (round(float(start.replace(",", ".")) * fps), text) == (round(at * fps), "Slowly.")


def _holds_otio(out: Path, events: list[Any], fps: int) -> None:
    timeline = otio.adapters.read_from_file(str(out / "timeline.otio"))
    clips = list(timeline.video_tracks()[0].find_clips())
    found = [(*_placed(clip), clip.media_reference.target_url) for clip in clips]
    assert found == [(e["record_in"], e["record_out"] - e["record_in"], e["source_in"], e["file"]) for e in events]
    assert all((out / clip.media_reference.target_url).is_file() for clip in clips)
    assert {clip.source_range.duration.rate for clip in clips} == {fps}


def _holds_fcpxml(out: Path, events: list[Any], fps: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = otio.adapters.read_from_file(str(out / "timeline.fcpxml"))
    named = {(c.name, c.source_range.duration.to_frames()) for c in found.find_clips() if c.source_range is not None}
    assert {(_label(e), e["record_out"] - e["record_in"]) for e in events} <= named
    spine = ET.parse(out / "timeline.fcpxml").getroot().find(".//spine")
    assert spine is not None
    placed = [
        (c.get("name"), *(Fraction(str(c.get(at)).rstrip("s")) * fps for at in ("offset", "duration", "start")))
        for c in spine.findall("asset-clip")
    ]
    assert placed == [(_label(e), e["record_in"], e["record_out"] - e["record_in"], e["source_in"]) for e in events]


def _label(event: Any) -> str:
    return f"{event['shot']} T{event['take']:02}"


def _holds_edl(out: Path, events: list[Any], fps: int) -> None:
    timeline = otio.adapters.read_from_file(str(out / "timeline.edl"), rate=fps)
    every = list(timeline.video_tracks()[0].find_clips())
    clips = [clip for clip in every if clip.name != "BLACK"]
    assert len(clips) == len(events)
    # A fade is black for as long as it falls; its shot is that much shorter, and the next one begins at the cut.
    fade = events[1]["transition"]["before"]
    assert [clip.source_range.duration.to_frames() for clip in every if clip not in clips] == [fade]
    assert _placed(every[3])[:2] == (events[2]["record_in"], events[2]["record_out"] - events[2]["record_in"])
    # A dissolve begins with its second shot here: the clip before it gives its half away.
    first = events[0]["transition"]["before"]
    assert clips[0].source_range.duration.to_frames() == events[0]["record_out"] - first
    assert [c.source_range.start_time.to_frames() for c in clips[2:]] == [e["source_in"] for e in events[2:]]
    reels = {line.split()[1] for line in (out / "timeline.edl").read_text().splitlines() if line[:3].isdigit()}
    assert all(len(reel) <= 8 for reel in reels)


def _placed(clip: Any) -> tuple[int, int, int]:
    place = clip.range_in_parent()
    return place.start_time.to_frames(), place.duration.to_frames(), clip.source_range.start_time.to_frames()


def test_any_script_and_any_markup_goes_through_everything(veospec: Person) -> None:
    veospec.write(
        "veospec: 1\n"
        f"project: {{code: NFY, title: '{HOSTILE}'}}\n"
        "deliver: {animatic: {size: 180p}, timeline: [otio, fcpxml, edl], captions: [srt, vtt], preview: gif}\n"
        "scenes:\n"
        f"  - id: SC01\n    slug: '{HOSTILE}'\n    shots:\n"
        f"      - {{id: CUT1, prompt: '{HOSTILE}', duration: 4s, notes: '{HOSTILE}',\n"
        f"         dialogue: [{{who: 'アダ <b>', line: '{LINE}', at: 1s}}]}}\n"
        f"      - {{id: CUT2, prompt: '{HOSTILE}', duration: 4s}}\n"
    )
    veospec("apply")
    veospec("export", "--to", "csv", "--to", "md")
    out = veospec.folder / "out"
    for name in ("review.html", "contact-sheet.html"):
        page = (out / name).read_text("utf-8")
        assert "<script>window" not in page
        assert "夜のフェリー" in page
        assert "Content-Security-Policy" in page
    timeline = otio.adapters.read_from_file(str(out / "timeline.otio"))
    assert timeline.name.startswith("夜のフェリー")
    assert next(iter(timeline.find_clips())).name.startswith("CUT1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert otio.adapters.read_from_file(str(out / "timeline.fcpxml"))
    edl = (out / "timeline.edl").read_text("utf-8")
    assert len(otio.adapters.read_from_string(edl, "cmx_3600", rate=24).video_tracks()[0]) == 2
    captions = (out / "captions.srt").read_text("utf-8"), (out / "captions.vtt").read_text("utf-8")
    assert all("待って!" in text and "🚢" in text for text in captions)
    assert "<script>" not in captions[1]
    assert captions[1].count("-->") == 1
    rows = list(csv.reader(io.StringIO((out / "shots.csv").read_text("utf-8-sig"))))
    assert len(rows) == 3
    assert any("<script>" in cell for cell in rows[1])
    assert "<script>" not in (out / "shots.md").read_text("utf-8")
    with Image.open(out / "preview.gif") as moving:
        assert moving.n_frames == 8  # type: ignore[attr-defined]
    comment = veospec("comment", "--provider", "flow", "--plan-class", "ultra-200").out
    assert "<script>" not in comment
    assert "夜のフェリー" in comment


def test_a_broken_file_in_the_store_is_told_everywhere_and_stops_nothing(veospec: Person) -> None:
    veospec.write(CUT.format(fps=24).replace("review: none", "review: html"))
    veospec("apply")
    [lost] = [o for o in veospec.manifest()["outputs"] if o["shot"] == "B" and o["selected"]]
    blob = veospec.folder / f".veospec/store/blobs/{lost['digest'][:2]}/{lost['digest']}.mp4"
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:2000])
    (veospec.folder / "out" / lost["file"]).unlink(missing_ok=True)
    for command in ("reel", "sheet", "review", "export"):
        veospec(command)
    [cut] = veospec.manifest()["cuts"]
    event = cut["events"][1]
    assert (event["shot"], event["file"]) == ("B", "")
    assert event["missing"] not in ("", "not made yet")
    assert film(veospec.folder / "out/reel_16x9.mp4").frames == cut["frames"] + 24
    assert event["missing"] in (veospec.folder / "out/contact-sheet.html").read_text("utf-8").replace("&#x27;", "'")
    timeline = otio.adapters.read_from_file(str(veospec.folder / "out/timeline.otio"))
    missing = list(timeline.video_tracks()[0].find_clips())[1]
    assert missing.media_reference.is_missing_reference


def test_the_page_tells_what_changed_since_the_take_before(veospec: Person) -> None:
    veospec.write(
        "veospec: 1\ndeliver: {animatic: {size: 180p}}\nshots:\n  - {id: A, prompt: Black water., duration: 4s}\n"
    )
    veospec("apply")
    page = veospec.folder / "out/review.html"
    assert '"change"' not in page.read_text("utf-8")
    veospec.edit("Black water.", "Still black water.")
    veospec("apply")
    text = page.read_text("utf-8")
    assert 'Compared with the take before: prompt"' in text
    assert '["new","Still' in text
    before = veospec.manifest()["outputs"][0]["digest"]
    veospec.edit("duration: 4s}", f"duration: 4s, review: {{status: done, by: mk, approved: {before}}}}}")
    veospec("apply")
    assert '"change"' not in page.read_text("utf-8")
    veospec.edit("Still black water.", "Still black cold water.")
    veospec("apply")
    assert "Compared with the take that mk approved" in page.read_text("utf-8")


def test_every_picture_of_the_page_has_a_poster(veospec: Person) -> None:
    """What was made of a take too; a dissolve is shown by its first picture, which is not two at once."""
    veospec.write(
        "veospec: 1\ndeliver: {animatic: {size: 180p}, preview: none}\n"
        "stills: {quay: {prompt: The quay., upscale: 2k}, deck: {prompt: The deck.}}\n"
        "shots:\n"
        "  - {id: A, prompt: It comes., start: 'still:quay', end: 'still:deck', duration: 4s}\n"
        "  - {id: B, extend: A, prompt: It goes on., upscale: 720p}\n"
    )
    veospec("apply")
    page = (veospec.folder / "out/review.html").read_text("utf-8")
    found = re.search(r'id="veospec-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    posters = {(s["name"], t["label"]): t["poster"] for s in json.loads(found[1])["shots"] for t in s["takes"]}
    assert sorted(posters) == [
        ("A", "T01"), ("B", "720p"), ("B", "T01"), ("B", "joined"), ("deck", "T01"), ("quay", "2k"), ("quay", "T01"),
    ]  # fmt: skip
    assert all((veospec.folder / "out" / poster).is_file() for poster in posters.values())
    assert re.search(r"-0-\d+\.jpg$", posters["A", "T01"])
    assert re.search(r"-96-\d+\.jpg$", posters["B", "T01"])


def test_an_approval_of_all_deliveries_at_once_is_found_again(veospec: Person) -> None:
    shots = "shots:\n  - {id: A, prompt: Black water., duration: 4s}\n"
    veospec.write(f'veospec: 1\nmatrix: {{aspect: ["16:9", "9:16"]}}\ndeliver: {{animatic: {{size: 180p}}}}\n{shots}')
    veospec("apply")
    whole = approval_digest(o["digest"] for o in veospec.manifest()["outputs"])
    veospec.edit("duration: 4s}", f"duration: 4s, review: {{status: done, approved: {whole}}}}}")
    for prompt in ("Grey water", "White water"):
        veospec.edit("Black water" if prompt == "Grey water" else "Grey water", prompt)
        veospec("apply")
    page = (veospec.folder / "out/review.html").read_text("utf-8")
    assert page.count("Compared with the approved take: prompt") == 2
    assert page.count('["gone","Black"]') == 2


def test_a_long_film_has_several_contact_sheets(veospec: Person) -> None:
    shots = "".join(f"  - {{id: S{n:03}, prompt: Shot {n}}}\n" for n in range(100))
    veospec.write(f"veospec: 1\nshots:\n{shots}")
    wrote = [line.rpartition("/")[2] for line in veospec("sheet").out.split()]
    assert wrote[:2] == ["contact-sheet.jpg", "contact-sheet-2.jpg"]
    assert wrote[-1] == "contact-sheet.html"
    first, last = (veospec.folder / "out" / wrote[at] for at in (0, -2))
    with Image.open(first) as whole, Image.open(last) as rest:
        assert whole.height > 2 * rest.height


def test_somebodys_own_file_is_left_alone_and_told(veospec: Person) -> None:
    shots = "shots:\n  - {id: A, prompt: Black water., duration: 4s}\n"
    veospec.write(f"veospec: 1\ndeliver: {{animatic: {{size: 180p}}, timeline: [edl]}}\n{shots}")
    assert "none of its shots is made" in veospec("reel").said
    for name in ("preview.webp", "timeline.edl"):
        veospec.write("mine", f"out/{name}")
    said = veospec("apply").said
    assert said.count("was not written by veospec") == 2
    assert (veospec.folder / "out/preview.webp").read_text() == "mine"
    assert film(veospec.folder / "out/reel_16x9.mp4").frames == veospec.manifest()["cuts"][0]["frames"]


def test_a_long_cut_is_joined_only_when_asked(veospec: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veospec.app.delivering.UNASKED_REEL_SHOTS", 1)
    reel = veospec.folder / "out/reel_16x9.mp4"
    head = "veospec: 1\ndeliver: {animatic: {size: 180p}, review: none, preview: none}\n"
    veospec.write(f"{head}shots: [{{id: A, prompt: one}}, {{id: B, prompt: two}}]\n")
    assert "no reel was joined" in veospec("apply").said
    assert not reel.exists()
    veospec("reel")
    assert reel.exists()
    veospec.write(f"{head}reel: {{join: local}}\nshots: [{{id: A, prompt: one}}, {{id: B, prompt: two}}]\n")
    reel.unlink()
    veospec("apply")
    assert reel.exists()
