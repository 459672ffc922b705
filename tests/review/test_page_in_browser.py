"""The review page in a real browser, from disk: it loads, plays, obeys keys, compares, and exports what was decided."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from chromium import BINARY, Chromium, Page
from msgspec.structs import replace
from PIL import Image, ImageDraw
from review_boards import TALL, WIDE, absent, board, clip_facts, digest, shot, take

from veospec.model import Burn, Caption, Kind, Mode, Node, Review, Storyboard
from veospec.plan.values import Change, Reason, Why
from veospec.review.approved import approval_digest
from veospec.review.assets import load_assets
from veospec.review.cut import build_cuts
from veospec.review.manifest import output_of
from veospec.review.page import PageInput, ReelFile, render_page
from veospec.review.values import Disposition, Take
from veospec.spec.edit import apply_patch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no chromium on this machine"),
]

FRAMES = 72
PROMPT = '夜の機関室。<script>window.pwned = 1</script> <img src=x onerror="window.pwned = 1"> العبّارة 👩‍🔧 {{data}}'
YAML = """\
veospec: 1
shots:
  - id: SH010      # the opening
    prompt: A ferry leaves.
    takes: 2
  - id: SH020
    prompt: She looks out.
    takes: 1
"""


def write_clip(path: Path, colour: tuple[int, int, int], frames: int = FRAMES, rate: int = 24) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(frames):
            image = Image.new("RGB", (160, 90), colour)
            ImageDraw.Draw(image).rectangle((2 * number, 30, 2 * number + 10, 60), fill=(255, 255, 255))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


def storyboard() -> tuple[Storyboard, list[Take]]:
    burn = Burn(size="WS", captions=(Caption("ADA", "Hold her there.", Fraction(1), Fraction(2)),))
    nodes: list[Node] = []
    takes: list[Take] = []
    for cell in (WIDE, TALL):
        own = [
            shot("SH010", cell, seconds=3, burn=burn),
            shot("SH020", cell, seconds=3, takes=1, prompt=PROMPT, notes="first"),
            shot("SH030", cell, seconds=3, takes=1, scene="SC02"),
            shot("SH040", cell, seconds=3, takes=1, scene="SC02", review=Review("done", "mk", "a" * 64)),
        ]
        nodes += own
        takes += [take(own[0], 1), take(own[0], 2), take(own[1])]
        takes += [absent(own[2], why="Refused: <b>a famous person</b>"), take(own[3], file="clips/broken.mp4")]
    still = shot("wheelhouse", WIDE, seconds=1)
    still = replace(still, id="still:wheelhouse@16:9", kind=Kind.STILL, request=replace(still.request, mode=Mode.IMAGE))
    nodes.append(still)
    picture = replace(clip_facts(1), container="jpeg", codec="mjpeg", fps=None, duration=None, has_audio=False)
    takes.append(take(still, 1, file="stills/wheelhouse.jpg", facts=picture))
    takes.append(take(still, 2, file="stills/wheelhouse.jpg", facts=picture))
    return board(*nodes, handles=6, title="夜のフェリー </title><script>window.pwned = 1</script>"), takes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A delivered project whose page is `review.html`."""
    out = tmp_path_factory.mktemp("out")
    made, takes = storyboard()
    for number, one in enumerate(takes):
        if one.file.startswith("clips/") and "broken" not in one.file:
            write_clip(out / one.file, (40 * (number % 5), 60, 120))
    (out / "clips" / "broken.mp4").write_bytes(b"this is not a clip")
    (out / "stills").mkdir()
    Image.new("RGB", (160, 90), (200, 120, 40)).save(out / "stills" / "wheelhouse.jpg")
    Image.new("RGB", (160, 90), (90, 20, 40)).save(out / "poster.jpg")
    outputs = [output_of(t) for t in takes]
    cuts = build_cuts(made, outputs)
    write_clip(out / "reel_16x9.mp4", (20, 90, 40), 24 + cuts[0].frames)
    change = Reason(Why.CHANGED, "The prompt changed.", (Change("prompt", "She looks down.", PROMPT),))
    page = PageInput(
        made,
        outputs,
        cuts,
        "2026-11",
        posters={(t.node.id, t.take): "poster.jpg" for t in takes if t.file},
        reels={"16x9": ReelFile("reel_16x9.mp4", 24)},
        requests={("SH010@16:9", 1): {"prompt": PROMPT}},
        reasons={("SH020@16:9", 1): change},
    )
    (out / "review.html").write_text(render_page(page, load_assets()), "utf-8")
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def page(browser: Chromium, folder: Path) -> Iterator[Page]:
    """The page without edits of an earlier test."""
    tab = browser.page()
    tab.open(folder / "review.html")
    tab.run("localStorage.clear()")
    tab.open(folder / "review.html")
    yield tab
    tab.close()


