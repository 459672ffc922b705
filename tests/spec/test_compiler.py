"""What a storyboard compiles to: nodes, cells, modes, inputs, passes, providers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest
from spec_builders import CASES, board, catalogue, compiled, compiled_case, node, shown

from veospec.model import (
    Caption,
    Cell,
    Character,
    Cut,
    FileSource,
    Kind,
    Mode,
    Node,
    NodeSource,
    OwnVoice,
    PresetVoice,
    Severity,
    Storyboard,
    TransitionKind,
)
from veospec.spec.compiler import compile_storyboard, first_look
from veospec.spec.tree import Source

FERRY = CASES / "valid/night-ferry.yaml"
SHOT = "veospec: 1\nshots:\n  - id: SH010\n    prompt: A kite.\n"


@pytest.fixture(scope="module")
def ferry() -> Storyboard:
    storyboard = compiled_case(FERRY).storyboard
    assert storyboard is not None
    return storyboard


# -- the reference example --


def test_the_ferry_has_eight_shots_in_two_cells_but_one(ferry: Storyboard) -> None:
    clips = [n.id for n in ferry.nodes if n.kind is Kind.CLIP]
    wide = [f"SH0{n}0@16:9" for n in range(1, 9)]
    tall = [f"SH0{n}0@9:16" for n in range(1, 9) if n != 6]
    assert sorted(clips) == sorted(wide + tall)
    assert [cell.label for cell in ferry.cells] == ["16:9", "9:16"]


def test_the_ferry_uses_every_mode(ferry: Storyboard) -> None:
    found = {n.name: n.request.mode for n in ferry.nodes if n.kind is Kind.CLIP}
    assert found == {
        "SH010": Mode.T2V, "SH020": Mode.I2V, "SH030": Mode.I2V_FL, "SH040": Mode.R2V,
        "SH050": Mode.R2V, "SH060": Mode.V2V, "SH070": Mode.I2V_FL, "SH080": Mode.EXTEND,
    }  # fmt: skip


def test_nothing_comes_before_what_it_needs(ferry: Storyboard) -> None:
    seen: set[str] = set()
    for each in ferry.nodes:
        assert set(each.upstream) <= seen, each.id
        seen.add(each.id)
    assert len(seen) == len(ferry.nodes)


def test_the_stems_of_the_ferry_follow_the_film_code(ferry: Storyboard) -> None:
    assert node(ferry, "SH010@16:9").stem == "NFY_SC01_SH010_16x9"
    assert node(ferry, "still:ada_side").stem == "NFY_ada_side"
    assert node(ferry, "still:wheelhouse@9:16").stem == "NFY_wheelhouse_9x16"
    assert node(ferry, "upscale:SH080@16:9").stem == node(ferry, "join:SH080@16:9").stem == "NFY_SC03_SH080_16x9"


def test_the_ferry_chains_by_a_frame_and_extends(ferry: Storyboard) -> None:
    chained, longer = node(ferry, "SH070@9:16"), node(ferry, "SH080@9:16")
    assert [(e.slot, e.source) for e in chained.request.inputs] == [
        ("start", NodeSource("SH030@9:16", "last")), ("end", NodeSource("still:quay@9:16")),
    ]  # fmt: skip
    assert [(e.slot, e.source) for e in longer.request.inputs] == [("source", NodeSource("SH070@9:16"))]
    assert (longer.request.overlap, longer.request.duration, longer.request.model) == (1, 8, "veo-3.1-fast")
    assert (longer.burn.continues, chained.burn.continues) == ("SH070", "SH030")
    assert longer.cut == Cut(tail=18)


def test_a_join_is_as_long_as_both_clips_without_the_overlap(ferry: Storyboard) -> None:
    join = node(ferry, "join:SH080@16:9")
    assert (join.kind, join.request.mode, join.request.duration, join.request.overlap) == (Kind.JOIN, Mode.JOIN, 15, 1)
    assert join.upstream == ("SH070@16:9", "SH080@16:9")


def test_a_chain_of_extensions_is_joined_from_its_beginning() -> None:
    """The last join is the whole; what costs money still builds on the clips themselves."""
    rows = "  - {id: A, prompt: a}\n" + "".join(
        f"  - {{id: {name}, prompt: a, extend: {of}}}\n" for of, name in pairwise("ABCD")
    )
    nodes = {n.id: n for n in board(f"veospec: 1\nshots:\n{rows}").nodes}
    joins = {n.name: n for n in nodes.values() if n.kind is Kind.JOIN}
    assert [j.upstream for j in joins.values()] == [("A", "B"), ("join:B", "C"), ("join:C", "D")]
    assert [j.request.duration for j in joins.values()] == [15, 22, 29]
    assert [nodes[name].upstream for name in "BCD"] == [("A",), ("B",), ("C",)]


def test_an_upscale_takes_the_selected_take_only(ferry: Storyboard) -> None:
    larger = node(ferry, "upscale:SH080@16:9")
    assert (larger.takes, larger.select, larger.request.resolution, larger.request.prompt) == (1, 1, "4k", "")
    assert larger.upstream == ("SH080@16:9",)
    assert node(ferry, "upscale:still:wheelhouse@16:9").request.mode is Mode.UPSCALE


def test_a_character_of_the_ferry_brings_pictures_and_a_voice(ferry: Storyboard) -> None:
    ada = next(e.source for e in node(ferry, "SH050@16:9").request.inputs if e.slot == "character_1")
    assert ada == Character(
        "ada",
        "Ada",
        "calm under pressure, speaks little",
        (FileSource("refs/ada-front.png", "ada_front"), NodeSource("still:ada_side")),
        OwnVoice("ada_low", "Kore", "Hold her there. Slowly.", "dry, close, tired, almost amused"),
    )


def test_the_edited_window_decides_the_length(ferry: Storyboard) -> None:
    edited = node(ferry, "SH060@16:9").request
    assert (edited.window, edited.duration, edited.mode) == ((0, 192), 8, Mode.V2V)


def test_a_caption_stands_in_its_seconds(ferry: Storyboard) -> None:
    (line,) = node(ferry, "SH040@16:9").burn.captions
    assert line == Caption("NARRATOR", "Every crossing has one bad minute.", Fraction(3, 2), Fraction(7, 2))


def test_the_settings_of_the_ferry(ferry: Storyboard) -> None:
    assert (ferry.project.code, ferry.project.fps, ferry.project.handles, ferry.project.leader) == ("NFY", 24, 6, 2)
    assert (ferry.budget.max_credits, ferry.budget.confirm_above, ferry.budget.max_micro_usd) == (720, 100, None)
    assert (ferry.policy.reject_retries, ferry.policy.reject_change, ferry.policy.cascade) == (1, "seed", False)
    assert ferry.reel.order == tuple(f"SH0{n}0" for n in range(1, 9))
    assert (ferry.deliver.timeline, ferry.deliver.captions) == (("otio", "fcpxml", "edl"), ("srt", "vtt"))
    assert (ferry.deliver.c2pa, ferry.deliver.disclose) == ("none", "ai-generated")
    assert ferry.files == (
        "plates/wheelhouse-phone.mp4", "refs/ada-front.png", "refs/ferry-livery.png", "refs/thermos.jpg",
    )  # fmt: skip
    assert node(ferry, "SH020@16:9").cut == Cut(0, 0, TransitionKind.DISSOLVE, 12)


def test_the_environment_that_was_read_is_told() -> None:
    outcome = compiled_case(FERRY)
    assert outcome.environment == {"SEASON": None, "VEOSPEC_SIGNER": None}
    assert outcome.files == ("shots.yaml",)
    assert set(outcome.paths) == {
        "plates/wheelhouse-phone.mp4", "refs/ada-front.png", "refs/ferry-livery.png", "refs/thermos.jpg",
    }  # fmt: skip


def test_a_draft_pass_of_the_ferry_changes_what_it_can() -> None:
    outcome = compile_storyboard(
        {"shots.yaml": FERRY.read_bytes()}, "shots.yaml", env={}, catalogue=catalogue(), pass_name="draft"
    )
    assert outcome.storyboard is not None
    found = {n.name: (n.request.model, n.takes, n.select) for n in outcome.storyboard.nodes if n.kind is Kind.CLIP}
    assert found["SH010"] == ("veo-3.1-lite", 1, 1)
    assert found["SH050"] == ("omni-flash", 1, 1)
    assert not any(n.kind is Kind.UPSCALE and n.request.duration for n in outcome.storyboard.nodes)
    assert [(p.code, p.subject) for p in outcome.problems] == [
        ("VS278", "SH010"),
        ("VS277", "SH050"),
        ("VS277", "SH060"),
    ]
    assert {p.severity for p in outcome.problems} == {Severity.NOTE}


@pytest.mark.parametrize(
    ("provider", "plan", "errors", "notes"),
    [
        ("local", "", 0, 0),
        ("local", "pro", 0, 0),
        ("flow", "", 0, 4),
        ("flow", "pro", 3, 1),
        ("flow", "ultra-200", 0, 1),
    ],
)
def test_what_depends_on_the_plan_is_an_error_only_when_it_is_known(
    provider: str, plan: str, errors: int, notes: int
) -> None:
    outcome = compile_storyboard(
        {"shots.yaml": FERRY.read_bytes()}, "shots.yaml",
        env={}, catalogue=catalogue(), provider=provider, plan_class=plan,
    )  # fmt: skip
    severities = [p.severity for p in outcome.problems]
    assert (severities.count(Severity.ERROR), severities.count(Severity.NOTE)) == (errors, notes)


# -- single rules --


def shot(lines: str, before: str = "") -> Node:
    storyboard = board(f"veospec: 1\n{before}shots:\n  - id: SH010\n    prompt: A kite.\n{lines}")
    return next(n for n in storyboard.nodes if n.name == "SH010" and n.kind is Kind.CLIP)


def test_defaults_are_written_out() -> None:
    request = shot("").request
    assert (request.model, request.aspect, request.resolution, request.duration) == ("veo-3.1-fast", "16:9", "720p", 8)
    assert (request.seed, request.retake, request.inputs) == (1, 0, ())


@pytest.mark.parametrize("spelling", ["8", "8.0", "8s", "'8s'", "8.000s", "192f"])
def test_a_length_has_many_spellings_and_one_meaning(spelling: str) -> None:
    assert shot(f"    duration: {spelling}\n").request == shot("").request


def test_frames_count_at_the_rate_of_the_project() -> None:
    assert shot("    duration: 100f\n", "project: {fps: 25}\n").request.duration == 4


@pytest.mark.parametrize(
    ("lines", "aspect"),
    [("", "9:16"), ("    aspect: landscape\n", "16:9"), ("    aspect: '1:1'\n", "1:1")],
)
def test_the_ratio_is_the_shots_own_before_that_of_the_cell(lines: str, aspect: str) -> None:
    assert shot(lines, "matrix: {aspect: [portrait]}\ndefaults: {aspect: '4:3'}\n").request.aspect == aspect


def test_seeds_come_from_the_shot_or_the_project() -> None:
    assert shot("    seed: 7\n").request.seed == 7
    assert shot("", "project: {seed: 40}\n").request.seed == 40


def test_a_name_may_be_written_in_any_unicode_form() -> None:
    text = "veospec: 1\nvars: {harbour: %s}\nshots:\n  - id: SH010\n    prompt: '${harbour} %s'\n"
    composed, decomposed = (board(text % (word, word)).nodes for word in ("Malm\u00f6", "Malmo\u0308"))
    assert composed == decomposed


def test_styles_go_shot_scene_defaults_base() -> None:
    text = """veospec: 1
