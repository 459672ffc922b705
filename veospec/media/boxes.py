"""Whether a file is a whole MP4: a walk over its top-level boxes, without a decoder.

A body without a length header ends silently when the connection drops, so a finished download proves nothing;
an MP4 does, because its boxes say how long they are.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from veospec.errors import MediaError

_HEADER = struct.Struct(">I4s")
_MOST_BOXES = 1000
_NEEDED = ("ftyp", "moov", "mdat")


class _BrokenError(Exception):
    """Why the walk stopped."""


def box_order(file: BinaryIO, size: int) -> tuple[str, ...]:
    """Return the types of the top-level boxes in file order. Raises `MediaError` when they do not fill the file."""
    try:
        return tuple(_walk(file, size))
    except _BrokenError as stop:
        raise MediaError(f"not a whole MP4: {stop}") from None


def why_not_mp4(file: BinaryIO, size: int) -> str:
    """Return nothing for a whole MP4, else the reason as a clause. Reads box headers only."""
    try:
        found = _walk(file, size)
    except _BrokenError as stop:
        return str(stop)
    missing = [name for name in _NEEDED if name not in found]
    return f"it has no {' and no '.join(missing)} box" if missing else ""


def check_mp4(path: Path) -> None:
    """Raise `MediaError` when the file is not a whole MP4."""
    with path.open("rb") as file:
        reason = why_not_mp4(file, path.stat().st_size)
    if reason:
        raise MediaError(f"{path.name} is not a whole MP4: {reason}", "fetch or make the file again")


def _walk(file: BinaryIO, size: int) -> list[str]:
    position = 0
    found: list[str] = []
    while position < size:
        file.seek(position)
        header = file.read(16)
        if len(header) < _HEADER.size:
            raise _BrokenError(f"it ends inside a box header at byte {position}")
        length, kind = _HEADER.unpack(header[: _HEADER.size])
        if not found and kind != b"ftyp":
            raise _BrokenError("it does not begin with an MP4 header")
        if length == 1:
            if len(header) < 16:
                raise _BrokenError(f"it ends inside a box header at byte {position}")
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8 or not all(32 <= byte < 127 for byte in kind):
            raise _BrokenError(f"the box at byte {position} is broken")
        if position + length > size:
            raise _BrokenError(f"box '{kind.decode()}' needs {position + length} bytes, the file has {size}")
        found.append(kind.decode())
        if len(found) > _MOST_BOXES:
            raise _BrokenError("it has too many boxes")
        position += length
    if not found:
        raise _BrokenError("it is empty")
    return found
