"""A plan that is made from what an edit can reach says, letter for letter, what the plan of the whole says."""

from __future__ import annotations

import io
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from acceptance import Person, Silent, inside, write_clip
from flow_studio import ONE, QUIET, Film, studio_of
from hypothesis import given, settings
from hypothesis import strategies as st

from veospec import quick
from veospec.app import edited, planned
from veospec.cli.boundary import run

FILM = """# The long crossing
veospec: 1
project: {code: EDT, title: An Edit}
vars: {how: slow}
matrix:
  aspect: ["16:9", "9:16"]
  exclude: [{aspect: "9:16", shot: SH030}, {aspect: "9:16", scene: SC03}]
defaults: {duration: 4s, aspect: landscape, takes: 1, avoid: [logos]}
style: {base: film, variants: {dawn: grey}}
deliver: {animatic: {size: 180p, ken_burns: false}, contact_sheet: {frames: [first]}, review: none}
assets: {p1: refs/one.png, p2: refs/two.png}
characters: {ada: {name: Ada, describe: an engineer, images: [p1]}}
stills:
  quay: {prompt: "The quay at dawn.", aspect: "16:9"}
reel: {order: [SH020, SH010, SH030, SH050, SH060, SH070]}
scenes:
  - id: SC01
    slug: EXT. HARBOUR - NIGHT
    style: dawn
    shots:
      - id: SH010
        size: CU
        prompt: "A kite in ${how} wind."
        seed: 7
      # a word between
      - id: SH020
        start: p1
        prompt: >
          She looks up,
          then down.
        dialogue:
          - {who: ada, line: "Hold her there.", at: 1s}
      - {id: SH030, prompt: "In one line.", takes: 2, select: 2}
  - id: SC02
    shots:
      - id: SH040
        omit: true
        prompt: "Not made."
      - id: SH050
        start: {shot: SH020, frame: last}
        end: still:quay
        prompt: "It lands."
      - id: SH060
        extend: SH050
        prompt: "It lies there."
    slug: INT. CABIN
  - id: SC03
    shots:
      - id: SH070
        references: [p2, p1]
        characters: [ada]
        duration: 8s
        prompt: "@ada holds @p2."
        notes: "v1: hands"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which everything is made, with a witness of a plan that found nothing to do."""
    folder = tmp_path_factory.mktemp("edited") / "film"
    person = Person(folder, Silent())  # type: ignore[arg-type]
    person.write(FILM)
    person.picture("refs/one.png", (320, 180))
    person.picture("refs/two.png", (320, 180), "navy")
    person("apply")
    return folder


def said(folder: Path, question: quick.Question) -> tuple[int, str, str]:
    """Run `plan` in this process and return how it ended and what it printed."""
    with inside(folder), redirect_stdout(_text()) as out, redirect_stderr(_text()) as err:
        code = run(list(question.arguments), question)
        out.flush(), err.flush()
    return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _text() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)


class Desk:
    """The film with a witness, and the two ways to plan an edit of it."""

    def __init__(self, folder: Path, arguments: tuple[str, ...] = ("plan",), text: str = FILM) -> None:
        self.folder = folder
        self.text = text
        self.arguments = arguments
        self.spec = folder / "shots.yaml"

    def settle(self) -> None:
        """Leave a witness of the film as it was made."""
        self.spec.write_text(self.text)
        for _ in range(2):  # once is lost when somebody edits the program meanwhile
            ended = said(self.folder, self.question())
        assert ended[0] == 0
        assert "nothing to do" in ended[1]
        assert self.answer() == 0

    def question(self) -> quick.Question:
        """Return what is asked, as if all had been quiet for a minute."""
        with inside(self.folder):
            return quick.Question(self.arguments, time.time_ns() + 60_000_000_000)

    def answer(self) -> int | quick.Edit | None:
        with inside(self.folder), redirect_stdout(_text()), redirect_stderr(_text()):
            return quick.answer(self.arguments)

    def plan(self, text: str) -> tuple[tuple[int, str, str], bool]:
        """Plan an edited text both ways; return what was said, and whether the short way was gone."""
        self.spec.write_text(text)
        edit = self.answer()
        taken = []
        plain = planned.plan_of_edit

        def watched(*arguments: object) -> object:
            taken.append(plain(*arguments))  # type: ignore[arg-type]
            return taken[-1]

        planned.plan_of_edit = watched  # type: ignore[assignment]
        try:
            short = said(
                self.folder, quick.Question(self.arguments, edit=edit if isinstance(edit, quick.Edit) else None)
            )
        finally:
            planned.plan_of_edit = plain
        whole = said(self.folder, quick.Question(self.arguments))
        assert short == whole
        return short, bool(taken) and taken[0] is not None


