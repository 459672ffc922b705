"""Judge the files that a storyboard names by what is known of them: there, of the right kind, not too large.

Pure: the facts were read by the store room, which opens nothing outside the project folder. Every finding stands at
the place where the path is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from msgspec import Struct

from veospec.model import Character, FileSource, InputFact, Location, Mode, Node, Problem, Severity, Storyboard
from veospec.spec.problems import Problems

PICTURES = ("png", "jpeg", "webp")
CLIPS = ("mp4",)
MAX_PICTURE_BYTES = 20_971_520
MAX_CLIP_BYTES = 100_000_000
"""Source: useapi.net Google Flow API v1 reference, POST /assets, June 2026: pictures 20,971,520 bytes, video 100 MB."""

_FOUND = {"png": "a PNG file", "jpeg": "a JPEG file", "webp": "a WebP file", "mp4": "an MP4 file"}

RATIO_TOLERANCE = Fraction(2, 100)
"""How much a start picture may differ from the ratio of its clip before the model has to crop or fill it."""


class _Need(Struct, frozen=True):
    """One use of a file: as what, by whom, and where the path is written."""

    path: str
    kinds: tuple[str, ...]
    place: Location
    node: Node | None = None
    slot: str = ""


def check_files(
    storyboard: Storyboard,
    facts: Mapping[str, InputFact],
    places: Mapping[str, Location] | None = None,
    *,
    is_whole: bool = True,
) -> tuple[Problem, ...]:
    """Return everything that is wrong with the files.

    `places` says where each path is written (`Compiled.paths`); paths in it that no node uses are looked at too, as
    warnings; as errors when the storyboard is not `is_whole`, because a shot that could not be built may use them.
    A file without a fact counts as missing.
    """
    written = places or {}
    problems = Problems()
    for need in _needs(storyboard, written):
        fact = facts.get(need.path) or InputFact(need.path, missing="does not exist")
        subject = need.node.name if need.node is not None else ""
        for code, message, advice in _faults(need, fact):
            severity = Severity.WARNING if is_whole and need.node is None else Severity.ERROR
            problems.add(Problem(code, message, advice, need.place, subject, severity))
        if need.node is not None and need.slot in ("start", "end"):
            _check_ratio(need, fact, need.node, problems)
    return problems.all()


def _needs(storyboard: Storyboard, written: Mapping[str, Location]) -> Iterator[_Need]:
    used: set[str] = set()
    for node in storyboard.nodes:
        for entry in node.request.inputs:
            sources = entry.source.images if isinstance(entry.source, Character) else (entry.source,)
            for source in sources:
                if isinstance(source, FileSource):
                    used.add(source.path)
                    is_clip = entry.slot == "source" and node.request.mode is Mode.V2V
                    place = written.get(source.path, entry.location)
                    yield _Need(source.path, CLIPS if is_clip else PICTURES, place, node, entry.slot)
    for path, place in written.items():
        if path not in used:
            yield _Need(path, (*PICTURES, *CLIPS), place)


def _faults(need: _Need, fact: InputFact) -> Iterator[tuple[str, str, str]]:
    path = need.path[:120]
    limit = MAX_CLIP_BYTES if fact.type in CLIPS else MAX_PICTURE_BYTES
    if fact.missing:
        near = f"did you mean '{fact.near[0]}'?" if fact.near else ""
        link = "use a copy of the file: links are not followed" if "link" in fact.missing else ""
        yield "VS301", f"the file '{path}' {fact.missing}", near or link or "check the path"
    elif fact.type not in need.kinds:
        wanted = _listed(need.kinds)
        found = _FOUND.get(fact.type, "no picture or clip that can be used")
        what = "the name ends like one, but " if _suffix_lies(need) else ""
        yield "VS302", f"'{path}' should be {wanted}; {what}the content is {found}", "use another file, or convert it"
    elif fact.size_bytes > limit:
        size = f"{fact.size_bytes:,} bytes (at most {limit:,})"
        yield "VS303", f"the file '{path}' has {size}", "make it smaller"
    elif fact.size_bytes == 0:
        yield "VS302", f"the file '{path}' is empty", "use another file"


def broken_file(path: str, flaw: str, place: Location, subject: str) -> Problem:
    """Return the problem of a file that is of the right kind and cannot be decoded; `flaw` is a clause."""
    message = f"the file '{path[:120]}' is damaged: {flaw}"
    return Problem("VS305", message, "save it again, or use another file", place, subject, Severity.ERROR)


def _suffix_lies(need: _Need) -> bool:
    suffix = need.path.rpartition(".")[2].lower()
    return {"jpg": "jpeg"}.get(suffix, suffix) in need.kinds


def _listed(kinds: tuple[str, ...]) -> str:
    names = [{"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "mp4": "MP4"}[kind] for kind in kinds]
    if len(names) == 1:
        return f"an {names[0]} clip"
    return f"a picture ({', '.join(names[:-1])} or {names[-1]})" if "MP4" not in names else "a picture or an MP4 clip"


def _check_ratio(need: _Need, fact: InputFact, node: Node, problems: Problems) -> None:
    """A frame of another ratio is cropped or filled by the model, which is rarely meant."""
    if not fact.width or not fact.height:
        return
    wanted = _ratio(node.request.aspect)
    if wanted is None:
        return
    found = Fraction(fact.width, fact.height)
    if abs(found / wanted - 1) > RATIO_TOLERANCE:
        message = f"'{need.path[:120]}' is {fact.width} x {fact.height}, but {node.name} is {node.request.aspect}"
        advice = f"crop it to {node.request.aspect}, or expect the model to"
        problems.warning("VS304", need.place, message, advice, node.name)


def _ratio(aspect: str) -> Fraction | None:
    width, _, height = aspect.partition(":")
    return Fraction(int(width), int(height)) if width.isdigit() and height.isdigit() and int(height) else None
