"""Open a project: read the storyboard and what it names, compile it, and gather everything a plan needs.

The only place that walks from a path on the command line to a compiled storyboard.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from veospec.app.choices import Choices
from veospec.app.uncollected import uncollected
from veospec.catalog.catalogue import Catalogue
from veospec.catalog.shipped import load_catalogue
from veospec.errors import SpecError, SpecInvalid, SpecUnreadable, UsageError
from veospec.model import Digest, InputFact, Location, Problem, Severity, Storyboard
from veospec.providers.base import Profile
from veospec.providers.flow.config import plan_class as plan_class_of
from veospec.providers.local.profile import LocalProfile
from veospec.spec.board import NOTHING_ABSENT, Absent
from veospec.spec.compiler import compile_storyboard, first_look
from veospec.spec.excerpt import Outline
from veospec.spec.files import check_files
from veospec.spec.include import is_pattern, matches
from veospec.spec.tree import Tree
from veospec.store.heads import board_name
from veospec.store.layout import Store
from veospec.store.project_files import FileText, ProjectFiles, read_spec

OUT = "out"
"""The folder beside the storyboard that people look at."""


class Project(Struct, frozen=True):
    """A compiled storyboard with its world. `root` is the folder of the main file; `notes` are its warnings.

    `texts` are the files whose words it was read from, the main one first; `searched` the folders in which files to
    include were looked for; `places` says where each input is written.
    """

    choices: Choices
    root: Path
    storyboard: Storyboard
    catalogue: Catalogue
    profile: Profile
    facts: Mapping[str, InputFact]
    notes: tuple[Problem, ...]
    store_root: Path
    texts: tuple[Path, ...] = ()
    searched: tuple[Path, ...] = ()
    outline: Outline | None = None
    places: Mapping[str, Location] = MappingProxyType({})

    @property
    def digests(self) -> dict[str, Digest]:
        """The digest of every input, by path."""
        return {path: fact.digest for path, fact in self.facts.items()}

    @property
    def includes(self) -> tuple[str, ...]:
        """The included files, by path below the project folder."""
        return tuple(t.relative_to(self.root).as_posix() for t in self.texts[1:] if t.is_relative_to(self.root))

    @property
    def board(self) -> str:
        """The name of the storyboard in the store."""
        return board_name(self.root / self.storyboard.file, self.store_root)

    @property
    def out(self) -> Path:
        """The folder of what people look at."""
        return self.root / OUT


class Reading(Struct, frozen=True):
    """What reading a storyboard gave: all problems, and the project when none of them is an error."""

    problems: tuple[Problem, ...]
    project: Project | None


def open_project(choices: Choices, environment: Mapping[str, str], *, outlines: bool = False) -> Project:
    """Return the project. Raises `SpecInvalid` with every problem of every file, or `SpecUnreadable`."""
    reading = read_project(choices, environment, outlines=outlines)
    if reading.project is None:
        raise SpecInvalid([p for p in reading.problems if p.severity is Severity.ERROR])
    return reading.project


@uncollected()
def read_project(
    choices: Choices,
    environment: Mapping[str, str],
    *,
    content: bytes | None = None,
    absent: Absent = NOTHING_ABSENT,
    outlines: bool = False,
) -> Reading:
    """Read everything and report everything. Raises `SpecUnreadable` only when the main file is no document.

    `content` stands in for that of the main file, from which the shots and scenes of `absent` were left out. With
    `outlines` a project without findings knows its outline.
    """
    main = choices.spec
    root = main.absolute().parent
    sources, unreadable, extra, as_of, searched = _texts(choices, root, content)
    overlay = choices.overlay or (root / extra if extra else None)
    catalogue = catalogue_for(_day(choices, as_of, main), overlay)
    compiled = compile_storyboard(
        sources,
        main.name,
        env=environment,
        catalogue=catalogue,
        pass_name=choices.pass_name,
        plan_class=choices.plan_class or plan_class_of(environment),
        provider=choices.provider,
        may_use_unlisted_models=choices.may_use_unlisted_models,
        unreadable=unreadable,
        absent=absent,
        outlines=outlines,
    )
    home = environment.get("VEOSPEC_HOME") or None
    store_root = Store.for_project(root, home, compiled.storyboard.store if compiled.storyboard else "")
    with Store.open(store_root, write=False) as store:
        facts = ProjectFiles(root, memo=store.input_memo).facts(compiled.paths, verify=choices.should_verify)
    board = compiled.storyboard
    draft = board or compiled.draft
    missing = check_files(draft, facts, compiled.paths, is_whole=board is not None) if draft is not None else ()
    problems = sorted({*compiled.problems, *missing}, key=_by_place)
    shown = tuple(as_written(problem, main) for problem in problems)
    if board is None or any(p.severity is Severity.ERROR for p in problems):
        return Reading(shown, None)
    texts = (main, *(root / name for name in sources if name != main.name), *([overlay] if overlay else []))
    profile = profile_of(board, catalogue)
    project = Project(
        choices,
        root,
        board,
        catalogue,
        profile,
        facts,
        shown,
        store_root,
        texts,
        searched,
        compiled.outline,
        compiled.paths,
    )
    return Reading(shown, project)


def source_files(spec: Path) -> tuple[Path, ...]:
    """Return the files of a storyboard that can be read, the main one first. Raises `SpecUnreadable`."""
    sources, *_ = _texts(Choices(spec), spec.absolute().parent)
    return tuple(spec if name == spec.name else spec.parent / name for name in sources)


def spec_store(spec: Path) -> str:
    """Return the `store:` of a storyboard, or nothing when it has none or cannot be read."""
    found = read_spec(spec)
    if found.content is None:
        return ""
    try:
        root = first_look(found.content, spec.name)[0].root
    except SpecUnreadable:
        return ""
    value = root.get("store") if isinstance(root, dict) else None
    return value if isinstance(value, str) else ""


def catalogue_for(day: date | None, overlay: Path | None) -> Catalogue:
    """Return the model table of a day with an overlay laid over it. Raises `SpecError` or `UsageError`."""
    if overlay is None:
        return load_catalogue(as_of=day)
    found = read_spec(overlay)
    if found.content is None:
        raise UsageError(f"the catalogue overlay {overlay} {found.missing}", "check the path")
    try:
        text = found.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the catalogue overlay {overlay} is not UTF-8 (byte {error.start})") from None
    return load_catalogue(overlay=text, as_of=day, overlay_file=str(overlay))


def profile_of(board: Storyboard, catalogue: Catalogue) -> Profile:
    """Return the pure half of the storyboard's provider. Raises `SpecError` for one that this version lacks."""
    if board.provider == "flow":
        from veospec.providers.flow.profile import FlowProfile

        return FlowProfile(catalogue, board.plan_class)
    if board.provider != "local":
        raise SpecError(
            f"this version cannot work with the provider '{board.provider}'",
            "use local or flow; `veospec cost` compares the prices of the others",
        )
    deliver = board.deliver
    return LocalProfile(
        fps=board.project.fps,
        animatic_size=deliver.animatic_size,
        ken_burns=deliver.ken_burns,
        timecode=deliver.timecode,
    )


