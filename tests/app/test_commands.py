"""Every command: its help, its JSON held against a schema, its exit code, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from acceptance import ROOT, SMALL, Person, check_form, clips, schema, tree

from veospec.cli.main import COMMANDS, cli

FILM = (
    """veospec: 1
project: {code: CMD, title: Commands}
defaults: {duration: 4s}
passes: {draft: {model: veo-3.1-lite}}
stills: {door: {prompt: A door., aspect: "16:9"}}
shots:
  - {id: SH010, prompt: Rain., start: "still:door", takes: 2}
  - {id: SH020, prompt: Snow., start: {shot: SH010, frame: last}}
  - {id: SH030, prompt: Sun.}
"""
    + SMALL
)


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command."""
    found: list[tuple[str, ...]] = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found += leaves(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("words", leaves(cli), ids=" ".join)
def test_every_command_helps(veospec: Person, words: tuple[str, ...]) -> None:
    """Help says what the command does and describes every option."""
    shown = veospec(*words, "--help").out
    assert shown.startswith(f"Usage: veospec {' '.join(words)}")
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{words} {parameter.name} has no help"


def test_the_list_of_commands_and_the_version(veospec: Person) -> None:
    shown = veospec("--help").out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert veospec("--version").out.startswith("veospec ")
    assert veospec("-h").out == shown


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that was drawn once; tests copy it."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "shots.yaml").write_text(FILM)
    done = subprocess.run(
        [sys.executable, "-m", "veospec", "apply", "--no-reel"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def drawn(made: Path, veospec: Person) -> Person:
    shutil.copytree(made, veospec.folder, dirs_exist_ok=True, copy_function=shutil.copy2)
    return veospec


READS: tuple[tuple[str, ...], ...] = (
    ("plan",),
    ("plan", "--all"),
    ("plan", "--provider", "flow"),
    ("plan", "--pass", "draft"),
    ("validate",),
    ("status",),
    ("explain", "SH010"),
    ("show", "SH020"),
    ("show", "SH010", "--provider", "flow"),
    ("cost",),
    ("models",),
    ("models", "veo-3.1-fast"),
    ("models", "--as-of", "2026-06-20"),
    ("cache", "ls"),
    ("cache", "verify"),
    ("cache", "gc"),
    ("doctor",),
    ("resolve",),
)


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_what_reads_prints_for_people_and_for_programs_and_writes_nothing(
    drawn: Person, words: tuple[str, ...]
) -> None:
    """Only the index, which may be lost, may move."""
    before = content(drawn.folder)
    drawn.json(*words)
    assert drawn(*words).said.strip()
    assert content(drawn.folder) == before


@pytest.mark.parametrize("words", [w for w in READS if w[0] != "cache"], ids=" ".join)
def test_a_fresh_project_stays_without_a_store(veospec: Person, words: tuple[str, ...]) -> None:
    veospec.write(FILM)
    veospec.json(*words)
    assert [path.name for path in veospec.folder.rglob("*")] == ["shots.yaml"]


def content(folder: Path) -> dict[str, bytes]:
    return {name: data for name, (data, _) in tree(folder).items() if not name.startswith(".veospec/index")}


def test_every_schema_is_listed_and_printed(veospec: Person) -> None:
    names = veospec("schema").out.split()
    assert names == sorted(p.name.removesuffix(".schema.json") for p in (ROOT / "schemas").glob("*.schema.json"))
    for name in names:
        assert json.loads(veospec("schema", name).out) == json.loads(
            (ROOT / "schemas" / f"{name}.schema.json").read_text()
        )
        schema(name)


@pytest.mark.parametrize(
    "name",
    sorted(
        p.name.removesuffix(".schema.json") for p in (ROOT / "schemas").glob("*.schema.json") if "events" not in p.name
    ),
)
def test_a_schema_can_fail(name: str) -> None:
    """A schema that takes anything would hold nothing."""
    assert list(schema(name).iter_errors({"nonsense": 1}))


def test_apply_prints_its_result_for_programs(drawn: Person) -> None:
    document = drawn.json("apply", "--no-reel", "--events", "events.ndjson")
    assert document["exit"] == 0
    assert document["counts"] == {"reused": 5}
    drawn.edit("Sun.", "Moon.")
    drawn.json("apply", "--no-reel", "--events", "events.ndjson")
    events = [json.loads(line) for line in (drawn.folder / "events.ndjson").read_text().splitlines()]
    for event in events:
        assert list(schema("events").iter_errors(event)) == []
    assert [e["event"] for e in events][-1] == "run-done"


def test_results_go_to_standard_output_and_the_work_to_standard_error(drawn: Person) -> None:
    drawn.edit("Sun.", "Moon.")
    ran = drawn("apply", "--no-reel")
    assert "SH030 T01 made" in ran.err
    assert "1 made" in ran.out
    assert "SH030 T01 made" not in ran.out


def test_only_some_shots_and_what_they_need(veospec: Person) -> None:
    veospec.write(FILM)
    document = veospec.json("apply", "--only", "SH010", "--no-reel")
    assert {o["node"] for o in document["outcomes"]} == {"still:door", "SH010"}
    assert clips(veospec.folder) == ["CMD_SH010_T01.mp4", "CMD_SH010_T02.mp4"]
    assert {o["node"]: o["disposition"] for o in veospec.manifest()["outputs"]}["SH030"] == "missing"
    assert veospec.json("status")["counts"] == {"made": 3, "to make": 2}
    assert veospec.json("apply", "--no-reel")["counts"] == {"reused": 3, "made": 2}


def test_two_storyboards_share_a_store(veospec: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What one made the other finds, and neither disturbs the other's history."""
    monkeypatch.setenv("VEOSPEC_HOME", str(tmp_path / "shared"))
    veospec.write(FILM, "one/shots.yaml")
    veospec.write(FILM, "two/shots.yaml")
    assert veospec.json("apply", "--no-reel", "one/shots.yaml")["counts"] == {"made": 5}
    assert veospec.json("apply", "--no-reel", "two/shots.yaml")["counts"] == {"reused": 5}
    assert not list(veospec.folder.rglob(".veospec"))
    second = json.loads((veospec.folder / "two/out/manifest.json").read_text())
    check_form(second)
    assert {o["disposition"] for o in second["outputs"]} == {"reused"}
    veospec.edit("Snow.", "Hail.", "two/shots.yaml")
    veospec("apply", "--no-reel", "two/shots.yaml")
    assert "nothing to do" in veospec("apply", "--no-reel", "one/shots.yaml").out
    shutil.rmtree(veospec.folder / "two")
    assert veospec.json("cache", "gc", "-f", "one/shots.yaml")["takes"] == []


def test_a_store_of_ones_own_choice(veospec: Person) -> None:
    veospec.write(FILM.replace("project:", "store: private/films\nproject:"))
    veospec("apply", "--no-reel", "--only", "SH030")
    assert (veospec.folder / "private/films/version").is_file()
    assert not (veospec.folder / ".veospec").exists()


def test_gc_moves_what_nobody_uses_and_nothing_else(drawn: Person) -> None:
    for text in ("Moon.", "Stars.", "Clouds.", "Wind.", "Ice.", "Fog."):
        current = (drawn.folder / "shots.yaml").read_text()
        before = current.split("{id: SH030, prompt: ")[1].split("}")[0]
        drawn.edit(f"{{id: SH030, prompt: {before}}}", f"{{id: SH030, prompt: {text}}}")
        drawn("apply", "--no-reel")
    kept = drawn.json("cache", "ls")["takes"]
    could = drawn.json("cache", "gc")["takes"]
    assert could, "the oldest of seven versions is out of the history"
    assert drawn.json("cache", "gc", "--delete")["deleted"]
    assert len(drawn.json("cache", "ls")["takes"]) == len(kept) - len(could)
    assert "nothing to do" in drawn("apply", "--no-reel").out
    drawn.json("cache", "adopt", next((drawn.folder / ".veospec/trash").iterdir()))
    assert len(drawn.json("cache", "ls")["takes"]) == len(kept)


@pytest.mark.parametrize("source", ["{made}", "{made}/.veospec"])
def test_adopt_from_another_store(made: Path, veospec: Person, source: str) -> None:
    veospec.write(FILM)
    found = veospec.json("cache", "adopt", source.format(made=made))
    assert len(found["added"]) == 5
    assert veospec.json("apply", "--no-reel")["counts"] == {"reused": 5}
    assert veospec.json("cache", "adopt", source.format(made=made))["known"] == found["added"]


def test_adopt_from_an_output_folder(made: Path, veospec: Person) -> None:
    """A colleague sent `out/`: its clips are taken where the storyboard still compiles to their keys."""
    shutil.copytree(made / "out", veospec.folder.parent / "sent")
    veospec.write(FILM.replace("Sun.", "Moon."))
    found = veospec.json("cache", "adopt", veospec.folder.parent / "sent")
    assert len(found["added"]) == 4
    assert found["skipped"] == ["SH030 T01"]
    assert veospec.json("apply", "--no-reel")["counts"] == {"reused": 4, "made": 1}


def test_adopt_refuses_other_bytes(made: Path, veospec: Person) -> None:
    sent = shutil.copytree(made / "out", veospec.folder.parent / "sent")
    clip = sent / "clips/CMD_SH030_T01.mp4"
    data = clip.read_bytes()
    clip.unlink()
    clip.write_bytes(data[:-1] + b"x")
    veospec.write(FILM)
    found = veospec.json("cache", "adopt", sent, code=9)
    assert len(found["added"]) == 4
    assert "SH030" in found["refused"][0]


def test_approval_binds_to_bytes(drawn: Person) -> None:
    assert "VS901" in drawn("validate", "--approved", code=3).said
    digests = {(o["shot"], o["selected"]): o["digest"] for o in drawn.manifest()["outputs"] if o["kind"] == "clip"}
    for shot in ("SH010", "SH020", "SH030"):
        review = f", review: {{status: done, by: mk, approved: {digests[(shot, True)]}}}}}\n"
        text = (drawn.folder / "shots.yaml").read_text()
        drawn.write("".join(
            line.rstrip("}\n") + ("}" if "frame: last" in line else "") + review if f"id: {shot}" in line else line
            for line in text.splitlines(keepends=True)
        ))  # fmt: skip
    drawn("validate", "--approved")
    drawn("select", "SH010", "2")
    assert "VS903" in drawn("validate", "--approved", code=3).said


def test_the_comment_says_what_changed(drawn: Person) -> None:
    shutil.copy(drawn.folder / "out/manifest.json", drawn.folder / "before.json")
    drawn.edit("Sun.", "Moon.")
    text = drawn("comment", "--base", "before.json").out
    assert "SH030" in text
    drawn("comment", "-o", "comment.md")
    assert (drawn.folder / "comment.md").read_text()
    assert "Moon." not in drawn("comment", "--no-prompts").out


def test_explain_tells_the_field(drawn: Person) -> None:
    drawn.edit("Sun.}", "Sun., seed: 9}")
    [step] = drawn.json("explain", "SH030")["steps"]
    assert [(c["field"], c["before"], c["after"]) for c in step["changes"]] == [("seed", "1", "9")]


def test_show_has_the_body_that_would_be_sent(drawn: Person) -> None:
    [request] = drawn.json("show", "SH030", "--provider", "flow")["requests"]
    body = request["request"]["body"]
    assert (request["request"]["method"], request["request"]["path"]) == ("POST", "/videos")
    assert body["prompt"] == request["prompt"] == "Sun."
    assert (body["model"], body["duration"], body["seed"]) == ("veo-3.1-fast", 4, 1)
    assert "token" not in json.dumps(request).lower()


def test_a_program_that_stops_reading_is_no_error(made: Path) -> None:
    command = f"{sys.executable} -m veospec models --format json | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=made, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    assert done.stderr == ""


def test_a_real_process_leaves_with_the_codes_of_the_table(made: Path, tmp_path: Path) -> None:
    def left(*arguments: str, spec: str = FILM) -> int:
        (tmp_path / "shots.yaml").write_text(spec)
        command = [sys.executable, "-m", "veospec", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=dict(os.environ)).returncode

    assert left("plan", "--exit-code") == 4
    assert left("plan", spec="veospec: 1\n") == 3
    assert left("plan", "--nonsense") == 2
    assert left("apply", "--provider", "flow", "--plan-class", "ultra-100") == 5


def test_the_doctor_names_every_package_that_is_needed(veospec: Person) -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    packages = next(line for line in veospec("doctor", code=None).out.splitlines() if "packages:" in line)
    for each in needed:
        assert f" {each.partition('>')[0]} " in packages


@pytest.fixture
def document(drawn: Person) -> Any:
    return drawn.manifest()


def test_the_manifest_is_for_everybody(document: Any, drawn: Person) -> None:
    text = json.dumps(document)
    for word in (str(drawn.folder), str(Path.home()), "http://", "@example", "token", "receipt"):
        assert word not in text
    assert [(o["node"], o["take"]) for o in document["outputs"]] == sorted(
        (o["node"], o["take"]) for o in document["outputs"]
    )
