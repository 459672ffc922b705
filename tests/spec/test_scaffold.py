"""The first files of a project are sound and need nothing that is not there."""

from __future__ import annotations

import pytest

from veospec.catalog.shipped import load_catalogue
from veospec.spec.compiler import compile_storyboard
from veospec.spec.scaffold import GITIGNORE, minimal, starter


@pytest.mark.parametrize("text", [starter(), minimal(), minimal(schema="x.json")])
def test_it_compiles_without_a_word_and_without_a_file(text: str) -> None:
    outcome = compile_storyboard({"shots.yaml": text.encode()}, "shots.yaml", env={}, catalogue=load_catalogue())
    assert outcome.problems == ()
    assert outcome.storyboard is not None
    assert outcome.storyboard.files == ()


def test_editors_are_told_the_schema() -> None:
    assert starter(schema="s/x.json").startswith("# yaml-language-server: $schema=s/x.json\n")
    assert minimal().startswith("veospec: 1\n")


def test_git_leaves_out_what_can_be_made_again() -> None:
    assert {"out/", ".veospec/"} <= set(GITIGNORE.splitlines())
