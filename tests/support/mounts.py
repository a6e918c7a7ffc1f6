"""Small file systems for tests, which only root may mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import NEEDS


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system in memory with a size such as `16m`; skips the test without the right."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"{NEEDS}mount (and root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int = 0) -> Path:
    """Fills a disk by a file until so many bytes are left, to a page; returns the file."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        free = os.statvfs(disk)
        more = free.f_bavail * free.f_frsize - left
        if more > 0:
            os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, more)
    finally:
        os.close(descriptor)
    return filler
