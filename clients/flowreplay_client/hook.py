"""Hooks in Python: functions that are asked about replays, and what is said for them.

No I/O with the daemon: `hook_run` and `aio.hook_run` are its two ways to talk.
"""

import math
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import TypedDict

from flowreplay.v1 import hook_pb2 as pb
from flowreplay.v1.flow_pb2 import Request, Response
from flowreplay.v1.replay_pb2 import ContentChunk

from flowreplay_client.hook_flow import HookFlow

CHUNK = 1 << 20
"""Bytes of a content that travel in one message."""

Function = Callable[[HookFlow], Awaitable[None] | None]
"""Is given a flow, and changes it, answers it, kills it, or just looks."""

Answer = tuple[pb.HookAnswer, bytes]
"""What is answered, and the content that belongs to it."""

LATE_POLICIES = ("continue", "kill")

_POINTS = {
    "request": pb.HOOK_POINT_REQUEST,
    "response": pb.HOOK_POINT_RESPONSE,
    "error": pb.HOOK_POINT_ERROR,
}
POINTS = tuple(_POINTS)
_POLICIES = {"continue": pb.HOOK_POLICY_CONTINUE, "kill": pb.HOOK_POLICY_KILL}


class HookSettings(TypedDict, total=False):
    """How a hook is asked; everything may be left out."""

    filter: str
    """Which flows it is asked about (docs/filters.md); empty: all."""
    order: int
    """Hooks with a smaller number are asked first. Default 0."""
    deadline: float
    """Seconds that an answer may take, from 0.01 to 600. Default 5."""
    on_late: str
    """What becomes of a replay that it does not answer for in time, or fails with an exception:
    `continue` (the default) or `kill`."""
    content_limit: int
    """Bytes: larger contents are left out (`content_missing`). Default: none are."""


class Hook:
    """A hook: its name, and a function for each point at which it wants to be asked.

        hook = Hook("stamp", filter="~m POST")

        @hook.request
        def stamp(flow):
            flow.request.headers["X-Replay"] = flow.replay_id

    Functions may be asynchronous with the asynchronous client. Raises ValueError for
    settings that make no sense.
    """

    def __init__(
        self,
        name: str,
        *,
        filter: str = "",  # noqa: A002 - as it is called everywhere else
        order: int = 0,
        deadline: float = 5.0,
        on_late: str = "continue",
        content_limit: int | None = None,
    ) -> None:
        if on_late not in LATE_POLICIES:
            raise ValueError(f"{on_late!r} is not one of {', '.join(LATE_POLICIES)}")
        if not math.isfinite(deadline):
            raise ValueError(f"the deadline {deadline} is no number of seconds")
        self.name = name
        self.kills = on_late == "kill"
        self.functions: dict[str, Function] = {}
        """By point."""
        self._registration = pb.HookRegistration(
            hook_name=name,
            filter=filter,
            order=order,
            late_policy=_POLICIES[on_late],
            content_limit_bytes=content_limit,
        )
        self._registration.deadline_duration.FromTimedelta(timedelta(seconds=deadline))

    def request(self, function: Function) -> Function:
        """Has a function asked before a request is sent."""
        return self.at("request", function)

    def response(self, function: Function) -> Function:
        """Has a function asked after a response, before it is recorded."""
        return self.at("response", function)

    def error(self, function: Function) -> Function:
        """Has a function told when a replay has failed, before that is recorded."""
        return self.at("error", function)

    def at(self, point: str, function: Function) -> Function:
        """Does the same for a point by its name."""
        self.functions[point] = function
        return function

    def registration(self) -> pb.HookRequest:
        """Returns the first message of the call. Raises ValueError: it has no functions."""
        if not self.functions:
            raise ValueError(f"the hook {self.name} has no function for {', '.join(POINTS)}")
        del self._registration.points[:]
        self._registration.points.extend(_POINTS[point] for point in self.functions)
        return pb.HookRequest(registration=self._registration)

    def ask(self, flow: HookFlow) -> Awaitable[None] | None:
        """Has the function of a flow's point look at it; returns what is to be awaited."""
        function = self.functions.get(flow.point)
        return None if function is None else function(flow)

    def failed(self, flow: HookFlow, error: BaseException) -> Answer:
        """Prints an exception of a function; returns what its policy answers."""
        lines = "".join(traceback.format_exception(error.with_traceback(_of_others(error))))
        print(f"hook {self.name}, replay {flow.replay_id}:\n{lines}", file=sys.stderr)  # noqa: T201
        return flow.without(f"{type(error).__name__} in the hook" if self.kills else None)


def _of_others(error: BaseException) -> TracebackType | None:
    """Returns a traceback without the callers in this package and in replayctl."""
    found = error.__traceback__
    while found is not None:
        package = found.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("flowreplay_client", "replayctl"):
            break
        found = found.tb_next
    return found or error.__traceback__


class Calls:
    """Puts calls together from what the daemon says in one stream."""

    def __init__(self) -> None:
        self._last: pb.HookCall | None = None
        """Its contents follow."""
        self._contents: list[bytes] = []
        self._chunks = bytearray()

    def flows(self, response: pb.HookResponse) -> Iterator[HookFlow]:
        """Yields the flows that a response makes whole."""
        if response.WhichOneof("payload") == "content_chunk":
            self._chunks += response.content_chunk.data
            if response.content_chunk.last:
                self._contents.append(bytes(self._chunks))
                self._chunks.clear()
                yield from self._whole()
            return
        for call in response.calls.calls:
            self._last, self._contents = call, []
            yield from self._whole()

    def _whole(self) -> Iterator[HookFlow]:
        call = self._last
        assert call is not None
        following = [half.content_follows for half in (call.flow.request, call.flow.response)]
        if len(self._contents) < sum(following):
            return
        left = iter(self._contents)
        request = next(left) if following[0] else call.flow.request.content
        response = next(left) if following[1] else call.flow.response.content
        self._last = None
        yield HookFlow(call, (request, response))


def answer_messages(answers: Iterable[Answer]) -> Iterator[pb.HookRequest]:
    """Yields the messages for answers: all in one, but for large contents."""
    together = pb.HookAnswers()
    for answer, content in answers:
        half = _half(answer)
        if half is not None:
            half.content_missing = half.content_follows = False
            if len(content) > CHUNK:
                half.content_follows = True
                yield pb.HookRequest(answers=pb.HookAnswers(answers=[answer]))
                yield from _chunks(content)
                continue
            half.content = content
        together.answers.append(answer)
        if content:
            yield pb.HookRequest(answers=together)
            together = pb.HookAnswers()
    if together.answers:
        yield pb.HookRequest(answers=together)


def _half(answer: pb.HookAnswer) -> Request | Response | None:
    """Returns what an answer changes."""
    match answer.WhichOneof("decision"):
        case "request":
            return answer.request
        case "response":
            return answer.response
        case _:
            return None


def _chunks(content: bytes) -> Iterator[pb.HookRequest]:
    for start in range(0, len(content), CHUNK):
        piece = ContentChunk(
            data=content[start : start + CHUNK], last=start + CHUNK >= len(content)
        )
        yield pb.HookRequest(content_chunk=piece)
