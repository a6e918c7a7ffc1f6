"""The fake transport: what it has beside what every transport has (`test_transport`)."""

import select
from contextlib import closing

import pytest

from replayd.errors import WireError
from replayd.wire.scripted import ScriptedTransport


def readable(transport: ScriptedTransport) -> bool:
    return bool(select.select([transport], [], [], 0)[0])


def test_its_descriptor_tells_what_has_arrived() -> None:
    with closing(ScriptedTransport()) as transport:
        assert not readable(transport)
        transport.arrive(b"a")
        assert readable(transport)
        assert transport.receive() == b"a"
        assert not readable(transport)
        transport.end()
        assert transport.receive() == b""
        assert readable(transport)


def test_a_peer_that_does_not_read_makes_no_room() -> None:
    with closing(ScriptedTransport(room=3)) as transport:
        assert [transport.send(b"abcd"), transport.send(b"d")] == [3, 0]
        transport.room = 1
        assert transport.send(b"d") == 1
        assert transport.sent == b"abcd"


def test_stands_only_when_accepted() -> None:
    with closing(ScriptedTransport(established=False)) as transport:
        assert not transport.establish()
        assert transport.wants_write
        transport.accept()
        assert transport.establish()
        assert not transport.wants_write


def test_a_broken_one_can_neither_be_established_nor_written_to() -> None:
    with closing(ScriptedTransport()) as transport:
        transport.break_off()
        with pytest.raises(WireError):
            transport.establish()
        with pytest.raises(WireError):
            transport.send(b"a")
