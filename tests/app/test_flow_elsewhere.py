"""A double that nobody here built the program against: legal answers in inconvenient shapes are enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance import Person
from flow_stub import stub_running

BOARD = """veospec: 1
provider: {name: flow, plan: ultra-200}
budget: {max_credits: 500}
deliver: {review: none}
assets: {cup: refs/cup.png}
characters:
  ana: {name: Ana, describe: a presenter, images: ["still:face"]}
stills:
  face: {model: nano-banana-2, prompt: A face.}
shots:
  - {id: A, prompt: "A cup."}
  - {id: B, prompt: Steam., start: cup, end: "still:face"}
  - {id: C, prompt: "@ana waves.", characters: [ana], references: [cup]}
  - {id: D, prompt: On it goes., extend: A}
  - {id: E, prompt: Next., start: {shot: A, frame: last}, upscale: 4k}
"""


def test_a_film_from_another_double(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs of few words, masked e-mails, files in the body or without a length: everything comes, each bought once."""
    film = Person(tmp_path, capsys)
    film.picture("refs/cup.png")
    film.write(BOARD)
    with stub_running() as (stub, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        film("apply", "--no-reel")
        assert stub.troubles == []
        paths = sorted(path for path, _ in stub.paid)
        assert paths == ["/images", "/videos", "/videos", "/videos", "/videos", "/videos/extend", "/videos/upscale"]
        assert all(body["replyRef"].startswith("vs1:") for _, body in stub.paid)
        film("apply", "--no-reel")
        assert len(stub.paid) == len(paths)
    outputs = film.manifest()["outputs"]
    assert {output["disposition"] for output in outputs} <= {"made", "reused"}
    assert all((tmp_path / "out" / output["file"]).is_file() for output in outputs)
