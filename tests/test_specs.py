"""Every storyboard in specs/ is run: people learn from them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPECS = sorted(path for path in (ROOT / "specs").rglob("shots.yaml") if "out" not in path.parts)


def veospec(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own."""
    command = [sys.executable, "-m", "veospec", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_there_are_three_to_learn_from() -> None:
    """The reference, a ten-line one, and an advert in several ratios."""
    names = {path.parent.name for path in SPECS}
    assert {"night-ferry", "kite"} <= names
    assert len(names) >= 3
    assert len((ROOT / "specs/kite/shots.yaml").read_text().splitlines()) <= 12


@pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.parent.name)
def test_it_is_valid_without_a_warning_and_can_be_priced(spec: Path) -> None:
    found = json.loads(veospec("validate", spec, "--format", "json").stdout)
    assert [p["message"] for p in found["problems"] if p["severity"] != "note"] == []
    for options in ((), ("--provider", "flow", "--plan-class", "ultra-200")):
        plan = json.loads(veospec("plan", spec, "--format", "json", *options).stdout)
        assert plan["totals"]["buy"]["credits"] is not None
    first = spec.read_text("utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (spec.parent / first.partition("=")[2]).resolve() == ROOT / "schemas/shots.schema.json"


def small(source: Path, target: Path) -> Path:
    """Copy a project and make its animatic quick to draw."""
    shutil.copytree(source.parent, target, ignore=shutil.ignore_patterns("out", ".veospec", "__pycache__"))
    spec = target / source.name
    text = re.sub(r"^(\s*animatic: \{)size: \w+", r"\1size: 180p", spec.read_text("utf-8"), flags=re.MULTILINE)
    text = text.replace("upscale: 4k", "upscale: 720p").replace("upscale: 2k", "upscale: none")
    if "animatic:" not in text:
        text += "\ndeliver: {animatic: {size: 180p}}\n"
    spec.write_text(text, encoding="utf-8")
    return spec


@pytest.mark.parametrize("source", SPECS, ids=lambda p: p.parent.name)
def test_it_is_drawn_and_then_there_is_nothing_to_do(source: Path, tmp_path: Path) -> None:
    spec = small(source, tmp_path / "film")
    first = json.loads(veospec("apply", spec, "--format", "json").stdout)
    assert set(first["counts"]) <= {"made", "reused"}
    out = spec.parent / "out"
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert all((out / o["file"]).is_file() for o in manifest["outputs"])
    assert list(out.glob("reel_*.mp4"))
    assert "nothing to do" in veospec("apply", spec).stdout


@pytest.mark.parametrize("script", sorted((ROOT / "specs").rglob("make_inputs.py")), ids=lambda p: p.parent.name)
def test_the_inputs_are_what_their_script_makes(script: Path, tmp_path: Path) -> None:
    """The pictures beside a storyboard can be made again; sound and picture coders may pack them differently."""
    copy = tmp_path / "film"
    shutil.copytree(script.parent, copy, ignore=shutil.ignore_patterns("out", ".veospec", "refs", "plates"))
    subprocess.run([sys.executable, copy / script.name], cwd=copy, check=True, capture_output=True)
    names = {p.relative_to(script.parent) for p in script.parent.rglob("*") if p.parent.name in ("refs", "plates")}
    assert names
    assert all((copy / name).stat().st_size for name in names)
