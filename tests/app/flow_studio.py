"""A storyboard, a person, and a double of the service on loopback: what the tests of the paid path share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acceptance import Person, Ran

from veospec.emulator.options import Options
from veospec.emulator.serve import Address, running

ONE = "veospec: 1\nprovider: {name: flow, plan: ultra-200}\nbudget: {max_credits: 100}\n"
"""The head of a storyboard for one Ultra account and a small purse."""

QUIET = "deliver: {review: none}\n"

PAID = frozenset({"/videos", "/videos/extend", "/videos/upscale", "/images", "/images/upscale"})


class Studio:
    """The double as its owner sees it: what it was asked, what it charged, and its clock and faults to change."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def _ask(self, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address.root}/_emulator/{name}", data, {"User-Agent": "test/1", "Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def ledger(self) -> dict[str, Any]:
        """Return the charges."""
        found: dict[str, Any] = self._ask("ledger")
        return found

    @property
    def credits(self) -> int:
        """Everything that a real account would have been charged."""
        return int(self.ledger()["total_credits"])

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        """Return every call so far."""
        return [call for call in self._ask("calls")["calls"] if not method or call["method"] == method]

    def posts(self) -> list[str]:
        """Return the paths of everything that was posted, without the base."""
        return [call["path"].removeprefix("/v1/google-flow") for call in self.calls("POST")]

    def sent(self) -> Counter[str]:
        """Count the requests that make a clip or a picture, by path."""
        return Counter(path for path in self.posts() if path in PAID)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace the fault script."""
        self._ask("faults", list(rules))

    def advance(self, seconds: float) -> None:
        """Move the double's clock on."""
        self._ask("clock", {"advance_s": seconds})

    def account(self, email: str = "studio.one@example.com", **changes: Any) -> None:
        """Change balance or health of an account."""
        self._ask("accounts", {"email": email, **changes})


class Film(Person):
    """A person in a folder whose environment names the double."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], studio: Studio) -> None:
        super().__init__(folder, capture)
        self.studio = studio

    def apply(self, *options: str, code: int | None = 0) -> Ran:
        """Apply the storyboard; the reel is left out, because no test here looks at it."""
        return self("apply", "--no-reel", *options, code=code)

    def process(self, *options: str) -> subprocess.Popen[str]:
        """Start an apply of its own process."""
        return subprocess.Popen(
            [sys.executable, "-m", "veospec", "apply", "--no-reel", *options],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def recover(self, *options: str) -> str:
        """Apply after a kill until all is here; return what the first run said.

        A kill may fall between the intent and the arrival of its request: nothing can prove that it never arrived, so
        it is held, and a person who sees that the service has no job for it sends it again.
        """
        first = self.apply(*options, code=None)
        if first.code == 0:
            return first.said
        assert first.code == 7, f"left with {first.code}:\n{first.said}"
        for held in self.json("resolve", code=7)["waiting"]:
            self("resolve", held["node"], "--retry")
        self.apply(*options)
        return first.said

    def clips(self) -> list[str]:
        """Return the names of the clips that were delivered."""
        return sorted(path.name for path in (self.folder / "out/clips").glob("*.mp4"))

    def states(self) -> dict[str, str]:
        """Return the state of every take by its node."""
        found = self.json("status", code=None)
        return {f"{take['node']}.{take['take']}": take["state"] for take in found["takes"]}


@contextmanager
def studio_of(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Studio]:
    """Run a double and let the environment name it."""
    chosen: dict[str, Any] = {"job_seconds": 0.05, "image_seconds": 0.02, "media": "small", **options}
    with running(Options(**chosen)) as address:
        for name, value in address.environment.items():
            monkeypatch.setenv(name, value)
        yield Studio(address)


def wait_for(happened: Any, limit_s: float = 60.0) -> None:
    """Wait until something that another process does has happened."""
    until = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.002)


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Return the files below a folder that hold some bytes, links not followed."""
    found = []
    for top, _, names in os.walk(folder):
        for name in names:
            path = Path(top, name)
            if needle in path.read_bytes():
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)
