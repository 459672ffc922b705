"""One table that turns the operating system's errors into ours, with the path and an advice.

Nothing in this room lets an `OSError` out: it is translated where the file was touched, cause kept.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veospec.errors import StoreError, StoreFull, StoreReadOnly

_FREE_SPACE = "Free some space and run the command again; nothing that was finished is lost."
_PERMISSION = "Make the folder writable, or choose another one with VEOSPEC_HOME."
_BROKEN_DISK = "The disk reported an error. Check it before going on; the file was not used."

_TABLE: dict[int, tuple[type[StoreError], str, str]] = {
    errno.ENOSPC: (StoreFull, "no space is left on the disk", _FREE_SPACE),
    errno.EDQUOT: (StoreFull, "the disk quota is used up", _FREE_SPACE),
    errno.EFBIG: (StoreFull, "the file is larger than allowed here", _FREE_SPACE),
    errno.EROFS: (StoreReadOnly, "the file system is read-only", _PERMISSION),
    errno.EACCES: (StoreReadOnly, "permission denied", _PERMISSION),
    errno.EPERM: (StoreReadOnly, "operation not permitted", _PERMISSION),
    errno.EIO: (StoreError, "input/output error", _BROKEN_DISK),
    errno.ELOOP: (StoreError, "a symbolic link stands in the way", "veospec writes through no links: remove the link."),
    errno.ENOTDIR: (StoreError, "a part of the path is not a folder", "Move the file or link that stands in the way."),
    errno.EMFILE: (StoreError, "too many open files", "Raise the limit (ulimit -n) or lower --jobs."),
    errno.ENFILE: (StoreError, "too many open files on this machine", "Close other programs and try again."),
    errno.ENOLCK: (StoreError, "file locks do not work here", "The store must be on a local disk: set VEOSPEC_HOME."),
    errno.EOPNOTSUPP: (
        StoreError,
        "the file system does not support this",
        "The store must be on a local disk: set VEOSPEC_HOME.",
    ),
}


def from_os_error(error: OSError, doing: str, path: Path | str) -> StoreError:
    """Return our error for a failed file operation; `doing` is a verb phrase ("write", "read")."""
    reason = error.strerror or "unknown error"
    kind, clause, hint = _TABLE.get(error.errno or 0, (StoreError, reason[:1].lower() + reason[1:], ""))
    return kind(f"cannot {doing} {path}: {clause}", hint)


def is_full(error: BaseException) -> bool:
    """Return whether room is what was missing: a disk, a quota or a limit of the size of files is reached."""
    return _TABLE.get(getattr(error, "errno", None) or 0, (StoreError, "", ""))[0] is StoreFull


@contextmanager
def translated(doing: str, path: Path | str) -> Iterator[None]:
    """Raise a `StoreError` in place of any `OSError` of the block."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, doing, path) from error
