"""Turn the prompts of another tool into a storyboard: `prompts.json` of the vendor's batch script, or a CSV shot list.

Source of the keys: useapi.net Google Flow API v1 reference, POST /videos and POST /images, and the batch script of the
articles google-flow-bash and omni-flash-bash, June 2026. Keys that begin with `__` are comments there.
Nothing is dropped in silence: what has no place in a storyboard is named with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct, field

from veospec.catalog.catalogue import Catalogue
from veospec.model import Location, Problem, Severity
from veospec.spec import quoting
from veospec.spec.names import did_you_mean, id_fault
from veospec.spec.prompt_rows import WRONG_VALUE, Row, read_rows, warning

UNKNOWN_KEY = "VS151"
LEFT_OUT = "VS153"
NO_PROMPT = "VS154"

_SYNONYMS = {"aspect": "aspectRatio", "takes": "count", "start": "startImage", "end": "endImage", "shot": "id"}
_PLAIN = ("size", "move", "sfx", "ambience", "music", "notes", "title")
_HEAD = ("title", "size", "move")
_KNOWN = ("id", "scene", "dialogue", "prompt", "model", "aspectRatio", "duration", "resolution", "count", "seed",
          "startImage", "endImage", "startFrameIndex_1", "endFrameIndex_1", *_PLAIN)  # fmt: skip
_ELSEWHERE = ("async", "email", "replyUrl", "replyRef", "captchaRetry", "captchaOrder", "captchaToken")
"""Parameters of the call and not of the picture: account, callbacks, captcha."""

_HINTS = {
    "negativeprompt": "no parameter of the service; write it under `avoid:`",
    "extend": "write `extend: ID` there",
}

_NUMBERED = re.compile(r"(referenceImage|reference|referenceVideo|referenceAudio|character)_([1-9][0-9]?)\Z")
_MARKER = re.compile(r"@(referenceImage|reference|referenceAudio|character)_([1-9][0-9]?)(?![0-9])", re.IGNORECASE)
_HANDLE = re.compile(r"user:\S+-(?:email|image|video|voice|character|mid):?\S*")
_WINDOW_END = 240
"""Frames of the longest edit that every model takes. Source: POST /videos, `endFrameIndex_1`, June 2026."""


def import_prompts(text: str, file: str, catalogue: Catalogue) -> tuple[str, tuple[Problem, ...]]:
    """Return a storyboard for the prompts of a file, and what a person has to know or do.

    The text is empty when a problem is an error.
    """
    rows, problems = read_rows(text, file)
    draft = _Draft(catalogue, problems)
    for row in rows:
        draft.add(row)
    found = tuple(sorted(problems, key=lambda problem: (problem.location, problem.code, problem.message)))
    if any(problem.severity is Severity.ERROR for problem in found):
        return "", found
    return _storyboard(draft, PurePosixPath(file).name), found


class _Draft(Struct):
    """What becomes the storyboard while rows are added."""

    catalogue: Catalogue
    problems: list[Problem]
    assets: dict[str, str] = field(default_factory=dict)
    characters: dict[str, str] = field(default_factory=dict)
    shots: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stills: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Take one row as a shot, or as a still when an image model makes it."""
        values = {_SYNONYMS.get(key, key): each for key, each in row.values.items() if each not in (None, "")}
        places = {_SYNONYMS.get(key, key): place for key, place in row.places.items()}
        known = Row({key: each for key, each in values.items() if self._is_known(key, row)}, places, row.here)
        prompt = known.values.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            self._error(NO_PROMPT, "the prompt is missing", "every entry needs one", row.here)
            return
        model = self.catalogue.model(str(known.values.get("model", "")))
        is_still = (model is not None and model.kind == "image") or any(key.startswith("reference_") for key in values)
        name = self._id(known, is_still=is_still)
        entry = dict(self._entry(known, is_still=is_still))
        if is_still:
            self.stills[name] = entry
        else:
            self.shots.append((str(known.values.get("scene", "")), {"id": name, **entry}))

    def _is_known(self, key: str, row: Row) -> bool:
        if key in _KNOWN or _NUMBERED.match(key):
            return True
        if key.startswith("__"):
            return False
        if key in _ELSEWHERE:
            self._warn(LEFT_OUT, f"{key!r} is left out", "accounts and callbacks are configured outside", row.at(key))
        else:
            advice = _HINTS.get(key.replace("_", "").lower()) or did_you_mean(key, _KNOWN, more="it is left out")
            self._warn(UNKNOWN_KEY, f"unknown key {key!r}", advice, row.at(key))
        return False

    def _entry(self, row: Row, *, is_still: bool) -> Iterator[tuple[str, Any]]:
        """Yield what a shot or still says, in the order in which people read it."""
        slots: dict[str, str] = {}
        inputs = dict(self._inputs(row, slots))
        for_shots = () if is_still else ("move", "sfx", "ambience", "music", "dialogue", "duration")
        texts = {key: quoting.readable(str(row.values[key])) for key in _PLAIN if key in row.values}
        yield from ((key, texts[key]) for key in ("title", "size", *for_shots) if key in texts and key in _HEAD)
        if "model" in row.values:
            yield "model", str(row.values["model"])
        yield from inputs.items()
        if "duration" in for_shots and "edit" not in inputs:
            yield from self._duration(row)
        if "aspectRatio" in row.values:
            yield "aspect", self.catalogue.aspect(str(row.values["aspectRatio"]))
        if "resolution" in row.values:
            yield "resolution", str(row.values["resolution"])
        yield "prompt", _marked(quoting.readable(str(row.values["prompt"]).strip()), slots)
        if "dialogue" in row.values and "dialogue" in for_shots:
            yield "dialogue", _dialogue(quoting.readable(str(row.values["dialogue"])))
        yield from ((key, texts[key]) for key in for_shots if key in texts and key not in _HEAD)
        yield from self._numbers(row)
        yield from ((key, texts[key]) for key in ("notes",) if key in texts)

    def _numbers(self, row: Row) -> Iterator[tuple[str, int]]:
        for key, ours in (("seed", "seed"), ("count", "takes")):
            if (number := self._whole(row, key)) is not None:
                yield ours, number

    def _duration(self, row: Row) -> Iterator[tuple[str, str]]:
        written = row.values.get("duration")
        if written is None:
            return
        text = str(written).strip().removesuffix("s").strip()
        if re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", text):
            yield "duration", f"{text}s"
        else:
            self._error(
                WRONG_VALUE,
                f"duration {quoting.scalar(written)[:40]} is no length",
                "write seconds, as 8",
                row.at("duration"),
            )

    def _inputs(self, row: Row, slots: dict[str, str]) -> Iterator[tuple[str, Any]]:
        numbered: dict[str, dict[int, str]] = {}
        for key in row.values:
            if found := _NUMBERED.match(key):
                numbered.setdefault(found[1], {})[int(found[2])] = key
        for key, ours in (("startImage", "start"), ("endImage", "end")):
            if key in row.values:
                yield ours, self._asset(row, key)
        pictures = numbered.get("reference", {}) | numbered.get("referenceImage", {})
        if pictures:
            yield (
                "references",
                [self._slot(slots, "reference", n, self._asset(row, pictures[n])) for n in sorted(pictures)],
            )
        if people := numbered.get("character"):
            yield (
                "characters",
                [self._slot(slots, "character", n, self._character(row, people[n])) for n in sorted(people)],
            )
        if voices := numbered.get("referenceAudio"):
            heard = [(n, self._voice(row, voices[n])) for n in sorted(voices)]
            if names := [self._slot(slots, "referenceaudio", n, voice) for n, voice in heard if voice]:
                yield "voices", names
        if clips := numbered.get("referenceVideo"):
            yield "edit", self._edit(row, clips[min(clips)])

    @staticmethod
    def _slot(slots: dict[str, str], kind: str, number: int, name: str) -> str:
        slots[f"{kind}_{number}"] = name
        return name

    def _edit(self, row: Row, key: str) -> dict[str, str]:
        begin = self._whole(row, "startFrameIndex_1") or 0
        end = self._whole(row, "endFrameIndex_1")
        if end is None:
            end = _WINDOW_END
            self._warn(LEFT_OUT, f"endFrameIndex_1 is missing: the edit ends at {end}f",
                       "set `out` to the length of the clip if it is shorter", row.at(key))  # fmt: skip
        if "duration" in row.values:
            self._warn(LEFT_OUT, "'duration' is left out", "an edit is as long as its window", row.at("duration"))
        return {"source": self._asset(row, key), "in": f"{begin}f", "out": f"{end}f"}

    def _asset(self, row: Row, key: str) -> str:
        """Return the name of the asset for a path; a handle of an account becomes a place to fill."""
        value = str(row.values[key]).strip()
        for name, path in self.assets.items():
            if path == value:
                return name
        if _HANDLE.fullmatch(value) or "://" in value:
            kind = "mp4" if key.startswith("referenceVideo") else "png"
            name = self._name(f"{key.partition('_')[0]}-{len(self.assets) + 1}")
            what = "an address" if "://" in value else "a media id of one account"
            self._warn(
                LEFT_OUT, f"{key} is {what}; a storyboard names files", f"save it as refs/{name}.{kind}", row.at(key)
            )
            value = f"refs/{name}.{kind}"
        else:
            name = self._name(PurePosixPath(value.replace("\\", "/")).stem)
        self.assets[name] = value.replace("\\", "/").removeprefix("./")
        return name

    def _character(self, row: Row, key: str) -> str:
        value = str(row.values[key]).strip()
        if value in self.characters.values():
            return next(name for name, other in self.characters.items() if other == value)
        is_handle = bool(_HANDLE.fullmatch(value) or value.startswith("user:"))
        name = self._name(f"character-{len(self.characters) + 1}" if is_handle else value)
        self.characters[name] = value
        self.assets[f"{name}-picture"] = f"refs/{name}.png"
        self._warn(LEFT_OUT, f"{key} names a character of one account; a storyboard describes it",
                   f"save its picture as refs/{name}.png", row.at(key))  # fmt: skip
        return name

    def _voice(self, row: Row, key: str) -> str:
        value = str(row.values[key]).strip()
        if voice := self.catalogue.voice(value):
            return voice
        self._warn(LEFT_OUT, f"{key} is no system voice and is left out", "describe it under `voices:`", row.at(key))
        return ""

    def _whole(self, row: Row, key: str) -> int | None:
        value = row.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,10}(?:\.0)?", str(value).strip()):
            shown = quoting.scalar(value)[:40]
            self._error(WRONG_VALUE, f"{key} {shown} is no whole number", "write digits only", row.at(key))
            return None
        return int(str(value).strip().removesuffix(".0"))

    def _id(self, row: Row, *, is_still: bool) -> str:
        written = str(row.values.get("id", "")).strip()
        if not written:
            number = len(self.shots) + 1
            return self._name(f"still-{len(self.stills) + 1}" if is_still else f"SH{number * 10:03d}")
        name = self._name(written)
        if name != written:
            self._warn(WRONG_VALUE, f"the id {quoting.scalar(written)[:60]} becomes {name}",
                       "ids are unique and have letters, digits, '.', '_' and '-'", row.at("id"))  # fmt: skip
        return name

    def _name(self, wanted: str) -> str:
        """Return an unused name that is allowed in file names and markers."""
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-_")[:48] or "input"
        name = f"x-{name}" if id_fault(name) else name
        free, number = name, 2
        while free.lower() in self.names:
            free, number = f"{name}-{number}", number + 1
        self.names.add(free.lower())
        return free

    def _warn(self, code: str, message: str, advice: str, place: Location) -> None:
        self.problems.append(warning(code, message, advice, place))

    def _error(self, code: str, message: str, advice: str, place: Location) -> None:
        self.problems.append(Problem(code, message, advice, place))


