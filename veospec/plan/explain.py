"""Say why: the difference of two key documents, field by field, and the words of a reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from veospec.plan.values import Change, Document

_SHOWN = 12
"""Characters of a digest that people are shown; enough to tell apart, short enough to read."""


_CONTEXT = 3
"""Words on each side of a difference in a plan's one line."""


def changes(before: Document, after: Document) -> tuple[Change, ...]:
    """Return every field that differs, in the order of the document after, then what is gone."""
    old, new = dict(_flat(before)), dict(_flat(after))
    found = [Change(f, old.get(f, "(none)"), v) for f, v in new.items() if old.get(f, "(none)") != v]
    found += [Change(f, v, "(none)") for f, v in old.items() if f not in new]
    return tuple(found)


def word_diff(before: str, after: str, context: int | None = None) -> str:
    """Return one line with `[-gone-]` and `{+new+}` around the words that differ, as git writes them.

    With `context` only so many words are kept on each side of what differs.
    """
    old, new = before.split(), after.split()
    parts: list[str] = []
    runs = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    for number, (op, a, b, c, d) in enumerate(runs):
        if op == "equal":
            same = old[a:b]
            parts += (
                same if context is None else _near(same, context * (number > 0), context * (number < len(runs) - 1))
            )
            continue
        if b > a:
            parts.append(f"[-{' '.join(old[a:b])}-]")
        if d > c:
            parts.append(f"{{+{' '.join(new[c:d])}+}}")
    return " ".join(parts)


def _near(words: list[str], head: int, tail: int) -> list[str]:
    """Return the words at both ends of a run, with an ellipsis where that leaves out more than one."""
    if len(words) <= head + tail + 1:
        return words
    return [*words[:head], "…", *words[len(words) - tail :]]


def summary(found: tuple[Change, ...]) -> str:
    """Return a clause for a plan line: the field, or the first two and a count."""
    found = _without_echoes(found)
    if not found:
        return "nothing that counts changed"
    names = [change.field for change in found]
    if len(found) == 1:
        change = found[0]
        if change.field == "prompt":
            return f"prompt: {_clip(word_diff(change.before, change.after, context=_CONTEXT), 160)}"
        return f"{change.field}: {_clip(change.before)} → {_clip(change.after)}"
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"changed: {', '.join(names[:2])}{more}"


def _without_echoes(found: tuple[Change, ...]) -> tuple[Change, ...]:
    """Leave out what a slate only repeats of a changed prompt."""
    if not any(change.field == "prompt" for change in found):
        return found
    return tuple(change for change in found if change.field != "burn.text")


def _clip(text: str, limit: int = 48) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _flat(document: Document) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if name == "veospec_key":
            continue
        if name == "inputs":
            for entry in value:
                yield from _walk(str(entry["slot"]), {k: v for k, v in entry.items() if k != "slot"})
        elif name == "extra":
            yield from ((field.removeprefix("extra."), text) for field, text in _walk(name, value))
        else:
            yield from _walk(name, value)


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(f"{path}.{name}", inner)
    elif isinstance(value, list | tuple) and any(isinstance(v, Mapping | list | tuple) for v in value):
        for number, inner in enumerate(value, 1):
            yield from _walk(f"{path}.{number}", inner)
    else:
        yield path.removesuffix(".sha256"), _text(value, is_digest=path.endswith(("sha256",)) or ".images." in path)


def _text(value: Any, *, is_digest: bool) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return str(value)[:_SHOWN] if is_digest else str(value)