@pytest.fixture
def desk(film: Path) -> Desk:
    desk = Desk(film)
    desk.settle()
    return desk


SHORT_WAY = {
    "a word": ('"A kite in', '"A hard kite in'),
    "a word at the end of a shot": ("v1: hands", "v1: feet"),
    "the first shot of a scene": ("Not made.", "Never made."),
    "of a flow mapping": ("In one line.", "In one long line."),
    "of one that others are made from": ("She looks up,", "She looks far up,"),
    "of one that is extended": ('"It lands."', '"It lands hard."'),
    "a comment": ("# a word between", "# another word"),
    "a new key": ("        seed: 7\n", "        seed: 7\n        move: pan\n"),
    "a key less": ("        size: CU\n", ""),
    "one more take": ("takes: 2, select: 2", "takes: 3, select: 2"),
    "another input": ("start: p1", "start: p2"),
    "letters of another script": ("A kite", "凧 é"),
    "nothing that is made": ("v1: hands", "v2: face"),
    "a key at the very end of a shot": ("at: 1s}\n", "at: 1s}\n        seed: 9\n"),
    "a key at the very end of a scene's shots": ('"It lies there."\n', '"It lies there."\n        notes: last\n'),
    "a key at the end of the text": ('v1: hands"\n', 'v1: hands"\n        seed: 9\n'),
    "lines of a list at the end of a shot": ("at: 1s}\n", 'at: 1s}\n          - {who: ada, line: "Now.", at: 2s}\n'),
    "the last key less": ('        notes: "v1: hands"\n', ""),
    "an empty line": ("        seed: 7\n", "        seed: 7\n\n\n"),
}
LONG_WAY = {
    "a model": ("duration: 4s", "duration: 6s"),
    "a variable": ("how: slow", "how: fast"),
    "a scene": ("style: dawn", "style: none"),
    "a scene's key behind its shots": ("INT. CABIN", "INT. STORE"),
    "an id": ("id: SH070", "id: SH071"),
    "a shot more": ("        seed: 7\n", "        seed: 7\n      - {id: SH015, prompt: More.}\n"),
    "a shot less": ('      - {id: SH030, prompt: "In one line.", takes: 2, select: 2}\n', ""),
    "two shots": ("A kite in ${how} wind.", "x"),
    "an anchor": ('prompt: "It lands."', 'prompt: &a "It lands."'),
    "a broken quote": ('prompt: "It lands."', 'prompt: "It lands.'),
    "a tab": ("        seed: 7", "\tseed: 7"),
    "a wrong value": ("seed: 7", "seed: -7"),
    "an unknown key": ("seed: 7", "sed: 7"),
    "a warning": ('line: "Hold her there.", at: 1s', 'line: "Hold her there.", at: 9s'),
    "a circle": ("start: p1", "start: {shot: SH060, frame: last}"),
    "a duplicate id": ("id: SH070", "id: SH010"),
    "a shot that was left out": ("start: p1", "start: {shot: SH010, frame: last}"),
    "an excluded one": ("extend: SH050", "start: {shot: SH030, frame: last}"),
    "out of its list": ("      - id: SH050", "    - id: SH050"),
    "not lined up, the first in the excerpt": ("      - {id: SH030", "       - {id: SH030"),
    "a dash that is not lined up": ("      - {id: SH030", "     -  {id: SH030"),
    "a line before everything": ("# The long crossing\n", "# First\n# The long crossing\n"),
    "nothing left": (FILM[40:], ""),
}


@pytest.mark.parametrize("name", SHORT_WAY)
def test_an_edit_of_one_shot_is_planned_from_what_it_reaches(desk: Desk, name: str) -> None:
    """The same words in the same order, and no other shot was compiled."""
    before, after = SHORT_WAY[name]
    assert FILM.count(before) == 1
    ended, is_short = desk.plan(FILM.replace(before, after))
    assert is_short
    assert ended[0] == 0


@pytest.mark.parametrize("name", LONG_WAY)
def test_whatever_is_not_plain_goes_the_whole_way(desk: Desk, name: str) -> None:
    """An edit outside of shots, any finding, another structure: nothing is left out."""
    before, after = LONG_WAY[name]
    assert FILM.count(before) == 1
    text = FILM.replace(before, after)
    if name == "two shots":
        text = text.replace("v1: hands", "v9")
    assert not desk.plan(text)[1]


