"""The reference storyboard with lines and values cut, doubled and swapped: always an answer, never a bug."""

from __future__ import annotations

import random
import re
import shutil

import pytest
from acceptance import ROOT, Person

SOURCE = ROOT / "specs/night-ferry"
WORD = re.compile(r"[A-Za-z0-9_$.{}:-]+")
JUNK = (
    '""', "[]", "{}", "null", "true", "-1", "0", "1e9", "9" * 20, '"\\u0000"', "~", "[1, 2]", "{a: b}", "*x", "&x y",
    "${x}", '"${env:HOME}"', "!!int 3", "8s", ".", "..", "a/b", "1:1", "0x10", "é", "@@", "@nobody", "still:none",
    "{shot: SH010, frame: last}", "{shot: SH010}", "192f", "-5f", "1.5s", '"' + "9" * 70_000 + '"',
)  # fmt: skip
COMMANDS = (
    ("validate", "shots.yaml"),
    ("plan", "--provider", "flow", "--plan-class", "pro"),
    ("plan", "--pass", "draft"),
    ("show", "SH050", "--provider", "flow"),
    ("cost",),
    ("comment",),
    ("status",),
)


def mutilated(lines: list[str], chance: random.Random) -> str:
    """Return the text with one to three wounds."""
    text = list(lines)
    words = WORD.findall("\n".join(lines))
    for _ in range(chance.choice((1, 1, 2, 3))):
        place = chance.randrange(len(text))
        here = WORD.findall(text[place])
        kind = chance.randrange(5)
        if kind == 0:
            del text[place]
        elif kind == 1:
            text.insert(place, chance.choice(text))
        elif kind == 2 and here:
            text[place] = text[place].replace(chance.choice(here), chance.choice(words), 1)
        elif kind == 3 and here:
            text[place] = text[place].replace(chance.choice(here), chance.choice(JUNK), 1)
        else:
            text[place] = " " * chance.randrange(6) + text[place].lstrip()
    return "\n".join(text)


@pytest.mark.parametrize("seed", range(2))
def test_no_mutilated_storyboard_is_ever_a_bug(veospec: Person, seed: int) -> None:
    for name in ("refs", "plates"):
        shutil.copytree(SOURCE / name, veospec.folder / name)
    lines = (SOURCE / "shots.yaml").read_text("utf-8").splitlines()
    chance = random.Random(seed)
    codes = set()
    for _ in range(60):
        text = mutilated(lines, chance)
        veospec.write(text)
        ended = veospec(*chance.choice(COMMANDS), code=None)
        assert ended.code in (0, 2, 3), f"{text}\n{ended.said}"
        codes.add(ended.code)
    assert codes >= {0, 3}
