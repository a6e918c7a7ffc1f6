"""One request and its response on a connection: what all versions of HTTP have in common.
Knows no journal's log and no retries.

A transfer writes and reads as far as that goes without waiting, says at which moment it is
late, and then why. `http1` and `http2` are such.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from replayd.errors import WireError
from replayd.journal.interface import Body
from replayd.model.flow import Headers
from replayd.model.outcome import ConnectionInfo, ResponseHead, WebSocketResult
from replayd.reasons import Reason
from replayd.replay.budget import Budget
from replayd.replay.deadlines import NEVER
from replayd.replay.pace import Pace
from replayd.wire.poller import Connection
from replayd.wire.settings import WireSettings

_SECOND = 1_000_000_000

Keep = Callable[[Connection, int | None], None]
"""Takes a connection that another request may follow on, and for how many seconds the
server promised to keep it (None: it did not say)."""


class Transfer(ABC):
    """A request on its way out and its response on its way in. Times: see `wire`."""

    body: Body | None = None
    """The content so far; None: none came."""
    deadline = 0
    """When `late` has to be called."""
    sent: int | None = None
    """When the last byte of the request was handed to the system."""
    first_byte: int | None = None
    early = False
    """The response came before the whole request was sent."""
    _first_size = 0
    """Bytes that came with the first."""
    _pace: Pace | None = None
    _charged = False
    """The budget knows of it."""
    _waits = False
    """It does not read: there is no room for more."""

    def __init__(
        self,
        connection: Connection,
        settings: WireSettings,
        *,
        new_body: Callable[[], Body],
        budget: Budget,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when `on_ready` should be."""
        self.connection = connection
        self._settings = settings
        self._budget = budget
        self._wake = wake
        self._read_timeout = int(settings.read_timeout * _SECOND)
        self._new_body = new_body

    @property
    @abstractmethod
    def head(self) -> ResponseHead | None:
        """The final response's head, once it came."""

    @property
    @abstractmethod
    def trailers(self) -> Headers:
        """The response's trailer fields."""

    @property
    @abstractmethod
    def lenient(self) -> bool:
        """The response bends HTTP's rules in a way that readers put up with."""

    @property
    @abstractmethod
    def untouched(self) -> bool:
        """Not a byte of the request was handed over, or the server said that it did nothing
        with it: sending it once more is no repetition.
        """

    @property
    def info(self) -> ConnectionInfo:
        """What events say of the connection."""
        return self.connection.info

    @property
    def refused(self) -> bool:
        """The server said, on a connection that works, that it did nothing with the request."""
        return False

    @property
    def needs_http1(self) -> bool:
        """The server did nothing with the request because it wants it over HTTP/1.1."""
        return False

    @property
    def websocket(self) -> WebSocketResult | None:
        """What was said after a WebSocket handshake; None: none was accepted."""
        return None

    @property
    def notes(self) -> Sequence[str]:
        """What was odd, for people."""
        return ()

    @abstractmethod
    def begin(self, now: int) -> None:
        """Sends what can be sent at once."""

    @abstractmethod
    def on_ready(self, now: int, *, readable: bool, writable: bool) -> bool:
        """Goes on; True: the response is complete. Raises WireError."""

    @abstractmethod
    def late(self, now: int) -> bool:
        """The deadline has passed: goes on without what it waited for; True: the response is
        complete without it. Or raises WireError.
        """

    @abstractmethod
    def conclude(self, keep: Keep) -> None:
        """The outcome is recorded: keeps the connection if another request may follow on it,
        else closes it.
        """

    @abstractmethod
    def abort(self) -> None:
        """Gives up, whatever was on its way."""

    def _measure(self, size: int, now: int) -> None:
        """Counts bytes that came; raises WireError TOO_SLOW."""
        settings = self._settings
        if not size:
            return
        if self.first_byte is None:
            self.first_byte = now
            self._first_size = size
            return  # Most responses come at once.
        if self._pace is None:
            self._pace = Pace(
                self.first_byte, rate=settings.min_rate, slack=settings.min_rate_after
            )
            size += self._first_size
        if self._pace.too_slow(size, now) and self._hurried:
            raise WireError(
                Reason.TOO_SLOW,
                f"the response comes at less than {settings.min_rate} bytes a second",
            )

    @property
    @abstractmethod
    def _hurried(self) -> bool:
        """What comes now has to come at some speed: a head, or content of declared length."""

    # Memory

    @property
    def _in_memory(self) -> int:
        """Bytes of the response that are in memory."""
        return self.body.held if self.body is not None else 0

    def _charge(self) -> None:
        """Has the budget know of what came of a response that is not whole; where there is no
        room for it, it goes to a file, or else nothing more is read.
        """
        self._charged = True
        room = self._budget.charge(self, self._in_memory)
        if not room and self.body is not None and self.body.held:
            self.body.spill()
            room = self._budget.charge(self, self._in_memory)
        if room is self._waits:
            self._waits = not room
            self._let_come(room)
        if not room:
            # It is we who do not read: only the total duration counts.
            self.deadline = NEVER

    def on_room(self) -> None:
        """There may be room again (`budget.Holder`)."""
        self._wake()

    @abstractmethod
    def _let_come(self, more: bool) -> None:
        """Has the server send more, or wait."""

    def _settle(self) -> None:
        """Nothing of the response is this transfer's any more."""
        if self._charged:
            self._charged = False
            self._budget.release(self)

    def _store(self, data: bytes) -> None:
        """Keeps content, up to the limit."""
        if self.body is None:
            self.body = self._new_body()
        limit = self._settings.body_size_limit
        room = limit - self.body.size
        self.body.write(data if len(data) <= room else data[:room])
        if len(data) > room:
            raise WireError(
                Reason.BODY_TOO_LARGE,
                f"the response's content is larger than {limit} bytes; --body-size-limit sets this",
                limit=limit,
            )
