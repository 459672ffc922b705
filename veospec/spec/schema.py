"""The JSON Schema of a storyboard, and the check of a tree against it.

`build_schema` puts the language and a catalogue's limits together; `python -m veospec.spec.schema FOLDER` writes it
for editors. `check_schema` judges what one object alone shows; what needs inheritance, other objects or files is
judged by the rules. The dialect is named as draft 7, because the YAML language server refuses files that name a
newer one (redhat-developer/yaml-language-server issue 1112, July 2025); every keyword means the same in 2020-12.
"""

from __future__ import annotations

import json
import sys

from veospec.catalog.catalogue import Catalogue
from veospec.model import Problem
from veospec.spec import language, model_rules, shot_language
from veospec.spec.schema_check import Checker
from veospec.spec.tree import Tree
from veospec.spec.words import Node

SCHEMA_FILE = "shots.schema.json"
DIALECT = "http://json-schema.org/draft-07/schema#"


def build_schema(catalogue: Catalogue, *, is_fragment: bool = False) -> Node:
    """Return the schema of a storyboard, or of a file that a storyboard includes."""
    words = model_rules.vocabulary(catalogue)
    shot = shot_language.shot(words) | {"allOf": model_rules.conditions(catalogue, "video")}
    still = shot_language.still(words) | {"allOf": model_rules.conditions(catalogue, "image")}
    schema: Node = {
        "$schema": DIALECT,
        "title": "veospec storyboard",
        "description": f"A storyboard as code. Model limits of table {catalogue.table}.",
        "type": "object",
        "additionalProperties": False,
        "required": [] if is_fragment else ["veospec"],
        "patternProperties": {"^x-": {"description": "Yours: never read. A place for YAML anchors."}},
        "properties": language.sections(words),
        "not": {"type": "object", "required": ["scenes", "shots"]},
    }
    if not is_fragment:
        schema["anyOf"] = [{"required": [key]} for key in ("scenes", "shots", "stills", "include")]
    return schema | {"definitions": {"shot": shot, "still": still, **model_rules.definitions(catalogue)}}


def schema_text(catalogue: Catalogue) -> str:
    """Return the file that editors read."""
    return json.dumps(build_schema(catalogue), indent=2, ensure_ascii=False) + "\n"


_CHECKERS: dict[tuple[str, bool], Checker] = {}


def check_schema(
    tree: Tree, catalogue: Catalogue, *, is_fragment: bool = False, may_use_unlisted_models: bool = False
) -> tuple[Problem, ...]:
    """Return everything in the tree that breaks the schema, in the order of the file.

    With `may_use_unlisted_models` a model that the catalogue does not list is a warning.
    """
    wanted = (catalogue.fingerprint, is_fragment)
    checker = _CHECKERS.get(wanted)
    if checker is None:
        checker = _CHECKERS[wanted] = Checker(
            build_schema(catalogue, is_fragment=is_fragment), model_rules.hints(catalogue)
        )
    return checker.check(tree, may_use_unlisted_models=may_use_unlisted_models)


def main(folder: str) -> None:
    """Write the schema of the packaged table into a folder; `make schemas` calls this."""
    from pathlib import Path

    from veospec.catalog.shipped import load_catalogue

    (Path(folder) / SCHEMA_FILE).write_text(schema_text(load_catalogue()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
