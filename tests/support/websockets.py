"""A WebSocket server that notes what it gets, on `websockets`: independent of what we speak
with. And the flows that speak to it.
"""

import base64
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from flowreplay.v1 import flow_pb2
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from replayd.model.flow import (
    Flow,
    FlowKind,
    Headers,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
    WebSocketMessageKind,
)
from tests.support.processes import DEADLINE

KEY = base64.b64encode(b"sixteen bytes...")
DEFLATE = b"permessage-deflate; client_max_window_bits"

TEXT, BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY


def said(content: bytes | str, time: float | None = None, **marks: bool) -> WebSocketMessage:
    """A message of the client: a text, or bytes."""
    return _message(True, content, time, marks)


def heard(content: bytes | str, time: float | None = None, **marks: bool) -> WebSocketMessage:
    """A message of the server."""
    return _message(False, content, time, marks)


def _message(
    from_client: bool, content: bytes | str, time: float | None, marks: dict[str, bool]
) -> WebSocketMessage:
    if isinstance(content, str):
        return WebSocketMessage(TEXT, from_client, content.encode(), time, **marks)
    return WebSocketMessage(BINARY, from_client, content, time, **marks)


def websocket_flow(
    port: int,
    *messages: WebSocketMessage,
    host: str = "127.0.0.1",
    scheme: bytes = b"http",
    offer: bytes = b"",
    answered: float | None = None,
    session: str = "",
    **end: Any,
) -> Flow:
    """A conversation to be replayed. `offer`: the extensions that the captured handshake
    offered; `answered`: when; `end`: fields of `WebSocket`.
    """
    headers: Headers = (
        (b"Host", f"{host}:{port}".encode()),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Key", KEY),
        (b"Sec-WebSocket-Version", b"13"),
    )
    if offer:
        headers += ((b"Sec-WebSocket-Extensions", offer),)
    end.setdefault("client_closed", True)
    end.setdefault("close_code", 1000)
    return Flow(
        session_id=session,
        kind=FlowKind.WEBSOCKET,
        request=Request(b"GET", scheme, host, port, b"/chat", headers=headers),
        response=Response(b"HTTP/1.1", 101, b"Switching Protocols", start_time=answered),
        websocket=WebSocket(tuple(messages), **end),
    )


class Visit:
    """One connection to a `WebSocketServer`."""

    def __init__(self, connection: ServerConnection, changed: threading.Condition) -> None:
        self.connection = connection
        self._changed = changed
        self.messages: list[str | bytes] = []
        """What came, in order."""
        self.close_code: int | None = None
        self.close_reason = ""

    def receive(self) -> str | bytes:
        """Waits for the next message and notes it."""
        message = self.connection.recv(timeout=DEADLINE)
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        return message

    def send(self, message: str | bytes | Sequence[str] | Sequence[bytes]) -> None:
        """Sends a message; several parts are its fragments."""
        self.connection.send(message)


Handler = Callable[[Visit], None]


def echo(visit: Visit) -> None:
    """Answers every message with itself, until the client closes."""
    while True:
        visit.send(visit.receive())


def listen(visit: Visit) -> None:
    """Only notes what comes."""
    while True:
        visit.receive()


class WebSocketServer:
    """Listens on loopback and runs the handler for each connection; closes it after that."""

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, **options: Any
    ) -> None:
        """`options`: those of `websockets.sync.server.serve`."""
        self.visits: list[Visit] = []
        self._handler = handler
        self._failures: list[Exception] = []
        options.setdefault("compression", None)
        self._server = serve(self._handle, "127.0.0.1", 0, ssl=tls, **options)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._changed = threading.Condition()
        self._ended = 0
        self._thread.start()

    def wait_for_ends(self, count: int) -> list[Visit]:
        """Waits until so many connections have ended; returns all of them."""
        self.wait_for(lambda: self._ended >= count)
        return self.visits

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Waits until a visit, a message or an end brings this about."""
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE), self.visits

    def _handle(self, connection: ServerConnection) -> None:
        visit = Visit(connection, self._changed)
        with self._changed:
            self.visits.append(visit)
            self._changed.notify_all()
        try:
            self._handler(visit)
            connection.close()
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001 - raised at the end, in the test's thread
            self._failures.append(error)
        finally:
            visit.close_code = connection.close_code
            visit.close_reason = connection.close_reason or ""
            with self._changed:
                self._ended += 1
                self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join(DEADLINE)
        if kind is None and self._failures:
            raise self._failures[0]


def typed(found: Flow) -> flow_pb2.Flow:
    """The flow as a client of the contract sends it."""
    request, websocket = found.request, found.websocket
    assert request is not None
    assert websocket is not None
    message = flow_pb2.Flow(
        session_id=found.session_id,
        kind=flow_pb2.FLOW_KIND_WEBSOCKET,
        request=flow_pb2.Request(
            method=request.method,
            scheme=request.scheme,
            host=request.host,
            port=request.port,
            path=request.path,
            headers=[flow_pb2.Header(name=name, value=value) for name, value in request.headers],
        ),
        response=flow_pb2.Response(http_version=b"HTTP/1.1", status_code=101),
        websocket=flow_pb2.WebSocket(
            client_closed=websocket.client_closed,
            close_code=websocket.close_code,
            close_reason=websocket.close_reason,
        ),
    )
    for each in websocket.messages:
        added = message.websocket.messages.add(
            kind=flow_pb2.WebSocketMessageKind.ValueType(each.kind.value),
            from_client=each.from_client,
            content=each.content,
        )
        if each.time is not None:
            added.message_time.FromNanoseconds(round(each.time * 1e9))
    if found.response is not None and found.response.start_time is not None:
        message.response.start_time.FromNanoseconds(round(found.response.start_time * 1e9))
    return message
