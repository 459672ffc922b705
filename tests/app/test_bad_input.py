"""Whatever is wrong is said with a place and an advice, leaves the right code, and changes nothing on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance import SMALL, Person, read_only, tree, write_clip

GOOD = "veospec: 1\nshots:\n  - {id: A, prompt: Rain., duration: 4s}\n" + SMALL


def shot(text: str) -> str:
    """Return a storyboard with one shot; the text stands in line 3."""
    return f"veospec: 1\nshots:\n  - {{{text}}}\n"


def start(path: str) -> str:
    """Return a storyboard whose start picture is the path; it stands in line 2."""
    return f"veospec: 1\nassets: {{pic: '{path}'}}\nshots:\n  - {{id: A, prompt: Rain., start: pic}}\n"


BOMB = "veospec: 1\nx-0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"x-{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)

SPEC: dict[str, tuple[str | bytes, int, str]] = {
    "broken yaml": ("veospec: 1\nshots: [\n", 3, "broken YAML"),
    "duplicate key": ("veospec: 1\nshots: []\nshots: []\n", 3, "twice"),
    "tab": ("veospec: 1\nshots:\n\t- id: A\n", 3, "tab"),
    "alias bomb": (BOMB, 8, "alias"),
    "conflict": ("veospec: 1\n<<<<<<< HEAD\nshots: []\n=======\nshots: []\n>>>>>>> x\n", 2, "conflict"),
    "not utf-8": (b"veospec: 1\nshots:\n  - {id: A, prompt: caf\xe9}\n", 3, "UTF-8"),
    "utf-16": ("veospec: 1\n".encode("utf-16"), 1, "UTF-"),
    "empty": ("", 1, "empty"),
    "only a comment": ("# nothing\n", 1, "empty"),
    "too deep": ("veospec: 1\nshots: " + "[" * 100 + "]" * 100 + "\n", 2, "deep"),
    "very deep": ("[" * 100_000, 1, "deep"),
    "a list": ("- 1\n", 1, "mapping"),
    "no version": ("shots: []\n", 1, "veospec"),
    "another version": ("veospec: 99\nshots:\n  - {id: A, prompt: x}\n", 1, "veospec"),
    "unknown key": (shot("id: A, promt: Rain."), 3, "promt"),
    "id with a slash": (shot("id: a/b, prompt: x"), 3, "id"),
    "id with dots": (shot("id: .., prompt: x"), 3, "id"),
    "id that climbs": (shot("id: ../up, prompt: x"), 3, "id"),
    "long id": (shot(f"id: {'a' * 300}, prompt: x"), 3, "id"),
    "device name": (shot("id: CON, prompt: x"), 3, "Windows"),
    "device name with a suffix": (shot("id: nul.v2, prompt: x"), 3, "Windows"),
    "id that ends in a dot": (shot("id: A., prompt: x"), 3, "id"),
    "id with a line break": (shot('id: "A\\n", prompt: x'), 3, "id"),
    "duration 7": (shot("id: A, prompt: x, duration: 7"), 3, "7"),
    "duration in words": (shot("id: A, prompt: x, duration: long"), 3, "duration"),
    "takes 0": (shot("id: A, prompt: x, takes: 0"), 3, "takes"),
    "takes below select": (shot("id: A, prompt: x, takes: 1, select: 2"), 3, "select"),
    "missing variable": (shot('id: A, prompt: "In ${nowhere}."'), 3, "nowhere"),
    "missing environment": (shot('id: A, prompt: "In ${env:VEOSPEC_NOWHERE}."'), 3, "VEOSPEC_NOWHERE"),
    "unknown shot": (shot("id: A, prompt: x, start: {shot: Q, frame: last}"), 3, "Q"),
    "own cycle": (shot("id: A, prompt: x, start: {shot: A, frame: last}"), 3, "A"),
    "include outside": ("veospec: 1\ninclude: [../x.yaml]\nshots: []\n", 2, "out of the project folder"),
    "include absolute": ("veospec: 1\ninclude: [/etc/passwd]\nshots: []\n", 2, "/etc/passwd"),
    "include missing": ("veospec: 1\ninclude: [gone.yaml]\nshots: []\n", 2, "gone.yaml"),
    "missing file": (start("gone.png"), 2, "does not exist"),
    "file outside": (start("../secret.png"), 2, "secret.png"),
    "file from the root": (start("/etc/passwd"), 2, "/etc/passwd"),
    "folder as a file": (start("folder"), 2, "folder"),
    "a text file": (start("words.png"), 2, "PNG"),
    "a clip as a picture": (start("clip.mp4"), 2, "MP4"),
    "an empty file": (start("empty.png"), 2, "empty"),
    "a link": (start("link.png"), 2, "link"),
    "a pipe": (start("pipe.png"), 2, "pipe.png"),
    "unknown model": (shot("id: A, prompt: x, model: veo-9"), 3, "veo-9"),
    "store outside": ("veospec: 1\nstore: ../elsewhere\nshots:\n  - {id: A, prompt: x}\n", 0, "elsewhere"),
    "vendor's own field": (shot("id: A, prompt: x, replyUrl: 'https://example.com'"), 3, "replyUrl"),
}


@pytest.fixture
def yard(veospec: Person) -> Iterator[Person]:
    """A project folder full of unfit files."""
    folder = veospec.folder
    (folder / "folder").mkdir()
    (folder / "words.png").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    veospec.picture("real.png")
    (folder / "link.png").symlink_to("real.png")
    os.mkfifo(folder / "pipe.png")
    write_clip(folder / "clip.mp4", seconds=1)
    (folder.parent / "secret.png").write_bytes((folder / "real.png").read_bytes())
    yield veospec
    (folder / "pipe.png").unlink()


@pytest.mark.parametrize("what", SPEC)
def test_a_bad_storyboard_is_explained_and_nothing_is_written(yard: Person, what: str) -> None:
    text, line, says = SPEC[what]
    (yard.folder / "shots.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    names = {path.name for path in yard.folder.parent.rglob("*")}
    for command in ("validate", "plan", "apply"):
        ended = yard(command, code=3)
        assert says in ended.said
        if line:
            assert f"shots.yaml:{line}:" in ended.said
    assert {path.name for path in yard.folder.parent.rglob("*")} == names
    if line:
        found = yard.json("validate", code=3)["problems"]
        assert all(problem["advice"] for problem in found if problem["severity"] == "error"), found
        assert any(problem["line"] == line for problem in found)
        notes = yard("validate", "--format", "github", code=3).out
        assert f"::error file=shots.yaml,line={line}," in notes


@pytest.mark.parametrize(
    ("first", "second"),
    [("SH010", "sh010"), ("Abc", "aBC")],
)
def test_two_ids_that_differ_in_case_only(veospec: Person, first: str, second: str) -> None:
    veospec.write(f"veospec: 1\nshots:\n  - {{id: {first}, prompt: x}}\n  - {{id: {second}, prompt: y}}\n")
    assert "shots.yaml:4:" in veospec("validate", code=3).out


def test_two_names_that_differ_in_their_unicode_form_only(veospec: Person) -> None:
    veospec.write("veospec: 1\nassets: {caf\u00e9: a.png, cafe\u0301: b.png}\nshots:\n  - {id: A, prompt: x}\n")
    assert "shots.yaml:2:" in veospec("validate", code=3).out


def test_a_cycle_is_told_as_a_way(veospec: Person) -> None:
    veospec.write(
        "veospec: 1\nshots:\n"
        "  - {id: A, prompt: x, start: {shot: B, frame: last}}\n"
        "  - {id: B, prompt: x, start: {shot: C, frame: last}}\n"
        "  - {id: C, prompt: x, start: {shot: A, frame: last}}\n"
    )
    told = veospec("validate", code=3).out
    assert all(name in told for name in ("A", "B", "C"))
    assert "shots.yaml:" in told


def test_everything_that_is_wrong_is_told_at_once(yard: Person) -> None:
    """Files that are missing or of another kind stand beside what the text itself gets wrong."""
    yard.write(
        "veospec: 1\n"
        "assets: {a: gone.png, b: words.png}\n"
        "shots:\n"
        "  - {id: A, prompt: x, duration: 7s}\n"
        "  - {id: B, prompt: '${nowhere}', start: a}\n"
        "  - {id: C, prompt: x, start: b, takes: 0}\n"
        "  - {id: c, prompt: x, start: a}\n"
    )
    found = yard.json("validate", code=3)["problems"]
    assert {p["line"] for p in found if p["severity"] == "error"} == {2, 4, 5, 6, 7}
    assert [(p["file"], p["line"], p["column"]) for p in found] == sorted(
        (p["file"], p["line"], p["column"]) for p in found
    )
    texts = " ".join(p["message"] for p in found)
    assert "gone.png" in texts
    assert "words.png" in texts


def test_did_you_mean(yard: Person) -> None:
    yard.write(start("reel.png").replace("start: pic", "start: pik"))
    told = yard("validate", code=3).out
    assert "'pic'" in told
    yard.write(start("reel.png"))
    assert "real.png" in yard("validate", code=3).out


def test_several_storyboards_are_all_reported(veospec: Person) -> None:
    veospec.write("veospec: 1\nshots: [\n", "one.yaml")
    veospec.write(shot("id: A, prompt: x, takes: 0"), "two.yaml")
    veospec.write(GOOD, "three.yaml")
    told = veospec("validate", "one.yaml", "two.yaml", "three.yaml", "four.yaml", code=3).out
    for name in ("one.yaml:", "two.yaml:3:", "four.yaml:1:1"):
        assert name in told
    assert "three.yaml:" not in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("validate", "gone.yaml"), 3),
        (("plan", "folder"), 3),
        (("apply", "gone.json"), 3),
        (("plan", "--as-of", "soon"), 2),
        (("plan", "--only", "Q"), 2),
        (("apply", "--only", "Q"), 2),
        (("plan", "--provider", "nobody"), 3),
        (("plan", "--pass", "nobody"), 3),
        (("plan", "--plan-class", "gold", "--provider", "flow"), 3),
        (("plan", "--catalogue", "gone.toml"), 2),
        (("plan", "-o", "folder/none/plan.json"), 2),
        (("apply", "--max-usd", "1e9"), 2),
        (("apply", "--events", "folder/none/e.ndjson"), 2),
        (("show", "Q"), 2),
        (("explain", "Q"), 2),
        (("select", "Q", "1"), 2),
        (("select", "A", "9"), 2),
        (("select", "A"), 2),
        (("select", "--from", "gone.json"), 2),
        (("retake", "Q"), 2),
        (("resolve", "Q"), 2),
        (("resolve", "A", "--retry", "--forget"), 2),
        (("models", "veo-9"), 2),
        (("schema", "nothing"), 2),
        (("import", "gone.json"), 2),
        (("cache", "adopt", "gone"), 2),
        (("cache", "adopt", "folder"), 9),
        (("nonsense",), 2),
        (("plan", "--nonsense"), 2),
        (("init", "--ci", "jenkins"), 2),
        (("comment", "--base", "folder"), 2),
        (("completion", "tcsh"), 2),
    ],
)
def test_what_cannot_be_obeyed_has_its_code_and_changes_nothing(
    yard: Person, arguments: tuple[str, ...], code: int
) -> None:
    yard.write(GOOD)
    before = sorted(path.name for path in yard.folder.rglob("*"))
    ended = yard(*arguments, code=code)
    assert ended.err.strip()
    assert sorted(path.name for path in yard.folder.rglob("*")) == before


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_a_pipe_is_no_storyboard_and_keeps_nobody_waiting(veospec: Person, command: str) -> None:
    os.mkfifo(veospec.folder / "film.yaml")
    assert "is not a regular file" in veospec(command, "film.yaml", code=3).said


def test_a_misspelt_command_gets_the_nearest(veospec: Person) -> None:
    assert "'validate'" in veospec("valdate", code=2).err


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one and a half megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1500k", "none", str(place)]
    is_able = os.geteuid() == 0 and shutil.which("mount") is not None
    if not is_able or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_disk_can_be_looked_at_and_is_not_written(
    little_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(little_disk, capsys)
    person.write(GOOD)
    subprocess.run(["mount", "-o", "remount,ro", str(little_disk)], check=True)
    for command in ("plan", "status", "validate", "cost", "doctor", "comment"):
        person(command)
    person("show", "A")
    refused = person("apply", code=9)
    assert "read-only" in refused.err
    assert "VEOSPEC_HOME" in refused.err
    assert "read-only" in person("plan", "-o", "plan.json", code=2).err.lower()
    assert "read-only" in person("retake", "A", code=2).err.lower()
    assert [path.name for path in little_disk.iterdir()] == ["shots.yaml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(veospec: Person) -> None:
    veospec.write(GOOD)
    with read_only(veospec.folder):
        veospec("plan")
        assert "VEOSPEC_HOME" in veospec("apply", code=9).err
    assert [path.name for path in veospec.folder.iterdir()] == ["shots.yaml"]


def test_a_full_disk_stops_and_leaves_no_half_file(little_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = Person(little_disk, capsys)
    person.write(
        "veospec: 1\ndefaults: {duration: 4s}\nshots:\n"
        + "".join(f"  - {{id: S{n:02}, prompt: Rain {n}.}}\n" for n in range(8))
        + SMALL.replace("180p", "540p")
    )
    (little_disk / "ballast").write_bytes(bytes(1_100_000))
    ended = person("apply", code=9)
    assert "space" in ended.err
    store = little_disk / ".veospec"
    assert not list((store / "scratch").iterdir())
    assert not list(store.rglob("*.part"))
    found = person.json("cache", "verify")
    assert found["damaged"] == 0
    assert found["records"] < 8
    subprocess.run(["mount", "-o", "remount,size=60m", str(little_disk)], check=True)
    assert person.json("apply")["counts"] == {"reused": found["records"], "made": 8 - found["records"]}


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a record": lambda store: next((store / "store/actions").rglob("*.json")).write_text("{"),
    "the heads": lambda store: next((store / "store/heads").rglob("*.json")).write_text("{"),
    "the version": lambda store: (store / "version").write_text("99\n"),
    "the journal": lambda store: (store / "journal.sqlite3").write_bytes(b"SQLite format 3\0" + b"x" * 5000),
    "not ours": lambda store: (shutil.rmtree(store), store.write_text("a file")),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_store_is_never_an_empty_one(veospec: Person, what: str) -> None:
    veospec.write(GOOD)
    veospec("apply", "--no-reel")
    store = veospec.folder / ".veospec"
    for path in store.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    DAMAGE[what](store)
    before = tree(veospec.folder / "out")
    ended = veospec("apply", "--no-reel", code=9)
    assert str(store) in ended.err
    assert tree(veospec.folder / "out") == before


@pytest.mark.parametrize("text", ["{", "[]", '{"veospec_manifest": 99}', "\x00", ""])
def test_an_unreadable_manifest_is_not_taken_for_none(veospec: Person, text: str) -> None:
    veospec.write(GOOD)
    (veospec.folder / "out").mkdir()
    (veospec.folder / "out/manifest.json").write_text(text)
    assert "manifest.json" in veospec("apply", code=9).err
    assert (veospec.folder / "out/manifest.json").read_text() == text


def test_an_output_folder_that_is_a_link_is_not_followed(veospec: Person) -> None:
    veospec.write(GOOD)
    other = veospec.folder.parent / "other"
    other.mkdir()
    (veospec.folder / "out").symlink_to(other)
    veospec("apply", code=9)
    assert list(other.iterdir()) == []


def test_commands_in_a_storyboard_do_not_reach_the_log_of_a_ci(veospec: Person) -> None:
    veospec.write('veospec: 1\nshots:\n  - {id: A, prompt: x, "::warning::y": "::error::no", duration: "::error::z"}\n')
    lines = veospec("validate", "--format", "github", code=3).out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("::error file=shots.yaml,line=3,") for line in lines[:2])
    assert "1 storyboard: 2 errors" in lines[2]
