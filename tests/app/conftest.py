"""A person in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance import Person


@pytest.fixture
def veospec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Person:
    """Run commands in an empty folder: `veospec("plan", code=0)`."""
    folder = tmp_path / "film"
    folder.mkdir()
    return Person(folder, capsys)
