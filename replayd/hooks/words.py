"""What hooks are asked and answer, and what the replay thread is told in the end. Pure."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

from replayd.filters import Matcher
from replayd.journal.interface import ROW_CONTENT_LIMIT, Body
from replayd.model.flow import Flow, Headers, Request, Response
from replayd.model.outcome import Note, ResponseHead
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayState
from replayd.reasons import Reason


class HookPoint(IntEnum):
    """When a hook is asked, numbered as `flowreplay.v1.HookPoint`."""

    REQUEST = 1
    RESPONSE = 2
    ERROR = 3


class HookSettings(NamedTuple):
    """A hook, as its client wants it."""

    name: str
    points: frozenset[HookPoint]
    matches: Matcher | None = None
    """Which flows it is asked about; None: all."""
    order: int = 0
    deadline: float = 5.0
    """Seconds that an answer may take."""
    kills: bool = False
    """A replay that it does not decide about is killed; else it goes on."""
    content_limit: int | None = None
    """Bytes of the largest content that it wants; None: any."""


class Content(NamedTuple):
    """A content that is in memory, or read in pieces."""

    size: int
    data: bytes | None
    """None: it is not in memory."""
    pieces: Callable[[], Iterable[bytes]]
    """Reads it, from its beginning, as often as need be. Blocks; raises ReplaydError."""
    body: Body | None = None
    """What holds it, where a hook sent it."""

    def discard(self) -> None:
        """Forgets what a hook sent."""
        if self.body is not None:
            self.body.discard()


def in_memory(data: bytes) -> Content:
    """Returns a content that is there."""
    return Content(len(data), data, lambda: (data,))


NOTHING = in_memory(b"")


def collected(body: Body) -> Content:
    """Returns what was written to a body, all of it."""
    if body.size == body.held <= ROW_CONTENT_LIMIT:
        return in_memory(b"".join(body.pieces()))._replace(body=body)
    return Content(body.size, None, body.pieces, body)


class Question(NamedTuple):
    """What a hook is asked."""

    point: HookPoint
    replay: Replay
    flow: Flow
    """Without contents that are not in memory."""
    request_content: Content
    response_content: Content
    flow_index: int
    recorded_status_code: int
    error: tuple[Reason, str] | None = None
    """Why it failed; only at the error point."""


# Answers


class Proceed(NamedTuple):
    """Goes on."""


class ChangedRequest(NamedTuple):
    """Is to be sent."""

    request: Request
    """Without its content."""
    content: Content | None
    """None: as before."""
    server_name: str = ""


class OwnResponse(NamedTuple):
    """Is the response."""

    response: Response
    """Without its content."""
    content: Content | None
    """None: as before."""


class Kill(NamedTuple):
    """Ends the replay."""

    message: str = ""


class Lost(NamedTuple):
    """There is no answer: the hook's policy decides."""

    reason: Reason
    message: str


Answer = Proceed | ChangedRequest | OwnResponse | Kill | Lost


# What the replay thread is told


class Send(NamedTuple):
    """The request is sent: as it was, or as hooks changed it."""

    replay: Replay
    plan: Plan
    content: Content | None = None
    """A changed content that does not travel with the replay."""
    notes: tuple[Note, ...] = ()

    def discard(self) -> None:
        """Forgets what hooks sent."""
        discard(self.content)


class Respond(NamedTuple):
    """A hook answers: nothing is sent."""

    hook: str
    replay: Replay
    plan: Plan
    head: ResponseHead
    trailers: Headers
    content: Content
    request_content: Content | None = None
    """As `Send.content`."""
    notes: tuple[Note, ...] = ()

    def discard(self) -> None:
        """Forgets what hooks sent."""
        discard(self.content)
        discard(self.request_content)


class End(NamedTuple):
    """The replay ends without a response."""

    state: ReplayState
    reason: Reason
    message: str
    notes: tuple[Note, ...] = ()

    def discard(self) -> None:
        """There is nothing to forget."""


class Record(NamedTuple):
    """The outcome is recorded: as it was, or with the response that hooks made."""

    changing: tuple[str, ...] = ()
    """The hooks that changed it."""
    response: Response | None = None
    """None: the head and the trailers are as they were."""
    content: Content | None = None
    """None: as it was."""
    notes: tuple[Note, ...] = ()

    def discard(self) -> None:
        """Forgets what hooks sent."""
        discard(self.content)


def discard(content: Content | None) -> None:
    """Forgets what a hook sent, if it did."""
    if content is not None:
        content.discard()


def head_of(response: Response) -> ResponseHead:
    """Returns the head of a hook's response."""
    return ResponseHead(
        response.http_version or b"HTTP/1.1",
        response.status_code,
        response.reason_phrase,
        response.headers,
    )
