"""The table of codes is complete: every code that is reported is in it, and every code in it is reported somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from spec_builders import CASES

import veospec.spec
from veospec.spec.codes import CODES

ROOM = Path(veospec.spec.__file__).parent
WRITTEN = re.compile(r'"(VS[0-9]{3})"')


def test_the_table_has_exactly_the_codes_that_are_reported() -> None:
    sources = [path for path in ROOM.glob("*.py") if path.name != "codes.py"]
    reported = {code for path in sources for code in WRITTEN.findall(path.read_text("utf-8"))}
    assert reported == set(CODES)


def test_most_rules_have_a_case() -> None:
    shown = {code for path in CASES.rglob("*.expected") for code in re.findall(r"VS[0-9]{3}", path.read_text("utf-8"))}
    rules = {code for code in CODES if code.startswith(("VS0", "VS2"))}
    assert rules - shown <= {"VS002", "VS207", "VS210", "VS240", "VS268", "VS273", "VS277", "VS278", "VS286", "VS298"}
