"""The programs that veospec is measured against, in an environment of their own, and the same work laid out for them.

Each has N independent items: a spec file of some 300 bytes, one of 100 shared inputs of 100 KB, one small output, all
up to date.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGES = ("ninja", "doit", "dvc", "imageio-ffmpeg")
INPUTS = 100


class Peers:
    """An environment with the peers; what cannot be installed is None."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        if not (self.bin / "python").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for package in PACKAGES:
            if subprocess.run([self._python, "-m", "pip", "show", "-q", package], check=False).returncode:
                subprocess.run([self._python, "-m", "pip", "install", "-q", package], check=False)

    @property
    def _python(self) -> str:
        return str(self.bin / "python")

    def tool(self, name: str) -> str | None:
        """Return the path of a program, or None."""
        path = self.bin / name
        return str(path) if path.exists() else None

    def ffmpeg(self) -> str | None:
        """Return the path of imageio-ffmpeg's binary, or None."""
        code = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
        found = subprocess.run([self._python, "-c", code], capture_output=True, text=True, check=False)
        return found.stdout.strip() or None


def lay_out(folder: Path, items: int) -> None:
    """Write spec files, inputs and outputs, outputs last."""
    for name in ("spec", "in", "out"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(INPUTS):
        (folder / f"in/{number}.png").write_bytes(os.urandom(100_000))
    for number in range(items):
        (folder / f"spec/{number}.json").write_text(f"{number:<300}")
    for number in range(items):
        (folder / f"out/{number}.mp4").write_text(str(number))


def for_ninja(folder: Path, items: int, ninja: str) -> list[str]:
    """Return ninja's command for a laid-out folder that it has built once."""
    lines = ["rule cut", "  command = cp $in_spec $out"]
    for number in range(items):
        lines.append(f"build out/{number}.mp4: cut spec/{number}.json in/{number % INPUTS}.png")
        lines.append(f"  in_spec = spec/{number}.json")
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")
    subprocess.run([ninja], cwd=folder, check=True, capture_output=True)
    return [ninja]


def for_doit(folder: Path, items: int, doit: str) -> list[str]:
    """Return doit's command for a laid-out folder that it has built once; it checks MD5s where a time moved."""
    (folder / "dodo.py").write_text(
        "DOIT_CONFIG = {'backend': 'json', 'verbosity': 0, 'reporter': 'zero'}\n"
        "def task_cut():\n"
        f"    for n in range({items}):\n"
        "        yield {'name': str(n), 'file_dep': [f'spec/{n}.json', f'in/{n % 100}.png'],\n"
        "               'targets': [f'out/{n}.mp4'], 'actions': [(lambda: None,)]}\n"
    )
    subprocess.run([doit], cwd=folder, check=True, capture_output=True)
    return [doit]


def for_dvc(folder: Path, items: int, dvc: str) -> list[str]:
    """Return DVC's command for a laid-out folder whose stages were committed as they are."""
    stages = "".join(
        f"  cut{n}:\n    cmd: cp spec/{n}.json out/{n}.mp4\n    deps: [spec/{n}.json, in/{n % INPUTS}.png]\n"
        f"    outs:\n      - out/{n}.mp4: {{cache: false}}\n"
        for n in range(items)
    )
    (folder / "dvc.yaml").write_text(f"stages:\n{stages}")
    for line in (["init", "-q", "--no-scm", "-f"], ["config", "core.analytics", "false"], ["commit", "-q", "-f"]):
        subprocess.run([dvc, *line], cwd=folder, check=True, capture_output=True)
    return [dvc, "status", "-q"]
