"""A file counts as an MP4 only when its boxes fill it exactly."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest

from veospec.errors import MediaError
from veospec.media.boxes import box_order, check_mp4, why_not_mp4


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


WHOLE = {
    "moov first": box(b"ftyp", b"mp42\0\0\0\0mp42isom") + box(b"moov", b"m" * 70) + box(b"mdat", b"d" * 300),
    "moov last": box(b"ftyp", b"isom\0\0\2\0") + box(b"free", b"") + box(b"mdat", b"d" * 300) + box(b"moov", b"m" * 70),
    "64-bit": box(b"ftyp", b"mp42\0\0\0\0")
    + box(b"moov", b"m" * 9)
    + struct.pack(">I4sQ", 1, b"mdat", 216)
    + b"d" * 200,
}
BROKEN = {
    "html": (b"<html>403</html>", "does not begin"),
    "xml": (b"<?xml version='1.0'?><Error>AccessDenied", "does not begin"),
    "json": (b'{"error": 1}', "does not begin"),
    "empty": (b"", "empty"),
    "zeros": (bytes(4000), "does not begin"),
    "gif": (b"GIF89a....", "does not begin"),
    "header only": (box(b"ftyp", b"mp42"), "no moov and no mdat"),
    "no mdat": (box(b"ftyp", b"mp42") + box(b"moov", b"m"), "no mdat"),
    "endless": (box(b"ftyp", b"mp42") + box(b"free", b"") * 2000, "too many"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_pass_and_every_truncation_is_refused(name: str) -> None:
    content = WHOLE[name]
    assert why_not_mp4(io.BytesIO(content), len(content)) == ""
    for size in range(len(content)):
        assert why_not_mp4(io.BytesIO(content[:size]), size) != "", size


@pytest.mark.parametrize("name", BROKEN)
def test_what_servers_send_instead_is_refused_in_words(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    assert words in why_not_mp4(io.BytesIO(content), len(content))
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"clip\.mp4 is not a whole MP4"):
        check_mp4(path)


def test_damaged_headers_never_surprise() -> None:
    chance = random.Random(5)
    for _ in range(5_000):
        content = bytearray(WHOLE["moov first"][:60])
        for _ in range(4):
            content[chance.randrange(len(content))] = chance.randrange(256)
        why_not_mp4(io.BytesIO(content), len(content))


def test_box_order_names_what_lies_where() -> None:
    content = WHOLE["moov last"]
    assert box_order(io.BytesIO(content), len(content)) == ("ftyp", "free", "mdat", "moov")
    with pytest.raises(MediaError, match="ends inside"):
        box_order(io.BytesIO(content[:-71]), len(content) - 71)
