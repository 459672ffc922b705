"""Rows about reading and planning: nothing to do, one edit, cold, broken, growth, start-up, hashing."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from boards import picture, write_project
from peers import Peers, for_doit, for_dvc, for_ninja, lay_out
from stores import fill
from turns import Candidate, Row, Samples, in_turns, run_once

from veospec.store.memo import QUIET_NS

VEOSPEC = str(Path(sys.executable).with_name("veospec"))
GOAL_MB = {"warm": 35, "cold": 60}


def planning_rows(folder: Path, peers: Peers, shots: int, rounds: int) -> Iterator[Row]:
    """Yield the rows of `plan` and `apply` against ninja, all in one run."""
    ninja = peers.tool("ninja")
    if ninja is None:
        yield Row(f"plans of {shots:,} shots", "ratios to ninja", "ninja could not be installed")
        return
    tree, film, broken = folder / "peers", folder / "film", folder / "broken"
    lay_out(tree, shots)
    spec = write_project(film, shots)
    write_project(broken, shots, faults=0.01)
    fill(spec)
    text = spec.read_text("utf-8")
    for _ in range(2):  # the first makes out/, the second leaves the witness
        run_once(Candidate("apply", [VEOSPEC, "apply", "--no-reel"], film))
        run_once(Candidate("plan", [VEOSPEC, "plan"], film))

    warm = in_turns(
        [
            Candidate("ninja", for_ninja(tree, shots, ninja), tree),
            Candidate("plan", [VEOSPEC, "plan"], film),
            Candidate("apply", [VEOSPEC, "apply", "--no-reel"], film),
        ],
        rounds,
    )
    _must_be_quick(film)
    for name in ("plan", "apply"):
        yield against(f"`{name}`, {shots:,} shots, nothing changed", warm, name, "ninja", 1.5, GOAL_MB["warm"])

    def edit(number: int) -> None:
        at = text.index("mark ", len(text) // 2)
        spec.write_text(f"{text[:at]}(pass {number}) {text[at:]}", "utf-8")

    def cold(_: int) -> None:
        spec.write_text(text, "utf-8")
        _forget(film)

    def news(number: int) -> None:
        edit(number)
        _forget(film)

    slow = max(3, rounds // 3)
    edited = in_turns(  # each edit is one of the storyboard that the witness tells of, as after an apply
        [Candidate("ninja", [ninja], tree), Candidate("edit", [VEOSPEC, "plan"], film, before=edit)], slow
    )
    yield against(f"`plan` after one shot of {shots:,} was edited", edited, "edit", "ninja", 3)
    found = in_turns(
        [
            Candidate("ninja", [ninja], tree),
            Candidate("cold", [VEOSPEC, "plan"], film, before=cold),
            Candidate("news", [VEOSPEC, "plan"], film, before=news),
            Candidate("broken", [VEOSPEC, "validate", "--format", "json"], broken, partial(_forget, broken), code=3),
        ],
        slow,
    )
    yield against(f"cold `plan` (no index), {shots:,} shots", found, "cold", "ninja", 9, GOAL_MB["cold"])
    ratio, took = found["news"].over(found["ninja"]), found["news"]
    told = f"{ratio:.1f} × ninja ({took.ms:,.0f} ms), {took.peak_mb:.0f} MB"
    yield Row(f"cold `plan`, one shot of {shots:,} to make", "for comparison", told)
    right = "every position right" if positions_are_right(broken) else "POSITIONS WRONG"
    yield against(f"`validate` cold, {shots:,} shots, 1 % broken: {right}", found, "broken", "ninja", 12)


def _must_be_quick(film: Path) -> None:
    if not list((film / ".veospec/index/witness").glob("*")):
        raise RuntimeError("no witness was left: what was measured is not the quick way")


def against(what: str, found: dict[str, Samples], name: str, base: str, goal: float, most_mb: float = 0) -> Row:
    """Return the row of a ratio of wall times, with CPU beside it."""
    mine, other = found[name], found[base]
    ratio = mine.over(other)
    text = f"{ratio:.2f} × ({mine.ms:,.0f} ms against {other.ms:,.0f}; CPU {mine.cpu_over(other):.2f} ×)"
    limit = f"≤ {goal:g} × {base}"
    if most_mb:
        text += f", {mine.peak_mb:.0f} MB"
        limit += f", ≤ {most_mb:g} MB"
    return Row(what, limit, text, ratio <= goal and (not most_mb or mine.peak_mb <= most_mb))


def positions_are_right(broken: Path) -> bool:
    """Compare the places that `validate` found with those where the generator put its faults."""
    found = json.loads((broken / ".bench-output").read_text("utf-8").rsplit("\n}", 1)[0] + "\n}")
    lines = (broken / "shots.yaml").read_text("utf-8").splitlines()
    wanted = {(n, line.index("7s") + 1) for n, line in enumerate(lines, 1) if line.strip() == "duration: 7s"}
    return wanted == {(p["line"], p["column"]) for p in found["problems"]}


def peer_rows(folder: Path, peers: Peers, items: int, rounds: int) -> Iterator[Row]:
    """Yield what slower peers need for the same nothing, at a size at which they can be waited for."""
    spec = write_project(folder / "film", items)
    fill(spec)
    for _ in range(2):
        run_once(Candidate("plan", [VEOSPEC, "plan"], folder / "film"))
    candidates = [Candidate("veospec", [VEOSPEC, "plan"], folder / "film")]
    for name, prepare in (("ninja", for_ninja), ("doit", for_doit), ("dvc", for_dvc)):
        tool = peers.tool(name)
        if tool is not None:
            lay_out(folder / name, items)
            candidates.append(Candidate(name, prepare(folder / name, items, tool), folder / name))
    found = in_turns(candidates, rounds)
    for name, samples in found.items():
        if name != "veospec":
            ratio = samples.over(found["veospec"])
            yield Row(f"{name}, {items:,} items, nothing to do", "for comparison", f"{samples.ms:,.0f} ms, "
                      f"{samples.peak_mb:.0f} MB: {ratio:.1f} × veospec ({found['veospec'].ms:,.0f} ms)")  # fmt: skip


def growth_rows(folder: Path, sizes: tuple[int, ...], rounds: int) -> Iterator[Row]:
    """Yield how much longer ten times as many shots take."""
    films = []
    for size in sizes:
        spec = write_project(folder / str(size), size)
        fill(spec)
        for _ in range(2):
            run_once(Candidate("plan", [VEOSPEC, "plan"], spec.parent))
        films.append(spec.parent)
    for way, before in (("warm", _leave), ("cold", _forget)):
        found = in_turns(
            [
                Candidate(str(size), [VEOSPEC, "plan"], film, before=partial(before, film))
                for size, film in zip(sizes, films, strict=True)
            ],
            rounds,
        )
        for small, large in pairwise(sizes):
            ratio = found[str(large)].over(found[str(small)])
            text = f"{ratio:.1f} × ({found[str(small)].ms:,.0f} → {found[str(large)].ms:,.0f} ms)"
            yield Row(f"{way} `plan`, {small:,} → {large:,} shots", "≤ 12 × per 10 ×", text, ratio <= 12)


def _forget(place: Path, _: int = 0) -> None:
    """Remove the index, and let that be a while ago: a run that comes too soon spares itself leaving a witness."""
    shutil.rmtree(place / ".veospec/index", ignore_errors=True)
    time.sleep(2 * QUIET_NS / 1e9)


def _leave(_place: Path, _: int) -> None:
    """Change nothing."""


def startup_rows(folder: Path, rounds: int) -> Iterator[Row]:
    """Yield what starting costs, against an interpreter that does nothing."""
    spec = write_project(folder / "ten", 10, pictures=10)
    found = in_turns(
        [
            Candidate("bare", [sys.executable, "-c", "pass"], spec.parent),
            Candidate("version", [VEOSPEC, "--version"], spec.parent),
            Candidate("help", [VEOSPEC, "--help"], spec.parent),
            Candidate("ten", [VEOSPEC, "validate"], spec.parent),
        ],
        rounds,
    )
    for name, what, goal in (
        ("version", "`--version`", 2),
        ("help", "`--help`", 4.5),
        ("ten", "`validate`, 10 shots", 9),
    ):
        yield against(what, found, name, "bare", goal)


def hashing_rows(folder: Path, files: int, rounds: int) -> Iterator[Row]:
    """Yield what knowing unchanged inputs costs, in this process."""
    from veospec.store.memo import StatMemo
    from veospec.store.project_files import ProjectFiles

    folder.mkdir(parents=True, exist_ok=True)
    body = picture(1)
    names = [f"{number:05}.png" for number in range(files)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(body[:-16] + random.Random(number).randbytes(16))
    memo_file = folder.parent / "inputs.memo"
    plain, first, again = [], [], []
    later = time.time_ns() + 3_600_000_000_000
    for _ in range(rounds):
        began = time.perf_counter()
        for name in names:
            with open(folder / name, "rb") as file:
                hashlib.file_digest(file, "sha256")
        plain.append(time.perf_counter() - began)
        memo_file.unlink(missing_ok=True)
        memo = StatMemo(memo_file, now_ns=lambda: later)  # as if the files were old
        began = time.perf_counter()
        facts = ProjectFiles(folder, memo=memo).facts(names)
        first.append(time.perf_counter() - began)
        memo.save()
        del memo, facts  # a run that comes later knows the file only
        began = time.perf_counter()
        facts = ProjectFiles(folder, memo=StatMemo(memo_file)).facts(names)
        again.append(time.perf_counter() - began)
        del facts
    faster = median(p / a for p, a in zip(plain, again, strict=True))
    over = median(f / p for f, p in zip(first, plain, strict=True))
    yield Row(f"{files:,} unchanged inputs of 100 KB", "≥ 35 × faster than hashing", f"{faster:.0f} ×", faster >= 35)
    yield Row("the same, the first time", "≤ 1.1 × `hashlib.file_digest`", f"{over:.2f} ×", over <= 1.1)
