"""A flow that was replayed, beside what was captured of it: what an export is made of."""

from dataclasses import dataclass

from replayd.model.flow import Flow, Headers, Request, Response, WebSocket, WebSocketMessage
from replayd.model.outcome import Outcome
from replayd.model.plan import HttpVersions, Plan
from replayd.model.replay import ReplayKey

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay that ended by itself, with or without a complete response."""

    key: ReplayKey
    attempt: int
    flow: Flow
    """As captured, with the contents of its request and its recorded response."""
    plan: Plan
    """What was sent."""
    outcome: Outcome
    content: bytes = b""
    """Of the response; of one that is not complete, its first bytes."""
    messages: tuple[WebSocketMessage, ...] = ()
    """What was said on a WebSocket, of both sides; when it broke off, as much as is known."""

    @property
    def request(self) -> Request:
        """The captured request; a flow without one is never replayed."""
        assert self.flow.request is not None
        return self.flow.request

    @property
    def http2(self) -> Headers | None:
        """The fields that were sent over HTTP/2, the pseudo fields first; None: it was not
        HTTP/2 that was spoken.
        """
        if self.plan.http2 is None:
            return None
        connection, head = self.outcome.connection, self.outcome.head
        spoken = (
            self.plan.target.http_versions is HttpVersions.TWO
            or (connection is not None and connection.alpn == "h2")
            or (head is not None and head.http_version == b"HTTP/2.0")
        )
        return self.plan.http2.headers if spoken else None

    @property
    def sent_request(self) -> Request:
        """The request as captures of its version have it: over HTTP/2 with the fields that
        were sent, the pseudo fields apart; over HTTP/1 as captured.
        """
        if self.plan.http2 is None or self.http2 is None:
            return self.request
        return self.request._replace(
            http_version=b"HTTP/2.0",
            headers=tuple(field for field in self.http2 if not field[0].startswith(b":")),
            authority=dict(self.http2).get(b":authority", b""),
            trailers=self.plan.http2.trailers,
        )

    @property
    def response(self) -> Response | None:
        """The new response as far as it came; None: nothing of one did."""
        head, timings = self.outcome.head, self.outcome.timings
        if head is None:
            return None
        return Response(
            http_version=head.http_version,
            status_code=head.status_code,
            reason_phrase=head.reason_phrase,
            headers=head.headers,
            content=self.content,
            trailers=self.outcome.trailers,
            start_time=self.time(timings.first_byte),
            end_time=self.time(timings.total),
        )

    @property
    def websocket(self) -> WebSocket | None:
        """What was said after the handshake; None: the server did not accept one."""
        result = self.outcome.websocket
        if result is None:
            return None
        return WebSocket(
            messages=self.messages,
            client_closed=result.client_closed,
            close_code=result.close_code,
            close_reason=result.close_reason,
            end_time=self.time(self.outcome.timings.total),
        )

    @property
    def error(self) -> str:
        """Why there is no complete response, for people; empty: there is one."""
        outcome = self.outcome
        return f"{outcome.reason.name}: {outcome.message}" if outcome.reason else ""

    @property
    def start_time(self) -> float:
        """When the replay began, in seconds since the epoch."""
        return self.outcome.timings.start / _NANOSECONDS

    def time(self, phase: int | None) -> float | None:
        """When a phase of its timings was reached, in seconds since the epoch."""
        if phase is None:
            return None
        return (self.outcome.timings.start + phase) / _NANOSECONDS
