"""States of mitmproxy flows as old releases kept them; `tests.support.tnetstring` writes them."""

from typing import Any

State = dict[str, Any]

OLD_CONNECTION = {
    "address": {"address": ["127.0.0.1", 50000], "use_ipv6": False},
    "ssl_established": False,
    "timestamp_start": 1400000000.25,
    "timestamp_end": None,
    "timestamp_ssl_setup": None,
}


def python2(value: Any) -> Any:
    """The value as Python 2 had it: all text, keys too, as bytes."""
    if isinstance(value, dict):
        return {python2(key): python2(part) for key, part in value.items()}
    if isinstance(value, list):
        return [python2(part) for part in value]
    return value.encode() if isinstance(value, str) else value


def of_0_11(request: State | None = None, response: State | None = None, **changes: Any) -> State:
    """An HTTP flow as mitmproxy 0.11 to 0.13 kept it."""
    return {
        "version": [0, 11, 3],
        "type": "http",
        "id": "f10e",
        "error": None,
        "intercepted": False,
        "client_conn": {**OLD_CONNECTION, "clientcert": None},
        "server_conn": {**OLD_CONNECTION, "sni": "example.test", "state": [], "cert": None},
        "request": {
            "method": "GET",
            "scheme": "http",
            "host": "example.test",
            "port": 8080,
            "path": "/p",
            "httpversion": [1, 1],
            "headers": [["Host", "example.test"]],
            "content": "",
            "form_in": "absolute",
            "form_out": "relative",
            "is_replay": False,
            "stickycookie": False,
            "stickyauth": False,
            "timestamp_start": 1400000000.5,
            "timestamp_end": 1400000000.75,
            **(request or {}),
        },
        "response": {
            "httpversion": [1, 0],
            "code": 200,
            "msg": "OK",
            "headers": [],
            "content": "ok",
            "timestamp_start": 1400000001.0,
            "timestamp_end": 1400000001.5,
            **(response or {}),
        },
        **changes,
    }


def of_7(request: State | None = None, **changes: Any) -> State:
    """An HTTP flow as mitmproxy 4.0 to 5.1 kept it."""
    connection = {
        "id": "c0ffee",
        "address": ["127.0.0.1", 50000],
        "sni": None,
        "tls_established": False,
        "timestamp_start": 1500000000.25,
    }
    return {
        "version": 7,
        "type": "http",
        "id": "f10e",
        "error": None,
        "intercepted": False,
        "marked": False,
        "mode": "regular",
        "metadata": {},
        "client_conn": {**connection, "mitmcert": None, "tls_extensions": None},
        "server_conn": {**connection, "ip_address": None, "source_address": None, "via": None},
        "request": {
            "method": b"GET",
            "scheme": b"https",
            "host": b"example.test",
            "port": 443,
            "path": b"/p",
            "http_version": b"HTTP/1.1",
            "headers": [[b"Host", b"example.test"]],
            "content": b"",
            "first_line_format": "relative",
            "is_replay": False,
            "timestamp_start": 1500000000.5,
            "timestamp_end": 1500000000.75,
            **(request or {}),
        },
        "response": None,
        **changes,
    }


def switched(*fields: list[bytes], status: int = 101) -> State:
    """A response of versions 0.16 to 7."""
    return {
        "http_version": b"HTTP/1.1",
        "status_code": status,
        "reason": b"",
        "headers": list(fields),
        "content": b"",
        "is_replay": False,
        "timestamp_start": None,
        "timestamp_end": None,
    }


def messages_of_7(**changes: Any) -> State:
    """A flow of WebSocket messages as mitmproxy 4.0 to 6.0 kept it."""
    state = of_7(
        type="websocket",
        metadata={"websocket_handshake": "gone"},
        messages=[[1, True, "hello", 1500000001, False]],
        client_key="a",
        client_protocol=None,
        client_extensions=None,
        server_accept="b",
        server_protocol=None,
        server_extensions=None,
        close_sender="client",
        close_code=1000,
        close_message="",
        close_reason="",
    )
    del state["request"], state["response"], state["mode"]
    return {**state, **changes}
