"""What does not change a request changes no key: spelling, order, comments, names, places. What does, does."""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance import SMALL, Person, dump
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from veospec.app.choices import Choices
from veospec.app.planning import plan_project
from veospec.app.project import open_project

BOARD = """veospec: 1
project: {code: KEY, title: Keys}
vars: {place: the quay}
defaults: {duration: 8s, model: veo-3.1-fast, takes: 2, avoid: [logos, captions]}
assets: {coat: refs/coat.png, hat: refs/hat.png}
characters:
  ada: {name: Ada, describe: an engineer, images: [coat]}
stills:
  door: {model: nano-banana-2, aspect: "16:9", prompt: "A door at ${place}.", references: [hat]}
shots:
  - {id: A, prompt: "Rain on ${place}.", seed: 5}
  - {id: B, prompt: She walks., start: coat, size: WS, move: slow pan}
  - {id: C, prompt: "@hat on @ada.", references: [hat], characters: [ada]}
  - {id: D, prompt: It shuts., start: "still:door", end: coat}
"""


@pytest.fixture
def board(veospec: Person) -> Person:
    veospec.picture("refs/coat.png", colour="red")
    veospec.picture("refs/hat.png", colour="blue")
    veospec.write(BOARD)
    return veospec


def move_pictures(person: Person) -> None:
    (person.folder / "refs").rename(person.folder / "pictures")
    person.edit("refs/coat.png, hat: refs/hat.png", "pictures/coat.png, hat: pictures/hat.png")


def rename_everything(person: Person) -> None:
    text = (person.folder / "shots.yaml").read_text()
    for before, after in (("coat", "jacket"), ("hat", "cap"), ("id: A", "id: RAIN"), ("id: B", "id: WALK")):
        text = text.replace(before, after)
    person.write(text.replace("refs/jacket", "refs/coat").replace("refs/cap", "refs/hat"))


def include_the_shots(person: Person) -> None:
    head, _, shots = BOARD.partition("shots:\n")
    person.write(head + "include: [parts/*.yaml]\n")
    person.write("shots:\n" + shots, "parts/one.yaml")


SAME: dict[str, Callable[[Person], object]] = {
    "a shot gets another name": lambda p: p.edit("id: A,", "id: Z900,"),
    "everything gets another name": rename_everything,
    "pictures move": move_pictures,
    "a comment": lambda p: p.edit("shots:\n", "# all of them\nshots: # here\n"),
    "a title": lambda p: p.edit("title: Keys", "title: Other"),
    "a code": lambda p: p.edit("code: KEY", "code: ABC"),
    "notes, tags, review": lambda p: p.edit(
        "seed: 5}", "seed: 5, notes: n, title: t, tags: [x], review: {status: done}}"
    ),
    "the circled take": lambda p: p.edit("seed: 5}", "seed: 5, select: 2}"),
    "a trim and a transition": lambda p: p.edit(
        "seed: 5}", "seed: 5, trim: {head: 6f}, transition: {type: dissolve, frames: 6}}"
    ),
    "a variable instead of its text": lambda p: p.edit("Rain on ${place}.", "Rain on the quay."),
    "a default written out": lambda p: p.edit("seed: 5}", "seed: 5, aspect: '16:9', mode: t2v, resolution: 720p}"),
    "seconds as a number": lambda p: p.edit("duration: 8s", "duration: 8"),
    "seconds as frames": lambda p: p.edit("duration: 8s", "duration: 192f"),
    "quotes": lambda p: p.edit("model: veo-3.1-fast", "'model': \"veo-3.1-fast\""),
    "landscape": lambda p: p.edit("duration: 8s,", "duration: 8s, aspect: landscape,"),
    "scenes": lambda p: p.edit("shots:\n", "scenes:\n- id: S1\n  slug: INT.\n  shots:\n"),
    "an include": include_the_shots,
    "a budget and a policy": lambda p: p.edit(
        "defaults:", "budget: {max_credits: 9000}\npolicy: {stale_downstream: cascade}\ndefaults:"
    ),
    "deliveries": lambda p: p.edit("defaults:", "deliver: {timeline: [edl], animatic: {size: 360p}}\ndefaults:"),
    "an asset nobody uses": lambda p: p.edit("assets: {", "assets: {spare: refs/hat.png, "),
    "the plan class": lambda p: p.edit("defaults:", "provider: {name: flow, plan: pro}\ndefaults:"),
    "an older model table": lambda p: p.edit("defaults:", "as_of: 2026-06-20\ndefaults:"),
}


@pytest.mark.parametrize("what", SAME)
def test_these_change_no_key_of_a_paid_provider(board: Person, what: str) -> None:
    before = identities(board)
    SAME[what](board)
    assert identities(board) == before


