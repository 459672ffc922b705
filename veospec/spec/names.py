"""Names: which ids are allowed, which path stays below the project folder, and what a misspelt name may have meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
"""The habit of film codes: `SH010`, `sc01.a-2`. Ids become file names, so nothing else is let through."""

LONGEST_ID = 63

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
"""Names that Windows keeps for devices, with or without a suffix.

Source: Microsoft, "Naming Files, Paths, and Namespaces", section "Naming Conventions".
"""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789_-."
_MANY = 300


def id_fault(name: str) -> str:
    """Return why a text is no id, as a clause, or "" when it is one."""
    if not name:
        return "is empty"
    if len(name) > LONGEST_ID:
        return f"has {len(name)} characters (at most {LONGEST_ID})"
    if not ID.match(name):
        if not re.match(r"[A-Za-z0-9]", name):
            return "must begin with a letter or digit"
        odd = next(c for c in name if not re.match(r"[A-Za-z0-9._-]", c))
        return f"holds {_shown(odd)}"
    if name.endswith("."):
        return "ends in a dot"
    if ".." in name:
        return "holds '..'"
    if name.split(".", 1)[0].lower() in _DEVICES:
        return "is a device name on Windows"
    return ""


def _shown(character: str) -> str:
    if character == " ":
        return "a space"
    return f"'{character}'" if character.isprintable() else f"the character U+{ord(character):04X}"


def folded(name: str) -> str:
    """Return what two names must not share: file systems of macOS and Windows ignore case and Unicode form."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())


def nfc(text: str) -> str:
    """Return the text in Unicode form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def path_fault(path: str) -> str:
    """Return why a path may not be used, as a clause, or "" when it stays below the project folder."""
    if not path or path in (".", "./"):
        return "names no file"
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        return "is not relative to the project folder"
    if "\\" in path:
        return "holds a backslash; write '/' between folders"
    if "://" in path:
        return "is an address; only files of the project can be used"
    if ".." in path.split("/"):
        return "leads out of its folder with '..'"
    return ""


def tidy(path: str) -> str:
    """Return a path without `./` and doubled slashes."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that was probably meant, or "".

    Small sets are compared one by one; in large ones only names at one edit's distance are looked up, because ten
    thousand comparisons for each of a hundred broken shots would take longer than everything else.
    """
    if len(known) <= _MANY:
        return _closest(name, known)
    table = known if isinstance(known, set | frozenset | dict) else set(known)
    return next((candidate for candidate in _edits(name) if candidate in table), "")


def _closest(name: str, known: Iterable[str]) -> str:
    by_fold = {folded(candidate): candidate for candidate in known}
    wanted = folded(name)
    if wanted in by_fold:
        return by_fold[wanted]
    found = difflib.get_close_matches(wanted, by_fold, n=3, cutoff=0.6)
    letters = sorted(wanted)
    swapped = [candidate for candidate in found if sorted(candidate) == letters]  # 'modle' is no short 'mode'
    return by_fold[(swapped or found)[0]] if found else ""


def _edits(name: str) -> Iterable[str]:
    for form in dict.fromkeys((name, name.upper(), name.lower())):
        yield form
        letters = _ALPHABET.upper() if form.isupper() else _ALPHABET
        for cut in range(len(form) + 1):
            head, tail = form[:cut], form[cut:]
            yield head + tail[1:]
            if len(tail) > 1:
                yield head + tail[1] + tail[0] + tail[2:]
            for letter in letters:
                yield head + letter + tail
                yield head + letter + tail[1:]


def did_you_mean(name: str, known: Collection[str], *, kind: str = "", more: str = "") -> str:
    """Return advice for an unknown name: the nearest one, else what there is to choose from."""
    if close := nearest(name, known):
        return f"did you mean '{close}'?"
    if more:
        return more
    if 0 < len(known) <= 8:
        return f"known{f' {kind}' if kind else ''}: {', '.join(sorted(known))}"
    return f"declare it under '{kind}'" if kind else "check the spelling"