style: {base: film, variants: {dawn: grey, noon: white, dusk: red}}
defaults: {style: dusk}
scenes:
  - id: SC01
    style: dawn
    shots:
      - {id: A, prompt: x, style: noon}
      - {id: B, prompt: x}
      - {id: C, prompt: x, style: none}
      - {id: D, prompt: x, style: base}
  - id: SC02
    shots:
      - {id: E, prompt: x}
"""
    prompts = {n.name: n.request.prompt.split("\n")[0] for n in board(text).nodes}
    assert prompts == {"A": "Style: white.", "B": "Style: grey.", "C": "x", "D": "Style: film.", "E": "Style: red."}


def test_the_style_may_be_one_text_and_stills_ask_for_it() -> None:
    text = (
        "veospec: 1\nstyle: film\nstills:\n  a: {prompt: x}\n  b: {prompt: x, style: base}\n" + SHOT.split("\n", 1)[1]
    )
    prompts = {n.name: n.request.prompt for n in board(text).nodes}
    assert prompts == {"a": "x", "b": "Style: film.\nx", "SH010": "Style: film.\nA kite."}


def test_a_shot_says_for_itself_what_defaults_say_for_all() -> None:
    before = "defaults: {music: none, sfx: wind, avoid: [logos], takes: 2}\n"
    assert shot("", before).request.prompt == "A kite.\nSound effects: wind.\nNo music.\nAvoid: logos."
    own = shot("    music: harp\n    sfx: none\n    avoid: [rain]\n    takes: 1\n", before)
    assert own.request.prompt == "A kite.\nMusic: harp.\nAvoid: rain."
    assert own.takes == 1


def test_voices_by_any_letter_case_and_without_a_line_are_system_voices() -> None:
    inputs = shot("    references: [refs/a.png]\n    voices: [kORE]\n").request.inputs
    assert {entry.slot: entry.source for entry in inputs}["voice_1"] == PresetVoice("Kore")


def test_an_omitted_shot_is_not_made() -> None:
    storyboard = board(SHOT + "  - id: SH020\n    prompt: A boat.\n    omit: true\n")
    assert [n.id for n in storyboard.nodes] == ["SH010"]
    assert (storyboard.omitted, storyboard.reel.order) == (("SH020",), ("SH010",))


def test_upstream_may_be_written_later() -> None:
    text = SHOT.replace("A kite.", "A kite.\n    start: {shot: SH020, frame: first}") + "  - {id: SH020, prompt: b}\n"
    assert [n.id for n in board(text).nodes] == ["SH020", "SH010"]


def test_a_chain_of_thousands_of_shots_is_legal() -> None:
    rows = ["  - {id: S0, prompt: a}"]
    rows += [f"  - {{id: S{n}, prompt: a, start: {{shot: S{n - 1}}}}}" for n in range(1, 3_000)]
    storyboard = board("veospec: 1\nshots:\n" + "\n".join(reversed(rows)) + "\n")
    assert [storyboard.nodes[0].id, storyboard.nodes[-1].id] == ["S0", "S2999"]


def test_a_still_that_no_axis_changes_is_made_once() -> None:
    text = """veospec: 1