CHANGED: dict[str, tuple[str, str, int]] = {
    "a word": ("Rain on", "Hail on", 2),
    "a seed": ("seed: 5", "seed: 6", 1),
    "a retake": ("seed: 5}", "seed: 5, retake: 1}", 2),
    "a ratio": ("seed: 5}", "seed: 5, aspect: '9:16'}", 2),
    "a model": ("seed: 5}", "seed: 5, model: veo-3.1-lite}", 2),
    "a variable": ("vars: {place: the quay}", "vars: {place: the pier}", 5),
    "a camera word": ("slow pan", "fast pan", 2),
    "what is avoided": ("avoid: [logos, captions]", "avoid: [logos]", 8),
    "a style": ("defaults:", "style: {base: pencil}\ndefaults:", 8),
    "another end": ("end: coat", "end: hat", 2),
    "another character": ("name: Ada", "name: Eve", 2),
    "more takes": ("seed: 5}", "seed: 5, takes: 3}", 1),
}


@pytest.mark.parametrize("what", CHANGED)
def test_these_change_exactly_their_keys(board: Person, what: str) -> None:
    """Counted are the identities that were not there before, of what waits for a changed take too.

    Take 2 of seed 5 is take 1 of seed 6.
    """
    before = set(identities(board))
    text, other, count = CHANGED[what]
    board.edit(text, other)
    after = set(identities(board))
    assert len(after - before) == count


def test_another_picture_under_the_same_name_is_another_key(board: Person) -> None:
    before = set(identities(board))
    board.picture("refs/coat.png", colour="green")
    assert len(set(identities(board)) - before) == 6, "B, C and D, two takes each"


def identities(person: Person) -> list[str]:
    """Return the keys of everything; what waits for a still is known by its other parts."""
    return _keys(person.folder / "shots.yaml")


def _keys(spec: Path) -> list[str]:
    plan = plan_project(open_project(Choices(spec, provider="flow"), {}))
    return sorted(step.identity for step in plan.steps)


LENGTHS = ("8s", 8, "192f", "8.0s")
RATIOS = ("16:9", "landscape")
NOTE_LETTERS = st.characters(codec="utf-8", categories=("L", "N", "P"))


def shuffled(value: Any, order: random.Random) -> Any:
    """Return a document with its keys in another order; lists keep theirs, for a list is said in order."""
    if isinstance(value, dict):
        names = list(value)
        order.shuffle(names)
        return {name: shuffled(value[name], order) for name in names}
    return [shuffled(entry, order) for entry in value] if isinstance(value, list) else value


DOCUMENT: dict[str, Any] = {
    "veospec": 1,
    "vars": {"place": "the quay"},
    "defaults": {"model": "veo-3.1-fast", "avoid": ["logos"]},
    "assets": {"coat": "coat.png"},
    "shots": [
        {"id": "A", "prompt": "Rain on ${place}.", "duration": "8s", "aspect": "16:9"},
        {"id": "B", "prompt": "She walks.", "start": "coat", "duration": "8s", "aspect": "16:9", "seed": 3},
        {"id": "C", "prompt": "@coat hangs.", "references": ["coat"], "duration": "8s", "aspect": "16:9"},
    ],
}


@pytest.fixture(scope="module")
def quiet_folder() -> Any:
    with tempfile.TemporaryDirectory() as name:
        Image.new("RGB", (16, 9), "red").save(Path(name, "coat.png"))
        yield Path(name)


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_spelling_order_comments_and_names_never_matter(quiet_folder: Path, data: st.DataObject) -> None:
    """Any mix of harmless changes at once gives the keys of the plain document."""
    spec = quiet_folder / "shots.yaml"
    spec.write_text(dump(DOCUMENT))
    before = _keys(spec)
    changed = copy.deepcopy(DOCUMENT)
    names = data.draw(
        st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True), min_size=3, max_size=3,
                 unique_by=str.lower).filter(lambda n: not any(_is_device(x) for x in n))
    )  # fmt: skip
    for shot, name in zip(changed["shots"], names, strict=True):
        shot["id"] = name
        shot["duration"] = data.draw(st.sampled_from(LENGTHS))
        shot["aspect"] = data.draw(st.sampled_from(RATIOS))
        if data.draw(st.booleans()):
            shot["notes"] = data.draw(
                st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=20)
            )
    if data.draw(st.booleans()):
        data.draw(st.randoms(use_true_random=False)).shuffle(changed["shots"])
    changed = shuffled(changed, data.draw(st.randoms(use_true_random=False)))
    lines = dump(changed).splitlines()
    for place in data.draw(st.lists(st.integers(0, len(lines)), max_size=6)):
        lines.insert(place, "# " + data.draw(st.sampled_from(["note", "- id: X", "äöü", ""])))
    spec.write_text("\n".join(lines) + data.draw(st.sampled_from(["", "\n", "\n\n# end\n"])))
    assert _keys(spec) == before


def _is_device(name: str) -> bool:
    return name.lower() in {"con", "prn", "aux", "nul", *(f"{x}{n}" for x in ("com", "lpt") for n in range(10))}


def test_a_local_slate_shows_its_name_so_a_rename_draws_one_again(board: Person) -> None:
    board.write(BOARD.replace("takes: 2, ", "") + SMALL)
    before = set(board.identities())
    board.edit("id: A,", "id: Z900,")
    assert len(set(board.identities()) - before) == 1
