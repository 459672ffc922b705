"""A run with nothing to do answers from its witness; no change of anything that decides may ever be answered by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acceptance import Person, Silent

from veospec import quick
from veospec.app.inventory import StoredInventory
from veospec.app.planning import plan_with
from veospec.app.project import Project
from veospec.app.witness import Asked, Sights, leave_witness
from veospec.cli.boundary import run
from veospec.model import Cost
from veospec.plan.values import Ceiling, Plan
from veospec.run.journal import Journal
from veospec.run.rows import Intent, Part
from veospec.store.layout import Store
from veospec.store.lock import Lease
from veospec.store.memo import QUIET_NS

FILM = """veospec: 1
project: {code: KIT, title: The Kite}
vars: {weather: "${env:WEATHER:-wind}"}
catalogue: prices.toml
include: "acts/*.yaml"
defaults: {duration: 4s}
passes: {draft: {takes: 1}}
deliver: {animatic: {size: 180p, ken_burns: false}, contact_sheet: {frames: [first]}, timeline: [edl]}
assets: {kite: refs/kite.png}
shots:
  - {id: SH010, prompt: "A kite in hard ${weather}.", start: kite}
"""
ACT = """shots:
  - {id: SH020, prompt: It lands.}
"""
OVERLAY = "# prices of this project\n"
FAR_NS = 60_000_000_000
"""Tests cannot wait until files count as quiet, so they say that the run begins in a minute."""
COMMANDS = (("plan",), ("apply",))


class Film:
    """A person, a project in which everything is made, and the two ways to answer."""

    def __init__(self, person: Person, capture: pytest.CaptureFixture[str]) -> None:
        self.person = person
        self.folder = person.folder
        self._capture = capture

    def slow(self, *arguments: str, began_ns: int = 0, code: int = 0) -> tuple[str, str]:
        """Go the whole way, which may leave a witness; by default as if it began when all was quiet."""
        return self._said(lambda q: run(arguments, q), arguments, began_ns or time.time_ns() + FAR_NS, code)

    def fast(self, *arguments: str) -> tuple[str, str] | None:
        """Answer from the witness, or not."""
        before = Path.cwd()
        os.chdir(self.folder)
        self._capture.readouterr()
        try:
            code = quick.answer(arguments)
        finally:
            os.chdir(before)
        said = self._capture.readouterr()
        assert code in (0, None) or isinstance(code, quick.Edit)
        assert code == 0 or not said.out + said.err, "it spoke without an answer"
        return (said.out, said.err) if code == 0 else None

    def settle(self) -> None:
        """Leave a witness of plan and apply, and see that both are believed."""
        for arguments in COMMANDS:
            tries = [(self.slow(*arguments), self.fast(*arguments)) for _ in range(2)]
            assert any(slow == fast for slow, fast in tries)  # once is lost when somebody edits the program meanwhile
            assert "nothing to do" in tries[0][0][0]

    def witness(self, command: str = "plan") -> Path:
        """Return the file of a witness."""
        return Path(quick.witness_path(str(self.folder / ".veospec"), [command]))

    def one(self, pattern: str) -> Path:
        """Return the first file that fits."""
        return min(self.folder.glob(pattern))

    def _said(
        self, way: Callable[[quick.Question], int], arguments: tuple[str, ...], began_ns: int, code: int
    ) -> tuple[str, str]:
        before = Path.cwd()
        os.chdir(self.folder)
        self._capture.readouterr()
        try:
            ended = way(quick.Question(arguments, began_ns))
        finally:
            os.chdir(before)
        said = self._capture.readouterr()
        assert ended == code, said
        return said.out, said.err


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that was applied once."""
    folder = tmp_path_factory.mktemp("made") / "film"
    person = Person(folder, Silent())
    person.write(FILM)
    person.write(ACT, "acts/one.yaml")
    person.write(OVERLAY, "prices.toml")
    person.picture("refs/kite.png", (320, 180))
    person("apply")
    return folder


