"""A storyboard that is looked at by halves says what the whole says, leaves the same witness, or is not taken."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from acceptance import Person, Silent, inside

from veospec.app.choices import Choices
from veospec.app.edited import remembered
from veospec.app.halves import LEAST_BYTES, Whole, look
from veospec.app.planning import plan_with, stored
from veospec.app.project import open_project
from veospec.app.witness import Asked, Sights, sights_of_plan
from veospec.cli.tables import plan_lines

FILM = """veospec: 1
project: {code: HLV, title: Two Halves}
vars: {how: slow}
defaults: {duration: 4s, avoid: [logos]}
deliver: {animatic: {size: 180p, ken_burns: false}, contact_sheet: {frames: [first]}, review: none, preview: none}
assets: {p1: refs/one.png, p2: refs/two.png}
stills:
  quay: {prompt: "The quay at dawn.", aspect: "16:9", upscale: 2k}
scenes:
  - id: SC01
    shots:
      - id: SH010
        prompt: "A kite in ${how} wind."
        start: still:quay
        notes: the wind must be heard before the kite is seen
      - id: SH020
        prompt: Two.
        takes: 2
  - id: SC02
    shots:
      - id: SH030
        start: p1
        prompt: Three in ${env:TOWN}.
      - id: SH040
        extend: SH030
        prompt: Four.
      - id: SH050
        start: still:quay
        prompt: Five.
# the end
reel:
  join: local
"""


MORE = "".join(f"      - {{id: SH9{number}, prompt: More.}}\n" for number in range(9))


def in_turns(part: Callable[[], bytes], here: Callable[[], Any]) -> tuple[Any, bytes | None]:
    """Do both parts in this process; one that raises has failed."""
    answer = None
    with suppress(Exception):
        answer = part()
    return here(), answer


def never(part: Callable[[], bytes], here: Callable[[], Any]) -> tuple[Any, bytes | None]:
    assert part()
    return here(), None


def cut_short(part: Callable[[], bytes], here: Callable[[], Any]) -> tuple[Any, bytes | None]:
    return here(), part()[:-1]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which everything is made."""
    folder = tmp_path_factory.mktemp("halves") / "film"
    person = Person(folder, Silent())  # type: ignore[arg-type]
    person.write(FILM)
    person.picture("refs/one.png", (320, 180))
    person.picture("refs/two.png", (320, 180), "navy")
    with town():
        person("apply", "--no-reel")
    return folder


@contextmanager
def town() -> Iterator[None]:
    os.environ["TOWN"] = "Bergen"
    try:
        yield
    finally:
        del os.environ["TOWN"]


def by_halves(folder: Path, text: str, beside: Any = in_turns, **choices: Any) -> Whole | None:
    (folder / "shots.yaml").write_text(text)
    with inside(folder), town():
        asked = Asked(os.environ)
        found = look(Choices(Path("shots.yaml"), **choices), asked, beside, 0)
        assert found is None or asked.used["TOWN"] == "Bergen"
        return found


SAME = {
    "scenes and a tail": FILM,
    "no tail": FILM[: FILM.index("# the end")],
    "an asset less": FILM.replace(", p2: refs/two.png", ""),
    "an omitted one": FILM.replace("takes: 2", "omit: true"),
}


@pytest.mark.parametrize("name", SAME)
def test_halves_say_what_the_whole_says(film: Path, name: str) -> None:
    """The words, what is remembered for an edit, and everything that was looked at."""
    found = by_halves(film, SAME[name])
    assert found is not None
    with inside(film), town():
        environment = Asked(os.environ)
        project = open_project(Choices(Path("shots.yaml")), environment, outlines=True)
        with stored(project) as inventory:
            plan = plan_with(project, inventory)
            sights = sights_of_plan(project, inventory, plan, environment)
    assert list(plan_lines(found.plan, show_all=False)) == list(plan_lines(plan, show_all=False))
    assert remembered(found.outline, found.plan) == remembered(project.outline, plan) != b""
    assert sights is not None
    assert _as_sets(found.sights) == _as_sets(sights)


