"""Real processes die by SIGKILL at every journal transition and between every two steps; nobody pays twice."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def drive(*words: str) -> list[dict[str, Any]]:
    # A killed process loses nothing that it wrote, on any file system; the one in memory is fast.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        done = subprocess.run(
            [sys.executable, str(HERE / "crash_driver.py"), folder, *words],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert not [row for row in rows if "bug" in row], done.stderr[-3000:]
    return rows


def test_killed_at_every_point() -> None:
    """Wherever it dies, the next runs end with every take here and one charge for each."""
    rows = drive("kill")
    assert rows[-1]["code"] == 0, "the last run got through"
    assert len(rows) > 60
    for row in rows:
        # Killed before the request left, nothing was charged; nobody can know that, so the takes are held.
        sure = 4 - row["asked"] - row["waits"]
        assert (row["twice"], row["charged"], row["there"]) == (0, sure, sure), row
    assert sum(row["asked"] > 0 for row in rows) < len(rows) / 3


def test_killed_at_every_point_when_nothing_is_found_again() -> None:
    """Without the service's lists the unclear takes wait for a person, and are never sent again."""
    rows = drive("kill", "hide")
    asked = [row for row in rows if row["asked"]]
    assert asked
    for row in rows:
        assert row["twice"] == 0, row
        assert row["there"] + row["asked"] + row["waits"] == 4, row
        assert row["charged"] <= 4, row


def test_many_at_once_pay_once() -> None:
    """Two and eight processes on one storyboard: everyone ends well, each take is charged once."""
    for row in drive("together"):
        assert (row["code"], row["twice"], row["charged"], row["there"]) == (0, 0, 4, 4), row