def _marked(prompt: str, slots: Mapping[str, str]) -> str:
    """Write the vendor's markers as names, and every other @ as a literal one."""
    pieces: list[str] = []
    done = 0
    for found in _MARKER.finditer(prompt):
        kind = {"referenceimage": "reference"}.get(found[1].lower(), found[1].lower())
        if name := slots.get(f"{kind}_{found[2]}"):
            pieces += (prompt[done : found.start()].replace("@", "@@"), f"@{name}")
            done = found.end()
    return "".join((*pieces, prompt[done:].replace("@", "@@")))


def _dialogue(text: str) -> list[dict[str, str]]:
    """Read `WHO: line` a line; a line without a name has no speaker."""
    lines: list[dict[str, str]] = []
    for line in re.split(r"\n| \| ", text):
        found = re.fullmatch(r"\s*([^:\"]{1,60}):\s*(.+)", line)
        if found:
            lines.append({"who": found[1].strip(), "line": found[2].strip().strip('"')})
        elif line.strip():
            lines.append({"line": line.strip().strip('"')})
    return lines


_COMMON = ("model", "duration", "aspect", "resolution")


def _storyboard(draft: _Draft, file: str) -> str:
    """Write the storyboard; what all shots share moves to `defaults`."""
    shots = [shot for _, shot in draft.shots]
    common = {
        key: shots[0][key]
        for key in _COMMON
        if shots and all(shot.get(key) == shots[0].get(key) for shot in shots) and key in shots[0]
    }
    if any("edit" in shot for shot in shots):
        common.pop("duration", None)
    lines = [f"# Made from {file}. Look it over, then: veospec plan", "veospec: 1"]
    if common:
        lines += ["", "defaults:", *quoting.block(common, "  ")]
    if draft.assets:
        lines += ["", "assets:", *quoting.block(draft.assets, "  ")]
    if draft.characters:
        lines += ["", "characters:"]
        lines += [f"  {name}: {{images: [{name}-picture]}}" for name in draft.characters]
    if draft.stills:
        lines += ["", "stills:"]
        for name, still in draft.stills.items():
            lines += [f"  {name}:", *quoting.block(still, "    ")]
    if shots:
        lines += ["", *_shot_lines(draft, common)]
    return "\n".join(lines) + "\n"


def _shot_lines(draft: _Draft, common: Mapping[str, Any]) -> Iterator[str]:
    scenes: dict[str, list[dict[str, Any]]] = {}
    for scene, shot in draft.shots:
        scenes.setdefault(scene, []).append({key: value for key, value in shot.items() if key not in common})
    if set(scenes) == {""}:
        yield "shots:"
        yield from _listed(scenes[""], "  ")
        return
    yield "scenes:"
    used: set[str] = set()
    for number, (scene, shots) in enumerate(scenes.items(), start=1):
        is_id = bool(scene) and not id_fault(scene) and scene.lower() not in used
        name = scene if is_id else f"SC{number:02d}"
        used.add(name.lower())
        yield f"  - id: {quoting.scalar(name)}"
        if scene and not is_id:
            yield from quoting.field("slug", quoting.readable(scene), "    ")
        yield "    shots:"
        yield from _listed(shots, "      ")


def _listed(shots: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for number, shot in enumerate(shots):
        if number:
            yield ""
        first, *rest = quoting.block(shot, indent + "  ")
        yield f"{indent}- {first.strip()}"
        yield from rest