@pytest.fixture
def film(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Film:
    monkeypatch.setenv("WEATHER", "wind")
    folder = tmp_path / "film"
    shutil.copytree(made, folder, symlinks=True)
    film = Film(Person(folder, capsys), capsys)
    film.settle()
    return film


def rewrite(path: Path, content: bytes) -> None:
    """Write in place, and put the old times back."""
    seen = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def swap_letter(path: Path, at: int = -3) -> None:
    """Change one byte: the same size, the same mtime."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    rewrite(path, bytes(content))


def to_link(path: Path) -> None:
    """Put a link to the very same content in a file's or a folder's place."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    path.symlink_to(aside.name)


def replaced(path: Path) -> None:
    """Put a copy in the place of a file."""
    aside = path.with_name("aside")
    shutil.copy2(path, aside)
    aside.rename(path)


def begin_purchase(root: Path) -> None:
    """Write the intent of a paid request into a journal."""
    journal = Journal.open(root / "journal.sqlite3")
    part = Part("a" * 64, {}, "a" * 64, {}, 1, 1, Cost(20, 0))
    intent = Intent("a1", "vs1:a1", "r1", "shots.yaml", "flow", "1@here", "SH010", "a@example.com", "veo-3.1-fast",
                    "videos", {}, (part,))  # fmt: skip
    journal.reserve(intent, Ceiling(), datetime(2026, 6, 15, tzinfo=UTC))
    journal.close()


@dataclass(frozen=True)
class Change:
    """Something that somebody does; after it neither command, or only `apply`, may be answered from its witness."""

    name: str
    do: Callable[[Path], object]
    is_seen_by_plan: bool = True


def one(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


STORE = ".veospec/store"
CHANGES = (
    Change("spec: same size, same mtime", lambda f: swap_letter(f / "shots.yaml", -20)),
    Change("spec: one byte more", lambda f: (f / "shots.yaml").write_text(FILM + "#")),
    Change("spec: cut short", lambda f: (f / "shots.yaml").write_text(FILM[:-40])),
    Change("spec: deleted", lambda f: (f / "shots.yaml").unlink()),
    Change("spec: another deliver section", lambda f: (f / "shots.yaml").write_text(FILM.replace("[edl]", "[otio]"))),
    Change("spec: in the place of a link", lambda f: to_link(f / "shots.yaml")),
    Change("included file: same size, same mtime", lambda f: swap_letter(f / "acts/one.yaml")),
    Change("included file: a link to the same", lambda f: to_link(f / "acts/one.yaml")),
    Change("included folder: a link to the same", lambda f: to_link(f / "acts")),
    Change("one more file for the pattern", lambda f: (f / "acts/two.yaml").write_text(ACT.replace("020", "030"))),
    Change("an included file is gone", lambda f: (f / "acts/one.yaml").unlink()),
    Change("catalogue overlay changed", lambda f: (f / "prices.toml").write_text(OVERLAY + "#")),
    Change("catalogue overlay: a link", lambda f: to_link(f / "prices.toml")),
    Change("input: same size, same mtime", lambda f: swap_letter(f / "refs/kite.png")),
    Change("input: an older mtime restored", lambda f: os.utime(f / "refs/kite.png", ns=(1, 1))),
    Change("input: a link to the same", lambda f: to_link(f / "refs/kite.png")),
    Change("input folder: a link to the same", lambda f: to_link(f / "refs")),
    Change("input: gone", lambda f: (f / "refs/kite.png").unlink()),
    Change("input: a folder in its place", lambda f: ((f / "refs/kite.png").unlink(), (f / "refs/kite.png").mkdir())),
    Change("blob: gone", lambda f: one(f, f"{STORE}/blobs/*/*.mp4").unlink()),
    Change("blob: cut short", lambda f: rewrite(one(f, f"{STORE}/blobs/*/*.mp4"), b"short")),
    Change("blob: same size, same mtime", lambda f: swap_letter(one(f, f"{STORE}/blobs/*/*.mp4"))),
    Change("record: gone", lambda f: one(f, f"{STORE}/actions/*/*.json").unlink()),
    Change("record: a stranger beside it", lambda f: one(f, f"{STORE}/actions/*/*.json").with_name("x").touch()),
    Change("record: replaced", lambda f: replaced(one(f, f"{STORE}/actions/*/*.json"))),
    Change("store: the version of a newer program", lambda f: (f / ".veospec/version").write_text("veospec store 2\n")),
    Change("store: a link to the same", lambda f: to_link(f / ".veospec")),
    Change("journal: a purchase in flight", lambda f: begin_purchase(f / ".veospec")),
    Change("journal: gone, its bound is left", lambda f: (f / ".veospec/journal.seq").write_text(f"{3:020}\n")),
    Change("committed manifest: gone", lambda f: (f / "out/manifest.json").unlink()),
    Change("committed manifest: same size, same mtime", lambda f: swap_letter(f / "out/manifest.json")),
    Change("output: gone", lambda f: one(f, "out/clips/*.mp4").unlink(), is_seen_by_plan=False),
    Change("output: cut short", lambda f: rewrite(one(f, "out/reel*.mp4"), b"x"), is_seen_by_plan=False),
    Change("output: same size", lambda f: swap_letter(one(f, "out/*.edl")), is_seen_by_plan=False),
    Change("output: a link to the same", lambda f: to_link(one(f, "out/clips/*.mp4")), is_seen_by_plan=False),
    Change("output folder: a link to the same", lambda f: to_link(f / "out/clips"), is_seen_by_plan=False),
    Change("page: changed", lambda f: swap_letter(f / "out/review.html"), is_seen_by_plan=False),
    Change("poster: cut short", lambda f: rewrite(one(f, "out/posters/*"), b""), is_seen_by_plan=False),
    Change("accepted takes: gone", lambda f: one(f, f"{STORE}/heads/*").unlink(), is_seen_by_plan=False),
    Change("list of our outputs: gone", lambda f: one(f, f"{STORE}/outputs/*").unlink(), is_seen_by_plan=False),
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.name)
def test_no_change_is_overlooked(film: Film, change: Change) -> None:
    """What decides the answer is compared every time."""
    change.do(film.folder)
    if change.is_seen_by_plan:
        assert film.fast("plan") is None
    assert film.fast("apply") is None


STANDING = ("actions/", "blobs/")
"""Where the names of a folder stand for its files: those of records, and of clips that are looked at elsewhere."""
LOSABLE = ("index/", "inputs/", "locks/", "scratch/", "trash/", "README.txt", ".gitignore")
FOR_APPLY_ONLY = ("out/", ".veospec/store/heads/", ".veospec/store/outputs/")


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_every_file_of_a_project_is_looked_at(film: Film, command: str) -> None:
    """Beside what may be lost, no file lies there that a witness does not compare, itself or by its folder's names."""
    descriptor = os.open(film.witness(command), os.O_RDONLY)
    stamps, sections, _ = quick._unpacked(descriptor)
    os.close(descriptor)
    _, _, _, folders, counts, names, _, _, texts = sections
    name, number = iter(names), iter(stamps)
    looked_at, listed = set(texts), set()
    for folder, count in zip(folders, counts, strict=True):
        _, _, changed_ns, _ = (next(number) for _ in range(4))
        if changed_ns:
            listed.add(folder)
        for _ in range(int(count)):
            looked_at.add(f"{folder}/{next(name)}")
            for _ in range(4):
                next(number)
    files = [path for path in film.folder.rglob("*") if path.is_file()]
    forgotten = {
        str(path.relative_to(film.folder))
        for path in files
        if str(path) not in looked_at
        and not str(path.relative_to(film.folder)).startswith(tuple(f".veospec/{name}" for name in LOSABLE))
        and not (str(path.parent) in listed and path.parent.parent.name + "/" in STANDING)
    }
    if command == "plan":
        forgotten = {path for path in forgotten if not path.startswith(FOR_APPLY_ONLY) or path == "out/manifest.json"}
    assert forgotten == {".veospec/version"}  # it is read every time


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEATHER", "rain"), ("WEATHER", None), ("VEOSPEC_PLAN", "pro"), ("VEOSPEC_HOME", "elsewhere"),
     ("XDG_CONFIG_HOME", "/nowhere")],
)  # fmt: skip
def test_the_environment_decides(film: Film, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    """Every variable that was asked for is compared, set or not."""
    monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name)
    for command in COMMANDS:
        assert film.fast(*command) is None