def _texts(
    choices: Choices, root: Path, content: bytes | None = None
) -> tuple[dict[str, bytes | Tree], dict[str, str], str, str, tuple[Path, ...]]:
    """Read the main file and everything it includes, by path below the project folder.

    Returns the sources, the clauses of files that could not be taken, the path of the overlay, the `as_of` day and
    the folders that were searched.
    """
    main = choices.spec
    found = read_spec(main) if content is None else FileText(str(main), content)
    if found.content is None:
        near = f"did you mean {found.near[0]}?" if found.near else "give the path of a storyboard, such as shots.yaml"
        raise SpecUnreadable(Problem("VS001", f"the file {found.missing}", near, Location(str(main), 1, 1)))
    try:
        tree, patterns, overlay, as_of = first_look(found.content, main.name)
    except SpecUnreadable as error:
        raise SpecUnreadable(as_written(error.problem, main)) from None
    sources: dict[str, bytes | Tree] = {main.name: tree}
    unreadable: dict[str, str] = {}
    files = ProjectFiles(root)
    searched: list[Path] = []
    waiting = list(patterns)
    while waiting:
        for path in _fitting(root, waiting.pop(), searched):
            if path in sources or path in unreadable:
                continue
            text = files.text(path)
            if text.content is None:
                if text.missing != "does not exist":
                    unreadable[path] = text.missing
                continue
            sources[path] = text.content
            with suppress(SpecUnreadable):
                waiting.extend(first_look(text.content, path)[1])
    return sources, unreadable, overlay, as_of, tuple(dict.fromkeys(searched))


def _fitting(root: Path, pattern: str, searched: list[Path]) -> list[str]:
    """Return the project paths that an include asks for; hidden folders and the output folder are passed over."""
    if not is_pattern(pattern):
        return [pattern]
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(i for i in inner if not i.startswith(".") and not (i == OUT and folder == str(root)))
        searched.append(Path(folder))
        for name in names:
            path = Path(folder, name).relative_to(root).as_posix()
            if matches(pattern, path):
                found.append(path)
    return sorted(found)


def _day(choices: Choices, as_of: str, main: Path) -> date | None:
    if choices.as_of is not None or not as_of:
        return choices.as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        raise UsageError(f"{main}: as_of {as_of!r} is no date like 2026-11-01") from None


def _by_place(problem: Problem) -> tuple[Location, str, str]:
    return (problem.location, problem.code, problem.message)


def as_written(problem: Problem, main: Path) -> Problem:
    """Name the file as the person named it, so that an editor can jump there."""
    where = problem.location
    file = str(main) if where.file == main.name else str(main.parent / where.file)
    return replace(problem, location=replace(where, file=file))
