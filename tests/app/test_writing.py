"""Commands that write the user's own files: comments and layout stay, and what they write works."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from acceptance import ROOT, SMALL, Person, schema

from veospec.app import editing, writing
from veospec.spec import edit

HEAD = """# The film.
veospec: 1   # the form

"""
BOARD = (
    HEAD
    + """stills:
    door:      # a door
        prompt: "A door."
        takes: 3

shots:
  # first
  - id: SH010
    takes: 2       # two
    prompt: >-
      Rain
      on a roof.
  - {id: SH020, prompt: Snow., takes: 3, select: 2}   # second
"""
    + SMALL
)


def changed_lines(before: str, after: str) -> list[str]:
    """Return the lines of the new text that the old one has not."""
    old = before.splitlines()
    return [line for line in after.splitlines() if line not in old]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("select", "SH010", "2"), ["    select: 2"]),
        (("select", "SH020", "3"), ["  - {id: SH020, prompt: Snow., takes: 3, select: 3}   # second"]),
        (("select", "door", "2"), ["        select: 2"]),
        (("select", "still:door", "3"), ["        select: 3"]),
        (("retake", "SH010"), ["    retake: 1"]),
        (("retake", "SH020"), ["  - {id: SH020, prompt: Snow., takes: 3, select: 2, retake: 1}   # second"]),
        (("retake", "door"), ["        retake: 1"]),
    ],
)
def test_one_value_changes_and_everything_else_stays(
    veospec: Person, arguments: tuple[str, ...], lines: list[str]
) -> None:
    path = veospec.write(BOARD)
    path.chmod(0o640)
    veospec(*arguments)
    after = path.read_text()
    assert changed_lines(BOARD, after) == lines
    assert len(after.splitlines()) - len(BOARD.splitlines()) in (0, 1)
    assert path.stat().st_mode & 0o777 == 0o640
    veospec("validate")
    assert [p.name for p in veospec.folder.iterdir()] == ["shots.yaml"]


@pytest.mark.parametrize("take", ["2", "T02", "t2"])
def test_a_take_is_named_as_the_lists_name_it(veospec: Person, take: str) -> None:
    veospec.write("veospec: 1\nshots:\n  - id: SH010\n    prompt: Rain.\n    takes: 2\n")
    veospec("select", "SH010", take)
    assert "select: 2\n" in (veospec.folder / "shots.yaml").read_text()
    assert "'T' is no take like 2 or T02" in veospec("select", "SH010", "T", code=2).err


def test_saying_it_twice_changes_nothing_more(veospec: Person) -> None:
    path = veospec.write(BOARD)
    veospec("select", "SH010", "2")
    once = path.read_text()
    assert "already" in veospec("select", "SH010", "2").out
    assert path.read_text() == once
    veospec("retake", "SH010")
    veospec("retake", "SH010")
    assert "retake: 2" in path.read_text()


def test_the_file_that_declares_the_shot_is_changed(veospec: Person) -> None:
    veospec.write("veospec: 1\ninclude: [parts/*.yaml]\n" + SMALL)
    part = veospec.write("shots:\n  - {id: A, prompt: x, takes: 2}  # here\n", "parts/a.yaml")
    veospec("select", "A", "2")
    assert part.read_text() == "shots:\n  - {id: A, prompt: x, takes: 2, select: 2}  # here\n"


def test_a_patch_of_the_review_page_is_put_in(veospec: Person) -> None:
    path = veospec.write(BOARD)
    patch = {
        "veospec_patch": 1,
        "shots": {
            "SH010": {"select": 2, "notes": "nice"},
            "SH020": {"review": {"status": "done", "by": "mk", "approved": "0" * 64}},
        },
        "stills": {"door": {"select": 3}},
    }
    veospec.write(json.dumps(patch), "patch.json")
    veospec("select", "--from", "patch.json")
    document = yaml.safe_load(path.read_text())
    assert document["stills"]["door"]["select"] == 3
    assert document["shots"][0]["select"] == 2
    assert document["shots"][1]["review"]["approved"] == "0" * 64
    for comment in ("# The film.", "# the form", "# a door", "# first", "# two", "# second"):
        assert comment in path.read_text()


TWO = "veospec: 1\nshots:\n  - {id: A, prompt: Rain., takes: 2}\n  - {id: B, prompt: Snow., takes: 2}\n"
EDITS = {
    "select": ("select", "A", "2"),
    "retake": ("retake", "A"),
    "patch": ("select", "--from", "patch.json"),
}


@pytest.fixture
def two(veospec: Person) -> Person:
    veospec.write(TWO)
    veospec.write('{"veospec_patch": 1, "shots": {"A": {"select": 2}}}', "patch.json")
    return veospec


@pytest.mark.parametrize("arguments", EDITS.values(), ids=EDITS)
def test_what_somebody_saves_meanwhile_is_not_lost(
    two: Person, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The file is saved after it was read, up to the last moment before it is replaced; both changes are in it then."""
    path, real, saves = two.folder / "shots.yaml", os.fsync, iter(["# one\n", "# two\n"])

    def saved_meanwhile(descriptor: int) -> None:
        real(descriptor)
        path.write_text(path.read_text() + next(saves, ""))

    monkeypatch.setattr(os, "fsync", saved_meanwhile)
    two(*arguments)
    shot = yaml.safe_load(path.read_text())["shots"][0]
    assert "retake" in shot or "select" in shot
    assert path.read_text().endswith("# one\n# two\n")
    assert sorted(p.name for p in two.folder.iterdir()) == ["patch.json", "shots.yaml"]