def test_a_configuration_that_appears_is_read(film: Film) -> None:
    """The private file may name the plan that pays."""
    private = Path(os.environ["XDG_CONFIG_HOME"]) / "veospec" / "flow.toml"
    private.parent.mkdir(parents=True)
    private.write_text('plan = "pro"\n')
    assert film.fast("plan") is None


@pytest.mark.parametrize(
    "more",
    [("--provider", "flow"), ("--pass", "draft"), ("--plan-class", "pro"), ("--as-of", "2026-06-30"), ("--verify",),
     ("--only", "SH010"), ("--max-credits", "5"), ("--format", "json"), ("./shots.yaml",), ("shots.yaml",)],
)  # fmt: skip
def test_another_question_is_another_witness(film: Film, more: tuple[str, ...]) -> None:
    """A witness answers the very words that it was asked."""
    for command in COMMANDS:
        assert film.fast(*command, *more) is None


@pytest.mark.parametrize("more", [("--format", "json"), ("--all",), ("shots.yaml",), ("--exit-code",)])
def test_the_answer_is_the_same_byte_for_byte(film: Film, more: tuple[str, ...]) -> None:
    """Whatever the form, the witness says what the whole way says."""
    said = film.slow("plan", *more)
    assert film.fast("plan", *more) == said


