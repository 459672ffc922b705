"""Change the user's own files: `init`, `import`, `select`, `retake`. Comments and layout stay as they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unicodedata import normalize

from veospec import __version__
from veospec.app.choices import Choices
from veospec.app.project import read_project, source_files
from veospec.app.writing import replace_text, write_text
from veospec.catalog.shipped import load_catalogue
from veospec.errors import UsageError
from veospec.model import Kind, Problem
from veospec.review import ci as ci_files
from veospec.spec import edit, importer, scaffold
from veospec.spec.schema import schema_text
from veospec.store.project_files import read_spec

MAX_IMPORT_BYTES = 16 << 20
_TRIES = 20


def start(folder: Path, *, is_minimal: bool, ci: str, should_overwrite: bool) -> tuple[Path, ...]:
    """Write a first storyboard, or the files of a CI; nothing at all when one of them exists already."""
    wanted: dict[str, str]
    if ci:
        files_for = {"github": ci_files.github_files, "gitlab": ci_files.gitlab_files}[ci]
        project, folder = folder, _repository(folder)
        spec = (project.resolve() / "shots.yaml").relative_to(folder.resolve()).as_posix()
        wanted = files_for(spec, __version__)
    else:
        wanted = {
            "shots.yaml": scaffold.minimal() if is_minimal else scaffold.starter(),
        }
        # What belongs to the project already stays; editors read the schema for help while typing.
        extras = {".gitignore": scaffold.GITIGNORE}
        if not is_minimal:
            extras[scaffold.SCHEMA_FILE] = schema_text(load_catalogue())
        wanted |= {name: text for name, text in extras.items() if not (folder / name).exists()}
    there = [folder / name for name in wanted if (folder / name).exists()]
    if there and not should_overwrite:
        raise UsageError(f"{there[0]} exists", "say --force to overwrite it, or choose another folder")
    written = []
    for name, text in wanted.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make {path.parent}: {error.strerror}") from error
        write_text(path, text)
        written.append(path)
    return tuple(written)


def _repository(folder: Path) -> Path:
    """Return the top of the repository that a folder is in, the only place where a CI looks; else the folder."""
    here = folder.absolute()
    for above in (here, *here.parents):
        if (above / ".git").exists():
            return folder if above == here else Path(os.path.relpath(above))
    return folder


def import_file(source: Path) -> tuple[str, tuple[Problem, ...]]:
    """Return the storyboard of a prompts.json or CSV file, and what could not be taken over."""
    return importer.import_prompts(_text_of(source), str(source), load_catalogue())


def select_take(spec: Path, shot: str, take: int, environment: Mapping[str, str]) -> list[str]:
    """Circle a take in the file that declares the shot."""
    takes = _takes(spec, environment)

    def circled(text: str, name: str) -> str:
        return edit.set_select(text, name, take, takes=takes.get(name))

    return _edit(spec, shot, circled, f"{shot}: take {take} is circled")


def bump(spec: Path, shot: str) -> list[str]:
    """Raise `retake` of a shot by one."""
    return _edit(spec, shot, edit.bump_retake, f"{shot}: will be made again")


def apply_patch_file(spec: Path, patch: Path, environment: Mapping[str, str]) -> list[str]:
    """Put what was picked and noted in the review page into the storyboard's files; all of it or nothing."""
    try:
        wanted = json.loads(_text_of(patch))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{patch} is not JSON", "export the patch from the review page again") from error
    _check_meant(wanted, spec, patch)
    written: list[Path] = []
    try:
        return _until_saved(spec, lambda: _patched(spec, wanted, environment, written))
    except UsageError as error:
        if not written:
            raise
        already = ", ".join(map(str, written))
        raise UsageError(error.message, f"{already} was changed already; {error.hint or 'look at it'}") from error


def _patched(spec: Path, wanted: Any, environment: Mapping[str, str], written: list[Path]) -> list[str] | None:
    """Put a patch into the files and add them to `written`; None when one was saved by somebody else meanwhile."""
    texts = {path: _text_of(path) for path in source_files(spec)}
    names = {path: set(edit.item_names(text)) for path, text in texts.items()}
    takes = _takes(spec, environment)
    changed = []
    for path, text in texts.items():
        elsewhere = set().union(*(names[other] for other in texts if other != path)) - names[path]
        after = edit.apply_patch(text, wanted, elsewhere=elsewhere, takes=takes)
        if after != text:
            changed.append((path, after))
    if any(_text_of(path) != texts[path] for path, _ in changed):
        return None
    for path, after in changed:
        if not replace_text(path, texts[path], after):
            return None
        written.append(path)
    return [f"changed {path}" for path in dict.fromkeys(written)] or ["nothing to change"]


def _check_meant(wanted: Any, spec: Path, patch: Path) -> None:
    """Refuse a patch of another storyboard, whose shots may well have the same names."""
    meant = wanted.get("spec") if isinstance(wanted, dict) else None
    if isinstance(meant, str) and meant and normalize("NFC", meant) != normalize("NFC", spec.name):
        raise UsageError(
            f"{patch} was made in the page of {meant} and not of {spec.name}",
            f"say -f {meant}, or change `spec` in the patch when the storyboard has a new name",
        )


def _takes(spec: Path, environment: Mapping[str, str]) -> dict[str, int]:
    """Return how many takes the shots and stills have, wherever that is written; nothing of a faulty storyboard."""
    project = read_project(Choices(spec), environment).project
    if project is None:
        return {}
    made = [node for node in project.storyboard.nodes if node.kind in (Kind.CLIP, Kind.STILL)]
    return {(edit.STILL if node.kind is Kind.STILL else "") + node.name: node.takes for node in made}


def _edit(spec: Path, shot: str, change: Callable[[str, str], str], said: str) -> list[str]:
    return _until_saved(spec, lambda: _edited(spec, shot, change, said))


def _edited(spec: Path, shot: str, change: Callable[[str, str], str], said: str) -> list[str] | None:
    texts = {path: _text_of(path) for path in source_files(spec)}
    for path, text in texts.items():
        for name in (shot, f"still:{shot}"):
            if name in edit.item_names(text):
                after = change(text, name)
                if after == text:
                    return [f"{path} says so already"]
                return [f"{said} ({path})"] if replace_text(path, text, after) else None
    change(texts[spec], shot)  # raises, naming the nearest
    raise UsageError(f"there is no shot '{shot}'")


def _until_saved(spec: Path, work: Callable[[], list[str] | None]) -> list[str]:
    """Do work that returns None when a file was saved by somebody else since it was read, until it was not."""
    for _ in range(_TRIES):
        if (said := work()) is not None:
            return said
    raise UsageError(
        f"{spec} is saved by somebody else again and again", "nothing of theirs was changed; run the command again"
    )


def _text_of(path: Path) -> str:
    found = read_spec(path, MAX_IMPORT_BYTES)
    if found.content is None:
        near = f"did you mean {found.near[0]}?" if found.near else ""
        raise UsageError(f"{path} {found.missing}", near)
    try:
        return found.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from error