HEAD = """veospec: 1
project: {code: A}
defaults: {duration: 4s}
deliver: {animatic: {size: 180p, ken_burns: false}, contact_sheet: {frames: [first]}, review: none, preview: none}
"""
JUDGED_TOGETHER = {
    "clips of two ratios that Flow would join": (
        HEAD
        + """reel: {join: flow, order: [SH010, SH020, SH050]}
shots:
  - id: SH010
    prompt: One.
  - {id: SH020, extend: SH010, prompt: Two.}
  - {id: SH030, prompt: Three.}
  - {id: SH050, prompt: Five.}
""",
        ("    prompt: One.", '    aspect: "9:16"\n    prompt: One.'),
        "VS297",
    ),
    "two clips of one file name": (
        HEAD
        + """scenes:
  - id: S
    shots:
      - {id: A_B, omit: true, prompt: One.}
      - {id: C, prompt: Two.}
  - id: S_A
    shots:
      - {id: B, prompt: Three.}
""",
        ("omit: true", "omit: false"),
        "VS213",
    ),
    "a shot that is named like a file": (
        HEAD
        + """shots:
  - {id: A, prompt: One.}
  - {id: B, prompt: Two.}
  - {id: sea.png, prompt: Three.}
""",
        ("id: A,", "id: A, start: sea.png,"),
        "VS241",
    ),
    "a shot that is named like a clip": (
        HEAD
        + """shots:
  - {id: A, prompt: One., edit: {source: land.mp4, in: 0f, out: 72f}, model: omni-flash}
  - {id: B, prompt: Two.}
  - {id: sea.mp4, prompt: Three., duration: 4s, model: omni-flash}
""",
        ("land.mp4, in: 0f, out: 72f", "sea.mp4, in: 0f, out: 110f"),
        "VS274",
    ),
}


@pytest.mark.parametrize("name", JUDGED_TOGETHER)
def test_what_only_all_shots_together_show_is_told(tmp_path: Path, name: str) -> None:
    """A rule that compares shots of which an excerpt would hold one only."""
    before, (old, new), code = JUDGED_TOGETHER[name]
    person = Person(tmp_path, Silent())  # type: ignore[arg-type]
    person.write(before)
    person.picture("sea.png")
    for name in ("land.mp4", "sea.mp4"):
        write_clip(tmp_path / name)
    person("apply")
    desk = Desk(tmp_path, text=before)
    desk.settle()
    assert before.count(old) == 1
    (ended, _, err), _ = desk.plan(before.replace(old, new))
    assert ended == 3
    assert code in err


def test_a_damaged_picture_is_told_before_it_is_paid_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a paid step needs is decoded on the short way too."""
    before = ONE + QUIET + "shots:\n  - {id: A, prompt: Rain.}\n  - {id: B, prompt: Wind.}\n  - {id: C, prompt: Sun.}\n"
    with studio_of(monkeypatch) as studio:
        film = Film(tmp_path, capsys, studio)
        film.write(before)
        film.apply()
    whole = film.picture("refs/whole.png", (320, 180)).read_bytes()
    (film.folder / "refs/cut.png").write_bytes(whole[: len(whole) // 2])
    desk = Desk(film.folder, text=before)
    desk.settle()
    (ended, out, _), is_short = desk.plan(before.replace("A,", "A, start: refs/whole.png,"))
    assert is_short
    assert "already owned" in out
    assert ended == 0
    (ended, _, err), _ = desk.plan(before.replace("A,", "A, start: refs/cut.png,"))
    assert ended == 3
    assert "VS305" in err


def test_a_text_that_grew_too_long_goes_the_whole_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of a storyboard holds for all of it, however small an excerpt is."""
    text = FILM.replace("A kite", "The kite")
    for most, is_short in ((len(text.encode()), True), (len(text.encode()) - 1, False)):
        monkeypatch.setattr(edited, "MAX_SPEC_BYTES", most)
        assert desk.plan(text)[1] is is_short


