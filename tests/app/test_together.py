"""Several runs at once, and runs that are cut short."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from acceptance import SMALL, Person, tree

from veospec.app import desk
from veospec.store.lock import Lease
from veospec.store.outputs import OutFolder

MANY = (
    "veospec: 1\ndefaults: {duration: 4s}\nshots:\n"
    + "".join(f"  - {{id: S{n:02}, prompt: Rain number {n}.}}\n" for n in range(14))
    + SMALL
)


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a run of its own."""
    command = [sys.executable, "-m", "veospec", "apply", *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_two_runs_at_once_make_everything_once(veospec: Person) -> None:
    veospec.write(MANY)
    runs = [begin(veospec.folder) for _ in range(2)]
    ends = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ends
    made = sum(err.count(" made\n") for _, err in ends)
    assert made == 14, "no take was drawn twice"
    assert veospec.json("cache", "verify")["records"] == 14
    assert "nothing to do" in veospec("apply").out


FEW = (
    "veospec: 1\ndefaults: {duration: 4s}\nshots:\n  - {id: A, prompt: Rain.}\n  - {id: B, prompt: Snow.}\n"
    + SMALL.replace("review: none, ", "")
)


def test_a_page_that_waits_for_a_run_tells_what_the_run_made(veospec: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it saw before its turn came is old: it would write a manifest without the clips that lie there."""
    veospec.write(FEW)
    real, others = desk.out_lease, iter([("apply", "--no-reel")])

    def lease_after_a_run(*arguments: Any) -> Lease:
        for other in others:
            veospec(*other)
        return real(*arguments)

    monkeypatch.setattr(desk, "out_lease", lease_after_a_run)
    veospec("review")
    told = json.loads((veospec.folder / "out/manifest.json").read_text())["outputs"]
    assert [output["file"] for output in told] == ["clips/A_T01.mp4", "clips/B_T01.mp4"]


@pytest.mark.parametrize("command", ["apply", "review"])
@pytest.mark.parametrize("doomed", ["out", ".veospec/index"])
def test_what_may_be_deleted_may_be_deleted_at_any_time(
    veospec: Person, monkeypatch: pytest.MonkeyPatch, command: str, doomed: str
) -> None:
    """Here in the moment when something was made in it and is about to be used: it costs time and no more."""
    veospec.write(FEW)
    veospec("apply")
    shutil.rmtree(veospec.folder / "out")
    room, name = (OutFolder, "_promise") if doomed == "out" else (desk.Desk, "poster")
    real, moments = getattr(room, name), iter([veospec.folder / doomed])

    def deletes(*arguments: Any) -> Any:
        if doomed == "out":
            real(*arguments)
        for folder in moments:
            shutil.rmtree(folder)
        return None if doomed == "out" else real(*arguments)

    monkeypatch.setattr(room, name, deletes)
    veospec(command)
    assert next(moments, None) is None, "the moment came"
    assert "note:" not in veospec("apply").out
    assert "nothing to do" in veospec("apply").out
    assert (veospec.folder / "out/clips/A_T01.mp4").exists()
    assert (veospec.folder / "out/review.html").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_cut_short_is_gone_on_with(veospec: Person, how: signal.Signals) -> None:
    veospec.write(MANY)
    run = begin(veospec.folder)
    records = veospec.folder / ".veospec/store/actions"
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("[2/14]"):
            break
    run.send_signal(how)
    _, said = run.communicate(timeout=60)
    assert run.returncode in (130, -signal.SIGKILL, 0)
    assert "Traceback" not in said
    for name, (content, _) in tree(veospec.folder / "out").items() if (veospec.folder / "out").exists() else ():
        assert content, name
    kept = len(list(records.rglob("*.json")))
    counts = veospec.json("apply")["counts"]
    assert counts.get("reused", 0) == kept
    assert sum(counts.values()) == 14
    assert not list((veospec.folder / ".veospec/scratch").iterdir())
    assert veospec.json("cache", "verify")["damaged"] == 0
