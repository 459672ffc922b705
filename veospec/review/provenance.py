"""Where a file comes from, in the words of the IPTC; never a guess.

Source: IPTC NewsCodes, Digital Source Type vocabulary, cv.iptc.org/newscodes/digitalsourcetype/, read 2026.
"""

from __future__ import annotations

from collections.abc import Sequence

from veospec.model import Kind, Mode

IPTC_BASE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = "trainedAlgorithmicMedia"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
DRAWN = "digitalCreation"
UNKNOWN = "unknown"

_NAMED = frozenset({GENERATED, COMPOSITE, DRAWN})
_WITH_MODEL = frozenset({GENERATED, COMPOSITE})


def source_type(provider: str, kind: Kind, mode: Mode, parts: Sequence[str] = ()) -> str:
    """Return the IPTC digital source type of a result.

    `parts` are the source types of the clips that were joined or enlarged. A slate of `local` is a digital
    creation; an edit of existing film is a composite, everything else a paid provider makes is wholly generated.
    """
    if kind is Kind.JOIN:
        return joined_type(parts)
    if kind is Kind.UPSCALE and len(parts) == 1:
        return parts[0]
    if provider == "local":
        return DRAWN
    return COMPOSITE if mode is Mode.V2V or COMPOSITE in parts else GENERATED


def joined_type(parts: Sequence[str]) -> str:
    """Return the source type of what was joined from `parts`: one generated part makes the whole a composite.

    Without a generated part the whole is only as well known as its least known part.
    """
    if any(part in _WITH_MODEL for part in parts):
        return COMPOSITE
    return DRAWN if parts and all(part == DRAWN for part in parts) else UNKNOWN


def is_source_type(text: str) -> bool:
    """Tell whether a manifest may use the word."""
    return text == UNKNOWN or text in _NAMED
