"""Text from strangers on its way out: one function per outlet, so that nothing leaves the program unescaped.

Prompts, names, messages of a service and file names may hold anything: terminal escapes, workflow commands,
markup, formulas, right-to-left overrides, lone surrogates. Each function takes such text and returns what its
outlet shows as that same text and never obeys.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_XML_SPACES = {9: "&#9;", 10: "&#10;", 13: "&#13;"}
_WORD_JOINER = "\u2060"
_SPACES = "\ufeff \t\r\n\u00a0\u3000"


def terminal(text: str, limit: int = 200) -> str:
    """Return one printable line of at most `limit` characters; what cannot be seen is shown as an escape.

    Joiners stay where a script or an emoji needs them. Source of the attacks: CVE-2024-52005 and its kin.
    """
    shown: list[str] = []
    size = 0
    for index, char in enumerate(text):
        piece = _visible(text, index, char)
        size += len(piece)
        if size > limit:
            return "".join(shown) + "…"
        shown.append(piece)
    return "".join(shown)


def ci_log(text: str, limit: int = 400) -> str:
    """Return `terminal` text that no CI takes for a command (`::add-mask::`, `##[group]`, `##vso[`) on any line."""
    line = terminal(text, limit)
    return line.replace("::", f":{_WORD_JOINER}:").replace("##", f"#{_WORD_JOINER}#")


def annotation_message(text: str, limit: int = 2000) -> str:
    """Return the message part of a GitHub annotation (`::error ...::MESSAGE`).

    Source: GitHub Actions toolkit, packages/core/src/command.ts, `escapeData`, 2026.
    """
    return terminal(text, limit).replace("%", "%25")


def annotation_property(text: str, limit: int = 400) -> str:
    """Return a value for `file=`, `title=` and the like in a GitHub annotation (`escapeProperty` of the toolkit)."""
    return annotation_message(text, limit).replace(":", "%3A").replace(",", "%2C")


def markdown_block(text: str, limit: int = 2000) -> str:
    """Return a fenced block whose fence is longer than any run of back-ticks inside."""
    lines = [terminal(line, limit) for line in re.split(r"\r\n|[\r\n]", text)]
    fence = "`" * max(3, 1 + _longest_run("\n".join(lines)))
    return "\n".join([f"{fence}text", *lines, fence])


def markdown_code(text: str, limit: int = 120) -> str:
    """Return a code span for a table cell: no mention, no link, no image, no broken row comes out of it."""
    line = terminal(text, limit).replace("\\\\", "\\").replace("|", "\\|") or " "
    fence = "`" * (1 + _longest_run(line))
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def markdown_text(text: str, limit: int = 200) -> str:
    """Return running text: every mark is escaped, `@name`, `#1` and addresses are no longer links."""
    line = terminal(text, limit).replace("\\\\", "\\")
    line = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", line)
    line = re.sub(r"(?i)\b(www|gh)(?=[\\.-])", rf"\1{_WORD_JOINER}", line)
    return line.replace("\\@", f"\\@{_WORD_JOINER}").replace("\\#", f"\\#{_WORD_JOINER}")


def html_text(text: str) -> str:
    """Return text for an element or a quoted attribute."""
    from html import escape

    return escape(_without_controls(text), quote=True)


def html_json(value: Any) -> str:
    """Return JSON for the inside of a `<script type="application/json">`: it cannot end the element."""
    dumped = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&":
        dumped = dumped.replace(char, f"\\u{ord(char):04x}")
    return json_text(dumped)


def json_text(dumped: str) -> str:
    """Return JSON text in which everything invisible is an escape; it parses to the same value."""
    hidden = {ord(char): _json_escape(char) for char in set(dumped) if char != "\n" and _is_hidden(char)}
    return dumped.translate(hidden) if hidden else dumped


def csv_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; quoting is the work of the csv writer.

    Source: OWASP, CSV Injection, 2026; full-width signs and leading blanks count too.
    """
    clean = _without_controls(text)
    bare = clean.lstrip(_SPACES)
    first = unicodedata.normalize("NFKC", bare[:1])[:1]
    is_formula = first in tuple("=+-@|%") or clean[:1] in ("\t", "\r")
    return f"'{clean}" if is_formula else clean


def xml_text(text: str) -> str:
    """Return text for an XML element or attribute, without the characters XML 1.0 forbids."""
    legal = "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in text)
    from html import escape

    return escape(_without_surrogates(legal), quote=True).translate(_XML_SPACES)


def edl_text(text: str, limit: int = 120) -> str:
    """Return one line for an EDL comment."""
    return " ".join(terminal(text, limit).split())


def srt_text(text: str) -> str:
    """Return the lines of one SubRip cue; the format has no escapes, so what looks like markup is respelt."""
    respelt = re.sub(r"<(?=[/a-zA-Z!])", "‹", text).replace("{\\", "(\\").replace("-->", "→")
    return _cue_lines(respelt)


def vtt_text(text: str) -> str:
    """Return the lines of one WebVTT cue. Source: WebVTT, W3C, section 4.2.2 (cue text)."""
    return _cue_lines(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cue_lines(text: str) -> str:
    """Keep line breaks but never an empty line, which would end the cue."""
    lines = (" ".join(_without_controls(line).split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _visible(text: str, index: int, char: str) -> str:
    if char == "\\":
        return "\\\\"
    if not _is_hidden(char):
        return char
    if char in _JOINERS and index and text[index - 1] > "\x7f" and not _is_hidden(text[index - 1]):
        return char
    code = ord(char)
    long = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(char, long)


def _is_hidden(char: str) -> bool:
    if " " <= char <= "~":
        return False
    category = unicodedata.category(char)
    # Emoji younger than this interpreter's tables count as unassigned; they are pictures, not controls.
    return category in _HIDDEN and not (category == "Cn" and "\U0001f000" <= char <= "\U0001faff")


def _json_escape(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _without_controls(text: str) -> str:
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
