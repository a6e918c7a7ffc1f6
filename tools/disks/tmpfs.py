"""A disk in memory, of which as much is free as one wants."""

import os
import subprocess
from pathlib import Path
from typing import Self

_WHOLE = 1 << 30
_ATTEMPTS = 50


class Tmpfs:
    """A file system at `mount`. Raises OSError where one may not mount."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        mount.mkdir(exist_ok=True)
        self._call("mount", "-t", "tmpfs", "-o", f"size={_WHOLE},mode=0700", "tmpfs", str(mount))

    def leave(self, left: int) -> None:
        """Lets no more than so many bytes be free, but for what is freed later."""
        for attempt in range(_ATTEMPTS):
            disk = os.statvfs(self._mount)
            try:
                self._resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize + left)
            except OSError:
                # Somebody has used more meanwhile, which can't be taken away.
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def free(self) -> None:
        """Makes it large again."""
        self._resize(_WHOLE)

    def close(self) -> None:
        """Unmounts it."""
        self._call("umount", str(self._mount))

    def _resize(self, size: int) -> None:
        # 0 would mean that there is no limit.
        self._call("mount", "-o", f"remount,size={max(size, 4096)}", str(self._mount))

    def _call(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
