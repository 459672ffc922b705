"""Storyboards become clips: every mode, to the frame; a second run makes nothing; one word makes one key."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from acceptance import SMALL, Person, clips, film, tree, write_clip
from PIL import Image

EVERY_MODE = (
    """veospec: 1
project: {code: EVM, title: Every mode, fps: 24, slate: {leader: 1s}}
vars: {who: a fox}
x-talk: &talk [{who: FOX, line: "Hm.", at: 1s}]
budget: {max_credits: 900}
defaults: {model: veo-3.1-fast, duration: 4s, avoid: [captions]}
style: {base: charcoal drawing, variants: {ink: black ink on wet paper}}
assets: {den: refs/den.png, coat: refs/coat.png, plate: plates/plate.mp4}
voices: {low: {preset: Kore, line: "Come here.", performance: dry}}
characters:
  fox: {name: Fox, describe: an old fox, images: [coat, "still:portrait"], voice: low}
stills:
  portrait: {model: nano-banana-2, aspect: "1:1", prompt: "Portrait of ${who}.", takes: 2, select: 2, upscale: 2k}
passes: {cheap: {model: veo-3.1-lite, takes: 1, upscale: none}}
reel: {order: [TXT, IMG, FLF, REF, EDT, CHN, EXT]}
scenes:
  - id: SC01
    slug: INT. DEN - NIGHT
    shots:
      - {id: TXT, prompt: "${who} sleeps.", takes: 2, select: 2, trim: {head: 6f, tail: 6f}}
      - {id: IMG, prompt: It wakes., start: den, transition: {type: dissolve, frames: 8}, dialogue: *talk}
      - {id: FLF, prompt: It stands., start: den, end: "still:portrait", style: ink}
      - {id: REF, prompt: "@coat on @fox.", references: [coat], characters: [fox], duration: 8s}
      - {id: EDT, prompt: Snow falls., model: omni-flash, edit: {source: plate, in: 0f, out: 48f}}
      - {id: CHN, prompt: It leaves., start: {shot: TXT, frame: last}}
      - {id: EXT, prompt: It runs., extend: CHN, upscale: 720p}
      - {id: OUT, prompt: Never drawn., omit: true}