def _as_sets(sights: Sights) -> dict[str, Any]:
    return {
        "texts": sights.texts,
        "root": sights.root,
        "files": {folder: set(names) for folder, names in sights.files.items()},
        "blobs": {shelf: set(names) for shelf, names in sights.blobs.items()},
        "folders": sights.folders,
        "absent": set(sights.absent),
        "hollow": set(sights.hollow),
    }


WHOLE_WAY = {
    "something to make in the first half": FILM.replace("A kite", "Two kites"),
    "something to make in the second half": FILM.replace("Five.", "Six."),
    "one more take": FILM.replace("takes: 2", "takes: 3"),
    "a take that is shared": FILM.replace("Five.", "A kite in ${how} wind."),
    "a warning": FILM.replace("Five.", "Five.\n        dialogue: [{who: X, line: Hold., at: 9s}]"),
    "an error": FILM.replace("Five.", "Five.\n        seed: -1"),
    "no file": FILM.replace("refs/two.png", "refs/three.png"),
    "a reference to the other half": FILM.replace("extend: SH030", "extend: SH010"),
    "a file that is included": FILM + "include: [more.yaml]\n",
    "Flow joins": FILM.replace("join: local", "join: flow"),
    "no YAML": FILM + "'",
    "no text": "",
}


@pytest.mark.parametrize("name", WHOLE_WAY)
def test_whatever_is_not_plain_goes_the_whole_way(film: Path, name: str) -> None:
    (film / "more.yaml").write_text("vars: {more: x}\n")
    assert by_halves(film, WHOLE_WAY[name]) is None


def none(*_: object) -> Any:
    raise AssertionError("looked by halves")


@pytest.mark.parametrize("text", [FILM.replace("  - id: SC02", MORE + "  - id: SC02"), FILM + "store: elsewhere\n"])
def test_no_half_is_looked_at_where_too_little_is_here(film: Path, text: str) -> None:
    """What has to be made sends it the whole way, and then every input would have been hashed for nothing."""
    assert by_halves(film, text, none) is None


@pytest.mark.parametrize("beside", [never, cut_short])
def test_without_a_second_half_the_whole_way_is_gone(film: Path, beside: Any) -> None:
    assert by_halves(film, FILM, beside) is None


@pytest.mark.parametrize("choices", [{"only": ("SH010",)}, {"should_verify": True}])
def test_what_needs_the_whole_is_not_halved(film: Path, choices: dict[str, Any]) -> None:
    assert by_halves(film, FILM, **choices) is None


needs_two = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and a second processor"
)

PLAN = """
import os, sys, time
if sys.argv[1] == "1":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
copies, records = [], []
os.register_at_fork(before=lambda: copies.append(1))

def count(event, args):
    if event == "open" and "/actions/" in str(args[0]) and str(args[0]).endswith(".json"):
        records.append(args[0])

sys.addaudithook(count)
from veospec import quick
from veospec.cli.boundary import run
ended = run(["plan"], quick.Question(("plan",), time.time_ns() + 60_000_000_000))
sys.stdout.flush()
sys.stderr.write(f"ended with {int(ended)}, copies {len(copies)}, records {len(records)}")
"""


@needs_two
def test_the_command_says_the_same_with_two_processors_and_with_one(film: Path) -> None:
    """And the next one is answered from what either left. Nobody reads a record twice."""
    (film / "shots.yaml").write_text(FILM + f"# {'word ' * 1000}\n" * (LEAST_BYTES // 5000 + 1))
    said = {}
    for processors in ("1", "2"):
        with inside(film), town():
            ran = subprocess.run([sys.executable, "-c", PLAN, processors], capture_output=True, text=True, check=True)
            again = subprocess.run(
                [sys.executable, "-m", "veospec", "plan"], capture_output=True, text=True, check=True
            )
        witness = next((film / ".veospec/index/witness").iterdir())
        witness.unlink()
        assert "9 takes unchanged; nothing to do" in ran.stdout
        assert again.stdout == ran.stdout
        said[processors] = (ran.stdout, ran.stderr)
    assert said["1"][0] == said["2"][0]
    assert said["1"][1] == "ended with 0, copies 0, records 9"
    assert said["2"][1] == "ended with 0, copies 1, records 5"  # those of the first scene and of the still
