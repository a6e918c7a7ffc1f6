"""What the kernel's table of mounts says of a folder."""

from pathlib import Path

import pytest

from replayd.journal.sqlite import mounts
from replayd.journal.sqlite.mounts import network_file_system

TABLE = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /net rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
31 22 0:41 / /net/disk rw - xfs /dev/vdb rw
32 22 0:42 / /with\040blank rw master:2 - cifs //server/share rw
33 22 0:43 / /fuse/ssh rw - fuse.sshfs user@server: rw
34 22 0:44 / /fuse/local rw - fuse.bindfs /home rw
35 22 0:45 / /over/net rw - overlay overlay rw,lowerdir=/a,upperdir=/net/upper,workdir=/net/work
36 22 0:46 / /over/disk rw - overlay overlay rw,lowerdir=/net,upperdir=/var/upper,workdir=/var/w
37 22 0:47 / /over/itself rw - overlay overlay rw,upperdir=/over/itself/upper
38 22 0:48 / /hidden rw - nfs server:/old rw
39 38 254:3 / /hidden rw - ext4 /dev/vdc rw
broken
"""


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    monkeypatch.setattr(mounts, "MOUNTS", table)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/data", ""),
        ("/net", "nfs4"),
        ("/net/not/there/yet", "nfs4"),
        ("/net/disk/data", ""),
        ("/network", ""),
        ("/with blank/data", "cifs"),
        ("/fuse/ssh/data", "fuse.sshfs"),
        ("/fuse/local/data", ""),
        ("/over/net/data", "nfs4"),
        ("/over/disk/data", ""),
        ("/over/itself/data", ""),
        ("/hidden/data", ""),
    ],
)
def test_what_a_folder_lies_on(folder: str, kind: str) -> None:
    assert network_file_system(Path(folder)) == kind


def test_a_link_lies_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/net/data")
    assert network_file_system(tmp_path / "link") == "nfs4"


def test_without_a_table_nobody_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert network_file_system(Path("/net")) == ""
