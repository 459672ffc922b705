"""A saved plan is a promise: it is carried out once, exactly as it was shown, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from acceptance import SMALL, Person, check_form

TWO = (
    """veospec: 1
defaults: {duration: 4s}
shots:
  - {id: SH010, prompt: Rain., start: in.png}
  - {id: SH020, prompt: Snow.}
"""
    + SMALL
)


@pytest.fixture
def two(veospec: Person) -> Person:
    veospec.picture("in.png")
    veospec.write(TWO)
    return veospec


def test_a_saved_plan_works_once(two: Person) -> None:
    assert "apply plan.json" in two("plan", "-o", "plan.json").out
    saved = json.loads((two.folder / "plan.json").read_text())
    check_form(saved)
    assert "2 made" in two("apply", "plan.json").out
    assert "stale" in two("apply", "plan.json", code=5).err


def test_a_saved_plan_with_nothing_to_do_works_once_too(two: Person) -> None:
    two("apply")
    two("plan", "-o", "plan.json")
    assert "nothing to do" in two("apply", "plan.json").out
    assert "was carried out before" in two("apply", "plan.json", code=5).err
    two("plan", "-o", "plan.json")
    two("apply", "plan.json")


def picture(person: Person) -> None:
    person.picture("in.png", colour="red")


@pytest.mark.parametrize(
    ("move", "says"),
    [
        (lambda p: p.edit("Rain.", "Hail."), "SH010 T01: was generate"),
        (lambda p: p.edit("Snow.}", "Snow., takes: 2}"), "SH020 T02 is new"),
        (lambda p: p.edit("{id: SH020, prompt: Snow.}", "{id: SH020, prompt: Snow., omit: true}"), "SH020 T01 is gone"),
        (picture, "SH010 T01: was generate"),
        (lambda p: p.edit("defaults:", "budget: {max_credits: 7}\ndefaults:"), "ceiling moved"),
        (lambda p: p.edit("defaults:", "as_of: 2026-06-20\ndefaults:"), "model table"),
        (lambda p: p("apply", "--only", "SH020"), "SH020 T01: was generate"),
    ],
)
def test_a_saved_plan_is_stale_when_anything_moved(two: Person, move: Callable[[Person], object], says: str) -> None:
    two("plan", "-o", "plan.json")
    move(two)
    refused = two("apply", "plan.json", code=5)
    assert "stale" in refused.err
    assert says in refused.err
    assert not (two.folder / "out/clips/SH010_T01.mp4").exists()


def test_the_options_of_the_plan_are_those_of_its_apply(two: Person) -> None:
    two("plan", "--only", "SH020", "-o", "plan.json")
    assert two.json("apply", "plan.json")["counts"] == {"made": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(saved=99),
        lambda d: d.pop("name"),
        lambda d: d.update(name="../../x"),
        lambda d: d.pop("fingerprint"),
        lambda d: d.update(options={}),
        lambda d: d["options"].update(max_credits="all"),
        lambda d: d["options"].update(as_of="tomorrow"),
        lambda d: d.update(steps=7),
        lambda d: d.clear(),
    ],
)
def test_a_spoiled_plan_file_is_refused(two: Person, change: Callable[[dict[str, object]], object]) -> None:
    two("plan", "-o", "plan.json")
    path = two.folder / "plan.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    two("apply", "plan.json", code=2 if document else 3)
    assert not (two.folder / "out").exists()


def test_a_changed_fingerprint_is_stale(two: Person) -> None:
    two("plan", "-o", "plan.json")
    path = two.folder / "plan.json"
    document = json.loads(path.read_text())
    document["fingerprint"] = "0" * 64
    path.write_text(json.dumps(document))
    two("apply", "plan.json", code=5)


def test_a_storyboard_in_json_is_a_storyboard(veospec: Person) -> None:
    veospec.write(json.dumps({"veospec": 1, "shots": [{"id": "A", "prompt": "Rain.", "omit": False}]}), "shots.json")
    assert veospec("plan", "shots.json").out.count("generate") == 1
    assert len(veospec.json("apply", "shots.json", "--no-reel")["outcomes"]) == 1


def test_exit_code_tells_whether_there_is_work(two: Person) -> None:
    two("plan")
    two("plan", "--exit-code", code=4)
    two("apply")
    two("plan", "--exit-code")
