"""Run the program as a person would and look at what it left: shared by the acceptance tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import jsonschema
import pytest
import yaml
from PIL import Image

from veospec.cli.boundary import run

ROOT = Path(__file__).parent.parent.parent
SMALL = "deliver: {animatic: {size: 180p}, review: none, contact_sheet: {frames: [first]}}\n"
"""Makes an animatic quick to draw."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that was printed."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """What was printed for a program."""
        return json.loads(self.out)


class Silent:
    """Stands for a capture where none is: at module scope nothing is read back."""

    def readouterr(self) -> tuple[str, str]:
        return "", ""


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Be in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Person:
    """Somebody at a prompt in a folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def __call__(self, *arguments: str | Path, code: int | None = 0) -> Ran:
        """Run one command line in the folder; `code` is the exit code that is expected, None for any."""
        before = Path.cwd()
        os.chdir(self.folder)
        self._capture.readouterr()
        try:
            ended = run([str(a) for a in arguments])
        finally:
            os.chdir(before)
        out, err = self._capture.readouterr()
        ran = Ran(int(ended), out, err)
        assert "Traceback" not in ran.said
        assert code is None or ran.code == code, f"{arguments} left with {ran.code}:\n{ran.said}"
        return ran

    def json(self, *arguments: str | Path, code: int | None = 0) -> Any:
        """Run a command with --format json and return what it printed, held against the schema of that output."""
        document = self(*arguments, "--format", "json", code=code).json
        check_form(document)
        return document

    def write(self, text: str, name: str = "shots.yaml") -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, before: str, after: str, name: str = "shots.yaml") -> None:
        """Replace text that occurs exactly once."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def picture(self, name: str, size: tuple[int, int] = (160, 90), colour: str = "teal") -> Path:
        """Draw an input picture."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path)
        return path

    def manifest(self) -> Any:
        """Return the manifest, held against its schema."""
        document = json.loads((self.folder / "out/manifest.json").read_bytes())
        check_form(document)
        return document

    def steps(self, *options: str) -> dict[str, Any]:
        """Return the steps of the plan by their label."""
        plan = self.json("plan", *options)
        return {f"{s['node']} T{s['take']}": s for s in plan["steps"]}

    def actions(self, *options: str) -> dict[str, str]:
        """Return what would be done with each take."""
        return {name: "stale" if s["stale"] else s["action"] for name, s in self.steps(*options).items()}

    def identities(self, *options: str) -> list[str]:
        """Return the identities of a plan, sorted: what decides every take, wherever it stands.

        An identity names an upstream node that is not made yet by its id, so chains need clips to be comparable.
        """
        return sorted(s["identity"] for s in self.steps(*options).values())


@cache
def schema(name: str) -> jsonschema.protocols.Validator:
    """Return the checker of a schema of the repository."""
    document = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    kind = jsonschema.validators.validator_for(document)
    kind.check_schema(document)
    return kind(document)


def check_form(document: Any) -> None:
    """Hold a printed document against the schema that its first member names."""
    mark = next(name for name in document if name.startswith("veospec_"))
    problem = jsonschema.exceptions.best_match(schema(mark.removeprefix("veospec_")).iter_errors(document))
    assert problem is None, f"{mark} at {problem.json_path}: {problem.message}"


@dataclass(frozen=True, slots=True)
class Film:
    """What is in a media file, counted by decoding it."""

    width: int
    height: int
    fps: Fraction
    frames: int
    seconds: Fraction
    codecs: tuple[str, ...]


def film(path: Path) -> Film:
    """Decode a clip and count."""
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        codecs = tuple(s.codec_context.name for s in box.streams)
        rate = stream.average_rate
        assert rate is not None
        frames = sum(1 for _ in box.decode(video=0))
        return Film(stream.width, stream.height, Fraction(rate), frames, Fraction(frames) / rate, codecs)


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the time of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def clips(folder: Path) -> list[str]:
    """Return the names of the clips that were delivered."""
    return sorted(path.name for path in (folder / "out/clips").glob("*"))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write away for a while."""
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(mode)


def dump(document: Any) -> str:
    """Return YAML text of a document; for storyboards that a test builds."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def write_clip(path: Path, seconds: int = 3, size: tuple[int, int] = (160, 90)) -> Path:
    """Write a short clip for edits, 24 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(seconds * 24):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, (number * 3 % 256, 80, 120)))
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return path