"""
    + SMALL
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was drawn once; tests copy it."""
    folder = tmp_path_factory.mktemp("made")
    write_clip(folder / "plates/plate.mp4")
    for name, size, colour in (("refs/den.png", (160, 90), "teal"), ("refs/coat.png", (90, 90), "orange")):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", size, colour).save(folder / name)
    (folder / "shots.yaml").write_text(EVERY_MODE)
    environment = {**os.environ, "VEOSPEC_HOME": ""}
    done = subprocess.run(
        [sys.executable, "-m", "veospec", "apply"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "13 made; spent free" in done.stdout
    return folder


@pytest.fixture
def drawn(made: Path, veospec: Person) -> Person:
    """The folder with every mode, as it was after the first run."""
    shutil.copytree(made, veospec.folder, dirs_exist_ok=True, copy_function=shutil.copy2)
    return veospec


def test_every_mode_comes_out_to_the_frame(made: Path) -> None:
    """Lengths, sizes and codecs are counted in the files, not believed."""
    wanted = {
        "EVM_SC01_TXT_T01": (96, 320, 180),
        "EVM_SC01_TXT_T02": (96, 320, 180),
        "EVM_SC01_IMG_T01": (96, 320, 180),
        "EVM_SC01_FLF_T01": (96, 320, 180),
        "EVM_SC01_REF_T01": (192, 320, 180),
        "EVM_SC01_EDT_T01": (48, 320, 180),
        "EVM_SC01_CHN_T01": (96, 320, 180),
        "EVM_SC01_EXT_T01": (192, 320, 180),
        "EVM_SC01_EXT_T01_720p": (192, 1280, 720),
        "EVM_SC01_EXT_T01_joined": (96 + 192 - 24, 320, 180),
    }
    assert clips(made) == sorted(f"{name}.mp4" for name in wanted)
    for name, (frames, width, height) in wanted.items():
        found = film(made / f"out/clips/{name}.mp4")
        assert (found.frames, found.width, found.height) == (frames, width, height), name
        assert found.fps == 24
        assert found.seconds == Fraction(frames, 24)
        assert found.codecs == ("h264", "aac"), name
    stills = sorted(path.stem for path in (made / "out/stills").iterdir())
    assert stills == ["EVM_portrait_T01", "EVM_portrait_T02", "EVM_portrait_T02_2k"]


def test_the_manifest_tells_what_the_files_hold(drawn: Person) -> None:
    """Media facts, modes, prices and inputs; the file itself is never contradicted."""
    document = drawn.manifest()
    by_node = {(o["node"], o["take"]): o for o in document["outputs"]}
    assert {o["mode"] for o in document["outputs"]} == {
        "image", "t2v", "i2v", "i2v-fl", "r2v", "v2v", "extend", "upscale", "join"
    }  # fmt: skip
    for output in document["outputs"]:
        path = drawn.folder / "out" / output["file"]
        assert path.stat().st_size == output["bytes"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == output["digest"]
        assert output["disposition"] == "made"
        assert (output["cost"]["credits"], output["cost"]["micro_usd"]) == (0, 0)
        if path.suffix == ".mp4":
            found = film(path)
            media = output["media"]
            assert (media["width"], media["height"], media["frames"]) == (found.width, found.height, found.frames)
            assert (Fraction(media["fps"]), Fraction(media["duration"])) == (found.fps, found.seconds)
            assert media["has_audio"]
    assert [t for (node, t), o in by_node.items() if node == "TXT" and o["selected"]] == [2]
    chain = by_node[("CHN", 1)]
    assert chain["upstream"] == [
        {"slot": "start", "node": "TXT", "key": by_node[("TXT", 2)]["key"], "digest": by_node[("TXT", 2)]["digest"]}
    ]
    text = (drawn.folder / "out/manifest.json").read_text()
    assert str(drawn.folder) not in text
    assert document["outputs"] == sorted(document["outputs"], key=lambda o: (o["node"], o["take"]))


def test_a_second_run_makes_nothing_says_so_and_touches_no_output(drawn: Person) -> None:
    drawn("apply")  # the folder was copied: what remembers file times is warm only now
    before = tree(drawn.folder / "out")
    again = drawn("apply")
    assert "nothing to do: 13 takes are here and unchanged" in again.out
    assert tree(drawn.folder / "out") == before
    assert "nothing to do" in drawn("plan").out
    assert set(drawn.actions().values()) == {"reuse"}
    drawn("plan", "--exit-code")


def test_a_moved_project_goes_on_where_it_was(drawn: Person) -> None:
    """The copy lies elsewhere; its output folder is still its own, also when something changed."""
    drawn.edit("It wakes.", "It wakes slowly.")
    done = drawn.json("apply")
    assert done["counts"] == {"reused": 12, "made": 1}


def test_two_fresh_projects_give_the_same_bytes(made: Path, veospec: Person) -> None:
    for name in ("refs", "plates"):
        shutil.copytree(made / name, veospec.folder / name)
    veospec.write(EVERY_MODE)
    veospec("apply", "--jobs", "1")
    first, second = tree(made / "out"), tree(veospec.folder / "out")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name][0] != second[name][0]] == []


ON_CHN = {"EXT T1": "stale", "join:EXT T1": "stale", "upscale:EXT T1": "stale"}
"""What builds on the chained shot: unchanged itself, but out of date with it."""


def test_one_edited_word_makes_one_key_and_reports_what_is_stale(drawn: Person) -> None:
    drawn.edit("${who} sleeps.", "${who} dreams.")
    steps = drawn.steps()
    by_action = {
        name: ("stale" if s["stale"] else s["action"])
        for name, s in steps.items()
        if s["action"] != "reuse" or s["stale"]
    }
    assert by_action == {"TXT T1": "generate", "TXT T2": "generate", "CHN T1": "stale", **ON_CHN}
    assert [c["field"] for c in steps["TXT T1"]["changes"]] == ["prompt", "extra.text"] or {
        c["field"] for c in steps["TXT T1"]["changes"]
    } >= {"prompt"}
    told = drawn("explain", "TXT").out
    assert "[-sleeps.-]" in told
    assert "{+dreams.+}" in told
    assert "changed start" in drawn("explain", "CHN").out
    done = drawn("apply")
    assert "11 reused, 2 made" in done.out
    assert "stale: CHN T01 kept as it is although TXT changed (policy.stale_downstream: report)" in done.out
    assert {o["node"]: o["disposition"] for o in drawn.manifest()["outputs"]}["CHN"] == "stale"
    assert "nothing to do" in drawn("apply").out
    drawn.edit("${who} dreams.", "${who} sleeps.")
    assert set(drawn.actions().values()) == {"reuse"}, "going back finds everything"


def test_cascade_makes_what_builds_on_a_change(drawn: Person) -> None:
    drawn.edit("budget: {max_credits: 900}", "policy: {stale_downstream: cascade}")
    drawn.edit("${who} sleeps.", "${who} dreams.")
    changed = {name for name, action in drawn.actions().items() if action != "reuse"}
    assert changed == {"TXT T1", "TXT T2", "CHN T1", "EXT T1", "upscale:EXT T1", "join:EXT T1"}
    assert drawn.json("apply")["counts"] == {"reused": 7, "made": 6}
    assert set(drawn.actions().values()) == {"reuse"}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param("takes: 2, select: 2, trim", "takes: 4, select: 2, trim", {"TXT T3", "TXT T4"}, id="takes"),
        pytest.param("It wakes., start", "It wakes., retake: 1, start", {"IMG T1"}, id="retake"),
        pytest.param("trim: {head: 6f, tail: 6f}", "trim: {head: 2f}", set(), id="trim"),
        pytest.param("transition: {type: dissolve, frames: 8}", "notes: cut here", set(), id="transition and notes"),
        pytest.param("order: [TXT, IMG,", "order: [IMG, TXT,", set(), id="the cut"),
        pytest.param("upscale: 720p}", "upscale: 1080p}", {"upscale:EXT T1"}, id="upscale"),
        pytest.param("title: Every mode", "title: All of them", set(), id="title"),
        pytest.param("refs/den.png", "refs/../refs/den2.png", set(), id="moved picture"),
        pytest.param("{id: IMG,", "{id: PIC,", {"PIC T1"}, id="a rename draws one slate again"),
    ],
)  # fmt: skip
def test_what_matters_is_made_and_nothing_else(drawn: Person, before: str, after: str, changed: set[str]) -> None:
    if "den2" in after:
        shutil.move(drawn.folder / "refs/den.png", drawn.folder / "refs/den2.png")
        after = "refs/den2.png"
    drawn.edit(before, after)
    if "PIC" in after:
        drawn.edit("TXT, IMG,", "TXT, PIC,")
    assert {name for name, action in drawn.actions().items() if action != "reuse"} == changed


