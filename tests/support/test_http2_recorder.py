"""The HTTP/2 recorder keeps fields in their order, whichever way they come."""

import socket
import ssl

import h2.connection
import h2.events
import pytest
from h2.config import H2Configuration

from replayd.model.flow import Headers
from tests.support.certificates import Authority
from tests.support.http2_recorder import Http2Recorded, Http2Recorder
from tests.support.processes import DEADLINE
from tests.support.programs import find

FIELDS: Headers = (
    (b":path", b"/x"),
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":authority", b"a.test"),
    (b"cookie", b"a=1"),
    (b"x-latin", b"caf\xe9"),
    (b"cookie", b"b=2"),
    (b"expect", b"100-continue"),
)
TRAILERS: Headers = ((b"x-t", b"1"), (b"y-t", b"2"))
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""Of `hello`."""


def connect(recorder: Http2Recorder, authority: Authority, *, tls: bool) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", recorder.port), timeout=DEADLINE)
    if not tls:
        return plain
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(plain, server_hostname="any.test")


def send(client: socket.socket) -> list[int]:
    """Sends a request; returns the status codes of what came."""
    config = H2Configuration(header_encoding=None, validate_outbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, FIELDS)
    connection.send_data(1, b"hello")
    connection.send_headers(1, TRAILERS, end_stream=True)
    client.sendall(connection.data_to_send())
    codes: list[int] = []
    while data := client.recv(1 << 16):
        for event in connection.receive_data(data):
            if isinstance(
                event, h2.events.ResponseReceived | h2.events.InformationalResponseReceived
            ):
                codes.append(int(dict(event.headers or ())[b":status"]))
            if isinstance(event, h2.events.StreamEnded):
                return codes
    raise AssertionError("the server closed")


@pytest.mark.parametrize("tls", [False, True])
def test_a_request_is_kept(authority: Authority, tls: bool) -> None:
    files = authority.files("any.test") if tls else None
    with Http2Recorder(find("node"), files) as recorder:
        with connect(recorder, authority, tls=tls) as client:
            assert send(client) == [100, 200]
            (request,) = recorder.wait_for(1)
            name, peer = "any.test" if tls else None, client.getsockname()[1]
        assert request == Http2Recorded(FIELDS, TRAILERS, 5, SHA256, name, peer)
        recorder.forget()
        assert recorder.wait_for(0) == []
