"""Several runs at once, and runs that are cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance import SMALL, Person, tree

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
