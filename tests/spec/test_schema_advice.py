"""Advice for values of the wrong kind and for keys of another tool: what it says is taken when it is written."""

from __future__ import annotations

import pytest
from spec_builders import compiled

from veospec.model import Severity

HEAD = "veospec: 1\nshots:\n  - id: A\n    prompt: x\n"


def told(text: str) -> str:
    """Return the advice of the one error of a storyboard."""
    errors = [p for p in compiled(text).problems if p.severity is Severity.ERROR]
    assert len(errors) == 1, errors
    return errors[0].advice


# A key of a shot, what is wrong, and what to write instead.
OF_A_SHOT = [
    ("omit", "yes", "true"),
    ("omit", '"off"', "false"),
    ("omit", "1", "true"),
    ("takes", '"2"', "2"),
    ("upscale", "1080", "1080p"),
    ("resolution", "720", "720p"),
    ("aspect", "9x16", "9:16"),
    ("model", "veo-3.1-fast-generate-preview", "veo-3.1-fast"),
    ("title", "5", '"5"'),
    ("title", "true", '"true"'),
    ("notes", "[wide]", "wide"),
    ("tags", "wide, night", "[wide, night]"),
    ("trim", "18f", "{head: 18f}"),
    ("trim", "{head: 0.33s}", "8f"),
    ("transition", "dissolve", "{type: dissolve}"),
    ("transition", "{type: fade, frames: 12f}", "12"),
    ("review", "done", "{status: done}"),
    ("dialogue", "Hello", "[{line: Hello}]"),
    ("dialogue", "{line: Hello}", "[{line: Hello}]"),
    ("dialogue", "[Hello]", "{line: Hello}"),
]


@pytest.mark.parametrize(("key", "wrong", "right"), OF_A_SHOT)
def test_a_value_of_the_wrong_kind_is_told_with_the_right_one(key: str, wrong: str, right: str) -> None:
    advice = told(f"{HEAD}    {key}: {wrong}\n")
    assert right in advice
    line = {"trim": f"{{head: {right.strip('{}').removeprefix('head: ')}}}", "dialogue": f"[{right.strip('[]')}]"}
    line["transition"] = right if right.startswith("{") else f"{{type: fade, frames: {right}}}"
    followed = compiled(f"{HEAD}    {key}: {line.get(key, right)}\n")
    assert followed.storyboard is not None, followed.problems


# A line at the top, and what to write behind its key instead.
AT_THE_TOP = [
    ("project: My film", "{title: My film}"),
    ("project: {slate: 2s}", "{leader: 2s}"),
    ("project: {handles: 12f}", "12"),
    ("budget: 50", "{max_credits: 50}"),
    ("budget: {max_credits: 50 credits}", "50"),
    ("budget: {max_usd: $5.50}", "5.50"),
    ("policy: cascade", "{stale_downstream: cascade}"),
    ("policy: {stale_downstream: true}", "report or cascade"),
    ("passes: {draft: veo-3.1-lite}", "{model: veo-3.1-lite}"),
    ("reel: [A]", "{order: [A]}"),
    ("reel: {order: A}", "[A]"),
    ("matrix: {aspect: landscape}", "[landscape]"),
    ("matrix: {aspect: [landscape, portrait], exclude: {aspect: portrait}}", "[{aspect: portrait}]"),
    ("deliver: [otio]", "{timeline: [otio]}"),
    ("deliver: {captions: srt}", "[srt]"),
    ("deliver: {review: false}", "none"),
    ("deliver: {animatic: {size: 720}}", "720p"),
    ("deliver: {animatic: false}", "size, ken_burns or timecode"),
    ("stills: {quay: A quay at dawn}", "{prompt: A quay at dawn}"),
    ("voices: {ada: Kore}", "{preset: Kore, line: …, performance: …}"),
    ("assets: [a.png]", "{NAME: ...}"),
    ("assets: {front: {path: a.png}}", "a.png"),
    ("defaults: {aspect: [landscape, portrait]}", "matrix: {aspect: [...]}"),
]


@pytest.mark.parametrize(("line", "right"), AT_THE_TOP)
def test_a_section_of_the_wrong_kind_is_told_with_the_right_one(line: str, right: str) -> None:
    assert right in told(f"{HEAD}{line}\n")


KEYS = [
    ("modle: veo-3.1-fast", "did you mean 'model'?"),
    ("lenght: 8s", "did you mean 'duration'?"),
    ("Prompt: x", "did you mean 'prompt'?"),
    ("slug: EXT. SEA", "it belongs in a scene"),
    ("scene: SC01", "below 'scenes:'"),
    ("trim: {start: 1s}", "keys here: head, tail"),
    ("dialogue: [{line: x, speaker: ada}]", "did you mean 'who'?"),
    ("fps: 24", "it belongs in 'project'"),
    ("resolution: 4K", "write 'upscale: 4k'"),
]


@pytest.mark.parametrize(("line", "right"), KEYS)
def test_a_key_or_word_out_of_place_is_told_with_its_place(line: str, right: str) -> None:
    assert right in told(f"{HEAD}    {line}\n")


def test_a_key_that_stands_elsewhere_is_not_taken_for_a_misspelt_one() -> None:
    assert "it belongs in a shot" in told(f"{HEAD}defaults: {{select: 2}}\n")
    assert "did you mean 'title'?" in told(f"{HEAD}project: {{name: x}}\n")


def test_how_to_quote_a_word_is_not_said_where_no_word_can_stand() -> None:
    assert [p.code for p in compiled(f"{HEAD}    omit: yes\n").problems] == ["VS103"]
    assert [p.code for p in compiled(f"{HEAD}    sfx: no\n").problems] == ["VS020"]


def test_a_bound_that_is_not_included_is_not_advised() -> None:
    assert told(f"{HEAD}    duration: 0\n") == "use more than 0, at most 600"
