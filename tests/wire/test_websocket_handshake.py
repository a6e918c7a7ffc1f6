"""Answers to a WebSocket handshake: which begin one, and what is agreed on."""

import pytest

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.permessage_deflate import Deflate
from replayd.wire.websocket_handshake import accept_of, accepted

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""RFC 6455 section 1.3."""

PLAIN = b"permessage-deflate"
LIMITABLE = b"permessage-deflate; client_max_window_bits"


def answer(request: bytes, *more: tuple[bytes, bytes], **fields: bytes | None) -> Deflate | None:
    """What a handshake with these extensions, and an answer with these fields, agree on."""
    head = b"GET / HTTP/1.1\r\nHost: x\r\nsec-websocket-key:" + KEY
    if request:
        head += b"\r\nSec-WebSocket-Extensions: " + request
    given = {"Upgrade": b"WebSocket", "connection": b"keep-alive, upgrade"}
    given |= {"Sec-WebSocket-Accept": ACCEPT} | fields
    sent: Headers = tuple((name.encode(), value) for name, value in given.items() if value)
    return accepted(head + b"\r\n\r\n", ResponseHead(b"HTTP/1.1", 101, b"", sent + more))


def chosen(offer: bytes, *choices: bytes) -> Deflate | None:
    return answer(offer, *((b"Sec-Websocket-Extensions", choice) for choice in choices))


def refusal(error: WireError) -> str:
    assert error.reason is Reason.INVALID_RESPONSE
    return error.message.removeprefix("the server's 101 does not begin a WebSocket: ")


def test_the_accept_of_the_rfc() -> None:
    assert accept_of(KEY) == ACCEPT
    assert answer(b"") is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Upgrade": b"h2c"}, "it switched to 'h2c' and not to websocket (Upgrade)"),
        ({"Upgrade": None}, "it switched to '' and not to websocket (Upgrade)"),
        ({"connection": b"close"}, "it has no Connection: upgrade"),
        ({"connection": None}, "it has no Connection: upgrade"),
        (
            {"Sec-WebSocket-Accept": b"s3pplmbitxaq9kygzzhzrbk+xoo="},
            "its Sec-WebSocket-Accept is 's3pplmbitxaq9kygzzhzrbk+xoo=', not that of the key sent",
        ),
        (
            {"Sec-WebSocket-Accept": None},
            "its Sec-WebSocket-Accept is '', not that of the key sent",
        ),
    ],
)
def test_an_answer_that_begins_no_websocket_says_why(
    fields: dict[str, bytes | None], said: str
) -> None:
    with pytest.raises(WireError) as caught:
        answer(b"", **fields)
    assert refusal(caught.value) == said


@pytest.mark.parametrize(
    ("offer", "choices", "agreed"),
    [
        (PLAIN, (), None),
        (PLAIN, (b"permessage-deflate",), Deflate()),
        (PLAIN, (b"Permessage-Deflate; SERVER_max_window_bits=10",), Deflate(15, 10)),
        (LIMITABLE, (b'permessage-deflate;client_max_window_bits = "8"',), Deflate(8)),
        (
            b"x-other, permessage-deflate; client_max_window_bits=12",
            (
                b"",
                (
                    b"permessage-deflate; client_no_context_takeover;"
                    b" server_no_context_takeover; server_max_window_bits=9"
                ),
            ),
            Deflate(15, 9, client_forgets=True, server_forgets=True),
        ),
    ],
)
def test_what_is_agreed_on(offer: bytes, choices: tuple[bytes, ...], agreed: Deflate) -> None:
    assert chosen(offer, *choices) == agreed


@pytest.mark.parametrize(
    ("offer", "choices", "said"),
    [
        (b"", (b"permessage-deflate",), "extension 'permessage-deflate', which was not offered"),
        (PLAIN, (b"x-webkit-deflate-frame",), "'x-webkit-deflate-frame', which was not offered"),
        (b"bbf-usp-protocol", (b"bbf-usp-protocol",), "'bbf-usp-protocol', which is not known"),
        (PLAIN, (PLAIN, PLAIN), "permessage-deflate several times"),
        (PLAIN, (LIMITABLE + b"=10",), "with 'client_max_window_bits=10', which is unknown or was"),
        (LIMITABLE, (LIMITABLE,), "with 'client_max_window_bits', which is unknown"),
        (LIMITABLE, (PLAIN + b"; server_max_window_bits=16",), "'server_max_window_bits=16'"),
        (LIMITABLE, (PLAIN + b"; server_max_window_bits=+9",), "'server_max_window_bits=+9'"),
        (PLAIN, (PLAIN + b"; server_no_context_takeover=1",), "'server_no_context_takeover=1'"),
        (PLAIN, (PLAIN + b"; level=9",), "with 'level=9', which is unknown"),
    ],
)
def test_what_can_not_be_agreed_on(offer: bytes, choices: tuple[bytes, ...], said: str) -> None:
    with pytest.raises(WireError) as caught:
        chosen(offer, *choices)
    assert said in refusal(caught.value)


def test_a_fault_holds_nothing_that_a_terminal_obeys() -> None:
    with pytest.raises(WireError) as caught:
        chosen(PLAIN, b"\x1b[2J" + b"x" * 999)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 250
