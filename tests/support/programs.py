"""Finds the real programs that some tests talk to, or skips the test.

A skip's reason begins with `NEEDS`, so that the end of a run can count them; where
everything must be there (REPLAYD_TEST_REQUIRE_ALL=1), conftest turns skips into failures.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDS = "needs a real program: "

_PLACES = {
    "replayd": Path(sys.executable).parent,
    "replayctl": Path(sys.executable).parent,
    "buf": ROOT / ".venv-proto" / "bin",
    "grpcurl": ROOT / ".venv-servers" / "bin",
    "mitmdump": ROOT / ".venv-servers" / "bin",
    "nginx": Path("/usr/sbin"),
    "mkfs.ext4": Path("/usr/sbin"),
    "e2fsck": Path("/usr/sbin"),
    "losetup": Path("/usr/sbin"),
}
"""Where a program is besides PATH."""

_ADVICE = {
    "replayd": "pip install --editable .",
    "replayctl": "pip install --editable .",
    "buf": "make check",
    "grpcurl": "make servers",
    "mitmdump": "make servers",
    "nginx": "apt-get install nginx-light",
    "node": "apt-get install nodejs",
    "strace": "apt-get install strace",
    "mkfs.ext4": "apt-get install e2fsprogs",
    "e2fsck": "apt-get install e2fsprogs",
    "losetup": "apt-get install mount",
    "unshare": "apt-get install util-linux",
}


def node_modules(name: str) -> Path:
    """The folder of Node's packages, if it has this one; skips the test when it does not."""
    folder = ROOT / ".venv-servers" / "node" / "node_modules"
    if not (folder / name).exists():
        pytest.skip(f"{NEEDS}{name} for node (to have it: make servers)")
    return folder


def find(name: str) -> Path:
    """The program's path; skips the test, saying what installs it, when it is not here."""
    own = str(_PLACES.get(name, ""))
    path = shutil.which(name, path=os.pathsep.join([own, os.environ.get("PATH", "")]))
    if path is None:
        pytest.skip(f"{NEEDS}{name} (to have it: {_ADVICE[name]})")
    return Path(path)
