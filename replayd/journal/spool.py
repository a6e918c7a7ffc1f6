"""A folder of contents, and the thread that makes its files durable.

A disk takes a millisecond for a content of 1 MiB and as many as it has MiB: nobody who has
other things to do waits for that. Who wants to name a file in a commit asks whether it is
`durable`, or waits.
"""

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

_AT_ONCE = 64
"""Files on their way to the disk at once: each has a descriptor. Who brings more waits."""


class Sync:
    """A file on its way to the disk."""

    __slots__ = ("_waited", "descriptor", "done", "error", "on_done")

    def __init__(self, descriptor: int, on_done: Callable[[], None] | None) -> None:
        self.descriptor = descriptor
        self.on_done = on_done
        self.error = ""
        """Why it did not get there, once `done`; empty: it did."""
        self.done = False
        """Whether the disk has answered."""
        self._waited = threading.Lock()
        """Held until it has; an Event would take longer to make than all the rest."""
        self._waited.acquire()

    def wait(self) -> None:
        """Waits until it is done."""
        with self._waited:
            pass

    def end(self) -> None:
        """The disk has answered."""
        self.done = True
        self._waited.release()
        if self.on_done is not None:
            self.on_done()


class Spool:
    """The folder. Its thread runs from the first file on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: queue.SimpleQueue[Sync | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._room = threading.Semaphore(_AT_ONCE)

    def sync(self, descriptor: int, on_done: Callable[[], None] | None = None) -> Sync:
        """Makes a new file in the folder durable, with its name, and then closes it; calls
        back, on the spool's thread, when that is done. Waits only for a disk that is far behind.
        """
        self._room.acquire()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
            self._thread.start()
        sync = Sync(descriptor, on_done)
        self._waiting.put(sync)
        return sync

    def close(self) -> None:
        """Waits for what is on its way, and ends the thread."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            together, ended = [first], False
            while not (ended or self._waiting.empty()):
                following = self._waiting.get()
                if following is None:
                    ended = True
                else:
                    together.append(following)
            self._sync(together)
            if ended:
                return

    def _sync(self, together: list[Sync]) -> None:
        """Files that were written at the same time share the write of their names."""
        for each in together:
            try:
                os.fdatasync(each.descriptor)
            except OSError as error:
                each.error = error.strerror or str(error)
            finally:
                os.close(each.descriptor)
                self._room.release()
        try:
            sync_folder(self.folder)
        except OSError as error:
            for each in together:
                each.error = each.error or error.strerror or str(error)
        for each in together:
            each.end()


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