def test_select_needs_no_drawing_but_what_follows_is_told(drawn: Person) -> None:
    drawn("select", "TXT", "1")
    assert {n: a for n, a in drawn.actions().items() if a != "reuse"} == {"CHN T1": "stale", **ON_CHN}
    drawn("apply")
    assert [o["take"] for o in drawn.manifest()["outputs"] if o["node"] == "TXT" and o["selected"]] == [1]


def test_deleted_outputs_come_back_for_nothing(drawn: Person) -> None:
    before = {name: content for name, (content, _) in tree(drawn.folder / "out").items()}
    (drawn.folder / "out/clips/EVM_SC01_IMG_T01.mp4").unlink()
    assert "nothing to do" in drawn("apply").out
    shutil.rmtree(drawn.folder / "out")
    assert drawn.json("apply")["counts"] == {"reused": 13}
    assert {name: content for name, (content, _) in tree(drawn.folder / "out").items()} == before


def test_outputs_of_a_removed_shot_go_and_foreign_files_stay(drawn: Person) -> None:
    mine = drawn.folder / "out/clips/EVM_SC01_IMG_T01_my-grade.mp4"
    mine.write_bytes(b"my own")
    drawn.edit("It wakes., start", "It wakes., omit: true, start")
    drawn.edit("TXT, IMG,", "TXT,")
    drawn("apply")
    assert not (drawn.folder / "out/clips/EVM_SC01_IMG_T01.mp4").exists()
    assert mine.read_bytes() == b"my own"
    drawn.edit("It wakes., omit: true, start", "It wakes., start")
    assert drawn.json("apply")["counts"] == {"reused": 13}, "the store had kept it"


