"""The README is held to the program: its storyboards validate, its commands exist, its tables are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from veospec.app.choices import Choices
from veospec.app.project import read_project
from veospec.cli.boundary import run
from veospec.cli.main import COMMANDS, cli
from veospec.errors import Exit
from veospec.model import Severity

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
STORYBOARDS = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith("veospec:")]
LINES = [line for kind, text in BLOCKS if kind in ("sh", "console") for line in text.splitlines()]


def commands() -> list[list[str]]:
    """Return every command line of the README that starts the program."""
    found = []
    for line in LINES:
        for part in line.removeprefix("$ ").split("&&"):
            words = shlex.split(part, comments=True)
            if words[:1] == ["veospec"]:
                found.append(words[1:])
    inline = re.findall(r"`veospec ([a-z][^`]*)`", TEXT)
    return found + [shlex.split(text) for text in inline if "COMMAND" not in text]


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table whose head line is given."""
    _, _, rest = TEXT.partition(f"{head}\n")
    assert rest, f"the README has no table {head}"
    lines = rest.splitlines()[1:]
    table = lines[: next(i for i, line in enumerate([*lines, ""]) if not line.startswith("|"))]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


def test_there_is_something_to_test() -> None:
    assert STORYBOARDS
    assert len(commands()) > 15


@pytest.mark.parametrize("text", STORYBOARDS)
def test_a_storyboard_in_the_readme_is_valid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shots.yaml"
    path.write_text(text, encoding="utf-8")
    reading = read_project(Choices(path), {})
    assert [p.message for p in reading.problems if p.severity is Severity.ERROR] == []


def test_an_edited_word_is_told_as_the_readme_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the plan are those that the program prints."""
    shown = next(text for kind, text in BLOCKS if not kind and "[-hard-]" in text)
    path = tmp_path / "shots.yaml"
    path.write_text(STORYBOARDS[0] + "deliver: {animatic: {size: 180p}, review: none}\n", encoding="utf-8")
    assert run(["apply", str(path)]) == 0
    path.write_text(path.read_text("utf-8").replace("hard wind", "soft wind"), encoding="utf-8")
    capsys.readouterr()
    assert run(["plan", str(path)]) == 0
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_in_the_readme_exists_with_its_options(words: list[str]) -> None:
    """Parse the line as the program would, without running it."""
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"there is no command {rest[0]}"
        command = found
        rest.pop(0)
    if isinstance(command, click.Group):
        return
    known = {name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}
    for word in rest:
        if word.startswith("-"):
            assert word.partition("=")[0] in known | {"--help"}, f"{words} has no {word}"
    if rest and not any(word.isupper() or "…" in word for word in rest):
        try:
            command.make_context("veospec", list(rest), resilient_parsing=False)
        except click.exceptions.Exit:
            assert "--help" in rest
        except click.BadParameter as error:
            if "does not exist" not in error.format_message():
                raise
        except click.BadOptionUsage as error:
            if error.option_name != rest[-1]:  # an option may be named without its value
                raise


def test_the_table_of_commands_is_that_of_the_program() -> None:
    assert rows("| command | what it does |") == [[name, text] for name, (_, text) in COMMANDS.items()]


def test_the_table_of_exit_codes_is_that_of_the_program() -> None:
    assert [int(cells[0]) for cells in rows("| code | meaning |")] == [int(code) for code in Exit]


def test_every_variable_is_read_somewhere() -> None:
    """A variable of ours that the README names is one that the code asks for."""
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "veospec").rglob("*.py")))
    named = set(re.findall(r"\b(?:USEAPI|VEOSPEC)_[A-Z_]+\b", TEXT))
    assert {"USEAPI_TOKEN", "VEOSPEC_HOME"} <= named
    assert sorted(name for name in named if f'"{name}"' not in code) == []


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:specs|tests|schemas|veospec)/[\w./-]+)`", TEXT)) | set(
        re.findall(r"\]\(((?!http|#)[^)]+)\)", TEXT)
    )
    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m for line in LINES for m in re.findall(r"^(?:\$ )?make ([a-z]+)", line)}
    assert {"demo", "test"} <= named
    assert named <= targets


@pytest.mark.parametrize(
    ("head", "place"), [("| section | what it is for |", ""), ("| key | what it is for |", "shot")]
)
def test_every_key_in_the_tables_is_one_of_the_language(head: str, place: str) -> None:
    """And every section and every key of a shot has a line."""
    import json

    schema = json.loads((ROOT / "schemas/shots.schema.json").read_text("utf-8"))
    known = set((schema["definitions"]["shot"] if place else schema)["properties"])
    named = {word.strip().strip("`") for cells in rows(head) for word in cells[0].split(",")}
    assert named <= known
    assert known - named - {"$schema"} == set()
