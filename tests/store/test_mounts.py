"""Which file system a folder lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from veospec.store.mounts import network_type, type_in

TABLE = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /mnt/team rw - nfs4 server:/team rw
31 22 0:27 / /mnt/team/local rw - xfs /dev/vdb rw
32 22 0:28 / /mnt/my\\040share rw shared:4 - cifs //server/share rw
33 22 0:29 / /home rw - ext4 /dev/vdc rw
34 22 0:30 / /home rw - 9p home rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/", "ext4"),
        ("/srv/film", "ext4"),
        ("/mnt/team", "nfs4"),
        ("/mnt/team/film/.veospec", "nfs4"),
        ("/mnt/teamwork", "ext4"),
        ("/mnt/team/local/film", "xfs"),
        ("/mnt/my share/film", "cifs"),
        ("/home/ada", "9p"),
    ],
)
def test_the_deepest_and_latest_mount_counts(folder: str, expected: str) -> None:
    assert type_in(TABLE, folder) == expected


def test_a_local_folder_has_no_network_type(tmp_path: Path) -> None:
    assert network_type(tmp_path) == ""
    assert type_in("", "/x") == ""
