"""Film rates, matrices with free axes, variables from outside, included files: counted in the files that come out."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from acceptance import SMALL, Person, clips, film

ODD = (
    """veospec: 1
project: {code: ODD, title: "Odd: фильм 夜", fps: FPS, handles: 4, seed: 11}
include: ["parts/*.yaml"]
vars: {who: "${env:WHO:-a heron}"}
matrix:
  aspect: ["16:9", "9:16"]
  light: [dawn, dusk]
  exclude: [{aspect: "9:16", light: dusk}, {shot: S2, light: dusk}, {shot: S3, light: dusk}, {shot: S2, aspect: "9:16"}]
defaults: {duration: 4s, model: omni-flash-1.2}
shots:
  - {id: S1, prompt: "${who} lands at ${light}.", model: veo-3.1-lite}
  - {id: S2, prompt: It looks., start: {shot: S1, frame: 10}, duration: 3s}
  - {id: S3, prompt: It steps., start: {shot: S1, frame: first}, duration: 5s, transition: {type: fade, frames: 6}}
reel: {order: [S1, S3]}
"""
    + SMALL
)
PART = 'stills:\n  nest: {prompt: "The nest of ${who}.", aspect: "4:3"}\n'


@pytest.mark.parametrize("fps", [25, 30])
def test_lengths_are_exact_at_every_rate_and_in_every_cell(
    veospec: Person, monkeypatch: pytest.MonkeyPatch, fps: int
) -> None:
    monkeypatch.setenv("WHO", "a stork")
    veospec.write(ODD.replace("fps: FPS", f"fps: {fps}"))
    veospec.write(PART, "parts/nest.yaml")
    assert "a stork lands at dawn." in veospec("show", "S1@16:9,light=dawn").out
    steps = veospec.steps()
    assert len(steps) == 3 + 1 + 2 + 1, "S1 in three cells, S2 in one, S3 in two, the nest once"
    veospec("apply")
    assert clips(veospec.folder) == [
        "ODD_S1_16x9_dawn_T01.mp4",
        "ODD_S1_16x9_dusk_T01.mp4",
        "ODD_S1_9x16_dawn_T01.mp4",
        "ODD_S2_16x9_dawn_T01.mp4",
        "ODD_S3_16x9_dawn_T01.mp4",
        "ODD_S3_9x16_dawn_T01.mp4",
    ]
    seconds = {"S1": 4, "S2": 3, "S3": 5}
    for name in clips(veospec.folder):
        found = film(veospec.folder / "out/clips" / name)
        shot = re.search(r"_(S\d)_", name)
        assert shot is not None
        assert (found.frames, found.fps) == (seconds[shot[1]] * fps, Fraction(fps)), name
        assert (found.width, found.height) == ((180, 320) if "9x16" in name else (320, 180))
    cuts = {"_".join(value.replace(":", "x") for value in c["cell"].values()): c for c in veospec.manifest()["cuts"]}
    assert sorted(cuts) == ["16x9_dawn", "16x9_dusk", "9x16_dawn"]
    for slug, cut in cuts.items():
        length = sum(e["record_out"] - e["record_in"] for e in cut["events"])
        assert film(veospec.folder / f"out/reel_{slug}.mp4").frames == length
        handles = 2 * 4 * len(cut["events"])
        assert length == (4 * fps if "dusk" in slug else 9 * fps) - handles, "a fade takes no time from the shots"
    monkeypatch.setenv("WHO", "a crane")
    changed = [name for name, action in veospec.actions().items() if action != "reuse"]
    assert sorted(changed) == [
        "S1@16:9,light=dawn T1", "S1@16:9,light=dusk T1", "S1@9:16,light=dawn T1", "S2@16:9,light=dawn T1",
        "S3@16:9,light=dawn T1", "S3@9:16,light=dawn T1", "still:nest T1",
    ]  # fmt: skip
    assert "to make: 4 takes, free" in veospec("plan").out
