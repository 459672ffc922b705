"""What a shot's inputs make of it: exactly one mode, and every combination that the service refuses.

Source: useapi.net Google Flow API v1 reference, POST /videos, "How the mode is chosen" and "Rules", June 2026.
"""

from __future__ import annotations

from veospec.model import Mode
from veospec.spec.board import Shot, text_of
from veospec.spec.problems import Problems
from veospec.spec.tree import Map

_FRAMES = ("start", "end")
_CAST = ("references", "characters", "voices")
_WORDS = {
    "start": "a start frame",
    "end": "an end frame",
    "references": "references",
    "characters": "characters",
    "voices": "voices",
    "edit": "an edit",
    "extend": "an extension",
    "duration": "a duration",
}

EVIDENCE = {
    Mode.I2V: ("start",),
    Mode.I2V_FL: ("end", "start"),
    Mode.R2V: _CAST,
    Mode.V2V: ("edit",),
    Mode.EXTEND: ("extend",),
}
"""The keys that make a mode, the most telling one first."""


_TELLING = frozenset(("extend", "edit", "mode", *_FRAMES, *_CAST))
"""A shot without any of these keys is made from its words alone."""

_CLEAR = {"start": Mode.I2V, "references": Mode.R2V, "characters": Mode.R2V, "extend": Mode.EXTEND}
"""What a shot is that has one of these keys and no other telling one: nothing of it can conflict."""


def mode_of(shot: Shot, problems: Problems) -> Mode:
    """Return the mode of a shot; report what cannot go together."""
    node = shot.map
    telling = _TELLING.intersection(node)
    if not telling:
        return Mode.T2V
    if len(telling) == 1:
        (key,) = telling
        if key in _CLEAR and node[key]:
            return _CLEAR[key]
    mode = _inferred(node)
    _check_conflicts(shot, mode, problems)
    written = text_of(node, "mode")
    if written and written != mode:
        why = ", ".join(_WORDS[key] for key in EVIDENCE.get(mode, ()) if has(node, key)) or "it has no inputs"
        problems.error(
            "VS260",
            node.at("mode"),
            f"mode: {written} is written, but the inputs make it {mode} ({why})",
            f"write '{mode}' or leave 'mode' out, or change the inputs",
            shot.id,
        )
    return mode


def has(node: Map, key: str) -> bool:
    """Tell whether a key is there and holds something."""
    return bool(node.get(key))


def _inferred(node: Map) -> Mode:
    if node.get("extend"):
        return Mode.EXTEND
    if node.get("edit"):
        return Mode.V2V
    if node.get("end"):
        return Mode.I2V_FL
    if node.get("start"):
        return Mode.I2V
    return Mode.R2V if any(has(node, key) for key in _CAST) else Mode.T2V


def _check_conflicts(shot: Shot, mode: Mode, problems: Problems) -> None:
    node = shot.map
    if mode is Mode.EXTEND:
        _exclude(shot, "extend", ("edit", *_FRAMES), "VS265", problems)
    elif mode is Mode.V2V:
        _exclude(shot, "edit", (*_FRAMES, "duration"), "VS263", problems)
    elif mode in (Mode.I2V, Mode.I2V_FL):
        _exclude(shot, "start" if has(node, "start") else "end", _CAST, "VS262", problems)
    if has(node, "end") and not has(node, "start"):
        problems.error("VS261", node.at("end"), "an end frame without a start frame", "add 'start:'", shot.id)
    if mode is Mode.R2V and not has(node, "references") and not has(node, "characters"):
        problems.error(
            "VS264",
            node.at("voices"),
            "a voice without a picture",
            "add references or a character; a voice alone is refused",
            shot.id,
        )


def _exclude(shot: Shot, owner: str, others: tuple[str, ...], code: str, problems: Problems) -> None:
    for key in others:
        if has(shot.map, key):
            advice = f"remove '{key}'" if key == "duration" else f"keep either '{owner}' or '{key}'"
            if key == "duration":
                advice += "; the result is as long as the window"
            message = f"{_WORDS[owner]} and {_WORDS[key]} exclude each other"
            problems.error(code, shot.map.at(key), message, advice, shot.id)
