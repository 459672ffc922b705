"""Put a storyboard together from its files: which ones it asks for, and the sections of all of them as one.

An `include` names files below the project folder, one by one or with `*` and `**`. Patterns are relative to the file
that they stand in. Every file may hold any section; named things of several files come together, in the order
of the includes after the file's own, and what can be there once only may be in one file only. Paths of assets are
relative to the folder of the main file, wherever they are written.
Reading the files is the edge's work: it asks `wanted` and hands in the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from msgspec import Struct

from veospec.model import Location
from veospec.spec.names import did_you_mean, path_fault, tidy
from veospec.spec.problems import Problems
from veospec.spec.tree import Json, Map, Seq, Tree

NAMED = ("vars", "assets", "voices", "characters", "stills", "passes")
"""Sections of named things, which several files may add to."""

LISTED = ("scenes", "shots")
"""Sections that are lists, which several files may add to."""

MAIN_ONLY = ("as_of", "catalogue")
"""Keys that decide by which model table everything is judged, so they are read before any include."""

DEEPEST = 30

_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Include(Struct, frozen=True):
    """One entry of `include`: a tidy pattern relative to the project folder, or the reason why it is none."""

    pattern: str
    place: Location
    fault: str = ""

    def among(self, paths: Mapping[str, object]) -> tuple[str, ...]:
        """Return the paths that this entry asks for, sorted. No pattern makes a file include itself."""
        if not is_pattern(self.pattern):
            return (self.pattern,) if self.pattern in paths else ()
        return tuple(sorted(path for path in paths if path != self.place.file and matches(self.pattern, path)))


def wanted(tree: Tree) -> tuple[Include, ...]:
    """Return the entries of a file's `include`. Text that is no text is left to the schema."""
    if not isinstance(tree.root, Map) or "include" not in tree.root:
        return ()
    entries = tree.root["include"]
    if isinstance(entries, str):
        return (_entry(entries, tree.file, tree.root.at("include")),)
    if not isinstance(entries, Seq):
        return ()
    return tuple(_entry(e, tree.file, entries.at(n)) for n, e in enumerate(entries) if isinstance(e, str))


