"""Fault scripts as somebody writes them: many spellings, one meaning, and errors with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from veospec.emulator import fault_script, faults
from veospec.emulator.faults import Rule
from veospec.errors import SpecUnreadable, UsageError


@pytest.mark.parametrize(
    ("number", "fires"),
    [
        (2, [2]),
        ("2-3", [2, 3]),
        ("3-", [3, 4, 5]),
        ("every", [1, 2, 3, 4, 5]),
        ([1, "4-"], [1, 4, 5]),
        ("2..3", [2, 3]),
        ("always", [1, 2, 3, 4, 5]),
    ],
)
def test_numbers(number: Any, fires: list[int]) -> None:
    (rule,) = fault_script.read([{"call": "videos", "number": number, "fault": 500}])
    assert [n for n in range(1, 6) if faults.is_due(rule, n)] == fires


SCRIPT = """
faults:
  - call: videos
    number: 2
    fault: 429
    reason: THROTTLED
    retry: 5
  - {call: download, number: 1-3, fault: truncated-body}
  - call: [job, jobs]
    fault: HTML 403
"""


def test_a_script_is_read(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(SCRIPT)
    assert fault_script.load(path) == (
        Rule(("videos",), "429", ((2, 2),), reason="USER_REQUESTS_THROTTLED", retry_s=5.0),
        Rule(("download",), "truncated-body", ((1, 3),)),
        Rule(("job", "jobs"), "403", reason="html"),
    )
    path.write_text("")
    assert fault_script.load(path) == ()


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (429, "429", "USER_REQUESTS_THROTTLED"),
        ("429 user quota", "429", "USER_QUOTA_REACHED"),
        ("PER_MODEL_DAILY", "429", "PER_MODEL_DAILY_QUOTA_REACHED"),
        ("429-PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE", "429", "PER_MODEL_DAILY_QUOTA_REACHED_UPGRADEABLE"),
        ("too much traffic", "429", "UNUSUAL_ACTIVITY_TOO_MUCH_TRAFFIC"),
        ("no_eligible_account", "429", "no_eligible_account"),
        ("403", "403", "captcha_quality"),
        ("html 403", "403", "html"),
        ("403 HTML", "403", "html"),
        ("model access denied", "403", "MODEL_ACCESS_DENIED"),
        (503, "503", "HIGH_TRAFFIC"),
        ("503 captcha", "503", "ERROR_ZERO_BALANCE"),
        ("503-google", "503", "HIGH_TRAFFIC"),
        ("503 MODEL_OVERLOADED", "503", "MODEL_OVERLOADED"),
        ("402 subscription", "402", "subscription"),
        ("refused", "400", "UNSAFE_GENERATION"),
        ("400 PUBLIC_ERROR_DANGER_FILTER", "400", "DANGER_FILTER"),
        ("cut after accept", "cut-after-accept", ""),
        ("Cut_Before_Read", "cut-before-read", ""),
        ("filtered", "filtered-entry", "UNSAFE_GENERATION"),
        ("truncated body", "truncated-body", ""),
        ("wrong length", "wrong-length", ""),
        ("slow", "slow", ""),
        (596, "596", ""),
    ],
)
def test_one_fault_in_the_spellings_that_come_to_mind(fault: Any, status: str, reason: str) -> None:
    (rule,) = fault_script.read([{"call": "videos", "fault": fault}])
    assert (rule.fault, rule.reason) == (status, reason)


@pytest.mark.parametrize(
    ("fault", "given", "reason"),
    [
        (429, "throttled", "USER_REQUESTS_THROTTLED"),
        (429, "PUBLIC_ERROR_USER_REQUESTS_THROTTLED", "USER_REQUESTS_THROTTLED"),
        (429, "user-quota", "USER_QUOTA_REACHED"),
        (503, "PUBLIC_ERROR_MODEL_OVERLOADED", "MODEL_OVERLOADED"),
        (503, "ERROR_NO_SLOT_AVAILABLE", "ERROR_NO_SLOT_AVAILABLE"),
        (400, "FINISH_REASON_INPUT_VIDEO_EDIT", "FINISH_REASON_INPUT_VIDEO_EDIT"),
        ("moderation", "violence filter", "VIOLENCE_FILTER"),
    ],
)
def test_reasons_with_and_without_their_prefix(fault: Any, given: str, reason: str) -> None:
    (rule,) = fault_script.read([{"call": "videos", "fault": fault, "reason": given}])
    assert rule.reason == reason


def test_keys_in_other_words() -> None:
    plain = {"call": "videos", "number": 3, "fault": 429, "account": "a@b.de", "retry": 2}
    other = {"endpoint": "/v1/google-flow/videos", "nth": "3", "Fault": "429", "email": "a@b.de", "retry_after": "2s"}
    assert fault_script.read([plain]) == fault_script.read({"faults": [other]})


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("- {call: videos, fault: explode}", "1:25", "no fault 'explode'"),
        ("- {call: movies, fault: 500}", "1:10", "no call 'movies'"),
        ("- call: videos\n  fault: 500\n  when: 2", "3:9", "'when' is no key of 500"),
        ("- {call: videos, fault: 500, retry: 2}", "1:37", "'retry' is no key of 500"),
        ("- {call: jobs, fault: 500}\n- {call: videos}", "2:3", "'fault' is missing"),
        ("- {fault: 500}", "1:3", "'call' is missing"),
        ("- {call: videos, number: 0, fault: 500}", "1:26", "'0' is no call number"),
        ("- {call: videos, number: soon, fault: 500}", "1:26", "'soon' is no call number"),
        ("- {call: videos, number: 4-2, fault: 500}", "1:26", "'4-2' ends before it begins"),
        ("- {call: videos, number: 2, nth: 3, fault: 500}", "1:34", "'nth' says the same as 'number'"),
        ("- {call: videos, fault: slow, seconds: long}", "1:40", "'seconds' is a number"),
        ("- {call: videos, fault: 502, accepted: 1}", "1:40", "'accepted' is true or false"),
        ("- {call: videos, fault: filtered-entry, entry: 9}", "1:48", "'entry' is 1 to 4"),
        ("- {call: images, fault: encoded-image, where: there}", "1:47", "'where' is image or entry"),
        ("- {call: videos, fault: images-silent-refusal}", "1:10", "does nothing for videos"),
        ("- {call: [job, jobs], fault: job-expired}", "1:10", "does nothing for jobs"),
        ("- {call: videos, fault: 429, reason: BANANA}", "1:38", "'BANANA' is no reason of 429"),
        ("- {call: videos, fault: 402, reason: DANGER_FILTER}", "1:38", "is no reason of 402"),
        ("- {call: POST /movies, fault: 500}", "1:10", "no call has the path 'POST /movies'"),
        ("- {call: POST /jobs/*, fault: 500}", "1:10", "no call has the path 'POST /jobs/*'"),
        ("- {call: SEND /videos, fault: 500}", "1:10", "no method 'SEND'"),
        ("- {path: /film, fault: 500}", "1:10", "no call has the path '/film'"),
        ("- videos", "1:3", "expected a mapping"),
        ("rules: []", "1:1", "the one key 'faults'"),
        ("- {call: videos, call: jobs, fault: 500}", "1:18", "twice"),
    ],
)
def test_bad_scripts_say_where_and_what_is_wrong(tmp_path: Path, text: str, place: str, message: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        fault_script.load(path)
    assert caught.value.message.startswith(f"{path}:{place}: ")
    assert message in caught.value.message


def test_what_would_be_allowed_is_told_and_what_was_meant_is_guessed() -> None:
    with pytest.raises(UsageError) as caught:
        fault_script.read([{"call": "videos", "fault": "cut after accpt"}])
    assert caught.value.message == "faults: rule 1: no fault 'cut after accpt'"
    assert "did you mean cut-after-accept?" in caught.value.hint
    assert "moderation" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        fault_script.read([{"call": "videos", "fault": 429, "reason": "BANANA"}])
    assert "USER_QUOTA_REACHED" in caught.value.hint


@pytest.mark.parametrize("tree", [{"faults": 3}, {}, 3, "x"])
def test_a_script_that_is_no_list(tree: Any) -> None:
    with pytest.raises(UsageError, match="expected a list"):
        fault_script.read(tree)


def test_words_that_other_readers_take_for_something_else_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("- {call: videos, prompt: on, fault: 500}")
    assert fault_script.load(path)[0].prompt == "on"


def test_the_script_of_the_readme_is_one(project_root: Path, tmp_path: Path) -> None:
    text = (project_root / "README.md").read_text("utf-8").partition("--faults-help")[2]
    path = tmp_path / "faults.yaml"
    path.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    assert [rule.fault for rule in fault_script.load(path)] == ["cut-after-accept", "429", "truncated-body"]


def test_scripts_that_are_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    with pytest.raises(UsageError, match="cannot be read"):
        fault_script.load(path)
    path.write_text("- {call: [")
    with pytest.raises(SpecUnreadable):
        fault_script.load(path)
