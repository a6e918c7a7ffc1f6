"""mitmproxy's flow dumps, version 21 (of mitmproxy 11 and 12): a replay as it would keep it.

As after a replay in mitmproxy itself, the flow has the new response or error, and the
captured flow is its `backup`: mitmproxy shows it as modified, and reverting it brings the
recorded response back. Version 21 has every key of the states below and no other; they
stand in the order in which mitmproxy writes them.

Of the captured connections a flow keeps identity and server name alone: the rest is what
mitmproxy writes for connections that it knows nothing of.
"""

from collections.abc import Iterable

from replayd.formats.writers.tnetstring import Value, tnetstring
from replayd.model.flow import FlowError, Headers, Request, Response, WebSocket, WebSocketMessage
from replayd.model.outcome import ConnectionInfo
from replayd.model.replayed import Replayed

VERSION = 21

State = dict[str, Value]

_UNKNOWN_ADDRESS: Value = ["", 0]

_TLS_VERSIONS = frozenset({"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
"""What mitmproxy knows; any other would make it refuse the whole file."""


def write(replayed: Replayed) -> Iterable[bytes]:
    """Makes a flow's record."""
    captured = _captured(replayed)
    error = FlowError(replayed.error, replayed.time(replayed.outcome.timings.total))
    return tnetstring(
        {
            **captured,
            "error": _error(error, replayed.start_time) if replayed.error else None,
            "server_conn": _server_connection(replayed),
            "is_replay": "request",
            "metadata": {"replay_id": replayed.key.replay_id},
            "backup": captured,
            "request": _request(
                replayed.sent_request,
                replayed.start_time,
                replayed.time(replayed.outcome.timings.sent),
            ),
            "response": _response(replayed.response, replayed.start_time),
            "websocket": _websocket(replayed.websocket, replayed.start_time),
        }
    )


def _captured(replayed: Replayed) -> State:
    """The state of the flow before it was replayed."""
    flow, request = replayed.flow, replayed.request
    start = replayed.start_time if request.start_time is None else request.start_time
    return {
        "version": VERSION,
        "type": "http",
        # Of a flow that is there more than once only the first one may have its id.
        "id": (not replayed.key.repeat and flow.flow_id) or replayed.key.replay_id,
        "error": _error(flow.error, start) if flow.error else None,
        "client_conn": _client_connection(replayed, start),
        "server_conn": _connected_nowhere(replayed),
        "intercepted": False,
        "is_replay": None,
        "marked": flow.mark,
        "metadata": {},
        "comment": flow.comment,
        "timestamp_created": start,
        "backup": None,
        "request": _request(request, start, request.end_time),
        "response": _response(flow.response, start),
        "websocket": _websocket(flow.websocket, start),
    }


def _error(error: FlowError, default_time: float) -> State:
    return {"msg": error.message, "timestamp": default_time if error.time is None else error.time}


def _message(message: Request | Response, start_time: float, end_time: float | None) -> State:
    return {
        "http_version": message.http_version,
        "headers": _fields(message.headers),
        "content": message.content,
        "trailers": _fields(message.trailers) if message.trailers else None,
        "timestamp_start": start_time,
        "timestamp_end": end_time,
    }


def _fields(headers: Headers) -> Value:
    return [[name, value] for name, value in headers]


def _request(request: Request, start_time: float, end_time: float | None) -> State:
    return {
        **_message(request, start_time, end_time),
        "host": request.host,
        "port": request.port,
        "method": request.method,
        "scheme": request.scheme,
        "authority": request.authority,
        "path": request.path,
    }


def _response(response: Response | None, default_time: float) -> Value:
    if response is None:
        return None
    start_time = default_time if response.start_time is None else response.start_time
    return {
        **_message(response, start_time, response.end_time),
        "status_code": response.status_code,
        "reason": response.reason_phrase,
    }


def _websocket(websocket: WebSocket | None, default_time: float) -> Value:
    if websocket is None:
        return None
    return {
        "messages": [_said(message, default_time) for message in websocket.messages],
        "closed_by_client": websocket.client_closed,
        "close_code": websocket.close_code or None,
        "close_reason": websocket.close_reason,
        "timestamp_end": websocket.end_time,
    }


def _said(message: WebSocketMessage, default_time: float) -> Value:
    time = default_time if message.time is None else message.time
    return [
        int(message.kind),
        message.from_client,
        message.content,
        time,
        message.dropped,
        message.injected,
    ]


def _connection(connection_id: str, *, tls: bool, server_name: str) -> State:
    """What client and server connections share, of one that is not known."""
    return {
        "peername": None,
        "sockname": None,
        "id": connection_id,
        "transport_protocol": "tcp",
        "error": None,
        "tls": tls,
        "certificate_list": [],
        "alpn": None,
        "alpn_offers": [],
        "cipher": None,
        "cipher_list": [],
        "tls_version": None,
        "sni": server_name or None,
        "timestamp_start": None,
        "timestamp_end": None,
        "timestamp_tls_setup": None,
    }


def _client_connection(replayed: Replayed, start_time: float) -> State:
    """The client's side is the captured one, as after any replay in mitmproxy."""
    flow = replayed.flow
    return {
        **_connection(
            flow.session_id or replayed.key.replay_id,
            tls=_tls(replayed),
            server_name=flow.server_name,
        ),
        "peername": _UNKNOWN_ADDRESS,
        "sockname": _UNKNOWN_ADDRESS,
        "timestamp_start": start_time,
        "mitmcert": None,
        "proxy_mode": "regular",
    }


def _connected_nowhere(replayed: Replayed) -> State:
    """A server connection of which only the target is known."""
    return {
        **_connection(
            f"{replayed.key.replay_id}.server",
            tls=_tls(replayed),
            server_name=replayed.flow.server_name,
        ),
        "address": [replayed.request.host, replayed.request.port],
        "timestamp_tcp_setup": None,
        "via": None,
    }


def _server_connection(replayed: Replayed) -> State:
    """The connection of the replay."""
    connection, timings = replayed.outcome.connection, replayed.outcome.timings
    unconnected = _connected_nowhere(replayed)
    if connection is None:
        return unconnected
    return {
        **unconnected,
        **_seen(connection),
        "timestamp_start": None if connection.reused else replayed.start_time,
        "timestamp_end": replayed.time(timings.total),
        "timestamp_tls_setup": replayed.time(timings.tls),
        "timestamp_tcp_setup": replayed.time(timings.connected),
    }


def _seen(connection: ConnectionInfo) -> State:
    known_version = connection.tls_version in _TLS_VERSIONS
    return {
        "peername": _address(connection.address),
        "sockname": _address(connection.local_address),
        # Replays that shared a connection have the same one here.
        "id": f"{connection.local_address}-{connection.address}",
        "alpn": connection.alpn.encode() or None,
        "cipher": connection.tls_cipher or None,
        "tls_version": connection.tls_version if known_version else None,
        "sni": connection.server_name or None,
    }


def _address(address: str) -> Value:
    host, _, port = address.rpartition(":")
    return [host.strip("[]"), int(port)] if port.isdigit() else None


def _tls(replayed: Replayed) -> bool:
    return replayed.request.scheme == b"https"