matrix: {aspect: ["16:9", "9:16"], mood: [calm, wild]}
vars: {sea: "a ${mood} sea"}
assets: {a: "refs/${mood}.png", b: refs/b.png}
style: {variants: {moody: "${mood}"}}
characters: {ada: {images: ["still:loose"]}, bo: {images: ["still:tied"]}}
stills:
  loose: {aspect: "1:1", prompt: x, references: [b]}
  tied: {prompt: x}
  word: {aspect: "1:1", prompt: "${sea}"}
  file: {aspect: "1:1", prompt: x, references: [a]}
  look: {aspect: "1:1", prompt: x, style: moody}
  cast: {aspect: "1:1", prompt: x, characters: [ada]}
  down: {aspect: "1:1", prompt: x, characters: [bo]}
"""
    counts: dict[str, int] = {}
    for each in board(text).nodes:
        counts[each.name] = counts.get(each.name, 0) + 1
    assert counts == {"loose": 1, "tied": 4, "word": 4, "file": 4, "look": 4, "cast": 1, "down": 4}


def test_a_cell_label_and_a_file_name() -> None:
    cell = Cell((("aspect", "16:9"), ("mood", "late autumn")))
    assert (cell.label, cell.slug) == ("16:9,mood=late autumn", "16x9_late-autumn")


def test_frames_of_a_clip_by_number() -> None:
    text = SHOT + "  - {id: SH020, prompt: b, start: {shot: SH010, frame: 191}, end: {shot: SH010}}\n"
    inputs = node(board(text), "SH020").request.inputs
    assert [entry.source for entry in inputs] == [NodeSource("SH010", "191"), NodeSource("SH010", "first")]


def test_an_extension_has_the_ratio_of_its_source_and_its_own_length() -> None:
    text = """veospec: 1
