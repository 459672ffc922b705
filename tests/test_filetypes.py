"""A file is what its first bytes say."""

from __future__ import annotations

import pytest

from veospec.filetypes import HEAD_BYTES, type_of


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", ""),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x18ftypqt  ", ""),
        (b"\0\0\0\x18ftypheic", ""),
        (b"\0\0\0\x18ftypavif", ""),
        (b"GIF89a", ""),
        (b"AWS_SECRET_ACCESS_KEY=", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, expected: str) -> None:
    assert type_of(head) == expected
    assert type_of(head.ljust(HEAD_BYTES, b"\0")) == expected
