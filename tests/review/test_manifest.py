"""The manifest: same facts, same bytes; what the schema refuses the reader refuses too."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace
from review_boards import TALL, board, digest, ferry, shot, take

from veospec.errors import StoreCorrupt
from veospec.model import Kind, Mode
from veospec.review.manifest import build_manifest, output_of, parse_manifest, render_manifest
from veospec.review.provenance import COMPOSITE, DRAWN, GENERATED, UNKNOWN, source_type
from veospec.review.values import Bought

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "manifest.schema.json").read_text("utf-8"))


def ferry_document() -> dict[str, Any]:
    storyboard, takes = ferry()
    return build_manifest(storyboard, takes, "2026-11")


def test_it_is_valid_by_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(ferry_document(), SCHEMA)


def test_the_order_in_which_takes_arrive_does_not_matter() -> None:
    storyboard, takes = ferry()
    expected = render_manifest(build_manifest(storyboard, takes, "2026-11"))
    random.Random(1).shuffle(takes)
    assert expected == render_manifest(build_manifest(storyboard, takes, "2026-11"))


def test_it_reads_back_as_what_was_written() -> None:
    storyboard, takes = ferry()
    manifest = parse_manifest(render_manifest(build_manifest(storyboard, takes, "2026-11")))
    assert sorted((output_of(t) for t in takes), key=lambda o: o.id) == list(manifest.outputs)
    assert [c.slug for c in manifest.cuts] == ["16x9", "9x16"]
    selected = manifest.selected("SH010@9:16")
    assert selected is not None
    assert digest("bytes SH010@9:16 1") == selected.digest


def test_titles_in_any_script_stay_readable_and_nothing_invisible_gets_in() -> None:
    node = shot("SH010")
    title = "夜のフェリー العبّارة 🛳️ \u202egpj.exe\x9b"
    content = render_manifest(build_manifest(board(node, title=title), [take(node)], "2026-11"))
    assert "夜のフェリー".encode() in content
    assert "\u202e".encode() not in content
    assert title == parse_manifest(content).title


WRONG: list[tuple[str, list[Any], Any]] = [
    ("another version", ["veospec_manifest"], 2),
    ("a version that is a boolean", ["veospec_manifest"], True),
    ("an unknown field", ["extra"], 1),
    ("an unknown field below", ["outputs", 0, "job_id"], "j1"),
    ("a short digest", ["outputs", 0, "digest"], "ab12"),
    ("a digest in capitals", ["outputs", 0, "digest"], "A" * 64),
    ("a path that climbs", ["outputs", 0, "file"], "clips/../../etc/passwd"),
    ("an absolute path", ["outputs", 0, "file"], "/etc/passwd"),
    ("a Windows path", ["outputs", 0, "file"], "C:\\clip.mp4"),
    ("a link", ["outputs", 0, "file"], "https://example.com/a.mp4"),
    ("a price as a float", ["outputs", 0, "cost", "credits"], 1.5),
    ("a negative price", ["outputs", 0, "cost", "credits"], -1),
    ("take 0", ["outputs", 0, "take"], 0),
    ("an unknown disposition", ["outputs", 0, "disposition"], "done"),
    ("an unknown origin", ["outputs", 0, "source_type"], "camera"),
    ("a rate of zero", ["outputs", 0, "media", "fps"], "0"),
    ("a rate divided by zero", ["outputs", 0, "media", "fps"], "24/0"),
    ("a duration as a float", ["outputs", 0, "media", "duration"], 8.0),
    ("selected as text", ["outputs", 0, "selected"], "yes"),
    ("flags that are no texts", ["outputs", 0, "flags"], [1]),
    ("a cell of numbers", ["outputs", 0, "cell"], {"aspect": 1}),
    ("outputs as an object", ["outputs"], {}),
    ("no event", ["cuts", 0, "events", 0], None),
    ("a transition of kind cut that is unknown", ["cuts", 0, "events", 0, "transition"], {"kind": "wipe"}),
]


@pytest.mark.parametrize(("place", "value"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_the_schema_refuses_the_reader_refuses(place: list[Any], value: object) -> None:
    document = deepcopy(ferry_document())
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    with pytest.raises(StoreCorrupt) as caught:
        parse_manifest(json.dumps(document).encode())
    assert "out/manifest.json" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("place", [["spec"], ["outputs", 0, "key"], ["cuts", 1, "events", 0, "record_in"]])
def test_a_missing_field_is_named(place: list[Any]) -> None:
    document = ferry_document()
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    del target[place[-1]]
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    with pytest.raises(StoreCorrupt, match=f"{place[-1]} is missing"):
        parse_manifest(json.dumps(document).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"veospec_manifest": 1',
        b'{"veospec_manifest": NaN}',
        b"<<<<<<< HEAD\n{}",
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"veospec_manifest": ' + b"9" * 5000 + b"}",
        b"\x00" * 64,
    ],
)
def test_bytes_that_are_no_manifest_are_refused(content: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        parse_manifest(content)


def test_every_cut_off_manifest_is_refused() -> None:
    content = render_manifest(ferry_document()).rstrip()
    for end in random.Random(2).sample(range(len(content)), 150):
        with pytest.raises(StoreCorrupt):
            parse_manifest(content[:end])


def test_a_take_that_is_named_twice_is_refused() -> None:
    document = ferry_document()
    document["outputs"].insert(0, document["outputs"][0])
    with pytest.raises(StoreCorrupt, match="twice"):
        parse_manifest(json.dumps(document).encode())


def test_a_name_twice_in_one_object_is_refused() -> None:
    content = render_manifest(ferry_document()).replace(b'"take": 1,', b'"take": 1, "take": 2,', 1)
    with pytest.raises(StoreCorrupt, match="twice"):
        parse_manifest(content)


def test_a_shot_that_a_cell_leaves_out_is_not_in_its_cut() -> None:
    both = [shot("SH010"), shot("SH020"), shot("SH010", TALL)]
    document = build_manifest(board(*both), [take(n) for n in both], "2026-11")
    assert [[e["shot"] for e in c["events"]] for c in document["cuts"]] == [["SH010", "SH020"], ["SH010"]]


@pytest.mark.parametrize(
    ("provider", "kind", "mode", "parts", "expected"),
    [
        ("flow", Kind.CLIP, Mode.T2V, (), GENERATED),
        ("flow", Kind.STILL, Mode.IMAGE, (), GENERATED),
        ("flow", Kind.CLIP, Mode.V2V, (), COMPOSITE),
        ("local", Kind.CLIP, Mode.T2V, (), DRAWN),
        ("local", Kind.CLIP, Mode.V2V, (), DRAWN),
        ("local", Kind.JOIN, Mode.JOIN, (GENERATED, GENERATED), COMPOSITE),
        ("local", Kind.JOIN, Mode.JOIN, (GENERATED, DRAWN), COMPOSITE),
        ("local", Kind.JOIN, Mode.JOIN, (DRAWN, DRAWN), DRAWN),
        ("local", Kind.JOIN, Mode.JOIN, (DRAWN, UNKNOWN), UNKNOWN),
        ("local", Kind.JOIN, Mode.JOIN, (), UNKNOWN),
        ("flow", Kind.UPSCALE, Mode.UPSCALE, (COMPOSITE,), COMPOSITE),
        ("local", Kind.UPSCALE, Mode.UPSCALE, (GENERATED,), GENERATED),
    ],
)
def test_the_origin_is_said_and_never_guessed(
    provider: str, kind: Kind, mode: Mode, parts: tuple[str, ...], expected: str
) -> None:
    assert expected == source_type(provider, kind, mode, parts)


def test_what_a_run_alone_knows_is_not_in_it() -> None:
    storyboard, takes = ferry()
    takes = [replace(t, flags=("stale", "stale", "no-audio")) for t in takes]
    document = build_manifest(storyboard, takes, "2026-11")
    assert all(o["flags"] == ["no-audio", "stale"] for o in document["outputs"])
    text = render_manifest(document).decode()
    assert not any(word in text for word in ("http", "@gmail", "job_id", "media_id", "/root", "2026-11-"))


def test_what_was_bought_is_carried_on() -> None:
    """Neither an animatic over a paid manifest nor a run without the store forgets what somebody paid for."""
    node = shot("SH010")
    paid = replace(take(node), provider="flow", key="1" * 64, digest="2" * 64)
    storyboard = board(node)
    bought = parse_manifest(render_manifest(build_manifest(storyboard, [paid], "2026-11")))
    assert bought.bought == ()
    line = Bought(node.id, 1, "flow", "1" * 64, "2" * 64)

    drawn = replace(take(node), provider="local")
    after_local = parse_manifest(render_manifest(build_manifest(storyboard, [drawn], "2026-11", bought)))
    assert after_local.bought == (line,)

    held = replace(paid, digest="", file="", facts=None)
    after_clone = parse_manifest(render_manifest(build_manifest(storyboard, [held], "2026-11", after_local)))
    assert after_clone.bought == (line,)

    adopted = parse_manifest(render_manifest(build_manifest(storyboard, [paid], "2026-11", after_clone)))
    assert adopted.bought == ()
    assert render_manifest(build_manifest(storyboard, [paid], "2026-11", adopted)) == render_manifest(
        build_manifest(storyboard, [paid], "2026-11")
    )
