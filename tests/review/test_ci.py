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


def run_comment_job(tmp_path: Path, branch: str = "b") -> tuple[int, str]:
    """Run the script as GitHub starts a step whose shell is `bash`; return how it ended and what `gh` was told."""
    log = tmp_path / "calls"
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {log}\necho 7\n')
    gh.chmod(0o755)
    [script] = [step["run"] for step in steps_of(workflow(ci.COMMENT_WORKFLOW)) if "run" in step]
    place = {"RUNNER_TEMP": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", "REPO": "o/r"}
    names = {"GH_TOKEN": "t", "HEAD_OWNER": "o", "HEAD_BRANCH": branch, "HEAD_SHA": "c" * 40}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    ended = subprocess.run(command, env={**place, **names}, capture_output=True, check=False, timeout=30, cwd=tmp_path)
    return ended.returncode, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("kind", ["symlink", "oversized", "unmarked", "absent"])
def test_the_comment_job_sends_no_file_that_it_should_not(tmp_path: Path, kind: str) -> None:
    comment = tmp_path / "veospec-comment" / "comment.md"
    comment.parent.mkdir()
    mark = marker("shots.yaml")
    if kind == "symlink":
        (tmp_path / "elsewhere").write_text(f"secret\n{mark}\n")
        comment.symlink_to(tmp_path / "elsewhere")
    elif kind == "oversized":
        comment.write_text("x" * 65_001 + f"\n{mark}\n")
    elif kind == "unmarked":
        comment.write_text("hello\n")
    code, told = run_comment_job(tmp_path)
    assert code != 0
    assert told == ""


def test_the_comment_job_sends_a_comment_and_runs_no_name_of_a_branch(tmp_path: Path) -> None:
    comment = tmp_path / "veospec-comment" / "comment.md"
    comment.parent.mkdir()
    comment.write_text(f"**ok**\n\n{marker('shots.yaml')}\n")
    code, told = run_comment_job(tmp_path, "$(touch x)`touch x`;touch x")
    assert code == 0
    assert "PATCH repos/o/r/issues/comments/7" in told
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("missing", ["MAX_CREDITS", "VEOSPEC_HOME"])
def test_paid_work_on_gitlab_stops_when_a_setting_is_missing(tmp_path: Path, missing: str) -> None:
    lines = workflow(ci.GITLAB)["veospec-apply"]["script"]
    (tmp_path / "veospec").write_text(f"#!/bin/sh\ntouch {tmp_path}/paid\n")
    (tmp_path / "veospec").chmod(0o755)
    names = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SPEC": "shots.yaml", "MAX_CREDITS": "5", "VEOSPEC_HOME": "/h"}
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(lines)]
    ended = subprocess.run(command, env={**names, missing: ""}, capture_output=True, check=False, timeout=30)
    assert ended.returncode != 0
    assert not (tmp_path / "paid").exists()


def test_a_faulty_storyboard_has_its_comment_on_gitlab_too(tmp_path: Path) -> None:
    jobs = workflow(ci.GITLAB)
    script = jobs["veospec-preview"]["script"]
    fake = '#!/bin/sh\n[ "$1" = validate ] && exit 3\n[ "$1" = comment ] && touch comment.md\nexit 0\n'
    (tmp_path / "veospec").write_text(fake)
    (tmp_path / "veospec").chmod(0o755)
    names = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SPEC": "film/shots.yaml", "CI_JOB_URL": "https://lab.example/1"}
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(script)]
    ended = subprocess.run(command, env=names, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert ended.returncode == 3
    assert (tmp_path / "comment.md").exists()
    assert jobs["veospec-preview"]["artifacts"]["when"] == "always"
    assert [rule["when"] for rule in jobs["veospec-comment"]["rules"]] == ["always"]
