"""A disk that takes its time while a test tells it to."""

import os
import stat
import threading

from tests.support.processes import DEADLINE


class Disk:
    """Notes what is synced, and takes its time while it is told to."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def sync(self, descriptor: int) -> None:
        self.entered.set()
        assert self.go_on.wait(DEADLINE)
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        self.synced.append("folder" if is_folder else f"file {os.fstat(descriptor).st_size}")
