"""A tunnel: the handshake goes out and comes in through the transport below, in any pieces."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.scripted import ScriptedTransport
from replayd.wire.tunnel import TunnelTransport


class Dialogue:
    """A handshake of two questions; a wrong answer is refused."""

    def __init__(self) -> None:
        self._unsaid = b"question"
        self._expected = [b"answer", b"done"]
        self.rest = b""

    def outgoing(self) -> bytes:
        said, self._unsaid = self._unsaid, b""
        return said

    def feed(self, data: bytes) -> bool:
        expected = self._expected.pop(0)
        self.rest = data.removeprefix(expected)
        if not data.startswith(expected):
            raise WireError(Reason.PROXY_REFUSED, "no")
        self._unsaid = b"again" if self._expected else b""
        return not self._expected


@pytest.fixture
def lower() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def tunnel(lower: ScriptedTransport) -> Iterator[TunnelTransport]:
    with closing(TunnelTransport(lower, Dialogue())) as made:
        yield made


def test_asks_and_listens_in_turns(lower: ScriptedTransport, tunnel: TunnelTransport) -> None:
    assert tunnel.wants_write
    assert not tunnel.establish()
    assert (bytes(lower.sent), tunnel.wants_write) == (b"question", False)
    lower.arrive(b"answer")
    assert not tunnel.establish()
    assert bytes(lower.sent) == b"questionagain"
    lower.arrive(b"done")
    assert tunnel.establish()
    assert tunnel.establish()
    assert bytes(lower.sent) == b"questionagain"


def test_answers_that_wait_already(lower: ScriptedTransport, tunnel: TunnelTransport) -> None:
    lower.arrive(b"answer")
    lower.arrive(b"done")
    assert tunnel.establish()
    assert bytes(lower.sent) == b"questionagain"


def test_writes_as_much_as_fits(lower: ScriptedTransport, tunnel: TunnelTransport) -> None:
    lower.room = 3
    for size in range(3, 8):
        assert not tunnel.establish()
        assert (len(lower.sent), tunnel.wants_write) == (size, True)
        lower.room = 1
    assert not tunnel.establish()
    assert (bytes(lower.sent), tunnel.wants_write) == (b"question", False)


def test_a_refusal_is_passed_on(lower: ScriptedTransport, tunnel: TunnelTransport) -> None:
    lower.arrive(b"other")
    with pytest.raises(WireError, match="no"):
        tunnel.establish()


def test_bytes_then_go_as_they_are(lower: ScriptedTransport, tunnel: TunnelTransport) -> None:
    for answer in (b"answer", b"done", b"hello"):
        lower.arrive(answer)
    assert tunnel.establish()
    assert tunnel.receive() == b"hello"
    assert tunnel.send(b"world") == 5
    assert lower.sent.endswith(b"world")


def test_what_came_with_the_end_of_the_handshake_comes_first(
    lower: ScriptedTransport, tunnel: TunnelTransport
) -> None:
    for answer in (b"answer", b"donehello", b"again"):
        lower.arrive(answer)
    assert tunnel.establish()
    assert tunnel.buffered
    assert tunnel.receive() == b"hello"
    assert tunnel.buffered == lower.buffered
    assert tunnel.receive() == b"again"
