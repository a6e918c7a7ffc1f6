"""Whether a folder lies on a disk of this machine.

Network file systems promise less than a journal needs: their locks may be none, so that two
daemons own one folder, and what was synced, or is mapped into memory, may be another machine's
or gone. The kernel's table of mounts tells what a folder lies on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
"""proc_pid_mountinfo(5)."""

_NETWORK = (
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "vboxsf"),
)
_NETWORK_FUSE = (
    *("ceph-fuse", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "lustre"),
    *("moosefs", "mountpoint-s3", "rclone", "s3fs", "smbnetfs", "sshfs", "vmhgfs-fuse"),
)
"""By the name behind `fuse.`; what else is served by a program may be a local disk."""


class _Mount(NamedTuple):
    point: Path
    kind: str
    options: str
    """Of the file system itself."""


def network_file_system(folder: Path) -> str:
    """Returns the kind of network file system that a folder is on, or will be once it is made;
    empty: it is on none, or nobody can tell. An overlay is on what it writes to.
    """
    mounts = list(_mounts())
    seen: set[Path] = set()
    path = folder.resolve()
    while path not in seen:
        seen.add(path)
        # Of mounts at one place the last one hides the others: the first that `max` meets.
        mount = max(
            (mount for mount in reversed(mounts) if path.is_relative_to(mount.point)),
            key=lambda mount: len(mount.point.parts),
            default=None,
        )
        if mount is None:
            return ""
        if mount.kind != "overlay":
            return mount.kind if _is_network(mount.kind) else ""
        options = dict(each.partition("=")[::2] for each in mount.options.split(","))
        path = Path(options.get("upperdir", "/")).resolve()
    return ""


def _is_network(kind: str) -> bool:
    return kind in _NETWORK or (
        kind.startswith("fuse.") and kind.removeprefix("fuse.") in _NETWORK_FUSE
    )


def _mounts() -> Iterator[_Mount]:
    """Yields the mounts, in their order; none where the table can't be read."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, described = before.split(" "), after.split(" ")
        if len(fields) > 4 and len(described) > 2:
            yield _Mount(Path(_unescaped(fields[4])), described[0], _unescaped(described[2]))


def _unescaped(text: str) -> str:
    """Undoes what the kernel makes of blanks and backslashes: three octal digits."""
    for escape, meant in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escape, meant)
    return text
