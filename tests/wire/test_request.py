"""A request's bytes on their way: pieces, holding back, back-pressure."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.model.plan import Framing, Plan, Target
from replayd.wire.request import RequestWriter, Traits, traits
from replayd.wire.scripted import ScriptedTransport

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"


def plan(framing: Framing, size: int = 0, **fields: object) -> Plan:
    return Plan(b"POST", b"", Target("http", "x", 80), HEAD, framing, size, **fields)


def test_a_small_request_is_one_piece() -> None:
    with closing(ScriptedTransport()) as transport:
        writer = RequestWriter(plan(Framing.CHUNKED, 3), [b"abc"], whole=True)
        assert (writer.waiting, writer.started, writer.done) == (True, False, False)
        assert writer.write(transport) == len(transport.sent)
        assert (writer.waiting, writer.started, writer.done) == (False, True, True)
        assert transport.sent == HEAD + b"3\r\nabc\r\n0\r\n\r\n"


def test_large_content_is_read_only_as_fast_as_it_is_taken() -> None:
    read = []

    def content() -> Iterator[bytes]:
        for letter in b"abcd":
            read.append(letter)
            yield bytes([letter]) * 10

    with closing(ScriptedTransport(room=len(HEAD) + 15)) as transport:
        writer = RequestWriter(plan(Framing.CONTENT_LENGTH, 40), content(), whole=False)
        writer.write(transport)
        assert (bytes(read), writer.done, writer.waiting) == (b"ab", False, True)
        assert writer.write(transport) == 0
        transport.room = 100
        assert writer.write(transport) == 25
        assert writer.done
        assert transport.sent == HEAD + b"a" * 10 + b"b" * 10 + b"c" * 10 + b"d" * 10


def test_a_server_that_reads_fast_lets_others_have_their_turn() -> None:
    with closing(ScriptedTransport()) as transport:
        content = [bytes(1 << 18)] * 9
        writer = RequestWriter(plan(Framing.CONTENT_LENGTH, 9 << 18), content, whole=False)
        assert 1 << 20 <= writer.write(transport) < 5 << 18
        assert (writer.waiting, writer.done) == (True, False)
        while not writer.done:
            writer.write(transport)
        assert len(transport.sent) == len(HEAD) + (9 << 18)


def test_content_is_held_back_until_it_is_released() -> None:
    with closing(ScriptedTransport()) as transport:
        planned = plan(Framing.CONTENT_LENGTH, 3, expect_continue=True)
        writer = RequestWriter(planned, [b"abc"], whole=True)
        writer.write(transport)
        assert transport.sent == HEAD
        assert (writer.held, writer.waiting, writer.done) == (True, False, False)
        writer.release()
        assert writer.waiting
        writer.write(transport)
        assert transport.sent == HEAD + b"abc"
        assert writer.done


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Traits(keeps=True, binds=False)),
        (b"GET / HTTP/1.1\r\ncOnnection: x, Close\r\n\r\n", Traits(keeps=False, binds=False)),
        (b"GET / HTTP/1.1\r\nX: y\r\nConnection: closed\r\n\r\n", Traits(keeps=True, binds=False)),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", Traits(keeps=False, binds=False)),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Traits(keeps=True, binds=False)),
        (b"GET / HTTP/1.1\r\nAuthorization: NTLM TlRM\r\n\r\n", Traits(keeps=True, binds=True)),
        (
            b"GET / HTTP/1.1\r\nproxy-authorization:negotiate YII\r\n\r\n",
            Traits(keeps=True, binds=True),
        ),
        (b"GET / HTTP/1.1\r\nAuthorization: Basic dTpw\r\n\r\n", Traits(keeps=True, binds=False)),
    ],
)
def test_what_a_head_says_about_its_connection(head: bytes, expected: Traits) -> None:
    assert traits(head) == expected
