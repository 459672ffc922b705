"""Measure commands in turns: every candidate once a round, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

SPAWN = Path(__file__).with_name("spawn.py")


@dataclass(frozen=True)
class Candidate:
    """A command in a folder; `before` is done before each run and not counted. `code` is the exit code it must have."""

    name: str
    command: Sequence[str]
    folder: Path
    before: Callable[[int], object] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass
class Samples:
    """What the runs of a candidate took."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)

    @property
    def ms(self) -> float:
        """The median wall time in milliseconds."""
        return median(self.wall) * 1000

    @property
    def peak_mb(self) -> float:
        """The median of the peak memory."""
        return median(self.mb)

    def over(self, other: Samples) -> float:
        """Return the median of the ratios inside each round."""
        return median(mine / its for mine, its in zip(self.wall, other.wall, strict=True))

    def cpu_over(self, other: Samples) -> float:
        """Return the same for CPU seconds, which other work on the machine disturbs less."""
        return median(mine / max(its, 1e-4) for mine, its in zip(self.cpu, other.cpu, strict=True))


def run_once(candidate: Candidate, number: int = 0) -> dict[str, float]:
    """Run a candidate and return what it took. Raises `RuntimeError` when it ends otherwise than it must."""
    if candidate.before is not None:
        candidate.before(number)
    output = candidate.folder / ".bench-output"
    line = [sys.executable, "-I", "-S", str(SPAWN), str(candidate.folder), str(output), *candidate.command]
    done = subprocess.run(line, env=os.environ | candidate.env, capture_output=True, text=True, check=True)
    took: dict[str, float] = json.loads(done.stdout)
    if took["code"] != candidate.code:
        raise RuntimeError(f"{candidate.name} left with {took['code']}: {output.read_text('utf-8', 'replace')[-600:]}")
    return took


def in_turns(candidates: Sequence[Candidate], rounds: int, *, warm: int = 1) -> dict[str, Samples]:
    """Return the samples by name; the first `warm` rounds do not count."""
    found = {candidate.name: Samples() for candidate in candidates}
    for number in range(warm + rounds):
        for candidate in candidates:
            took = run_once(candidate, number)
            if number >= warm:
                samples = found[candidate.name]
                samples.wall.append(took["wall"])
                samples.cpu.append(took["cpu"])
                samples.mb.append(took["mb"])
    return found


@dataclass(frozen=True)
class Row:
    """One line of the table. `holds` is None where nothing could be measured."""

    what: str
    goal: str
    measured: str
    holds: bool | None = None


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    verdict = {True: "yes", False: "**no**", None: "–"}
    lines = ["| what | goal | measured | holds |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.what} | {r.goal} | {r.measured} | {verdict[r.holds]} |" for r in rows)])
