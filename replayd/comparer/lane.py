"""A comparing process and the thread that feeds it, one question after the other."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from replayd.comparer.process import ComparerProcess, ComparerSettings

IDLE_SECONDS = 30.0
"""How long a process that has nothing to do is kept."""

Asked = TypeVar("Asked")


class Lane(Generic[Asked]):
    """Both are started for the first question."""

    def __init__(
        self,
        name: str,
        settings: ComparerSettings,
        ask: Callable[[Asked, ComparerProcess], None],
    ) -> None:
        """`ask` is called on the thread with each question, and must not raise."""
        self._process = ComparerProcess(settings)
        self._ask = ask
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._starting = threading.Lock()

    def put(self, asked: Asked) -> None:
        """Has a question asked, unless `close` comes before. Returns at once. From any thread."""
        self._queue.put(asked)
        with self._starting:
            if self._thread.ident is None:
                self._thread.start()

    def close(self) -> None:
        """Ends the process; what was not asked yet never is."""
        self._queue.put(None)

    def _run(self) -> None:
        while True:
            try:
                asked = self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                self._process.close()
                continue
            if asked is None:
                break
            self._ask(asked, self._process)
        self._process.close()