@pytest.mark.parametrize(
    "arguments", [("plan", "--verify"), ("apply", "--verify"), ("plan", "-o", "plan.json"), ("apply", "--regenerate"),
                  ("apply", "--only", "SH010"), ("apply", "--events", "events.ndjson")]
)  # fmt: skip
def test_what_does_more_than_look_is_never_spared(film: Film, arguments: tuple[str, ...]) -> None:
    """A command that hashes, writes or narrows goes the whole way every time."""
    film.slow(*arguments)
    film.slow(*arguments)
    assert film.fast(*arguments) is None


def test_the_project_elsewhere_has_no_witness(film: Film, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy of a whole project with its store is another project."""
    shutil.copytree(film.folder, tmp_path / "copy", symlinks=True)
    other = Film(Person(tmp_path / "copy", capsys), capsys)
    assert [other.fast(*command) for command in COMMANDS] == [None, None]


def test_a_link_to_another_project_is_followed_anew(film: Film, tmp_path: Path) -> None:
    """The main file may be reached through links: where they lead is compared."""
    twin = tmp_path / "twin"
    shutil.copytree(film.folder, twin, symlinks=True)
    (tmp_path / "way").symlink_to("film")
    arguments = ("plan", str(tmp_path / "way/shots.yaml"))
    film.slow(*arguments)
    assert film.fast(*arguments) is not None
    (tmp_path / "way").unlink()
    (tmp_path / "way").symlink_to("twin")
    assert film.fast(*arguments) is None


def test_the_folder_that_a_link_leads_to_is_compared(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs lie beside the storyboard as it was named, wherever its text and the store are."""
    monkeypatch.setenv("VEOSPEC_HOME", str(film.folder / ".veospec"))
    shutil.rmtree(film.folder / "out")
    twin = tmp_path / "twin"
    shutil.copytree(film.folder, twin, ignore=shutil.ignore_patterns(".veospec"))
    swap_letter(twin / "refs/kite.png")
    (twin / "shots.yaml").unlink()
    (twin / "shots.yaml").symlink_to("../film/shots.yaml")
    (tmp_path / "way").symlink_to("film")
    arguments = ("plan", str(tmp_path / "way/shots.yaml"))
    film.slow(*arguments)
    assert film.fast(*arguments) is not None
    (tmp_path / "way").unlink()
    (tmp_path / "way").symlink_to("twin")
    assert film.fast(*arguments) is None


def test_who_signs_is_read_every_time(film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signer's certificate and key lie outside the project, and a new one signs the reel anew."""
    told = tmp_path / "signer.toml"
    told.write_text('certificate = "chain.pem"\nprivate_key = "key.pem"\n')
    for name in ("chain.pem", "key.pem"):
        (tmp_path / name).write_text("one")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setattr("veospec.app.films.sign_film", lambda *_: None)
    monkeypatch.setenv("VEOSPEC_SIGNER", str(told))
    signed = 'timeline: [edl], provenance: {c2pa: "${env:VEOSPEC_SIGNER:-none}"}'
    film.person.write(FILM.replace("timeline: [edl]", signed))
    for _ in range(2):
        film.slow("apply")
    assert film.fast("apply") is None
    monkeypatch.delenv("VEOSPEC_SIGNER")
    for _ in range(2):
        film.slow("apply")
    assert film.fast("apply") is not None


def test_letters_that_no_font_has_are_looked_for_every_time(film: Film) -> None:
    """A font that was installed meanwhile ends the notice."""
    film.person.edit("It lands.", "It lands \U0001f9ff\u2e80\U00012000.", "acts/one.yaml")
    for _ in range(3):
        said = film.slow("apply")
    assert "no font on this machine has" in said[1]
    assert film.fast("apply") is None


def test_a_change_during_the_run_leaves_no_witness(film: Film) -> None:
    """What moved after the run began, or in the same tick, may be what this run did not see."""
    film.witness().unlink()
    picture = film.folder / "refs/kite.png"
    picture.write_bytes(picture.read_bytes())
    film.slow("plan", began_ns=time.time_ns() - 1)
    assert film.fast("plan") is None
    film.slow("plan", began_ns=picture.stat().st_ctime_ns + 1_000_000)
    assert film.fast("plan") is None
    film.slow("plan")
    assert film.fast("plan") is not None


def swap_folders(film: Film) -> None:
    """Put another folder of inputs, made long ago, in the place of the one that was read."""
    (film.folder / "refs").rename(film.folder / "refs.read")
    (film.folder / "refs.other").rename(film.folder / "refs")


def swap_way(film: Film) -> None:
    """Let a link lead to another project, made long ago."""
    way = film.folder.parent / "way"
    way.unlink()
    way.symlink_to("twin")


def forget_plan_class(_: Film) -> None:
    """Remove a private file after it was read."""
    private = Path(os.environ["XDG_CONFIG_HOME"]) / "veospec/flow.toml"
    assert 'plan = "pro"' in private.read_text()
    private.unlink()


@pytest.mark.parametrize("swap", [swap_folders, swap_way, forget_plan_class, lambda _: None])
def test_what_is_put_in_the_place_of_what_was_read_leaves_no_witness(
    film: Film, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Film], None]
) -> None:
    """What came into its place may be older than the run, so no file of it tells."""
    film.person.edit('"acts/*.yaml"', "acts/one.yaml")
    shutil.copytree(film.folder / "refs", film.folder / "refs.other")
    swap_letter(film.folder / "refs.other/kite.png")
    shutil.copytree(film.folder, film.folder.parent / "twin", symlinks=True)
    (film.folder.parent / "twin/shots.yaml").write_text(FILM.replace("The Kite", "The Twin"))
    way = film.folder.parent / "way"
    way.symlink_to("film")
    private = Path(os.environ["XDG_CONFIG_HOME"]) / "veospec/flow.toml"
    private.parent.mkdir(parents=True)
    private.write_text('plan = "pro"\n')
    private.chmod(0o600)
    monkeypatch.setenv("VEOSPEC_HOME", str(film.folder / ".veospec"))
    arguments = ("plan", str(way / "shots.yaml"))
    quiet_ns = time.time_ns() + 2 * QUIET_NS
    while time.time_ns() < quiet_ns:
        film.slow(*arguments)
    swaps = [swap]

    def plan_and_swap(project: Project, inventory: StoredInventory) -> Plan:
        made = plan_with(project, inventory)
        while swaps:
            swaps.pop()(film)
        return made

    monkeypatch.setattr("veospec.app.planned.plan_with", plan_and_swap)
    film.witness().parent.joinpath(Path(quick.witness_path("", arguments)).name).unlink()
    said = film.slow(*arguments, began_ns=time.time_ns())
    assert "The Kite · provider local on pro" in said[0]
    assert "nothing to do" in said[0]
    assert not swaps
    is_still = private.exists() and way.samefile(film.folder) and (film.folder / "refs.other").exists()
    assert (film.fast(*arguments) is not None) is is_still


