"""From bytes to text: UTF-8, of a bearable size, without characters that hide what is written or what was merged."""

from __future__ import annotations

import re

from veospec.errors import SpecUnreadable
from veospec.model import Location, Problem
from veospec.spec.tree import Source

MAX_BYTES = 64 << 20

BAD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
BOM = b"\xef\xbb\xbf"
"""What Windows editors write first; it is no character of the text."""
_PLAIN_ASCII = bytes([9, 10, 13, *range(32, 127)])
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)


def unreadable(place: Location, code: str, message: str, advice: str) -> SpecUnreadable:
    """Return the error for a text that cannot be read at all."""
    return SpecUnreadable(Problem(code, message, advice, place))


def decoded(data: bytes, file: str) -> str:
    """Return the text of a file. Raises: `SpecUnreadable`."""
    if len(data) > MAX_BYTES:
        raise unreadable(
            Location(file, 1, 1), "VS002", f"the file is larger than {MAX_BYTES >> 20} MiB", "split it with 'include:'"
        )
    data = data.removeprefix(BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise unreadable(
            Source(file, before).location(len(before)),
            "VS001",
            f"the file is not UTF-8 text (byte {error.start + 1} is 0x{data[error.start]:02x})",
            "save it as UTF-8",
        ) from None
    # One pass in C tells whether anything unusual is there at all; only then the slower search.
    unusual = data.translate(None, _PLAIN_ASCII) if text.isascii() else data
    if unusual and (found := BAD.search(text)):
        raise SpecUnreadable(bad_character(found[0], Source(file, text).location(found.start())))
    return text


def bad_character(character: str, place: Location) -> Problem:
    """Return the problem of a character that is not allowed."""
    return Problem(
        "VS005",
        f"the character U+{ord(character):04X} is not allowed",
        "remove it: control characters and marks that turn the direction of text hide what is really written",
        place,
    )


def check_conflict(source: Source) -> None:
    """Refuse a text with the marks of a merge in it. Raises: `SpecUnreadable`."""
    text = source.text
    # One letter is found ten times faster than seven, and most texts have none of these.
    if not any(mark[0] in text and mark in text for mark in ("<<<<<<<", ">>>>>>>", "|||||||")):
        return
    if found := _CONFLICT.search(text):
        raise unreadable(
            source.location(found.start()),
            "VS006",
            f"a merge conflict was left here ({found[0][:7]})",
            "choose one side and remove the lines that begin with <<<<<<<, ======= and >>>>>>>",
        )
