"""Compose the text that is sent: one readable paragraph a line, in a fixed order, the same for the same parts.

The services take one prompt and no list of things to avoid, so everything is said in words. Markers `@name` stand
for pictures, characters and voices of the shot; in the final text they carry the number of their slot.
Source: useapi.net Google Flow API v1 reference, POST /videos "Prompt markers" and POST /images, June 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from veospec.spec.names import nfc
from veospec.spec.units import spoken

SIZES = {
    "EWS": "Extreme wide shot", "ELS": "Extreme long shot", "VWS": "Very wide shot", "WS": "Wide shot",
    "LS": "Long shot", "FS": "Full shot", "MWS": "Medium wide shot", "MLS": "Medium long shot",
    "COWBOY": "Cowboy shot", "MS": "Medium shot", "MCU": "Medium close-up", "CU": "Close-up",
    "BCU": "Big close-up", "ECU": "Extreme close-up", "XCU": "Extreme close-up", "OTS": "Over-the-shoulder shot",
    "POV": "Point-of-view shot", "INSERT": "Insert shot", "INS": "Insert shot", "2S": "Two-shot", "3S": "Three-shot",
}  # fmt: skip
"""The abbreviations of a shot list, spelt out for a model that reads words."""

NOTHING = frozenset(["", "none", "off", "no"])
"""What people write where they want none of a thing."""

_MARKER = re.compile(r"@@|(?<![\w@])@([A-Za-z0-9][A-Za-z0-9._-]*)")
_SERVICE_MARKER = re.compile(r"@(?:character|referenceImage|referenceAudio|reference)_\d+", re.IGNORECASE)
_SENTENCE_END = tuple(".!?…:;。！？\"'”’»")


class Spoken(Struct, frozen=True):
    """One line of dialogue; `at` None means that nothing is said about when."""

    who: str
    line: str
    at: Fraction | None


class Parts(Struct, frozen=True):
    """The texts of a shot with variables filled in and markers numbered."""

    prompt: str
    style: str = ""
    size: str = ""
    move: str = ""
    dialogue: tuple[Spoken, ...] = ()
    sfx: str = ""
    ambience: str = ""
    music: str = ""
    avoid: tuple[str, ...] = ()


class Frame(Struct, frozen=True):
    """What stands before and after a shot's own words, tidy already: each empty, or whole lines."""

    opening: str
    closing: str


def compose(parts: Parts) -> str:
    """Return the final prompt: NFC, lines ended by LF, no blank line, no space at an end of a line."""
    return fill(frame_of(parts), parts.prompt, parts.dialogue)


def frame_of(parts: Parts) -> Frame:
    """Return what the parts but prompt and dialogue make of a prompt."""
    opening = (f"Style: {_sentence(parts.style)}" if parts.style else "", _camera(parts.size, parts.move))
    closing = (
        f"Sound effects: {_sentence(parts.sfx)}" if parts.sfx.lower() not in NOTHING else "",
        _sound("Ambience", parts.ambience, "ambient sound"),
        _sound("Music", parts.music, "music"),
        f"Avoid: {_sentence(', '.join(parts.avoid))}" if parts.avoid else "",
    )
    return Frame(tidy("\n".join(opening)), tidy("\n".join(closing)))


def fill(frame: Frame, prompt: str, dialogue: Sequence[Spoken]) -> str:
    """Return the final prompt of a shot's own words in a frame."""
    words = tidy("\n".join((prompt, *map(_speech, dialogue)))) if dialogue else tidy(prompt)
    return "\n".join(filter(None, (frame.opening, words, frame.closing)))


def tidy(text: str) -> str:
    """Return a text in the one form in which it is sent and hashed."""
    if text.isascii() and text.isprintable() and not text.endswith(" "):
        return text  # one line as it should be
    lines = (line.rstrip() for line in nfc(text).replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def size_words(size: str) -> str:
    """Return what an abbreviation of a shot size stands for; other texts come back as they are."""
    return SIZES.get(size.upper(), size)


def _camera(size: str, move: str) -> str:
    framing = size_words(size)
    if framing and move:
        return f"{framing}, {_sentence(move)}"
    return _sentence(framing) if framing else f"Camera: {_sentence(move)}" if move else ""


def _speech(entry: Spoken) -> str:
    when = "" if entry.at is None else f"At {spoken(entry.at)}, "
    return f'{when}{entry.who} says: "{entry.line}"' if entry.who else f'{when}a voice says: "{entry.line}"'


def _sound(label: str, text: str, absent: str) -> str:
    if not text:
        return ""
    return f"No {absent}." if text.lower() in NOTHING else f"{label}: {_sentence(text)}"


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if not stripped or stripped.endswith(_SENTENCE_END) else stripped + "."


class Marked(Struct, frozen=True):
    """A text with its markers replaced. `unknown` are names that no slot has, `mistaken` are literal texts that
    the service would take for a marker.
    """

    text: str
    unknown: tuple[str, ...] = ()
    mistaken: tuple[str, ...] = ()


def mark(text: str, slots: Mapping[str, str]) -> Marked:
    """Replace every `@name` by what `slots` has for it (keys in lower case), and `@@` by `@`."""
    if "@" not in text:
        return Marked(text)
    unknown: list[str] = []
    mistaken: list[str] = []
    pieces: list[str] = []
    done = 0
    for found in _MARKER.finditer(text):
        pieces.append(text[done : found.start()])
        done = found.end()
        if found[1] is None:
            follow = _SERVICE_MARKER.match(text, found.end() - 1)
            if follow is not None:
                mistaken.append(follow[0])
            pieces.append("@")
            continue
        name, rest = _known_part(found[1], slots.__contains__)
        if name:
            pieces.append(slots[name.lower()] + rest)
        else:
            unknown.append(found[1].rstrip(".-"))
            pieces.append(found[0])
    pieces.append(text[done:])
    return Marked("".join(pieces), tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(mistaken)))


def plainly(text: str, people: Mapping[str, str]) -> str:
    """Return a prompt as people read it: `@ada` by her name in `people` (keys in lower case), `@ada_front` as words."""
    if "@" not in text:
        return text

    def words(found: re.Match[str]) -> str:
        if found[1] is None:
            return "@"
        name, rest = _known_part(found[1], people.__contains__)
        return people[name.lower()] + rest if name else found[1].replace("_", " ")

    return _MARKER.sub(words, text)


def _known_part(token: str, is_known: Callable[[str], bool]) -> tuple[str, str]:
    """Split `livery.` or `ada-like` into a known name and the rest; names may hold dots and hyphens themselves."""
    end = len(token)
    while end > 0:
        if is_known(token[:end].lower()):
            return token[:end], token[end:]
        end = max(token.rfind(".", 0, end), token.rfind("-", 0, end))
    return "", token