def test_work_leaves_no_witness(film: Film) -> None:
    """Only a run that found nothing to do may be repeated."""
    film.person.edit("It lands.", "It lands in the sea.", "acts/one.yaml")
    film.slow("plan")
    assert film.fast("plan") is None
    film.slow("apply")
    assert film.fast("apply") is None


def test_money_in_flight_leaves_no_witness(film: Film) -> None:
    """While the journal holds anything live, every run looks at it."""
    begin_purchase(film.folder / ".veospec")
    for command in COMMANDS:
        film.slow(*command)
        film.slow(*command)
        assert film.fast(*command) is None


def test_a_settled_journal_is_compared(film: Film) -> None:
    """A journal at rest does not keep a run from being quick; its next move does."""
    Journal.open(film.folder / ".veospec/journal.sqlite3").close()
    film.slow("plan")
    film.slow("plan")
    assert film.fast("plan") is not None
    begin_purchase(film.folder / ".veospec")
    assert film.fast("plan") is None


def test_apply_keeps_to_the_lease(film: Film) -> None:
    """While somebody has the store for himself, apply waits its turn on the whole way; looking needs no lease."""
    with Store.open(film.folder / ".veospec", write=True, exclusive=True, doing="cache gc"):
        assert film.fast("apply") is None
        assert film.fast("plan") is not None
    assert film.fast("apply") is not None