def test_two_that_circle_takes_at_once_circle_both(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has read the file before the first one wrote it."""
    real, others = edit.set_select, iter([("B", 2)])

    def overtaken(text: str, name: str, take: int, **known: Any) -> str:
        for shot, other in others:
            editing.select_take(two.folder / "shots.yaml", shot, other, {})
        return real(text, name, take, **known)

    monkeypatch.setattr(edit, "set_select", overtaken)
    two("select", "A", "2")
    shots = yaml.safe_load((two.folder / "shots.yaml").read_text())["shots"]
    assert [shot["select"] for shot in shots] == [2, 2]


def test_who_never_stops_saving_keeps_everything(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = two.folder / "shots.yaml", os.fsync

    def saved_meanwhile(descriptor: int) -> None:
        real(descriptor)
        path.write_text(path.read_text() + "#\n")

    monkeypatch.setattr(os, "fsync", saved_meanwhile)
    said = two("select", "A", "2", code=2).err
    assert "shots.yaml is saved by somebody else again and again" in said
    assert path.read_text().rstrip("#\n") == TWO.rstrip()


def test_a_file_that_somebody_holds_is_written_all_the_same(two: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """`flock shots.yaml veospec retake A`: who holds the lock waits for us."""
    monkeypatch.setattr(writing, "_LOCK_TRIES", 1)
    with (two.folder / "shots.yaml").open() as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        two("retake", "A")
    assert yaml.safe_load((two.folder / "shots.yaml").read_text())["shots"][0]["retake"] == 1


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_patch_over_two_files_tells_all_that_it_changed(
    two: Person, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    """The second file is saved after the first one was written; without its shot, what was written is told too."""
    act = two.write("shots:\n  - {id: C, prompt: Hail., takes: 2}\n", "act.yaml")
    two.edit("veospec: 1\n", "veospec: 1\ninclude: [act.yaml]\n")
    two.write('{"veospec_patch": 1, "shots": {"A": {"select": 2}, "C": {"select": 2}}}', "patch.json")
    real, saves = editing.replace_text, iter(["# saved\nshots: []\n" if is_gone else f"# saved\n{act.read_text()}"])

    def saved_meanwhile(path: Path, before: str, after: str) -> bool:
        if path.name == "act.yaml" and (text := next(saves, "")):
            path.write_text(text)
        return real(path, before, after)

    monkeypatch.setattr(editing, "replace_text", saved_meanwhile)
    ran = two("select", "--from", "patch.json", code=2 if is_gone else 0)
    assert "shots.yaml" in ran.said
    assert is_gone or "act.yaml" in ran.out
    assert yaml.safe_load((two.folder / "shots.yaml").read_text())["shots"][0]["select"] == 2
    assert act.read_text().startswith("# saved\n")


PROMPTS = [
    {
        "prompt": "A fox @referenceImage_1 in snow",
        "model": "veo-3.1-fast",
        "aspectRatio": "landscape",
        "count": 2,
        "seed": 7,
        "referenceImage_1": "refs/fox.png",
        "__comment": "ours",
    },
    {"prompt": "It runs", "startImage": "refs/fox.png", "endImage": "refs/fox.png", "duration": 4, "colour": "red"},
    {"prompt": "Repaint", "model": "omni-flash", "referenceVideo_1": "plate.mp4", "startFrameIndex_1": 0,
     "endFrameIndex_1": 48},
    {"prompt": "A fox speaks", "referenceImage_1": "refs/fox.png", "referenceAudio_1": "Kore"},
]  # fmt: skip


def test_prompts_json_becomes_a_storyboard_that_works(veospec: Person) -> None:
    from acceptance import write_clip

    veospec.picture("refs/fox.png")
    write_clip(veospec.folder / "plate.mp4")
    veospec.write(json.dumps(PROMPTS), "prompts.json")
    ran = veospec("import", "prompts.json", "-o", "shots.yaml")
    assert "colour" in ran.err, "an unknown key is named"
    assert "__comment" not in ran.err, "a key that begins with __ is the writer's own"
    veospec("validate")
    steps = veospec.steps()
    assert [s["mode"] for s in steps.values()] == ["r2v", "r2v", "i2v-fl", "v2v", "r2v"]
    assert "exists" in veospec("import", "prompts.json", "-o", "shots.yaml", code=2).err
    veospec("import", "prompts.json", "-o", "shots.yaml", "--force")
    printed = veospec("import", "prompts.json").out
    assert printed == (veospec.folder / "shots.yaml").read_text()


def test_csv_becomes_a_storyboard_that_works(veospec: Person) -> None:
    veospec.picture("refs/fox.png")
    veospec.write(
        'id,prompt,model,duration,aspect,takes,seed,start\nSH010,"A fox, in snow",veo-3.1-fast,8,16:9,2,5,\n'
        "SH020,It runs,veo-3.1-lite,8,16:9,1,,refs/fox.png\n",
        "list.csv",
    )
    veospec("import", "list.csv", "-o", "shots.yaml")
    assert list(veospec.steps()) == ["SH010 T1", "SH010 T2", "SH020 T1"]


@pytest.mark.parametrize("text", ["{", "[1]", '[{"model": "x"}]', "[" * 2000])
def test_what_is_no_list_of_prompts_is_refused_with_a_place(veospec: Person, text: str) -> None:
    veospec.write(text, "prompts.json")
    ran = veospec("import", "prompts.json", "-o", "shots.yaml", code=3)
    assert "prompts.json:1:" in ran.err
    assert not (veospec.folder / "shots.yaml").exists()


@pytest.mark.parametrize("options", [(), ("--minimal",)])
def test_init_gives_something_that_works_at_once(veospec: Person, options: tuple[str, ...]) -> None:
    veospec("init", *options)
    text = (veospec.folder / "shots.yaml").read_text()
    first = text.splitlines()[0]
    if first.startswith("# yaml-language-server: $schema="):
        form = json.loads((veospec.folder / first.partition("=")[2]).read_text())
        kind = jsonschema.validators.validator_for(form)
        assert list(kind(form).iter_errors(yaml.safe_load(text))) == []
    assert ".veospec/" in (veospec.folder / ".gitignore").read_text()
    veospec("validate")
    veospec.json("plan")
    assert "exists" in veospec("init", *options, code=2).err
    assert (veospec.folder / "shots.yaml").read_text() == text
    veospec("init", *options, "--force")


def test_init_into_a_new_folder_then_plan_then_apply(veospec: Person) -> None:
    veospec("init", "film", "--minimal")
    person = Person(veospec.folder / "film", veospec._capture)
    path = person.folder / "shots.yaml"
    path.write_text(path.read_text() + SMALL)
    person("plan")
    assert person.json("apply")["counts"] == {"made": 1}


@pytest.mark.parametrize(
    ("ci", "names"),
    [
        ("github", [".github/workflows/veospec-apply.yml", ".github/workflows/veospec-comment.yml",
                    ".github/workflows/veospec.yml"]),
        ("gitlab", ["veospec.gitlab-ci.yml"]),
    ],
)  # fmt: skip
def test_init_writes_the_files_of_a_ci(veospec: Person, ci: str, names: list[str]) -> None:
    wrote = veospec("init", "--ci", ci).out
    assert sorted(line.removeprefix("wrote ") for line in wrote.splitlines()) == names
    for name in names:
        assert yaml.safe_load((veospec.folder / name).read_text())
        (veospec.folder / name).write_text("mine")
    veospec("init", "--ci", ci, code=2)
    assert (veospec.folder / names[0]).read_text() == "mine"


def test_the_files_of_a_ci_lie_at_the_top_of_the_repository(veospec: Person) -> None:
    """A storyboard in a folder of a repository: the CI looks at the top only, and needs the path from there."""
    (veospec.folder / ".git").mkdir()
    veospec("init", "films/kite")
    person = Person(veospec.folder / "films/kite", veospec._capture)
    person("init", "--ci", "github")
    assert not (person.folder / ".github").exists()
    text = (veospec.folder / ".github/workflows/veospec.yml").read_text()
    assert 'SPEC: "films/kite/shots.yaml"' in text
    veospec("init", "--ci", "gitlab", "films/kite")
    assert "films/kite/out" in (veospec.folder / "veospec.gitlab-ci.yml").read_text()


def test_the_schema_of_storyboards_accepts_what_is_accepted(veospec: Person) -> None:
    document = yaml.safe_load((ROOT / "specs/night-ferry/shots.yaml").read_text())
    assert list(schema("shots").iter_errors(document)) == []
    document["shots"] = []
    assert list(schema("shots").iter_errors(document)) != []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_load(veospec: Person, tmp_path: Path, shell: str) -> None:
    script = veospec("completion", shell).out
    assert "_VEOSPEC_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    path = veospec.write(script, "completion")
    done = subprocess.run(
        [program, "-c", f"source {path}"], capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode == 0, done.stderr


TAKES_FROM_ELSEWHERE = {
    "the defaults of another file": (
        "veospec: 1\ninclude: part.yaml\ndefaults: {takes: 3}\n",
        "shots:\n  - {id: A, prompt: x}  # here\n",
    ),
    "a merged mapping": (
        "veospec: 1\ninclude: part.yaml\n",
        "x-common: &common {takes: 3}\nshots:\n  - {<<: *common, id: A, prompt: x}  # here\n",
    ),
}


@pytest.mark.parametrize("how", ["select", "patch"])
@pytest.mark.parametrize(("main", "part"), TAKES_FROM_ELSEWHERE.values(), ids=TAKES_FROM_ELSEWHERE)
def test_a_take_is_circled_wherever_the_number_of_takes_is_written(
    veospec: Person, main: str, part: str, how: str
) -> None:
    veospec.write(main)
    (veospec.folder / "part.yaml").write_text(part)
    patch = {"veospec_patch": 1, "spec": "shots.yaml", "shots": {"A": {"select": 3}}}
    (veospec.folder / "patch.json").write_text(json.dumps(patch))
    veospec(*(("select", "A", "3") if how == "select" else ("select", "--from", "patch.json")))
    assert "select: 3" in (veospec.folder / "part.yaml").read_text()
    veospec("validate")
    assert "A has 3 takes; there is no take 4" in veospec("select", "A", "4", code=2).err


def test_a_patch_of_another_storyboard_is_refused(veospec: Person) -> None:
    path = veospec.write(BOARD)
    patch = {"veospec_patch": 1, "spec": "trailer.yaml", "shots": {"SH010": {"select": 2}}}
    veospec.write(json.dumps(patch), "patch.json")
    refused = veospec("select", "--from", "patch.json", code=2).err
    assert "patch.json was made in the page of trailer.yaml and not of shots.yaml" in refused
    assert "-f trailer.yaml" in refused
    assert path.read_text() == BOARD


def test_a_patch_finds_its_storyboard_in_every_spelling_of_a_name(veospec: Person) -> None:
    composed, apart = "caf\u00e9.yaml", "cafe\u0301.yaml"
    path = veospec.write(BOARD, apart)
    patch = {"veospec_patch": 1, "spec": composed, "shots": {"SH010": {"select": 2}}}
    veospec.write(json.dumps(patch), "patch.json")
    veospec("select", "-f", apart, "--from", "patch.json")
    assert "select: 2" in path.read_text()
