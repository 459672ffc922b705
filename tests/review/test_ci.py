"""The files of a CI: safe for strangers' pull requests, and one set of steps in every place."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from veospec.cli.main import cli
from veospec.errors import UsageError
from veospec.review import ci
from veospec.review.comment import LIMIT_BYTES, marker

ROOT = Path(__file__).parents[2]
FILES = {
    **ci.github_files("specs/night ferry/shots.yaml", "1.2.3"),
    **ci.gitlab_files("film/shots.yaml", "1.2.3"),
    ci.ACTION: ci.preview_action(),
}


def workflow(path: str) -> dict[str, Any]:
    return yaml.load(FILES[path], yaml.BaseLoader)


def steps_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES)
def test_every_file_is_yaml_without_a_place_left_open(path: str) -> None:
    assert isinstance(workflow(path), dict)
    assert "<<" not in FILES[path].replace("<<'PY'", "")


def test_the_committed_action_is_the_one_that_is_written() -> None:
    assert (ROOT / ci.ACTION).read_text("utf-8") == ci.preview_action()


def test_workflow_and_action_take_the_same_steps() -> None:
    shared = yaml.load(ci.preview_steps('"specs/night ferry/shots.yaml"'), yaml.BaseLoader)
    assert steps_of(workflow(ci.PREVIEW_WORKFLOW))[3:] == shared
    as_input = FILES[ci.ACTION].replace("${{ inputs.spec }}", '"specs/night ferry/shots.yaml"')
    assert yaml.load(as_input, yaml.BaseLoader)["runs"]["steps"][2:] == shared


@pytest.mark.parametrize("path", [p for p in FILES if p != ci.GITLAB])
def test_actions_are_pinned_and_no_expression_reaches_a_shell(path: str) -> None:
    for step in steps_of(workflow(path)):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
        else:
            assert "${{" not in step["run"]
    for line in FILES[path].splitlines():
        if "uses:" in line:
            assert re.search(r"# v\d+\.\d+\.\d+$", line)


def test_a_pull_request_gets_no_secret_and_buys_nothing() -> None:
    text = FILES[ci.PREVIEW_WORKFLOW]
    document = workflow(ci.PREVIEW_WORKFLOW)
    assert list(document["on"]) == ["pull_request"]
    assert document["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    assert "persist-credentials: false" in text
    assert re.findall(r"veospec apply .*", text) == ['veospec apply "$SPEC" --provider local --yes']


def test_the_comment_runs_nothing_of_the_pull_request() -> None:
    document = workflow(ci.COMMENT_WORKFLOW)
    assert list(document["on"]) == ["workflow_run"]
    assert document["permissions"] == {}
    assert document["on"]["workflow_run"]["workflows"] == [workflow(ci.PREVIEW_WORKFLOW)["name"]]
    assert not any("checkout" in step.get("uses", "") for step in steps_of(document))
    assert "pull_request_target" not in "".join(FILES.values())


def test_the_mark_that_the_job_looks_for_is_the_one_that_is_written() -> None:
    pattern = r"<!-- veospec comment 1: [A-Za-z0-9._/%-]+ -->"
    for spec in ("shots.yaml", "specs/night ferry/夜.yaml", "a--><b>.yaml"):
        assert re.fullmatch(pattern, marker(spec))
    assert "[A-Za-z0-9._/%-]+" in FILES[ci.COMMENT_WORKFLOW]
    assert LIMIT_BYTES < 65_000


def test_paid_work_needs_a_person_a_protected_branch_a_ceiling_and_a_lasting_disk() -> None:
    document = workflow(ci.APPLY_WORKFLOW)
    job = document["jobs"]["apply"]
    assert list(document["on"]) == ["workflow_dispatch"]
    assert job["if"] == "github.ref_protected"
    assert job["environment"] == "veospec-paid"
    assert '--max-credits "$MAX_CREDITS"' in FILES[ci.APPLY_WORKFLOW]
    assert document["concurrency"]["cancel-in-progress"] == "false"
    gitlab = workflow(ci.GITLAB)["veospec-apply"]
    assert gitlab["rules"][0]["when"] == "manual"
    assert "CI_COMMIT_REF_PROTECTED" in gitlab["rules"][0]["if"]


def scripts() -> list[tuple[str, str]]:
    found = []
    for path in FILES:
        if path == ci.GITLAB:
            jobs = [job for job in workflow(path).values() if "script" in job]
            found += [(path, "\n".join(job["script"])) for job in jobs]
        else:
            found += [(path, step["run"]) for step in steps_of(workflow(path)) if "run" in step]
    return found


@pytest.mark.parametrize(("path", "script"), scripts())
def test_scripts_parse_and_name_only_commands_and_options_there_are(path: str, script: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n"], input=script.encode(), check=True)
    for line in re.findall(r"(?m)(?:^|[;&]\s*)\s*veospec (.*)$", script):
        name, *words = line.split("||")[0].split(";")[0].split()
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert {w for w in words if w.startswith("-")} <= known


@pytest.mark.parametrize("path", ["${{ secrets.X }}.yaml", "a\nb.yaml", "-x.yaml"])
def test_a_path_that_could_be_an_expression_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        ci.github_files(path, "1.2.3")