def test_two_at_once_answer_the_same(film: Film) -> None:
    """Runs beside each other share the lease."""
    with Store.open(film.folder / ".veospec", write=True, doing="apply") as store:
        assert isinstance(store.locks.attempt("0" * 64), Lease)
        assert film.fast("apply") is not None


def test_any_damage_to_a_witness_is_seen(film: Film) -> None:
    """No flipped bit, no lost end and no added byte gives an answer; the note at the end is for edits alone."""
    path = film.witness()
    whole = path.read_bytes()
    answering = len(whole) - int(whole[len(quick.MAGIC) : quick._HEAD_BYTES].split()[3])
    step = max(1, len(whole) // 400)
    spoilt = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(0, answering, step)]
    spoilt += [whole[:at] for at in range(0, len(whole), step * 7)] + [whole + b"\n", b""]
    for content in spoilt:
        path.write_bytes(content)
        assert film.fast("plan") is None
    path.write_bytes(whole)
    assert film.fast("plan") is not None


def test_a_witness_of_another_version_is_not_read(film: Film) -> None:
    """A newer form, a newer program and a reinstalled one start anew."""
    path = film.witness()
    whole = path.read_bytes()
    path.write_bytes(whole.replace(quick.MAGIC, quick.MAGIC.replace(b"2", b"3"), 1))
    assert film.fast("plan") is None
    house = quick.house().encode()
    assert house in whole
    stamps = whole[quick._HEAD_BYTES :]
    assert house.split(b"\n")[0] in stamps


