"""The flows that chaos enqueues. Each says in its path whose it is and how to answer it.

`/TAG/INDEX/SESSION/WHAT`: the call that brought it, its index in that call's capture, its
session, and what the target does with it. So a line of the target's book names a flow, and
an event's URL can be compared with its place in its batch.
"""

from functools import partial
from random import Random
from typing import NamedTuple

from flowreplay.v1 import flow_pb2, replay_pb2

from tools.chaos.live import FIELD, recorded_value

IDEMPOTENT = (b"GET", b"PUT", b"DELETE")

POLICIES = {
    "r": replay_pb2.ON_INTERRUPT_RESEND,
    "p": replay_pb2.ON_INTERRUPT_PARK,
    "f": replay_pb2.ON_INTERRUPT_FAIL,
}
"""What becomes of interrupted replays of a call whose tag ends with this letter; of others, what
the daemon does by default."""

HOOKED = ("killed", "answered")
"""What a hook does with a flow, if there is one."""

HOOK_STATUS = 299
"""That a hook answers with."""

SOCKET = "socket"
"""What the target does with a WebSocket: it sends one message, and closes."""

ANSWERS = {"ok": 200, "error": 500, "slow": 200, SOCKET: 101, **dict.fromkeys(HOOKED, 200)}
"""What a target may do, and the status that it answers with."""

BREAKS = ("close", "reset")
"""What else it may do: end the connection without an answer."""

_METHODS = (b"GET", b"GET", b"GET", b"PUT", b"DELETE", b"POST", b"POST")
_SIZES = (0, 20, 400) * 200 + (300_000,)
"""Of contents, in bytes; the largest is kept in a file of its own."""

_SCHEMES = (b"http", b"http", b"http", b"https")

_WHATS = ("ok",) * 40 + ("error",) * 4 + ("slow", "slow", *HOOKED, *BREAKS)


_TYPED = (*_WHATS, SOCKET)
"""Of typed flows: a `.http` file has no WebSockets."""


def sent_again(tag: str, method: bytes) -> bool:
    """Whether an interrupted replay of a call is sent again."""
    policy = POLICIES.get(tag[-1], replay_pb2.ON_INTERRUPT_AUTO)
    if policy == replay_pb2.ON_INTERRUPT_AUTO:
        return method in IDEMPOTENT
    return policy == replay_pb2.ON_INTERRUPT_RESEND


class Asked(NamedTuple):
    """What a path says."""

    tag: str
    flow_index: int
    session: int
    what: str

    @property
    def path(self) -> str:
        """The path that says it."""
        return f"/{self.tag}/{self.flow_index}/{self.session}/{self.what}"

    @property
    def breaks(self) -> bool:
        """Whether the target ends the connection in place of an answer."""
        return self.what in BREAKS


def method_of(asked: Asked, method: bytes) -> bytes:
    """Returns what tells whether a flow may be sent again: a WebSocket on which we speak, by the
    same GET as any, may not.
    """
    return b"SOCKET" if asked.what == SOCKET else method


def read_path(path: str) -> Asked:
    """Returns what a path says. Raises ValueError for one that chaos has not made."""
    empty, tag, index, session, what = path.split("/")
    if empty or (what not in ANSWERS and what not in BREAKS):
        raise ValueError(f"not a path of chaos: {path!r}")
    return Asked(tag, int(index), int(session), what)


def typed(
    random: Random, tag: str, count: int, port: int, *, live: bool = False
) -> list[flow_pb2.Flow]:
    """Makes typed flows of some sessions for the target at a port. `live`: the first one's answer
    is carried by all others.
    """
    sessions = random.choice([1, 3, 8, 50])
    host = flow_pb2.Header(name=b"Host", value=b"127.0.0.1:%d" % port)
    asked = (
        Asked(tag, index, random.randrange(sessions), random.choice(_TYPED))
        for index in range(count)
    )
    flows = [
        _socket(each, host) if each.what == SOCKET else _flow(random, each, host) for each in asked
    ]
    if live:
        value = recorded_value(tag).encode()
        flows[0].response.MergeFrom(flow_pb2.Response(status_code=200, content=value))
        for flow in flows[1:]:
            flow.request.headers.add(name=FIELD, value=value)
    return flows


def capture(random: Random, tag: str, count: int, port: int) -> bytes:
    """Makes a capture of one session: a `.http` file."""
    return b"".join(
        b"### %d\n%s %s://127.0.0.1:%d%s\n\n"
        % (
            index,
            random.choice(_METHODS),
            random.choice(_SCHEMES),
            port,
            Asked(tag, index, 0, random.choice(_WHATS)).path.encode(),
        )
        for index in range(count)
    )


def _socket(asked: Asked, host: flow_pb2.Header) -> flow_pb2.Flow:
    """A WebSocket on which the server says something, then the client, before the server closes."""
    fields = {
        b"Upgrade": b"websocket",
        b"Connection": b"Upgrade",
        b"Sec-WebSocket-Version": b"13",
        b"Sec-WebSocket-Key": b"Y2hhb3MgY2hhb3MgY2hhbw==",
    }
    headers = [flow_pb2.Header(name=name, value=value) for name, value in fields.items()]
    message = partial(
        flow_pb2.WebSocketMessage, kind=flow_pb2.WEB_SOCKET_MESSAGE_KIND_TEXT, content=b"recorded"
    )
    return flow_pb2.Flow(
        kind=flow_pb2.FLOW_KIND_WEBSOCKET,
        request=flow_pb2.Request(
            method=b"GET",
            scheme=b"http",
            host="127.0.0.1",
            port=int(host.value.rpartition(b":")[2]),
            path=asked.path.encode(),
            http_version=b"HTTP/1.1",
            headers=[host, *headers],
        ),
        response=flow_pb2.Response(status_code=101),
        session_id=f"s{asked.session}",
        websocket=flow_pb2.WebSocket(
            messages=[message(from_client=False), message(from_client=True)],
            client_closed=False,
            close_code=1000,
        ),
    )


def _flow(random: Random, asked: Asked, host: flow_pb2.Header) -> flow_pb2.Flow:
    method = random.choice(_METHODS)
    content = b"x" * random.choice(_SIZES) if method in (b"POST", b"PUT") else b""
    length = flow_pb2.Header(name=b"Content-Length", value=b"%d" % len(content))
    request = flow_pb2.Request(
        method=method,
        scheme=random.choice(_SCHEMES),
        host="127.0.0.1",
        port=int(host.value.rpartition(b":")[2]),
        path=asked.path.encode(),
        headers=[host, length] if content else [host],
        content=content,
    )
    return flow_pb2.Flow(request=request, session_id=f"s{asked.session}")
