"""The target speaks HTTP/1.1, HTTP/2 and WebSocket; all of it without a connection."""

import h2.config
import h2.connection
import h2.events
import pytest

from tools.chaos.speaking import Http1, Request, speaker_for


def test_http1_is_taken_as_it_becomes_whole() -> None:
    speaker = speaker_for(b"GET ")
    assert speaker.take(b"GET /a HTTP/1.1\r\nX-Live: 17\r\n\r\nPOST /b HTTP/1.1\r\n") == (
        [Request(b"GET /a 17")],
        b"",
    )
    assert speaker.take(b"Content-Length: 3\r\n\r\nab") == ([], b"")
    assert speaker.take(b"c") == ([Request(b"POST /b")], b"")
    assert speaker.answer(Request(b"POST /b"), 500, b"7").endswith(
        b"\r\nContent-Length: 1\r\n\r\n7"
    )
    assert speaker.breaks(Request(b"POST /b")) == b""


def test_a_handshake_gets_a_message_and_a_close() -> None:
    speaker = Http1()
    # The example of RFC 6455, section 1.3.
    key = b"dGhlIHNhbXBsZSBub25jZQ=="
    asked = b"GET /a HTTP/1.1\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    requests, _ = speaker.take(asked)
    answer = speaker.answer(requests[0], 101, b"12")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith(b"\r\n\r\n\x81\x0212\x88\x02\x03\xe8")
    assert speaker.take(b"\x88\x80\0\0\0\0") == ([], b"")


def test_http2_has_its_requests_side_by_side() -> None:
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    client.initiate_connection()
    for stream, path in ((1, b"/a"), (3, b"/b")):
        fields = [(b":method", b"PUT"), (b":path", path), (b":scheme", b"http")]
        client.send_headers(stream, [*fields, (b":authority", b"a"), (b"x-live", b"17")])
        client.send_data(stream, b"xyz", end_stream=stream == 3)
    said = client.data_to_send()
    speaker = speaker_for(said)
    requests, reply = speaker.take(said)
    client.receive_data(reply)
    assert requests == [Request(b"PUT /b 17", stream=3)]
    assert not any(
        isinstance(event, h2.events.StreamReset | h2.events.StreamEnded)
        for event in client.receive_data(speaker.answer(Request(b"", stream=99), 200, b"1"))
    )
    events = client.receive_data(speaker.answer(requests[0], 200, b"5"))
    assert [event.data for event in events if isinstance(event, h2.events.DataReceived)] == [b"5"]
    (event,) = client.receive_data(speaker.breaks(Request(b"", stream=1)))
    assert isinstance(event, h2.events.StreamReset)
    with pytest.raises(ValueError, match="Invalid input"):
        speaker.take(b"\0\0\0\x09\0\0\0\0\1" + b"\0" * 64)