def test_the_house_moves_with_every_module() -> None:
    """The installation that a witness is bound to is told by the stat of every file of the program."""
    house = quick.house()
    package = Path(quick.__file__).parent
    for path in [*package.rglob("*.py"), package / "catalog/models.toml"]:
        seen = path.stat()
        assert f"{path} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino}" in house


def test_a_witness_of_another_question_in_its_place_is_not_believed(film: Film) -> None:
    """The name of the file is only where to look."""
    shutil.copyfile(film.witness("apply"), film.witness("plan"))
    assert film.fast("plan") is None


def test_a_lost_index_costs_time_only(film: Film) -> None:
    """Without the index the whole way says the same and leaves the next witness."""
    said = film.fast("plan")
    shutil.rmtree(film.folder / ".veospec/index")
    assert film.fast("plan") is None
    assert film.slow("plan") == said
    assert film.fast("plan") == said


def test_only_a_few_witnesses_are_kept(film: Film) -> None:
    """Questions that are never asked again do not fill the disk."""
    for ceiling in range(20):
        film.slow("plan", "--max-credits", str(ceiling))
    assert len(list(film.witness().parent.iterdir())) <= 8


def test_a_store_named_in_the_storyboard_is_found(film: Film) -> None:
    """`store:` moves the witness too."""
    film.person.write(FILM + "store: .cache/film\n")
    (film.folder / ".cache").mkdir()
    (film.folder / ".veospec").rename(film.folder / ".cache/film")
    film.slow("plan")
    assert film.fast("plan") is not None


COUNT = """
import atexit, json, sys
seen = {"open": [], "connect": 0, "sqlite3": 0}
def hook(event, args):
    if event == "open": seen["open"].append(str(args[0]))
    elif event.startswith("socket."): seen["connect"] += 1
    elif event.startswith("sqlite3."): seen["sqlite3"] += 1
before = set(sys.modules)
sys.argv = ["veospec", *sys.argv[1:]]
sys.addaudithook(hook)
from veospec.__main__ import main

def tell():
    seen["modules"] = sorted(set(sys.modules) - before)
    sys.stderr.write(json.dumps(seen))

atexit.register(tell)
main()
"""


def counted(film: Film, *command: str) -> dict[str, Any]:
    """Run a command in a process of its own and return what it opened, imported and asked for."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    line = [sys.executable, "-c", COUNT, *command]
    found = subprocess.run(line, cwd=film.folder, env=environment, capture_output=True, text=True, check=True)
    assert "nothing to do" in found.stdout
    seen: dict[str, Any] = json.loads(found.stderr)
    return seen


@pytest.mark.parametrize("ahead", range(12))
def test_a_store_is_found_wherever_a_piece_of_the_text_ends(
    film: Film, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "_PIECE_BYTES", 10)
    film.person.write(FILM + "#" * ahead + "\nstore: .cache/film\n")
    (film.folder / ".cache").mkdir()
    (film.folder / ".veospec").rename(film.folder / ".cache/film")
    film.slow("plan")
    assert film.fast("plan") is not None


@pytest.mark.parametrize("change", ["first", "last", "shorter", "longer"])
def test_a_long_text_is_compared_to_its_end(film: Film, change: str) -> None:
    long = FILM + "# the same again\n" * 9_000 + "# end\n"
    film.person.write(long)
    film.settle()
    others = {
        "first": long.replace("1", "1 ", 1),
        "last": long[:-2] + "t\n",
        "shorter": long[:-1],
        "longer": long + "#",
    }
    film.person.write(others[change])
    assert film.fast("apply") is None
    assert film.fast("plan") is None
    film.person.write(long)


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_to_do_costs_next_to_nothing(film: Film, command: tuple[str, ...]) -> None:
    """No database, no socket, no digest, none of the program's rooms: a handful of files is opened."""
    seen = counted(film, *command)
    assert seen["connect"] == seen["sqlite3"] == 0
    ours = {name for name in seen["modules"] if name.split(".")[0] == "veospec"}
    assert ours == {"veospec", "veospec.__main__", "veospec.quick"}
    assert not {"click", "yaml", "hashlib", "pathlib", "dataclasses", "collections.abc"} & set(seen["modules"])
    folders = sum(1 for path in film.folder.rglob("*") if path.is_dir())
    assert len(seen["open"]) < folders + 20


