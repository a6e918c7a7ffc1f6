"""What a power cut changes besides the disk: the system's boot, as the daemon sees it.

In a mount namespace of this process's own, of which its children see the same, and nobody else.
"""

import ctypes
import os
import subprocess
import uuid
from pathlib import Path
from typing import Self

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_NEW_NAMESPACE = 0x20000
"""CLONE_NEWNS of unshare(2), which Python has from 3.12 on."""

_libc = ctypes.CDLL(None, use_errno=True)


class Boots:
    """The boots of a system that loses its power. Build it before there are threads. Raises
    OSError where one may not.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "boot_id"
        self.again()
        if _libc.unshare(_NEW_NAMESPACE):
            number = ctypes.get_errno()
            raise OSError(number, f"no mount namespace: {os.strerror(number)}")
        _mount("--make-rprivate", "/")
        _mount("--bind", str(self._file), _BOOT_ID)

    def again(self) -> None:
        """Starts the system again."""
        self._file.write_text(f"{uuid.uuid4()}\n")

    def close(self) -> None:
        """Shows this system's boot again."""
        subprocess.run(["umount", _BOOT_ID], check=True)  # noqa: S607 - the system's

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)  # noqa: S607 - the system's
