"""What took longer than others should wait for, by name: it is given to a worker of its own."""


class SlowOnes:
    """The names of such as were found lately. Threads may share it."""

    def __init__(self, limit: int) -> None:
        """`limit`: how many are known; one more, and the one that was found first is forgotten,
        to be tried beside others once more.
        """
        self._limit = limit
        self._names: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Notes one. Only one thread does."""
        if len(self._names) >= self._limit:
            del self._names[next(iter(self._names))]
        self._names[name] = None
