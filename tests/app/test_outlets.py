"""Where results go: a reader who leaves, a full disk, a locale without letters, a file that is somebody's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance import SMALL, Person

FILM = f"""veospec: 1
defaults: {{duration: 4s}}
shots:
  - {{id: SH010, prompt: Ein Drachen über dem Zaun., notes: 凧}}
  - {{id: SH020, prompt: Das Meer.}}
{SMALL}"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "shots.yaml").write_text(FILM, encoding="utf-8")
    return tmp_path


def run(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell line in which `veospec` is this program."""
    line = f'veospec() {{ "{sys.executable}" -m veospec "$@"; }}; set -o pipefail; {command}'
    env = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, env=env, check=False)


@pytest.mark.parametrize(
    ("command", "code"),
    [("show SH010", 0), ("doctor", 0), ("--help", 0), ("models", 0), ("plan --exit-code", 4), ("explain SH010", 0)],
)
def test_who_stops_reading_does_not_change_how_it_went(film: Path, command: str, code: int) -> None:
    """The pipe is closed before anything is written."""
    ended = run(film, f"(sleep 0.2; veospec {command}; echo $? >&2) | true")
    assert ended.stderr.decode() == f"{code}\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "command", ["--version", "--help", "validate", "plan", "plan --all", "status", "apply --no-reel"]
)
def test_a_stream_that_is_closed_from_the_beginning_is_no_failure(film: Path, command: str, closed: str) -> None:
    for _ in range(2):
        ended = run(film, f"veospec {command} {closed}")
        assert (ended.returncode, b"Traceback" in ended.stderr, b"bug" in ended.stderr) == (0, False, False)


def test_no_file_gets_the_number_of_a_closed_stream(film: Path) -> None:
    """Coders write their complaints to number 2, whatever is open there."""
    code = "import os, sys, veospec.__main__ as m; sys.argv[1:] = ['-V']; m.main(); print(os.open('shots.yaml', 0))"
    ended = run(film, f"'{sys.executable}' -c \"{code}\" <&- 2>&-")
    assert ended.stdout.split()[-1] == b"3"


def test_a_run_goes_on_when_nobody_looks_any_more(film: Path) -> None:
    ended = run(film, "(sleep 0.2; veospec apply --no-reel 2>&1; echo $? > code) | true")
    assert (film / "code").read_text() == "0\n", ended.stderr
    assert len(list((film / "out/clips").iterdir())) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_result_that_cannot_be_written_is_told_also_when_there_is_nothing_to_do(film: Path) -> None:
    lost = b"error: cannot write to standard output: No space left on device\n"
    first = run(film, "veospec plan > /dev/full")
    assert (first.returncode, lost in first.stderr, b"bug" in first.stderr) == (2, True, False)
    run(film, "veospec apply --no-reel")
    for _ in range(3):  # by then a witness answers
        again = run(film, "veospec plan > /dev/null; veospec plan > /dev/full")
        assert (again.returncode, lost in again.stderr, b"Traceback" in again.stderr) == (2, True, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_events_that_cannot_be_written_do_not_stop_a_run(film: Path) -> None:
    ended = run(film, "veospec apply --no-reel --events /dev/full")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count(b"no more events in /dev/full: No space left on device") == 1


def test_letters_arrive_whatever_the_locale_says(film: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in (plain, {"PYTHONIOENCODING": "latin-1"}):
        shown = run(film, "veospec show SH010", **environment)
        assert "Ein Drachen über dem Zaun." in shown.stdout.decode(), shown.stderr
    (film / "list.csv").write_text("id,prompt\nA,凧 über\n", encoding="utf-8")
    made = run(film, "veospec import list.csv > made.yaml && veospec validate made.yaml", **plain)
    assert made.returncode == 0, made.stderr
    assert "凧 über" in (film / "made.yaml").read_text("utf-8")


def test_a_folder_that_is_gone_is_no_bug(film: Path) -> None:
    ended = run(film, "mkdir gone; cd gone; rmdir ../gone; veospec plan")
    assert (ended.returncode, ended.stderr) == (
        2,
        b"error: the current folder does not exist any more\n  go to another one\n",
    )


OURS = [("plan", "-o", "saved plan"), ("apply --no-reel", "--events", "file of events"), ("comment", "-o", "comment")]


@pytest.mark.parametrize(("command", "option", "what"), OURS)
def test_nothing_of_somebody_else_is_written_over(veospec: Person, command: str, option: str, what: str) -> None:
    veospec.write(FILM)
    before = (veospec.folder / "shots.yaml").read_bytes()
    refused = veospec(*command.split(), option, "shots.yaml", code=2)
    assert f"shots.yaml is there already and is no {what}" in refused.err
    assert (veospec.folder / "shots.yaml").read_bytes() == before
    for _ in range(2):
        veospec(*command.split(), option, "own file")
    assert (veospec.folder / "own file").stat().st_size > 0


def test_a_saved_plan_may_have_any_name(veospec: Person) -> None:
    veospec.write(FILM)
    said = veospec("plan", "-o", "to do").out
    assert said.endswith("saved to to do; carry it out with: veospec apply 'to do'\n")
    veospec("apply", "to do", "--no-reel")
    assert "2 takes unchanged" in veospec("plan").out


def test_a_device_is_written_to_and_not_replaced(veospec: Person) -> None:
    veospec.write(FILM)
    pipe = veospec.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["timeout", "60", "cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        veospec("plan", "-o", str(pipe))
        assert reader.stdout is not None
        assert json.loads(reader.stdout.read())["spec"] == "shots.yaml"
    assert pipe.is_fifo()


def test_the_next_command_can_be_copied(veospec: Person) -> None:
    said = veospec("init", "Erste Szene").out
    assert said.splitlines()[-1] == "next: veospec plan 'Erste Szene/shots.yaml'"