def test_the_whole_way_reads_each_record_once_and_no_clip(film: Film) -> None:
    """Without a witness: one look at each blob, one read of each record, no input, no manifest, no request."""
    film.witness().unlink()
    seen = counted(film, "plan")
    assert seen["connect"] == seen["sqlite3"] == 0
    inside = [path for path in seen["open"] if path.startswith(str(film.folder))]
    records = [path for path in inside if "/actions/" in path and path.endswith(".json")]
    assert sorted(records) == sorted(str(path) for path in film.folder.glob(f"{STORE}/actions/*/*.json"))
    assert not [path for path in inside if path.endswith((".mp4", ".png", "manifest.json"))]
    assert not {"av", "PIL", "httpx", "jsonschema", "diskcache", "rich"} & set(seen["modules"])


def test_without_an_index_a_plan_hashes_no_clip_and_an_apply_every_one(film: Film) -> None:
    """A clip that nobody may write was hashed when it was sealed; what is handed out is hashed again."""
    clips = {str(path) for path in film.folder.glob(f"{STORE}/blobs/*/*.mp4")}
    for command, opened in (("plan", set()), ("apply", clips)):
        shutil.rmtree(film.folder / ".veospec/index", ignore_errors=True)  # a plan need not have made one
        seen = counted(film, command)
        assert {path for path in seen["open"] if path.endswith(".mp4") and STORE in path} == opened


@pytest.mark.parametrize(
    "damage",
    [
        lambda clip: clip.chmod(0o644),  # somebody may have written
        lambda clip: (clip.chmod(0o644), clip.write_bytes(b"short"), clip.chmod(0o444)),
        lambda clip: (clip.rename(clip.with_suffix(".x")), clip.symlink_to(clip.with_suffix(".x").name)),
    ],
)
def test_without_an_index_an_unsealed_clip_is_not_believed(film: Film, damage: Callable[[Path], object]) -> None:
    """The seal stands for the bytes only where it is whole."""
    clip = film.one(f"{STORE}/blobs/*/*.mp4")
    original = clip.read_bytes()
    shutil.rmtree(film.folder / ".veospec/index")
    damage(clip)
    with Store.open(film.folder / ".veospec", write=False) as store:
        assert not store.blobs.known(clip.stem, ".mp4", len(original), trusts_seal=True)


def test_a_clip_that_stirred_is_hashed_whatever_its_seal_says(film: Film) -> None:
    """What is remembered of a clip weighs more than its mode."""
    clip = film.one(f"{STORE}/blobs/*/*.mp4")
    before = clip.lstat()
    swap_letter(clip)
    clip.chmod(0o444)
    with Store.open(film.folder / ".veospec", write=False) as store:
        store._blob_memo.put_own(str(clip), before, clip.stem)
        assert not store.blobs.known(clip.stem, ".mp4", before.st_size, trusts_seal=True)


def test_a_folder_that_goes_at_the_very_end_costs_the_witness_only(tmp_path: Path) -> None:
    """Everything is said by then, so it is no failure."""
    sights = Sights(str(tmp_path / ".veospec"), (str(tmp_path / "gone/shots.yaml"),))
    assert not leave_witness(quick.Question(("plan",)), Asked({}), sights, "nothing to do", "")