def test_somebody_elses_file_stops_the_run_before_anything_is_made(drawn: Person) -> None:
    drawn.edit("${who} sleeps.", "${who} dreams.")
    drawn.edit("It wakes., start", "It wakes., takes: 2, start")
    other = drawn.folder / "out/clips/EVM_SC01_IMG_T02.mp4"
    other.write_bytes(b"my own")
    store = tree(drawn.folder / ".veospec/store")
    stopped = drawn("apply", code=9)
    assert f"{other} exists and was not written by veospec" in stopped.err
    assert other.read_bytes() == b"my own"
    assert tree(drawn.folder / ".veospec/store") == store


def test_a_damaged_clip_is_drawn_again_and_never_delivered(drawn: Person) -> None:
    digest = next(o["digest"] for o in drawn.manifest()["outputs"] if o["node"] == "FLF")
    blob = drawn.folder / f".veospec/store/blobs/{digest[:2]}/{digest}.mp4"
    blob.chmod(0o644)
    blob.write_bytes(b"rot" + blob.read_bytes()[3:])
    found = drawn.json("cache", "verify", code=9)
    assert found["damaged"] == 1
    assert drawn.actions("--verify")["FLF T1"] == "generate"
    drawn("apply", "--verify")
    assert drawn.json("cache", "verify")["damaged"] == 0
    assert hashlib.sha256((drawn.folder / "out/clips/EVM_SC01_FLF_T01.mp4").read_bytes()).hexdigest() == digest


def test_a_committed_manifest_without_a_store_does_not_stop_a_free_run(made: Path, veospec: Person) -> None:
    """A fresh clone has the manifest of the last commit and nothing else; its file is ours to replace."""
    for name in ("refs", "plates"):
        shutil.copytree(made / name, veospec.folder / name)
    veospec.write(EVERY_MODE.replace("It wakes.", "It stirs."))
    (veospec.folder / "out").mkdir()
    shutil.copy(made / "out/manifest.json", veospec.folder / "out/manifest.json")
    assert veospec.json("apply", "--only", "IMG")["counts"] == {"made": 1}


def test_a_pass_changes_shots_only(drawn: Person) -> None:
    steps = drawn.steps("--pass", "cheap")
    assert {s["model"] for s in steps.values() if s["kind"] == "clip"} == {"veo-3.1-lite", "omni-flash"}
    assert not [name for name in steps if name.startswith("upscale:EXT")]
    assert [name for name in steps if name.startswith("still:portrait")] == ["still:portrait T1", "still:portrait T2"]
    assert "EDT" in drawn("plan", "--pass", "cheap").err, "the shot that the pass's model cannot make is named"


def test_other_forms_and_commands_read_what_was_made(drawn: Person) -> None:
    for command in ("review", "reel", "sheet"):
        for line in drawn(command).out.splitlines():
            assert Path(line).is_file()
    wrote = drawn("export", *(f"--to={form}" for form in ("otio", "fcpxml", "edl", "srt", "vtt", "csv", "md"))).out
    assert len(wrote.splitlines()) == 7
    assert all(Path(line).stat().st_size for line in wrote.splitlines())
    assert "Every mode" in drawn("comment").out
    assert drawn.json("cache", "ls")["bytes"] > 10_000
    assert drawn.json("status")["counts"] == {"made": 13}
    assert drawn.json("cache", "gc")["takes"] == []