def overlay(tree: Tree) -> str:
    """Return the path of the project's own catalogue file (`catalogue:`), or "" when there is none."""
    found = tree.root.get("catalogue") if isinstance(tree.root, Map) else None
    return tidy(found) if isinstance(found, str) and not path_fault(found) else ""


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path fits a pattern: `*` stays inside a folder, `**` crosses folders."""
    return re.fullmatch(_regex(pattern), path) is not None


def is_pattern(path: str) -> bool:
    """Tell whether an entry has to be searched for."""
    return "*" in path or "?" in path


def _regex(pattern: str) -> str:
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    return "".join(_WILD.get(token) or re.escape(token) for token in tokens)


def _entry(text: str, file: str, place: Location) -> Include:
    if fault := _fault(text):
        return Include(text, place, fault)
    folder = str(PurePosixPath(file).parent)
    joined: list[str] = []
    for part in tidy(f"{'' if folder == '.' else folder}/{text}").split("/"):
        if part == "..":
            if not joined:
                return Include(text, place, "leads out of the project folder")
            joined.pop()
        else:
            joined.append(part)
    return Include("/".join(joined), place)


def _fault(text: str) -> str:
    # Unlike the path of an asset, an include of a file in a folder may climb back, as long as it stays inside.
    return path_fault(text.replace("../", "")) or ("names no file" if text.endswith("..") else "")


class Joined(Map):
    """A mapping whose entries come from several files; each keeps the place where it is written."""

    __slots__ = ("origins",)

    def __init__(self) -> None:
        super().__init__()
        self.origins: dict[str, Map] = {}

    @property
    def here(self) -> Location:
        """Where the first of the mappings begins."""
        return next((origin.here for origin in self.origins.values()), Location("", 1, 1))

    def at(self, key: str) -> Location:
        """Where the value of `key` begins."""
        return self.origins[key].at(key) if key in self.origins else self.here

    def at_key(self, key: str) -> Location:
        """Where `key` is written."""
        return self.origins[key].at_key(key) if key in self.origins else self.here

    def spelt(self, key: str) -> str:
        """The scalar of `key` as text."""
        return self.origins[key].spelt(key)


class Document(Struct, frozen=True):
    """The files of a storyboard as one: single sections, named things, and the entries of lists with their lists."""

    main: Tree
    trees: tuple[Tree, ...]
    single: Joined
    named: Mapping[str, Joined]
    listed: Mapping[str, tuple[tuple[Seq, int], ...]]

    def section(self, name: str) -> Map | None:
        """Return a section that is a mapping, or None."""
        found = self.named[name] if name in self.named else self.single.get(name)
        return found if isinstance(found, Map) else None


def gather(trees: Mapping[str, Tree], main: str, unreadable: Mapping[str, str], problems: Problems) -> Document:
    """Follow every include from the main file and join the sections.

    `unreadable` says why a file that is there could not be taken, as a clause ("is a symbolic link").
    """
    ordered = tuple(_walk(trees, main, unreadable, problems))
    single = Joined()
    named = {name: Joined() for name in NAMED}
    listed: dict[str, list[tuple[Seq, int]]] = {name: [] for name in LISTED}
    for tree in ordered:
        root = tree.root
        if not isinstance(root, Map):
            continue
        for name, value in root.items():
            if name in named:
                if isinstance(value, Map):
                    _join(named[name], value, f"{name} '{{}}' is", problems)
            elif name in listed:
                if isinstance(value, Seq):
                    listed[name].extend((value, number) for number in range(len(value)))
            elif tree is not ordered[0] and name in MAIN_ONLY:
                advice = f"move it to {ordered[0].file}"
                problems.error("VS207", root.at_key(name), f"'{name}' can stand in the main file only", advice)
            elif name not in ("veospec", "include") and not name.startswith("x-"):
                _take(single, root, name, value, problems)
    return Document(ordered[0], ordered, single, named, {name: tuple(found) for name, found in listed.items()})


def _join(target: Joined, added: Map, what: str, problems: Problems) -> None:
    for key, value in added.items():
        _put(target, added, key, value, what.format(key), problems)


def _take(single: Joined, root: Map, name: str, value: Json, problems: Problems) -> None:
    if name == "style" and name in single and isinstance(value, Map) and isinstance(single[name], Map):
        single[name] = _merged_style(single[name], value, problems)
    else:
        _put(single, root, name, value, f"'{name}' is", problems)


def _put(target: Joined, origin: Map, key: str, value: Json, what: str, problems: Problems) -> None:
    if key in target:
        first = target.at_key(key)
        problems.error("VS205", origin.at_key(key), f"{what} already declared at {first}", "keep one of them")
        return
    target[key] = value
    target.origins[key] = origin


def _merged_style(first: Map, second: Map, problems: Problems) -> Joined:
    """Join two `style` sections: one base, variants of both."""
    merged = Joined()
    for part in (first, second):
        for key, value in part.items():
            origin = part.origins[key] if isinstance(part, Joined) else part
            if key == "variants" and isinstance(merged.get(key), Map) and isinstance(value, Map):
                variants = Joined()
                _join(variants, merged[key], "style '{}' is", problems)
                _join(variants, value, "style '{}' is", problems)
                merged[key] = variants
            else:
                _put(merged, origin, key, value, f"style '{key}' is", problems)
    return merged


def _walk(trees: Mapping[str, Tree], main: str, unreadable: Mapping[str, str], problems: Problems) -> Iterator[Tree]:
    done: set[str] = set()

    def found_in(tree: Tree) -> Iterator[tuple[str, Include]]:
        for entry in wanted(tree):
            for name in _resolve(entry, trees, unreadable, problems):
                yield name, entry

    done.add(main)
    yield trees[main]
    trail = [(main, found_in(trees[main]))]
    while trail:
        for name, entry in trail[-1][1]:
            names = [each for each, _ in trail]
            if name in names:
                path = " → ".join([*names[names.index(name) :], name])
                problems.error("VS203", entry.place, f"includes go in a circle: {path}", "remove one of them")
            elif len(trail) > DEEPEST:
                message = f"includes inside includes, more than {DEEPEST} deep"
                problems.error("VS203", entry.place, message, "include the files in the main one")
            elif name not in done:
                done.add(name)
                yield trees[name]
                trail.append((name, found_in(trees[name])))
                break
        else:
            trail.pop()


def _resolve(
    entry: Include, trees: Mapping[str, Tree], unreadable: Mapping[str, str], problems: Problems
) -> tuple[str, ...]:
    if entry.fault:
        problems.error(
            "VS201",
            entry.place,
            f"the include '{entry.pattern[:80]}' {entry.fault}",
            "include only files below the folder of the storyboard, by a relative path",
        )
        return ()
    found = entry.among(trees)
    is_told = False
    for name in entry.among(unreadable):
        problems.error("VS204", entry.place, f"'{name}' {unreadable[name]}", "include a plain file of the project")
        is_told = True
    if not found and not is_told:
        advice = did_you_mean(entry.pattern, [n for n in trees if n != entry.place.file], more="check the path")
        what = "matches no file" if is_pattern(entry.pattern) else "does not exist"
        problems.error("VS202", entry.place, f"the include '{entry.pattern[:80]}' {what}", advice)
    return found