defaults: {duration: 4s}
shots:
  - {id: A, prompt: x, aspect: "9:16"}
  - {id: B, prompt: x, extend: A}
"""
    longer = node(board(text), "B").request
    assert (longer.aspect, longer.duration) == ("9:16", 8)


def test_a_pass_is_taken_whole_where_only_the_whole_fits() -> None:
    text = """veospec: 1
passes: {draft: {model: veo-3.1-lite, duration: 8s}}
shots:
  - {id: A, prompt: x, model: omni-flash, duration: 10s}
"""
    outcome = compiled(text, pass_name="draft")
    assert outcome.problems == ()
    assert outcome.storyboard is not None
    assert outcome.storyboard.nodes[0].request.model == "veo-3.1-lite"


def test_an_unlisted_model_is_allowed_on_request() -> None:
    text = SHOT + "    model: veo-9\n"
    assert compiled(text).storyboard is None
    outcome = compiled(text, may_use_unlisted_models=True)
    assert outcome.storyboard is not None
    assert outcome.storyboard.nodes[0].request.model == "veo-9"
    assert [p.severity for p in outcome.problems] == [Severity.WARNING]


def test_a_wrong_default_is_told_once_with_the_shots_it_concerns() -> None:
    rows = "".join(f"  - {{id: S{n}, prompt: a, references: [refs/a.png]}}\n" for n in range(6))
    (problem,) = compiled(f"veospec: 1\ndefaults: {{duration: 6s}}\nshots:\n{rows}").problems
    assert shown(problem) == "2:22 VS267 6 s is not offered by veo-3.1-fast in r2v (8) (S0, S1, S2 and 3 more)"


def test_what_the_edge_has_to_read_before() -> None:
    text = (
        b"veospec: 1\ninclude: [cast.yaml, 'scenes/*.yaml', ../x.yaml]\ncatalogue: models.toml\nas_of: '2026-06-15'\n"
    )
    tree, patterns, overlay, as_of = first_look(text, "shots.yaml")
    assert tree.root["veospec"] == 1
    assert (patterns, overlay, as_of) == (("cast.yaml", "scenes/*.yaml"), "models.toml", "2026-06-15")


def test_a_file_that_is_not_included_is_not_read() -> None:
    assert compiled(SHOT, files={"other.yaml": "]["}).problems == ()


@pytest.mark.parametrize("name", ["A", "_x", "kite"])
def test_nothing_that_a_spec_says_reaches_a_place_it_must_not(name: str) -> None:
    outcome = compiled(SHOT + f"    {name}: user:1-email:x-image:y\n")
    assert [p.code for p in outcome.problems] == ["VS101"]


def test_long_chains_of_stills_and_includes_end_well() -> None:
    stills = "".join(f'  s{n}: {{prompt: x, references: ["still:s{n + 1}"]}}\n' for n in range(1_500))
    text = f"veospec: 1\nmatrix: {{aspect: ['16:9', '9:16']}}\nstills:\n{stills}  s1500: {{prompt: x}}\n"
    assert len(board(text).nodes) == 3_002
    files = {f"f{n}.yaml": f"include: [f{n + 1}.yaml]\n" for n in range(1_200)}
    outcome = compiled("include: [f0.yaml]\n" + SHOT, files=files)
    assert [p.code for p in outcome.problems] == ["VS203"]


def test_a_whole_number_may_be_written_with_a_point() -> None:
    """The schema takes 2.0 for an integer, so nothing may fall back to a default in silence; least of all a ceiling."""
    text = """veospec: 1
