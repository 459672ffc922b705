"""When the journal cannot be written after a job was accepted: keep the job id somewhere, anywhere.

First a file beside the storyboard, then one line on the standard error stream that can be copied. `veospec resolve
--import FILE` reads either form back. Never raises: it is the last thing that can be done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from veospec.errors import UsageError
from veospec.store.durable import PRIVATE

PREFIX = "veospec-rescue-"
VERSION = 1
MAX_BYTES = 1 << 16


class Rescued(Struct, frozen=True):
    """What has to be known of an accepted job."""

    attempt: str
    reply_ref: str
    node: str
    account: str
    job_id: str


def to_line(found: Rescued) -> str:
    """Return the one line that says it all."""
    return json.dumps(
        {
            "veospec_rescue": VERSION,
            "attempt": found.attempt,
            "reply_ref": found.reply_ref,
            "node": found.node,
            "account": found.account,
            "job_id": found.job_id,
        },
        sort_keys=True,
    )


def parse(text: str) -> Rescued:
    """Read a rescue line or file. Raises `UsageError`."""
    try:
        found = json.loads(text)
        if found["veospec_rescue"] != VERSION:
            raise ValueError
        values = [found[name] for name in ("attempt", "reply_ref", "node", "account", "job_id")]
    except (ValueError, KeyError, TypeError, RecursionError):
        values = [None]
    if not all(isinstance(value, str) for value in values):
        raise UsageError("this is no rescue file of veospec", "It is one line of JSON that begins with `{`.")
    return Rescued(*values)


def save(found: Rescued, folder: Path, now: datetime, say: Callable[[str], None]) -> str:
    """Write the file beside the storyboard and say the line; return where it is, for people."""
    line = to_line(found)
    path = folder / f"{PREFIX}{now:%Y%m%dT%H%M%S}-{found.attempt[:8]}.json"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
        try:
            os.write(fd, line.encode("ascii") + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        where = str(path)
    except OSError:
        where = "the line below"
    say(line)
    return where