PIECES = st.sampled_from(
    ["", " ", "\n", "\n      - ", "\n  - id: SC09\n    shots:\n      - ", '"', "'", "#", "# x\n", ": ", "- ", "&a ",
     "*a", "[", "]", "{", "}", ",", "|", ">", "\t", "x", "@", "${", "SH010", "p1", "omit: true\n",
     "\n        seed: 9\n", "\n        start: {shot: SH030, frame: last}\n", "duration: 8s", "\r", "\r\n", "\ufeff"]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(st.integers(FILM.index("scenes:"), len(FILM)), st.integers(0, 30), PIECES)
def test_no_edit_is_planned_otherwise_than_by_the_whole(film: Path, at: int, length: int, piece: str) -> None:
    """Any text that is put anywhere, in the place of anything."""
    desk = Desk(film)
    if not isinstance(desk.answer(), (int, quick.Edit)):
        desk.settle()
    desk.plan(FILM[:at] + piece + FILM[at + length :])


KEYS = st.sampled_from(
    ["omit: true", "omit: false", 'aspect: "9:16"', "aspect: landscape", "duration: 6s", "duration: 8", "takes: 3",
     "select: 2", "retake: 1", "seed: 4", "seed: -1", "style: none", "style: dawn", "style: odd", "model: omni-flash",
     "model: veo-3.1-lite", "upscale: 4k", "upscale: none", "notes: a word", "title: A Title", "size: WS", "mode: t2v",
     "start: p2", "start: refs/one.png", "start: refs/none.png", "start: {shot: SH010, frame: first}",
     "start: {shot: SH050, frame: last}", "end: still:quay", "extend: SH010", "extend: SH060", "references: [p1, p2]",
     "references: [{shot: SH030}]", "characters: [ada]", "voices: [Zephyr]", "transition: {type: fade, frames: 6}",
     "trim: {head: 3f}", "trim: {head: 9s}", "tags: [a, b]", 'dialogue: [{who: ada, line: "Now."}]', "avoid: none",
     "sfx: ${how}", "music: ${env:NOT_SET:-none}", "ambience: ${unknown}", "review: {status: done, by: mk}",
     "prompt: >", "id: SH020"]
)  # fmt: skip
SHOTS = [at for at, line in enumerate(FILM.splitlines(keepends=True)) if "id: SH" in line]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHOTS), KEYS, st.booleans())
def test_no_key_of_a_shot_is_planned_otherwise_than_by_the_whole(film: Path, at: int, key: str, replaces: bool) -> None:
    """Any key is given to any shot, beside the one that it has or instead of it."""
    lines = FILM.splitlines(keepends=True)
    end = next((other for other in SHOTS if other > at), len(lines))
    if "- {" in lines[at]:
        lines[at] = lines[at].replace("}\n", f", {key}}}\n")
    else:
        name = key.partition(":")[0] + ":"
        same = [own for own in range(at + 1, end) if lines[own].strip().startswith(name)]
        lines[at] += f"        {key}\n"
        if replaces and same:
            lines[same[0]] = ""
    desk = Desk(film)
    if not isinstance(desk.answer(), (int, quick.Edit)):
        desk.settle()
    desk.plan("".join(lines))


def test_other_questions_are_not_answered_by_an_excerpt(desk: Desk) -> None:
    """What prints every step, or saves a plan, needs all of them."""
    text = FILM.replace("A kite", "The kite")
    for more in (("--all",), ("--format", "json"), ("--only", "SH010"), ("--verify",)):
        other = Desk(desk.folder, ("plan", *more))
        desk.spec.write_text(FILM)
        said(desk.folder, other.question())
        assert not other.plan(text)[1]


def test_a_damaged_note_is_not_believed(desk: Desk) -> None:
    """What is compared with is checked before it is believed."""
    with inside(desk.folder):
        path = Path(quick.witness_path(str(desk.folder / ".veospec"), ["plan"]))
    whole = path.read_bytes()
    text = FILM.replace("A kite", "The kite")
    for at in (1, 20, 200, len(FILM) // 2):
        path.write_bytes(whole[:-at] + bytes([whole[-at] ^ 1]) + (whole[1 - at :] if at > 1 else b""))
        desk.spec.write_text(text)
        assert not isinstance(desk.answer(), quick.Edit)
    path.write_bytes(whole)
    assert isinstance(desk.answer(), quick.Edit)


def test_paid_sums_add_up(tmp_path: Path) -> None:
    """What was left out keeps its worth; the sum is that of the whole."""
    sys.modules.setdefault("veospec.app.edited", edited)
    from veospec.model import Cost

    assert edited._less(Cost(100, 0), Cost(20, 0)) == Cost(80, 0)
    assert edited._less(Cost(100, 0, is_ceiling=True), Cost(20, 0)) == Cost(80, 0, is_ceiling=True)
    assert edited._less(Cost(100, 0, is_ceiling=True), Cost(20, 0, is_ceiling=True)) is None
    assert edited._less(Cost(None, 0), Cost(20, 0)) is None
