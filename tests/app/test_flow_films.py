"""Whole films through real sockets: the ledger equals the plan to the credit, and a second run posts nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from acceptance import ROOT
from flow_studio import QUIET, Film, studio_of

from veospec.emulator.options import AccountOption

PRODUCT = """veospec: 1
project: {code: CUP, title: A cup}
provider: flow
budget: {max_credits: 600}
defaults: {model: veo-3.1-fast, duration: 8s}
assets: {cup: refs/cup.png}
voices: {host: {preset: Kore, line: "This is it.", performance: warm}}
characters:
  ana: {name: Ana, describe: a presenter, images: ["still:sheet"], voice: Kore, notes: smiles}
stills:
  sheet: {model: nano-banana-2, aspect: "16:9", prompt: "Three views of a presenter.", takes: 2, select: 2}
  table: {model: nano-banana-pro, aspect: "16:9", prompt: "@cup on a table.", references: [cup], upscale: 2k}
shots:
  - {id: P1, prompt: "@ana lifts @cup.", characters: [ana], references: [cup]}
  - {id: P2, prompt: Steam rises., start: "still:table", end: "still:table", takes: 2}
  - {id: P3, prompt: The steam turns., extend: P2}
  - {id: P4, prompt: The last sip., start: {shot: P1, frame: last}, upscale: 1080p}
"""


def paid(film: Film, *options: str, most: str = "3000") -> dict[str, Any]:
    """Apply a film; check the ledger against its plan, and that a second run makes no request but for reading."""
    plan = film.json("plan", *options, "--max-credits", most)
    film.apply(*options, "--max-credits", most)
    assert film.studio.credits == plan["totals"]["buy"]["credits"]
    posts = len(film.studio.posts())
    again = film.apply(*options, "--max-credits", most)
    assert "nothing to do" in again.out
    assert len(film.studio.posts()) == posts
    return plan


@pytest.mark.parametrize(
    ("plan_class", "table", "day"),
    [("ultra-200", "november", "2026-11-20"), ("ultra-100", "june", "2026-06-20"), ("pro", "november", "2026-11-20")],
)
def test_a_product_film(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    plan_class: str, table: str, day: str
) -> None:  # fmt: skip
    """Sheets, a presenter, a still, clips, an extension, an upscale; the account says which plan pays."""
    account = AccountOption("studio.one@example.com", plan_class, 5000)
    with studio_of(monkeypatch, table=table, accounts=(account,)) as studio:
        film = Film(tmp_path, capsys, studio)
        film.picture("refs/cup.png")
        film.write(PRODUCT + QUIET)
        monkeypatch.delenv("USEAPI_EMAIL")
        film.apply("--as-of", day, code=0)
        plan = film.json("plan", "--as-of", day, "--plan-class", plan_class)
        assert plan["totals"]["buy"]["credits"] == 0
        assert studio.credits == plan["totals"]["owned"]["credits"]
        posts = studio.posts()
        film.apply("--as-of", day)
        assert studio.posts() == posts
        assert [path for path in posts if path == "/characters"] == ["/characters"]
        assert sum(path.startswith("/assets") for path in posts) == 2, "the cup and the last frame, each once"
        assert "CUP_P3_T01_joined.mp4" in film.clips()
        assert "CUP_P4_T01_1080p.mp4" in film.clips()


@pytest.mark.parametrize("pass_name", ["", "draft"])
def test_night_ferry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pass_name: str
) -> None:
    """The storyboard that uses every mode, in two ratios."""
    folder = tmp_path / "ferry"
    shutil.copytree(ROOT / "specs/night-ferry", folder, ignore=shutil.ignore_patterns("out", ".veospec"))
    with studio_of(monkeypatch) as studio:
        film = Film(folder, capsys, studio)
        options = ["--provider", "flow", "--plan-class", "ultra-200", *(["--pass", pass_name] if pass_name else [])]
        plan = paid(film, *options)
        assert plan["totals"]["buy"]["credits"] > 100
        outputs = film.manifest()["outputs"]
        assert {output["disposition"] for output in outputs} <= {"made", "reused"}
        assert all((folder / "out" / output["file"]).is_file() for output in outputs)
