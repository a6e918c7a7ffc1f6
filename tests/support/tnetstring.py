"""Writes tnetstrings and the states of mitmproxy flows, as real dumps hold them."""

from typing import Any


def dumps(value: Any) -> bytes:
    """One value as mitmproxy writes it: text, bytes, numbers, lists, dictionaries."""
    payload, tag = _payload(value)
    return b"%d:%b%b" % (len(payload), payload, tag)


def _payload(value: Any) -> tuple[bytes, bytes]:
    if value is None:
        return b"", b"~"
    if isinstance(value, bool):
        return str(value).lower().encode(), b"!"
    if isinstance(value, int):
        return str(value).encode(), b"#"
    if isinstance(value, float):
        return repr(value).encode(), b"^"
    if isinstance(value, bytes):
        return value, b","
    if isinstance(value, str):
        return value.encode(), b";"
    if isinstance(value, list | tuple):
        return b"".join(map(dumps, value)), b"]"
    return b"".join(dumps(part) for pair in value.items() for part in pair), b"}"


def connection(**changes: Any) -> dict[str, Any]:
    """What client and server connections of version 21 share."""
    return {
        "id": "c0ffee00-0000-4000-8000-000000000001",
        "peername": ["127.0.0.1", 50000],
        "sockname": ["127.0.0.1", 8080],
        "transport_protocol": "tcp",
        "error": None,
        "tls": False,
        "certificate_list": [],
        "alpn": None,
        "alpn_offers": [],
        "cipher": None,
        "cipher_list": [],
        "tls_version": None,
        "sni": None,
        "timestamp_start": 1700000000.25,
        "timestamp_end": None,
        "timestamp_tls_setup": None,
        **changes,
    }


def request(**changes: Any) -> dict[str, Any]:
    """A request of version 21."""
    return {
        "host": "example.test",
        "port": 80,
        "method": b"GET",
        "scheme": b"http",
        "authority": b"",
        "path": b"/",
        "http_version": b"HTTP/1.1",
        "headers": [[b"Host", b"example.test"]],
        "content": b"",
        "trailers": None,
        "timestamp_start": 1700000000.5,
        "timestamp_end": 1700000000.75,
        **changes,
    }


def response(**changes: Any) -> dict[str, Any]:
    """A response of version 21."""
    return {
        "http_version": b"HTTP/1.1",
        "status_code": 200,
        "reason": b"OK",
        "headers": [[b"Content-Length", b"2"]],
        "content": b"ok",
        "trailers": None,
        "timestamp_start": 1700000001.0,
        "timestamp_end": 1700000001.5,
        **changes,
    }


def state(**changes: Any) -> dict[str, Any]:
    """An HTTP flow's state of version 21."""
    return {
        "version": 21,
        "type": "http",
        "id": "f10e0000-0000-4000-8000-000000000001",
        "error": None,
        "client_conn": connection(mitmcert=None, proxy_mode="regular"),
        "server_conn": connection(address=["example.test", 80], timestamp_tcp_setup=None, via=None),
        "intercepted": False,
        "is_replay": None,
        "marked": "",
        "metadata": {},
        "comment": "",
        "timestamp_created": 1700000000.5,
        "backup": None,
        "request": request(),
        "response": response(),
        "websocket": None,
        **changes,
    }