project: {fps: 25.0, handles: 6.0, seed: 9.0}
budget: {max_credits: 50.0, confirm_above: 10.0}
deliver: {contact_sheet: {columns: 3.0}}
shots:
  - {id: SH010, prompt: a, takes: 2.0, select: 2.0, retake: 1.0, seed: 3.0}
  - {id: SH020, prompt: b, transition: {type: dissolve, frames: 6.0}}
"""
    storyboard = board(text)
    assert (storyboard.project.fps, storyboard.project.handles) == (25, 6)
    assert (storyboard.budget.max_credits, storyboard.budget.confirm_above) == (50, 10)
    assert storyboard.deliver.sheet_columns == 3
    first, second = storyboard.nodes
    assert (first.takes, first.select, first.request.retake, first.request.seed) == (2, 2, 1, 3)
    assert second.request.seed == 9
    assert second.cut.transition_frames == 6
    assert board(text.replace(".0", "")).nodes == storyboard.nodes


FILLED = [
    ("trim: {head: '${short}', tail: '${short}'}", lambda n: (n.cut.head, n.cut.tail), (6, 6)),
    ("dialogue: [{line: Hi, at: '${short}', until: '${long}'}]", lambda n: n.burn.captions[0].until, Fraction(4)),
    ("dialogue: [{line: Hi, at: '${short}', until: '${long}'}]", lambda n: n.burn.captions[0].at, Fraction(1, 4)),
    ("duration: '${long}'", lambda n: n.request.duration, Fraction(4)),
    ("title: The ${short} kite", lambda n: n.title, "The 6f kite"),
]


@pytest.mark.parametrize(("line", "of", "value"), FILLED)
def test_a_variable_may_stand_where_the_schema_lets_one(line: str, of: Callable[[Node], object], value: object) -> None:
    storyboard = board(f"{SHOT}    {line}\nvars: {{short: 6f, long: 4s}}\n")
    assert of(node(storyboard, "SH010")) == value


def test_a_variable_may_stand_in_the_window_of_an_edit_in_the_leader_and_in_who_joins() -> None:
    text = (
        "veospec: 1\nvars: {begin: 24f, end: 8s, who: flow, voice: kore}\n"
        "project: {slate: {leader: '${begin}'}}\nreel: {join: '${who}'}\n"
        "voices: {own: {preset: '${voice}', line: Hi, performance: dry}}\n"
        "shots:\n- {id: A, prompt: x, model: omni-flash, edit: {source: a.mp4, in: '${begin}', out: '${end}'}}\n"
        "- {id: B, prompt: y}\n- {id: C, prompt: z, references: [b.png], voices: [own]}\n"
    )
    storyboard = board(text)
    assert node(storyboard, "A").request.window == (24, 192)
    assert storyboard.project.leader == 1
    assert storyboard.reel.join == "flow"
    assert node(storyboard, "C").request.inputs[-1].source == OwnVoice("own", "Kore", "Hi", "dry")
    assert shown(compiled(text.replace("who: flow", "who: glue")).problems[0]) == (
        "4:14 VS297 there is nobody 'glue' who joins"
    )


@pytest.mark.parametrize("written", ["9.90", "+5", "1.", "007.50", "0.10", "true", "False", "&p 9.90"])
def test_a_number_in_a_text_is_spelt_as_it_is_written(written: str) -> None:
    text = f"{SHOT.replace('A kite', '${price} a kite')}vars: {{price: {written}}}\n"
    want = written.removeprefix("&p ").lower()
    assert node(board(text), "SH010").request.prompt == f"{want} a kite."
    cells = board(text.replace("vars: {price: ", "matrix: {price: [").replace("}\n", "]}\n")).cells
    assert [cell.axes for cell in cells] == [(("price", want),)]


def test_an_excluded_value_is_read_as_the_axis_is() -> None:
    text = "matrix: {v: [1.50, '${env:CITY}'], exclude: [{v: 1.50, shot: SH010}, {v: '${env:CITY}', shot: SH010}]}\n"
    outcome = board(f"{SHOT}  - {{id: B, prompt: '${{v}}'}}\n{text}")
    assert [n.id for n in outcome.nodes] == ["B@v=1.50", "B@v=Bergen"]


def test_words_for_people_arrive() -> None:
    storyboard = board(
        "veospec: 1\nstills: {quay: {title: The quay, prompt: x}}\n"
        "scenes: [{id: S, notes: 'Shot at dawn.', shots: [{id: A, title: The kite, prompt: x}]}]\n"
    )
    assert storyboard.scenes[0].notes == "Shot at dawn."
    assert [(n.name, n.title) for n in storyboard.nodes] == [("quay", "The quay"), ("A", "The kite")]


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ('music: " none "', "A kite.\nNo music."),
        ('music: "  "', "A kite."),
        ('size: " ms "', "Medium shot.\nA kite."),
        ('move: " "', "A kite."),
        ("avoid: off", "A kite."),
        ("avoid: [None, logos]", "A kite.\nAvoid: logos."),
        ("dialogue: [{who: ' ada ', line: ' Hi  there '}]", 'A kite.\nada says: "Hi there"'),
    ],
)
def test_blanks_around_a_text_say_nothing(line: str, prompt: str) -> None:
    assert node(board(f"{SHOT}    {line}\n"), "SH010").request.prompt == prompt


# -- memory --


def test_nothing_of_the_text_is_held_when_the_storyboard_stands() -> None:
    """Ten thousand shots are read with Python's cycle collector off, so nothing may need it."""
    gc.collect()
    gc.disable()
    try:
        outcome = compiled("veospec: 1\ninclude: more.yaml\n", files={"more.yaml": SHOT}, outlines=True)
        held = [each.file for each in gc.get_objects() if isinstance(each, Source) and each.text]
    finally:
        gc.enable()
    assert outcome.storyboard is not None
    assert held == []
