"""The schema file: generated, safe, closed, with help everywhere, and the same for every reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from veospec.catalog.shipped import load_catalogue
from veospec.model import Mode
from veospec.spec.schema import build_schema, main, schema_text

SCHEMA = build_schema(load_catalogue())

KEYWORDS = {
    "$schema", "title", "description", "examples", "default", "type", "enum", "const", "properties", "required",
    "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties", "items", "minItems",
    "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "anyOf", "allOf", "not",
    "if", "then", "$ref", "definitions", "errorMessage", "x-code", "x-advice",
}  # fmt: skip
"""What draft 7 and draft 2020-12 read alike, and the words for people."""


def nodes(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema inside a schema with its path."""
    if not isinstance(node, dict):
        return
    yield path, node
    for key in ("properties", "definitions", "patternProperties"):
        for name, child in node.get(key, {}).items():
            yield from nodes(child, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not", "if", "then"):
        yield from nodes(node.get(key), f"{path}/{key}")
    for key in ("anyOf", "allOf"):
        for number, child in enumerate(node.get(key, ())):
            yield from nodes(child, f"{path}/{key}/{number}")


ALL = list(nodes(SCHEMA))


def test_the_committed_file_is_what_the_code_and_the_catalogue_say(project_root: Path) -> None:
    committed = (project_root / "schemas/shots.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(load_catalogue()), "run `make schemas`"


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    main(str(tmp_path))
    assert json.loads((tmp_path / "shots.schema.json").read_text(encoding="utf-8")) == SCHEMA


@pytest.mark.parametrize("dialect", [jsonschema.Draft7Validator, jsonschema.Draft202012Validator])
@pytest.mark.parametrize("day", [None, date(2026, 6, 15)])
def test_it_is_a_schema_in_both_dialects(dialect: Any, day: date | None) -> None:
    dialect.check_schema(build_schema(load_catalogue(as_of=day)))


def test_it_uses_only_keywords_that_both_dialects_read_alike() -> None:
    assert {key for _, node in ALL for key in node} <= KEYWORDS
    # In draft 7 the neighbours of a reference are not read.
    assert [path for path, node in ALL if "$ref" in node and len(node) > 1] == []
    assert "oneOf" not in schema_text(load_catalogue())


def test_references_stay_inside() -> None:
    names = {node["$ref"] for _, node in ALL if "$ref" in node}
    assert names == {f"#/definitions/{name}" for name in SCHEMA["definitions"]}


def test_every_object_is_closed() -> None:
    described = [(path, node) for path, node in ALL if "object" in node.get("type", ()) and not path.endswith("/not")]
    assert len(described) > 20
    assert [path for path, node in described if "additionalProperties" not in node] == []


def test_every_property_has_help_that_ends_like_a_sentence() -> None:
    language = [
        (f"{path}/{name}", child)
        for path, node in ALL
        for name, child in node.get("properties", {}).items()
        if "/if" not in path and not path.startswith(("#/definitions/video", "#/definitions/image"))
    ]
    assert len(language) > 100
    assert [
        path for path, node in language if "$ref" not in node and not re.search(r"[.`]$", node["description"])
    ] == []


def test_no_alternatives_inside_alternatives() -> None:
    for path, node in ALL:
        for branch in node.get("anyOf", ()):
            assert not any("anyOf" in inner for _, inner in nodes(branch)), path


PATTERNS = sorted({node["pattern"] for _, node in ALL if "pattern" in node} - {"^x-"})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_anchored_and_let_no_line_end_pass(pattern: str) -> None:
    assert pattern.startswith("^")
    assert pattern.endswith(r"$(?!\n)")
    for text in ("8s", "SH010", "16:9", "2026-11-15", "NFY", "first", "a" * 64, "${x}"):
        if re.search(pattern, text):
            assert not re.search(pattern, text + "\n")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_linear(pattern: str) -> None:
    # A pattern that backtracks twice over does not come back from these within the life of the test run.
    for hostile in ("a" * 20_000 + "!", "1" * 20_000 + "x", "${" * 10_000 + "\n", "." * 20_000, "a." * 10_000 + "\n"):
        assert len(re.findall(pattern, hostile)) <= 1


def test_the_limits_are_those_of_the_catalogue() -> None:
    """For each video model, length and ratio the schema and the catalogue give the same verdict."""
    catalogue = load_catalogue()
    validator = jsonschema.Draft202012Validator({"$ref": "#/definitions/shot", "definitions": SCHEMA["definitions"]})
    asked: list[tuple[Mode, dict[str, Any], dict[str, Any]]] = [
        (Mode.T2V, {}, {}),
        (Mode.I2V, {"start": "a"}, {}),
        (Mode.I2V_FL, {"start": "a", "end": "b"}, {}),
        (Mode.EXTEND, {"extend": "SH1"}, {}),
        *((Mode.R2V, {"references": ["a"] * n}, {"images": n}) for n in (1, 3, 4, 7, 8, 10, 11)),
        (Mode.R2V, {"references": ["a"], "voices": ["Kore"] * 2}, {"images": 1, "voices": 2}),
    ]
    for row in catalogue.models:
        if row.kind != "video":
            continue
        for mode, keys, counts in asked:
            for seconds in range(1, 17):
                shot = {"id": "A", "prompt": "x", "model": row.id, "duration": f"{seconds}s", **keys}
                verdict = catalogue.verdict(row.id, mode, duration=seconds, **counts)
                assert validator.is_valid(shot) is verdict.is_allowed, (row.id, mode, seconds, verdict.reasons)
        for aspect in ("16:9", "9:16", "1:1", "4:3", "3:4", "landscape", "portrait"):
            verdict = catalogue.verdict(row.id, Mode.T2V, duration=8, aspect=aspect)
            shot = {"id": "A", "prompt": "x", "model": row.id, "aspect": aspect}
            assert validator.is_valid(shot) is verdict.is_allowed, (row.id, aspect)
        for resolution in ("360p", "720p"):
            verdict = catalogue.verdict(row.id, Mode.T2V, duration=8, resolution=resolution)
            shot = {"id": "A", "prompt": "x", "model": row.id, "resolution": resolution}
            assert validator.is_valid(shot) is verdict.is_allowed, (row.id, resolution)


def test_an_overlay_changes_the_schema() -> None:
    overlay = '[models."veo-4"]\nlike = "veo-3.1-fast"\n[models."veo-4".modes]\nt2v = { durations = [16] }\n'
    schema = build_schema(load_catalogue(overlay=overlay))
    validator = jsonschema.Draft202012Validator(schema)
    shots = [{"id": "A", "prompt": "x", "model": "veo-4", "duration": seconds} for seconds in ("16s", "12s")]
    assert [validator.is_valid({"veospec": 1, "shots": [shot]}) for shot in shots] == [True, False]


def test_a_fragment_needs_no_form_and_no_shots() -> None:
    fragment = build_schema(load_catalogue(), is_fragment=True)
    assert jsonschema.Draft202012Validator(fragment).is_valid({"assets": {"a": "refs/a.png"}})
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({"veospec": 1, "assets": {"a": "refs/a.png"}})
