"""`make bench`: measure in turns and print the table. Options: --full, --shots N, --rounds N, --only GROUP...

Groups: plan, peers, growth, start, hash, media, net. Everything is written below `build/bench`.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from media_rows import media_rows
from network_rows import network_rows
from peers import Peers
from planning_rows import growth_rows, hashing_rows, peer_rows, planning_rows, startup_rows
from turns import Row, table

ROOT = Path(__file__).parent.parent.parent
GROUPS = ("plan", "peers", "growth", "start", "hash", "media", "net")


def rows_of(group: str, folder: Path, peers: Peers, wanted: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of a group."""
    rounds, full = wanted.rounds, wanted.full
    if group == "plan":
        yield from planning_rows(folder, peers, wanted.shots, rounds)
    elif group == "peers":
        yield from peer_rows(folder, peers, 1_000 if full else 200, max(3, rounds // 3))
    elif group == "growth":
        yield from growth_rows(folder, (1_000, 10_000, 100_000) if full else (1_000, 10_000), max(3, rounds // 3))
    elif group == "start":
        yield from startup_rows(folder, 2 * rounds)
    elif group == "hash":
        yield from hashing_rows(folder / "files", 10_000, max(3, rounds // 3))
    elif group == "media":
        yield from media_rows(folder, peers.ffmpeg(), max(3, rounds // 3))
    else:
        yield from network_rows(folder, max(3, rounds // 3), is_full=full)


def main() -> None:
    """Measure what was asked for and print one table."""
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes that take an hour: 100,000 shots, 1,000 jobs")
    parser.add_argument("--shots", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=GROUPS)
    wanted = parser.parse_args()
    for name in [n for n in os.environ if n.startswith(("VEOSPEC_", "USEAPI_", "PYTHON"))]:
        del os.environ[name]  # PYTHONDONTWRITEBYTECODE would have every start compile the whole program
    place = ROOT / "build/bench"
    place.mkdir(parents=True, exist_ok=True)
    peers = Peers(place / "peers")
    rows: list[Row] = []
    for group in wanted.only:
        folder = Path(tempfile.mkdtemp(prefix=f"{group}-", dir=place))
        try:
            for row in rows_of(group, folder, peers, wanted):
                sys.stderr.write(f"{row.what}: {row.measured}\n")
                rows.append(row)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    load = os.getloadavg()[0]
    sys.stdout.write(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the end\n\n")
    sys.stdout.write(table(rows) + "\n")


main()
