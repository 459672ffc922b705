"""Rows about jobs in flight: the whole program against its own emulator, in another process, over loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median

from turns import Candidate, Row, run_once

VEOSPEC = str(Path(sys.executable).with_name("veospec"))
PER_ACCOUNT = 50


def network_rows(folder: Path, rounds: int, *, is_full: bool) -> Iterator[Row]:
    """Yield makespans against the ideal, and the comparison with a loop that submits in order."""
    for flying, most in ((10, 1.03), (100, 1.10)):
        spans, cpu = [], []
        for number in range(rounds):
            took = one_run(folder / f"jobs{flying}-{number}", flying, flying, 1.0)
            spans.append(took["span"] / 1.0)
            cpu.append(
                (took["cpu"] - one_run(folder / f"one{flying}-{number}", 1, 1, 1.0)["cpu"]) / (flying - 1) * 1000
            )
        ratio, each = median(spans), median(cpu)
        text = f"{ratio:.2f} × from the first request to the last record; {each:.1f} ms CPU a job, all of apply"
        goal = f"≤ {most:.2f} × the ideal makespan, ≤ 2.5 ms CPU a job"
        yield Row(f"{flying} jobs of 1 s in flight", goal, text, ratio <= most and each <= 2.5)
    if is_full:
        took = one_run(folder / "jobs1000", 1000, 1000, 5.0)
        text, holds = f"{took['span'] / 5:.2f} ×, {took['mb']:.0f} MB", took["span"] <= 6 and took["mb"] <= 150
        yield Row("1,000 jobs of 5 s in flight", "≤ 1.20 × the ideal, ≤ 150 MB", text, holds)
    else:
        yield Row("1,000 jobs of 5 s in flight", "≤ 1.20 × the ideal, ≤ 150 MB", "only with `--full`")
    yield from loop_rows(folder, rounds)
    yield Row("download with digest on the way to disk", "≥ 0.7 × a bare asyncio loop", "not measured here")


def storyboard(shots: int) -> str:
    """Return a storyboard of text-to-video shots for the Flow provider."""
    lines = ["veospec: 1", "provider: {name: flow, plan: ultra-200}", "budget: {max_credits: 1000000}",
             "deliver: {review: none, contact_sheet: {frames: [first]}}",
             "defaults: {model: veo-3.1-fast, duration: 4s}", "shots:"]  # fmt: skip
    return (
        "\n".join([*lines, *(f"  - {{id: SH{n:05}, prompt: A ferry leaves port {n}.}}" for n in range(shots))]) + "\n"
    )


@contextmanager
def emulator(accounts: int, *options: str) -> Iterator[Mapping[str, str]]:
    """Serve the double in another process; yields the variables that point there."""
    emails = [f"studio{n}@example.com" for n in range(accounts)]
    line = [VEOSPEC, "emulator", "--media", "small", *options]
    for email in emails:
        line += ["--account", f"{email}:ultra-200:1000000"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            words = server.stdout.readline().removeprefix("export ").split()
            found = dict(word.split("=", 1) for word in words if "=" in word)
            yield {name: value.strip("'\"") for name, value in found.items()} | {"USEAPI_EMAIL": ",".join(emails)}
        finally:
            server.terminate()
            server.wait()


def one_run(
    folder: Path, shots: int, flying: int, job_s: float, *options: str, poll_s: float = 0.2
) -> dict[str, float]:
    """Apply a storyboard from nothing and return span (first request to last ending), first ending, CPU, memory."""
    folder.mkdir(parents=True)
    (folder / "shots.yaml").write_text(storyboard(shots))
    accounts = -(-flying // PER_ACCOUNT)
    with emulator(accounts, "--job-seconds", str(job_s), *options) as env:
        line = [VEOSPEC, "apply", "--no-reel", "--yes", "--events", "events.ndjson",
                "--jobs-per-account", str(-(-flying // accounts)), "--poll", str(poll_s)]  # fmt: skip
        took = run_once(Candidate("apply", line, folder, env=env))
    events = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    at = {
        kind: [datetime.fromisoformat(e["at"]) for e in events if e["event"] == kind]
        for kind in ("reserved", "step-done")
    }
    begun = min(at["reserved"])
    ended = [(moment - begun).total_seconds() for moment in at["step-done"]]
    return {"span": max(ended), "first": min(ended), "cpu": took["cpu"], "mb": took["mb"]}


def loop_rows(folder: Path, rounds: int) -> Iterator[Row]:
    """Yield the comparison with a loop that submits in order, sleeps on 429 and downloads at the end; 60 : 1."""
    jobs, slots, job_s, pause_s = 40, 4, 2.0, 0.5
    ideal = jobs / slots * job_s
    options = ("--concurrency", str(slots), "--throttle-seconds", str(pause_s))
    ours, theirs = [], []
    for number in range(max(1, rounds // 3)):
        # A look each 3 seconds, in the same scale.
        ours.append(one_run(folder / f"slots{number}", jobs, slots, job_s, *options, poll_s=0.05))
        with emulator(1, "--job-seconds", str(job_s), *options) as env:
            theirs.append(in_order(env, jobs, pause_s, folder / f"loop{number}"))
    span = median(o["span"] for o in ours) / ideal
    loop = median(t["span"] for t in theirs) / ideal
    sooner = median(t["first"] / o["first"] for o, t in zip(ours, theirs, strict=True))
    yield Row("40 jobs, 4 slots, against a loop that submits in order (clock 60 : 1)",
              "≤ 1.04 × the ideal makespan; first clip in ≤ 1/12 of its time",
              f"{span:.2f} × (the loop {loop:.2f} ×); first clip in 1/{sooner:.0f} of its time",
              span <= 1.04 and sooner >= 12)  # fmt: skip


def in_order(env: Mapping[str, str], jobs: int, pause_s: float, folder: Path) -> dict[str, float]:
    """Submit one after the other, sleep on 429, and only then poll and download job by job."""
    folder.mkdir(parents=True)
    base, head = env["USEAPI_BASE_URL"], {"Authorization": f"Bearer {env['USEAPI_TOKEN']}", "User-Agent": "loop/1"}

    def ask(path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{base}{path}", data, head | {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    began = time.perf_counter()
    names = []
    for number in range(jobs):
        body = {"email": env["USEAPI_EMAIL"].split(",")[0], "prompt": f"A ferry leaves port {number}.",
                "model": "veo-3.1-fast", "duration": 4, "async": True}  # fmt: skip
        while True:
            try:
                names.append(str(ask("/videos", body)["jobid"]))
                break
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(pause_s)
    ended = []
    for name in names:
        while (job := ask(f"/jobs/{name}"))["status"] not in ("completed", "failed"):
            time.sleep(pause_s / 2)
        with urllib.request.urlopen(link_in(job), timeout=30) as film:
            (folder / f"{len(ended)}.mp4").write_bytes(film.read())
        ended.append(time.perf_counter() - began)
    return {"span": max(ended), "first": min(ended)}


def link_in(value: object) -> str:
    """Return the first link to a file in a reply."""
    if isinstance(value, str) and value.startswith("http"):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for each in inner if (found := link_in(each))), "")