def shown(page: Page, selector: str) -> str:
    return page.run(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")


def open_shot(page: Page, name: str, cell: str = "16:9") -> None:
    page.run(f"document.querySelector('[data-node=\"{name}@{cell}\"] button').click()")
    page.until("document.getElementById('viewer').open")


def frame(page: Page) -> int:
    return int(page.run("document.getElementById('v-scrub').value"))


def patch_of(page: Page) -> dict[str, Any]:
    page.run("document.getElementById('export-open').click()")
    found = json.loads(page.run("document.getElementById('patch-text').value"))
    page.run("document.getElementById('export').close()")
    return found


PLAYABLE = "document.querySelector('#viewer video').readyState >= 3"


def test_it_loads_from_disk_in_silence_and_asks_no_network(page: Page, folder: Path) -> None:
    assert page.complaints == []
    assert {r.split(":")[0] for r in page.requests} <= {"file", "data", "blob"}
    assert all(folder.as_uri() in r for r in page.requests if r.startswith("file:"))
    assert page.run("document.querySelectorAll('.card').length") == 5


def test_what_a_stranger_wrote_is_shown_and_never_run(page: Page) -> None:
    open_shot(page, "SH020")
    assert PROMPT in shown(page, "#v-side")
    assert shown(page, "#title").startswith("夜のフェリー </title><script>")
    assert page.run("window.pwned") is None
    assert page.run("document.scripts.length") == 2
    assert page.run("document.querySelectorAll('#v-side img, #v-side script').length") == 0
    assert shown(page, "#v-side del") == "She looks down."


def test_a_clip_plays(page: Page) -> None:
    open_shot(page, "SH010")
    page.until(PLAYABLE)
    page.key(" ")
    page.until("document.querySelector('#viewer video').currentTime > 0.4")
    page.key(" ")
    page.until("document.querySelector('#viewer video').paused")
    # It stops in the middle of the frame that is told, not at its edge, where the one beside it may be shown.
    page.until("Math.abs(document.querySelector('#viewer video').currentTime * 24 % 1 - 0.5) < 0.01")
    assert page.run("Math.floor(document.querySelector('#viewer video').currentTime * 24)") == frame(page) > 8
    assert page.run("document.querySelector('#viewer video').videoWidth") == 160
    assert page.complaints == []


def test_keys_walk_frames_and_shots(page: Page) -> None:
    open_shot(page, "SH010")
    page.until(PLAYABLE)
    # All at once: a browser may lose a seek that overtakes another one, so the page must not send it.
    page.run("""for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft'])
        document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))""")
    page.until("!document.querySelector('#viewer video').seeking")
    assert frame(page) == 2
    assert page.run("Math.floor(document.querySelector('#viewer video').currentTime * 24)") == 2
    page.key("ArrowRight", shift=True)
    page.until("!document.querySelector('#viewer video').seeking")
    assert frame(page) == 12
    assert shown(page, "#v-readout").startswith("00:00:00:12")
    page.key("l")
    assert page.run("document.querySelector('#viewer video').loop") is True
    page.key("n")
    assert shown(page, "#v-title") == "SH020"
    page.key("p")
    page.key("p")
    assert shown(page, "#v-title") == "SH010"
    page.key("Escape")
    page.until("!document.getElementById('viewer').open")
    page.until("document.activeElement.closest('.card')?.dataset.node === 'SH010@16:9'")


def test_an_arrow_right_after_a_stop_goes_on_from_there(page: Page) -> None:
    """While the stop still seeks its frame, neither the step nor what is told may be of an earlier one."""
    open_shot(page, "SH010")
    page.until(PLAYABLE)
    page.key("ArrowRight")
    page.until("!document.querySelector('#viewer video').seeking")
    page.key(" ")
    page.until("document.querySelector('#viewer video').currentTime > 0.4")
    told = page.run("""new Promise(done => {
        const video = document.querySelector('#viewer video');
        video.addEventListener('pause', () => {
            const at = Math.floor(video.currentTime * 24);
            const told = document.getElementById('v-scrub').value;
            document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
            done([at, Number(told)]);
        }, { once: true });
        video.pause();
    })""")
    page.until("!document.querySelector('#viewer video').seeking")
    assert told == [told[0], told[0]]
    assert frame(page) == told[0] + 1


def test_the_grid_is_walked_by_arrows_and_enter_opens(page: Page) -> None:
    page.run("document.querySelector('.card button').focus()")
    page.key("ArrowRight")
    assert page.run("document.activeElement.closest('.card').dataset.node") == "SH020@16:9"
    page.key("ArrowDown")
    assert page.run("document.activeElement.closest('.card').dataset.node") == "SH040@16:9"
    page.key("ArrowUp")
    page.key("Enter")
    page.until("document.getElementById('viewer').open")
    assert shown(page, "#v-title") == "SH020"


def test_two_takes_side_by_side_stay_in_step(page: Page) -> None:
    open_shot(page, "SH010")
    page.until(PLAYABLE)
    page.key("a")
    page.until("[...document.querySelectorAll('#viewer video')].filter(v => v.readyState >= 3).length === 2")
    page.key("ArrowRight")
    page.key("ArrowRight")
    page.until("[...document.querySelectorAll('#viewer video')].every(v => !v.seeking)")
    apart = """(() => {
        const [a, b] = document.querySelectorAll('#viewer video');
        return Math.abs(a.currentTime - b.currentTime) * 24;
    })()"""
    assert page.run(apart) < 0.5
    page.key(" ")
    page.until("document.querySelector('#viewer video').currentTime > 0.6")
    drifts = [page.run(apart) for _ in range(12)]
    page.key(" ")
    page.until("[...document.querySelectorAll('#viewer video')].every(v => v.paused && !v.seeking)")
    assert sorted(drifts)[6] < 2
    assert page.run(apart) < 0.5
    page.key("End")
    page.until("[...document.querySelectorAll('#viewer video')].every(v => !v.seeking)")
    assert page.run(apart) < 0.5
    assert frame(page) == FRAMES - 1


def test_a_clip_that_is_missing_or_broken_says_why(page: Page) -> None:
    open_shot(page, "SH030")
    assert "Refused: <b>a famous person</b>" in shown(page, ".screens")
    page.key("n")
    page.until("document.querySelector('.screens').innerText.includes('cannot be played')")
    assert "clips/broken.mp4" in shown(page, ".screens")


def test_decisions_become_a_patch_that_fits_the_storyboard(page: Page) -> None:
    open_shot(page, "SH010")
    page.key("2")
    page.key("c")
    page.run("document.querySelector('[data-status=done]').click()")
    page.key("Escape")
    open_shot(page, "SH020")
    page.key("t")
    page.run("document.getElementById('v-notes').select()")
    page.write('手を見て: "left" # not a comment')
    page.key("Escape")
    page.key("s")
    page.key("Escape")
    page.until("!document.getElementById('viewer').open")
    page.run("document.getElementById('export-open').click()")
    page.run("document.getElementById('patch-by').focus()")
    page.write("mk")
    page.run("document.getElementById('export').close()")
    patch = patch_of(page)
    seen = approval_digest(digest(f"bytes SH010@{cell} 2") for cell in ("16:9", "9:16"))
    assert patch == {
        "veospec_patch": 1,
        "spec": "shots.yaml",
        "shots": {
            "SH010": {"select": 2, "review": {"status": "done", "by": "mk", "approved": seen}},
            "SH020": {"review": {"status": "todo", "by": "mk"}, "notes": '手を見て: "left" # not a comment'},
        },
    }
    text = apply_patch(YAML, patch)
    assert "# the opening" in text
    assert "select: 2" in text
    assert seen in text


def test_edits_outlive_a_reload_and_can_be_undone(page: Page, folder: Path) -> None:
    open_shot(page, "SH010")
    page.key("2")
    page.key("c")
    page.open(folder / "review.html")
    assert patch_of(page)["shots"] == {"SH010": {"select": 2}}
    open_shot(page, "SH010")
    page.key("1")
    page.key("c")
    assert patch_of(page)["shots"] == {}


def test_an_approval_of_other_bytes_is_shown_and_can_be_renewed(page: Page) -> None:
    assert "Changed since" in shown(page, '[data-node="SH040@16:9"]')
    open_shot(page, "SH040")
    page.run("document.querySelector('[data-status=done]').click()")
    seen = approval_digest(digest(f"bytes SH040@{cell} 1") for cell in ("16:9", "9:16"))
    assert patch_of(page)["shots"]["SH040"]["review"]["approved"] == seen


def test_stills_are_picked_too(page: Page) -> None:
    page.run("document.querySelector('[data-node^=\"still:\"] button').click()")
    page.until(
        "document.querySelector('.screen img').complete && document.querySelector('.screen img').naturalWidth === 160"
    )
    page.key("2")
    page.key("c")
    assert patch_of(page)["stills"] == {"wheelhouse": {"select": 2}}


def test_filters_search_and_versions(page: Page) -> None:
    page.run("document.querySelector('[data-filter=trouble]').click()")
    assert page.run("[...document.querySelectorAll('.card')].map(c => c.dataset.node).join()") == "SH030@16:9"
    page.run("document.querySelector('[data-filter=all]').click()")
    page.run("document.getElementById('search').focus()")
    page.write("機関室")
    assert page.run("[...document.querySelectorAll('.card')].map(c => c.dataset.node).join()") == "SH020@16:9"
    page.run("document.getElementById('cells').lastChild.click()")
    assert page.run("[...document.querySelectorAll('.card')].map(c => c.dataset.node).join()") == "SH020@9:16"


def test_the_reel_has_markers_that_jump_to_shots(page: Page) -> None:
    page.run("document.querySelectorAll('#ribbon div')[1].click()")
    page.until(
        "document.querySelector('.reel video')?.readyState >= 2 && !document.querySelector('.reel video').seeking"
    )
    page.run("document.querySelector('.reel video').pause()")
    page.until("document.querySelector('#ribbon').getAttribute('aria-valuetext') === 'SH020, 2 of 4'")
    # 24 frames of leader, then 60 frames of SH010 between its handles.
    assert page.run("Math.floor(document.querySelector('.reel video').currentTime * 24)") >= 84
    page.run("document.getElementById('ribbon').focus()")
    page.key("ArrowLeft")
    page.until("document.querySelector('#ribbon').getAttribute('aria-valuenow') === '1'")


def test_the_strip_shows_the_film_and_opens_the_shot_that_plays(page: Page) -> None:
    pictures = "[...document.querySelectorAll('#ribbon div')].map(d => d.querySelector('img') ? 1 : 0).join('')"
    assert page.run(pictures) == "1101"
    assert page.run("[...document.querySelectorAll('#ribbon div')].map(d => d.dataset.s).join()") == "none,none,bad,old"
    assert page.run("document.querySelectorAll('#ribbon .scene-start').length") == 1
    assert page.run("document.getElementById('reel-open').hidden")
    page.run("document.querySelectorAll('#ribbon div')[1].click()")
    page.until("document.querySelector('.reel video')?.readyState >= 2")
    page.run("document.querySelector('.reel video').pause()")
    page.until("document.getElementById('reel-open').textContent === 'Open SH020'")
    assert page.run("parseFloat(document.getElementById('reel-head').style.left)") > 0
    page.key("o")
    page.until("document.getElementById('viewer').open")
    assert shown(page, "#v-title") == "SH020"
    page.run("document.querySelector('[data-status=done]').click()")
    page.key("Escape")
    page.until("document.querySelectorAll('#ribbon div')[1].dataset.s === 'done'")


def test_what_is_said_can_be_read_while_it_is_heard(page: Page) -> None:
    cues = """[...document.querySelector('%s').textTracks].flatMap(t => { t.mode = 'hidden';
        return [...t.cues].map(c => `${c.startTime.toFixed(3)} ${c.endTime.toFixed(3)} ${c.text}`) }).join('|')"""
    open_shot(page, "SH010")
    page.key("w")
    assert page.run("document.querySelector('#viewer video').textTracks[0].mode") == "showing"
    assert page.run("document.getElementById('v-words').getAttribute('aria-pressed')") == "true"
    assert page.run(cues % "#viewer video") == "1.000 2.000 ADA: Hold her there."
    page.key("n")
    assert page.run("document.querySelector('#viewer video').textTracks.length") == 0
    page.key("Escape")
    page.run("document.getElementById('reel-play').click()")
    # One second of leader, less the six frames of the head that the cut leaves out.
    assert page.run(cues % ".reel video") == "1.750 2.750 ADA: Hold her there."


def test_every_control_has_a_name_and_every_field_a_label(page: Page) -> None:
    open_shot(page, "SH010")
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    controls = [
        n
        for n in tree
        if n.get("role", {}).get("value") in {"button", "radio", "textbox", "searchbox", "slider", "combobox", "dialog"}
    ]
    assert len(controls) > 15
    assert [n["role"] for n in controls if not n.get("name", {}).get("value")] == []


@pytest.mark.parametrize("dark", [True, False])
def test_a_phone_has_no_sideways_scroll_and_large_targets(browser: Chromium, folder: Path, dark: bool) -> None:
    page = browser.page(390, 844, dark=dark, mobile=True, still=True)
    page.open(folder / "review.html")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    open_shot(page, "SH010")
    assert page.run("document.getElementById('viewer').scrollWidth <= innerWidth")
    small = """[...document.querySelectorAll('#viewer button')]
        .filter(b => b.offsetParent && b.getBoundingClientRect().height < 24).length"""
    assert page.run(small) == 0
    assert page.complaints == []
    page.close()


def test_a_thousand_shots_cost_little_before_they_are_looked_at_and_scroll(browser: Chromium, tmp_path: Path) -> None:
    nodes = [shot(f"SH{n:04}", scene=f"SC{n // 50:02}", prompt=PROMPT * 3, takes=2) for n in range(1000)]
    takes = [take(n, k) for n in nodes for k in (1, 2)]
    takes[0] = replace(takes[0], disposition=Disposition.STALE)
    outputs = [output_of(t) for t in takes]
    made = board(*nodes)
    Image.new("RGB", (320, 180), (90, 20, 40)).save(tmp_path / "poster.jpg")
    posters = {o.id: "poster.jpg" for o in outputs}
    (tmp_path / "review.html").write_text(
        render_page(PageInput(made, outputs, build_cuts(made, outputs), posters=posters), load_assets()), "utf-8"
    )
    page = browser.page()
    page.open(tmp_path / "review.html")
    assert page.run("document.querySelectorAll('.card').length") == 1000
    # What makes it quick: few elements a shot, no film before one is asked for, nothing drawn or read out of sight.
    assert page.run("document.querySelectorAll('*').length") < 40 * 1000
    assert page.run("document.querySelectorAll('video').length") == 0
    assert page.run("[...document.images].every(image => image.loading === 'lazy')")
    assert page.run(
        "[...document.querySelectorAll('.card')].every(c => getComputedStyle(c).contentVisibility === 'auto')"
    )
    # Twice: heights of cards that were never drawn are estimates until they come near.
    for _ in range(2):
        page.run("scrollTo(0, document.body.scrollHeight)")
        page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.run("document.querySelectorAll('.card')[999].getBoundingClientRect().top < innerHeight")
    assert page.complaints == []
    page.close()


def test_two_storyboards_of_one_name_do_not_share_what_was_decided(
    page: Page, browser: Chromium, folder: Path, tmp_path: Path
) -> None:
    open_shot(page, "SH010")
    page.key("2")
    page.key("c")
    (tmp_path / "review.html").write_bytes((folder / "review.html").read_bytes())
    other = browser.page()
    other.open(tmp_path / "review.html")
    assert patch_of(other)["shots"] == {}
    other.close()


def test_two_tabs_keep_what_was_decided_in_either(page: Page, browser: Chromium, folder: Path) -> None:
    other = browser.page()
    other.open(folder / "review.html")
    open_shot(page, "SH010")
    page.key("2")
    page.key("c")
    open_shot(other, "SH020")
    other.run("document.getElementById('v-notes').focus()")
    other.write("slower")
    both = {"SH010": {"select": 2}, "SH020": {"notes": "firstslower"}}
    for tab in (other, page):  # the browser tells one tab of the other when it has time
        tab.until("document.getElementById('export-open').textContent.includes('2')")
        assert patch_of(tab)["shots"] == both
    other.close()


def test_what_the_storyboard_says_by_now_is_no_longer_an_edit(page: Page, folder: Path, tmp_path: Path) -> None:
    open_shot(page, "SH010")
    page.key("2")
    page.key("c")
    page.run("document.querySelector('[data-status=changes]').click()")
    before = (folder / "review.html").read_text("utf-8")
    after = re.sub(r'("name":"SH010".*?)"select":1,"status":""', r'\1"select":2,"status":"changes"', before)
    assert after.count('"status":"changes"') == 2
    try:
        (folder / "review.html").write_text(after, "utf-8")
        page.open(folder / "review.html")
        assert patch_of(page)["shots"] == {}
        assert page.run("document.querySelectorAll('.edited').length") == 0
        # And it does not come back when the storyboard is changed again.
        (folder / "review.html").write_text(before, "utf-8")
        page.open(folder / "review.html")
        assert patch_of(page)["shots"] == {}
    finally:
        (folder / "review.html").write_text(before, "utf-8")


def test_what_is_said_to_listeners_can_be_heard_while_a_shot_is_open(page: Page) -> None:
    open_shot(page, "SH010")
    page.key("l")
    page.until("document.getElementById('live').textContent === 'Loop on'")
    page.send("Accessibility.enable")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    heard = [n for n in nodes if not n.get("ignored") and n["role"]["value"] == "status"]
    assert len(heard) == 1


def test_every_pick_says_which_take_it_picks(page: Page) -> None:
    open_shot(page, "SH010")
    names = page.run("[...document.querySelectorAll('.pick')].map((b) => b.getAttribute('aria-label'))")
    assert names == ["Picked T01", "Pick T02"]


def test_takes_of_two_rates_stay_in_step_and_the_cut_is_marked_on_time(browser: Chromium, tmp_path: Path) -> None:
    node = shot("SH010", seconds=3)
    takes = [take(node, 1), take(node, 2, facts=clip_facts(90, 30))]
    write_clip(tmp_path / takes[0].file, (200, 60, 60))
    write_clip(tmp_path / takes[1].file, (60, 60, 200), 90, rate=30)
    outputs = [output_of(t) for t in takes]
    made = board(node, handles=6)
    page_of_it = render_page(PageInput(made, outputs, build_cuts(made, outputs)), load_assets())
    (tmp_path / "review.html").write_text(page_of_it, "utf-8")
    page = browser.page()
    page.open(tmp_path / "review.html")
    open_shot(page, "SH010")
    page.key("a")
    page.until("[...document.querySelectorAll('#viewer video')].filter(v => v.readyState >= 3).length === 2")
    page.run("document.getElementById('v-scrub').value = 48")
    page.run("document.getElementById('v-scrub').dispatchEvent(new Event('input'))")
    page.until("[...document.querySelectorAll('#viewer video')].every(v => !v.seeking && v.currentTime > 0)")
    first, second = page.run("[...document.querySelectorAll('#viewer video')].map(v => v.currentTime)")
    assert abs(first - second) < 0.5 / 30
    page.key("2")
    marked = page.run("document.querySelector('.scrub i').style.left")
    assert float(marked.rstrip("%")) == pytest.approx(100 * 6 / 72, abs=0.01)
    page.close()


def test_listeners_hear_how_many_shots_a_filter_or_a_search_leaves(page: Page) -> None:
    page.run("document.querySelector('[data-filter=trouble]').click()")
    assert shown(page, "#live") == "1 shot"
    page.run("document.querySelector('[data-filter=all]').click()")
    assert shown(page, "#live") == "5 shots"
    page.run("document.getElementById('search').focus()")
    page.write("no shot says this")
    assert shown(page, "#live") == "No shot matches this filter."


def test_a_filter_is_read_out_as_words_and_a_number(page: Page) -> None:
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    names = [n.get("name", {}).get("value") for n in tree if n.get("role", {}).get("value") == "button"]
    assert "All 5" in names
