"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_LONG = 20_000
_ALIKE = 0.3


def word_diff(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Return pieces (`same`, `gone` or `new`, text); joined without `gone` they are `after`.

    Scripts without spaces are compared letter by letter. Texts that are very
    long or hardly alike are shown as replaced.
    """
    if len(before) + len(after) > _LONG:
        return (("gone", before), ("new", after))
    left, right = _tokens(before), _tokens(after)
    pieces: list[tuple[str, str]] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return tuple((kind, text) for kind, text in (("gone", before), ("new", after)) if text)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(("same", "".join(left[a:b])))
            continue
        if b > a:
            pieces.append(("gone", "".join(left[a:b])))
        if d > c:
            pieces.append(("new", "".join(right[c:d])))
    return tuple(pieces)


def _tokens(text: str) -> list[str]:
    return re.findall(
        r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\s+|.", text
    )
