"""Which file system a folder lies on: file locks and the journal need a local disk.

Source: sqlite.org/wal.html, "All processes using a database must be on the same host computer"; Linux man-pages,
proc_pid_mountinfo(5).
"""

from __future__ import annotations

from pathlib import Path

_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "9p",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.rclone",
        "davfs",
    }
)
_MOUNTINFO = Path("/proc/self/mountinfo")


def network_type(folder: Path) -> str:
    """Return the type of the network file system that holds a folder, or nothing: local, or not known."""
    try:
        table = _MOUNTINFO.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    found = type_in(table, str(folder.resolve()))
    return found if found in _NETWORK else ""


def type_in(table: str, folder: str) -> str:
    """Return the type of the mount that holds an absolute path, by the text of a mountinfo table."""
    best, kind = -1, ""
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = _plain(fields[4])
        holds = folder == point or folder.startswith(point.rstrip("/") + "/")
        if holds and len(point) >= best:  # a later mount on the same point hides the earlier one
            best, kind = len(point), right.split(" ")[0]
    return kind


def _plain(field: str) -> str:
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(octal, character)
    return field
