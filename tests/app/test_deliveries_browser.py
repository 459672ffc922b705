"""The delivered page in a real browser: it plays what was made, and what is decided in it comes home to the YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from acceptance import Person
from chromium import BINARY, Chromium, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no chromium on this machine"),
]

FILM = """\
veospec: 1
project: {title: 夜のフェリー, handles: 6, slate: {leader: 1s, beep: false}}
matrix: {aspect: ["16:9", "9:16"]}
deliver: {animatic: {size: 180p}, contact_sheet: {frames: [first]}}
stills:
  quay: {prompt: The quay at dawn., takes: 2}
shots:
  - id: A            # the opening
    prompt: '<script>window.pwned = 1</script> العبّارة 👩‍🔧'
    duration: 4s
    takes: 2
  - {id: B, start: 'still:quay', prompt: She looks out., duration: 4s}
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


def open_shot(page: Page, name: str) -> None:
    page.run(f"document.querySelector('[data-node^=\"{name}@\"] button').click()")
    page.until("document.querySelector('#viewer').open")


def patch_of(page: Page) -> str:
    page.run("document.getElementById('export-open').click()")
    text = str(page.run("document.getElementById('patch-text').value"))
    page.run("document.getElementById('export').close()")
    return text


def test_what_is_approved_in_the_page_is_what_may_be_shown(veospec: Person, browser: Chromium) -> None:
    veospec.write(FILM)
    veospec("apply")
    veospec("validate", "--approved", code=3)
    page = browser.page()
    page.open(veospec.folder / "out/review.html")
    open_shot(page, "A")
    page.until("document.querySelector('#viewer video').readyState >= 2")
    page.key(" ")
    page.until("document.querySelector('#viewer video').currentTime > 0.2")
    page.key("a")
    page.until("document.querySelectorAll('#viewer video').length === 2")
    page.key("a")
    page.key("2")
    page.key("c")
    page.run("document.querySelector('[data-status=done]').click()")
    page.key("n")
    page.run("document.querySelector('[data-status=done]').click()")
    page.key("Escape")
    page.until("!document.getElementById('viewer').open")
    assert page.run("window.pwned") is None
    patch = veospec.write(patch_of(page), "review-patch.json")
    assert {name: list(change) for name, change in json.loads(patch.read_text())["shots"].items()} == {
        "A": ["select", "review"],
        "B": ["review"],
    }
    page.run("document.getElementById('reel-play').click()")
    page.until("document.querySelector('.reel video')?.readyState >= 2")
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    page.close()

    veospec("select", "--from", patch)
    assert "# the opening" in (veospec.folder / "shots.yaml").read_text("utf-8")
    veospec("apply")
    veospec("validate", "--approved")
    veospec.edit("She looks out.", "She looks away.")
    said = veospec("validate", "--approved", code=3).said
    assert "B" in said
    veospec("apply")
    said = veospec("validate", "--approved", code=3).said
    assert "VS903" in said
    assert said.count("VS903") == 2


def test_a_thousand_delivered_shots_open_quickly(veospec: Person, browser: Chromium) -> None:
    shots = "".join(f"  - {{id: S{n:04}, prompt: 'Shot {n} of a long film.', takes: 2}}\n" for n in range(1000))
    veospec.write(f"veospec: 1\ndeliver: {{animatic: {{size: 180p}}}}\nshots:\n{shots}")
    veospec("review")
    page = browser.page()
    page.open(veospec.folder / "out/review.html")
    assert page.run("performance.getEntriesByType('navigation')[0].loadEventEnd || performance.now()") < 3000
    assert page.run("document.querySelectorAll('.card').length") == 1000
    page.run("scrollTo(0, document.body.scrollHeight)")
    page.until("document.querySelectorAll('.card')[999].getBoundingClientRect().top < innerHeight * 2")
    assert page.complaints == []
    page.close()
