"""Which response merely drips. Pure: is told what came and when.

A slow answer is honest in two ways: it pauses (long polls, a server that computes), or it
is a stream without end (events). A hostile one drips: a byte now and then, for ever, never
silent for long enough to be idle. So only a head, and content whose length was declared,
need a rate; a silence counts one second at most, since longer ones are the read timeout's
business; and nobody is judged before enough seconds have been counted. A server that
drips into undeclared content is left to the size limit and the total timeout.
"""

_SECOND = 1_000_000_000


class Pace:
    """Measures one response."""

    __slots__ = ("_counted", "_last", "_rate", "_size", "_slack")

    def __init__(self, now: int, *, rate: int, slack: float) -> None:
        """The first bytes came `now`; `rate` bytes a second, after `slack` seconds."""
        self._rate = rate
        self._slack = int(slack * _SECOND)
        self._last = now
        self._counted = 0
        self._size = 0

    def too_slow(self, size: int, now: int) -> bool:
        """Counts `size` more bytes; True: they have been arriving too slowly."""
        self._counted += min(now - self._last, _SECOND)
        self._last = now
        self._size += size
        return self._counted > self._slack and self._size * _SECOND < self._counted * self._rate
