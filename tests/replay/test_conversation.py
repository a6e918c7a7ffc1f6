"""What is said after a WebSocket's handshake: who waits for whom, and for how long."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from replayd.errors import WireError
from replayd.model.flow import WebSocketMessage
from replayd.model.outcome import WebSocketResult
from replayd.model.plan import WebSocketPace, WebSocketPlan
from replayd.reasons import Reason
from replayd.replay.conversation import CLOSE_WAIT, Conversation
from replayd.replay.transcript import Transcript
from replayd.replay.websocket_script import Script
from replayd.wire.websocket import PIECE, Frames
from tests.support.connections import Network
from tests.support.websockets import heard, said

SECOND = 1_000_000_000
READ_TIMEOUT = 60 * SECOND
EPOCH = 1_700_000_000 * SECOND


class Talk:
    """A conversation over a scripted transport, with the server at its other end."""

    def __init__(self, network: Network, *messages: WebSocketMessage, **plan: object) -> None:
        self.recorded: list[WebSocketMessage] = []
        self.now = 0
        self.connection = network.connection()
        self.transport = network.transports[self.connection]
        self.server = Protocol(Side.SERVER, state=State.OPEN, max_size=None)
        given = WebSocketPlan(
            client_message_count=sum(each.replayed for each in messages),
            server_message_count=sum(each.awaited for each in messages),
            **plan,  # type: ignore[arg-type]
        )
        self.conversation = Conversation(
            self.connection,
            given,
            Script(iter(messages), given, 0),
            Frames(None, 1 << 20),
            Transcript(self.recorded.append, EPOCH),
            read_timeout=READ_TIMEOUT,
            now=0,
        )
        self.conversation.write(0)

    def at(self, seconds: float) -> "Talk":
        """Time passes."""
        self.now = round(seconds * SECOND)
        return self

    def arrived(self) -> list[bytes]:
        """What the server got since it was last asked: messages, and `<opcode>` of others."""
        data = bytes(self.transport.sent)
        self.transport.sent.clear()
        self.server.receive_data(data)
        frames = [event for event in self.server.events_received() if isinstance(event, Frame)]
        return [
            each.data if each.opcode in (Opcode.TEXT, Opcode.BINARY) else _named(each)
            for each in frames
        ]

    def answers(self, *messages: bytes, close: int = 0, reason: str = "") -> bool:
        """The server says something, and may close; returns whether all is over."""
        for each in messages:
            self.server.send_text(each)
        if close:
            self.server.send_close(close, reason)
        return self.feed(b"".join(self.server.data_to_send()))

    def feed(self, data: bytes) -> bool:
        return self.conversation.feed(data, self.now)

    @property
    def result(self) -> WebSocketResult:
        return self.conversation.result

    @property
    def closed(self) -> tuple[bool, int, str]:
        return self.result.client_closed, self.result.close_code, self.result.close_reason

    @property
    def deadline(self) -> float:
        return self.conversation.deadline / SECOND

    def late(self) -> bool:
        return self.conversation.late(self.conversation.deadline)


def _named(frame: Frame) -> bytes:
    return b"<%b %b>" % (frame.opcode.name.encode(), frame.data)


Make = Callable[..., Talk]


@pytest.fixture
def talk() -> Iterator[Make]:
    with closing(Network()) as network:
        yield lambda *messages, **plan: Talk(network, *messages, **plan)


def failure(step: Callable[[], object]) -> WireError:
    with pytest.raises(WireError) as caught:
        step()
    return caught.value


# What goes when


def test_each_message_goes_after_as_many_as_had_come(talk: Make) -> None:
    it = talk(said("a"), said("b"), heard("1"), said("c"), heard("2"), heard("3"), close_code=1001)
    assert it.arrived() == [b"a", b"b"]
    assert not it.answers(b"one")
    assert it.arrived() == [b"c"]
    assert not it.answers(b"two")
    assert it.arrived() == []
    assert not it.answers(b"three")
    assert it.arrived() == [b"<CLOSE \x03\xe9>"]
    assert it.answers()
    assert it.closed == (True, 1001, "")
    assert (it.result.sent_count, it.result.received_count) == (3, 3)


def test_everything_is_recorded_as_it_was_said_now(talk: Make) -> None:
    it = talk(said("a", 5.0, injected=True), heard("1", 6.0), said(b"\xff", 7.0))
    it.at(1.5).answers(b"one")
    told = [(each.from_client, each.content, each.time) for each in it.recorded]
    begin = EPOCH / SECOND
    assert told == [
        (True, b"a", begin),
        (False, b"one", begin + 1.5),
        (True, b"\xff", begin + 1.5),
    ]
    assert [each.injected for each in it.recorded] == [False] * 3
    assert it.result.messages == tuple(it.recorded)


def test_more_than_was_recorded_is_taken_as_it_comes(talk: Make) -> None:
    it = talk(said("a"), heard("1"), said("b"))
    assert not it.answers(b"1", b"2", b"3")
    assert not it.feed(b"\x81\x014")
    assert it.arrived() == [b"a", b"b", b"<CLOSE >"]
    assert it.answers()
    assert it.result.received_count == 4


def test_as_recorded_each_goes_at_its_moment_without_drift(talk: Make) -> None:
    it = talk(
        said("a", 10.5),
        heard("1", 11.0),
        said("b", 12.0),
        said("c", 100.0),
        pace=WebSocketPace.RECORDED,
        handshake_time=10.0,
    )
    assert (it.arrived(), it.deadline) == ([], 0.5)
    # Late by a second: the next one is not.
    assert not it.conversation.late(round(1.5 * SECOND))
    assert (it.arrived(), it.deadline) == ([b"a"], 2.0)
    assert not it.late()
    # Nothing came, and nothing is missed: a pause is no silence here.
    assert (it.arrived(), it.deadline) == ([b"b"], 90.0)
    assert not it.late()
    assert (it.arrived(), it.deadline) == ([b"c"], 90.0 + 60)
    assert failure(it.late).reason is Reason.READ_TIMEOUT


def test_a_server_that_takes_little_gets_one_message_at_a_time(talk: Make) -> None:
    it = talk(said(b"x" * 1000), said(b"y" * 1000), said("z"))
    assert it.arrived() == [b"x" * 1000, b"y" * 1000, b"z", b"<CLOSE >"]
    slow = talk(heard("1"), said(b"x" * 1000), said(b"y" * 1000))
    slow.transport.room = 1500
    slow.answers(b"1")
    assert slow.arrived() == [b"x" * 1000]
    assert slow.result.sent_count == 1
    slow.transport.room = 10_000
    slow.conversation.write(1)
    assert slow.arrived() == [b"y" * 1000, b"<CLOSE >"]


def test_many_messages_leave_others_their_turn(talk: Make) -> None:
    it = talk(*[said(str(number)) for number in range(100)])
    assert len(it.arrived()) == 64
    it.conversation.write(0)
    assert len(it.arrived()) == 37


@pytest.mark.parametrize("pace", list(WebSocketPace))
def test_a_script_of_much_to_listen_to_leaves_others_their_turn(
    talk: Make, pace: WebSocketPace
) -> None:
    it = talk(*[heard("tick", 1.0)] * 1000, said("a", 1.0), pace=pace)
    wanted: list[bool] = []
    it.connection.want_write = wanted.append  # type: ignore[method-assign]
    it.answers(*[b"tick"] * 500)
    it.answers(*[b"tick"] * 500)
    assert wanted == [True, False]
    assert it.arrived() == [b"a", b"<CLOSE >"]


def test_a_server_that_says_much_leaves_others_their_turn(talk: Make) -> None:
    it = talk(heard("1"), said("a"), client_closed=False, close_code=1000)
    data = b"\x81\x01x" * 1200 + b"\x88\x02\x03\xe8"
    assert not it.at(1).feed(data)
    assert it.result.received_count == 500
    assert (it.conversation.pending, it.deadline) == (True, 1)
    assert not it.late()
    assert it.late()
    assert (it.result.received_count, it.closed) == (1200, (False, 1000, ""))


def test_what_was_said_counts_before_the_connections_end(talk: Make) -> None:
    it = talk(heard("1"), client_closed=False, close_code=1000)
    assert not it.feed(b"\x81\x01x" * 1200 + b"\x88\x02\x03\xe8")
    assert it.feed(b"")
    assert (it.result.received_count, it.closed) == (1200, (False, 1000, ""))


def test_a_flood_does_not_put_the_end_off(talk: Make) -> None:
    it = talk()
    assert not it.feed(b"\x81\x01x" * 1200)
    assert it.conversation.pending
    assert it.conversation.late(CLOSE_WAIT)


# Pings


def test_a_ping_is_answered_between_messages_not_amidst_one(talk: Make) -> None:
    it = talk(heard("1"), said(b"x" * 1000), heard("2"))
    it.transport.room = 500
    it.answers(b"1")
    it.server.send_ping(b"!")
    assert not it.answers()
    it.transport.room = 10_000
    it.conversation.write(1)
    assert it.arrived() == [b"x" * 1000, b"<PONG !>"]


def test_pings_do_not_count_as_messages(talk: Make) -> None:
    it = talk(said("a"), heard("1"))
    it.server.send_ping(b"!")
    it.at(59).answers()
    assert it.arrived() == [b"a", b"<PONG !>"]
    assert it.deadline == 60
    error = failure(it.late)
    assert error.reason is Reason.READ_TIMEOUT
    assert error.message == "message 1 of 1 did not come from the server within 60 s"


def test_the_silence_counts_from_what_was_said_last(talk: Make) -> None:
    it = talk(said("a"), heard("1"), said("b"), heard("2"))
    it.at(30).answers(b"1")
    assert it.deadline == 90
    # A part of a message is no silence.
    it.server.send_text(b"par", fin=False)
    it.at(40).answers()
    assert it.deadline == 100
    assert "message 2 of 2" in failure(it.late).message


# The end


def test_without_a_code_our_close_has_none(talk: Make) -> None:
    it = talk(said("a"), close_code=0)
    assert it.arrived() == [b"a", b"<CLOSE >"]


def test_nothing_is_said_and_closed_at_once(talk: Make) -> None:
    it = talk(close_code=1000, close_reason="bye")
    assert it.arrived() == [b"<CLOSE \x03\xe8bye>"]


def test_a_server_that_does_not_answer_our_close_is_not_at_fault(talk: Make) -> None:
    it = talk(said("a"))
    assert it.conversation.deadline == CLOSE_WAIT
    # Nor does it get more time by talking on.
    assert not it.at(4).answers(b"1")
    assert it.conversation.deadline == CLOSE_WAIT
    assert it.late()
    assert it.conversation.notes == ["the server did not answer our Close within 5 s"]
    assert it.closed == (True, 0, "")


def test_a_server_that_takes_not_even_our_close(talk: Make) -> None:
    it = talk(heard("1"))
    it.transport.room = 0
    assert not it.answers(b"1")
    assert it.conversation.deadline == CLOSE_WAIT
    assert it.late()


def test_the_servers_close_is_waited_for(talk: Make) -> None:
    it = talk(said("a"), heard("1"), client_closed=False, close_code=1000)
    assert not it.answers(b"1")
    assert it.arrived() == [b"a"]
    assert it.at(4).answers(close=4000, reason="done")
    assert it.arrived() == [b"<CLOSE \x0f\xa0done>"]
    assert it.closed == (False, 4000, "done")
    assert it.conversation.notes == []
    assert (it.result.received_count, it.result.recorded_received_count) == (1, 1)


def test_fewer_messages_than_recorded_can_be_told(talk: Make) -> None:
    it = talk(said("a"), heard("1"), heard("2"), client_closed=False, close_code=1000)
    assert it.answers(b"1", close=1000)
    assert (it.result.received_count, it.result.recorded_received_count) == (1, 2)


def test_who_waits_for_ever_for_the_server_closes_in_its_place(talk: Make) -> None:
    it = talk(said("a"), heard("1"), client_closed=False, close_code=1001)
    it.at(1).answers(b"1")
    assert it.deadline == 6
    assert not it.late()
    assert it.arrived() == [b"a", b"<CLOSE \x03\xe8>"]
    assert it.deadline == 11
    assert it.at(7).answers()
    assert it.closed == (True, 1000, "")
    (note,) = it.conversation.notes
    assert note == "the server did not close within 5 s, as it had; we closed with 1000"


def test_a_close_in_its_place_does_not_cut_a_pong(talk: Make) -> None:
    it = talk(client_closed=False, close_code=1001)
    it.transport.room = 3
    it.server.send_ping(b"12345")
    it.answers()
    it.transport.room = 1000
    assert not it.late()
    assert it.arrived() == [b"<PONG 12345>", b"<CLOSE \x03\xe8>"]


@pytest.mark.parametrize("close", [1000, 1011])
def test_a_server_that_closes_before_all_was_said(talk: Make, close: int) -> None:
    it = talk(said("a"), heard("1"), said("b"), heard("2"))
    error = failure(lambda: it.answers(close=close, reason="tired"))
    assert error.reason is Reason.CLOSED_EARLY
    assert error.message == (
        f"the server closed the WebSocket ({close} 'tired') after 1 of 2 messages were sent and "
        "0 of 2 came"
    )
    assert it.closed == (False, close, "tired")
    assert [each.content for each in it.recorded] == [b"a"]
    # It is answered all the same.
    assert it.arrived()[-1].startswith(b"<CLOSE ")


def test_a_server_that_closes_with_less_than_was_recorded_has_answered(talk: Make) -> None:
    it = talk(said("a"), heard("1"), heard("2"))
    assert it.answers(b"1", close=1000)
    assert (it.result.received_count, it.closed) == (1, (False, 1000, ""))


@pytest.mark.parametrize(
    ("client_closed", "close_code", "answers", "fails"),
    [
        (True, 1000, [b"1"], False),
        (True, 1000, [], True),
        (False, 1000, [b"1"], True),
        (False, 0, [], True),
        # So it was in the capture.
        (False, 0, [b"1"], False),
    ],
)
def test_a_connection_that_ends_without_a_close(
    talk: Make, client_closed: bool, close_code: int, answers: list[bytes], fails: bool
) -> None:
    it = talk(said("a"), heard("1"), client_closed=client_closed, close_code=close_code)
    if answers:
        it.answers(*answers)
    if not fails:
        assert it.feed(b"")
        return
    error = failure(lambda: it.feed(b""))
    assert error.reason is Reason.CLOSED_EARLY
    assert error.message == (
        "the server closed the connection without closing the WebSocket after 1 of 1 messages "
        f"were sent and {len(answers)} of 1 came"
    )


# What goes wrong


def test_a_server_that_takes_nothing(talk: Make) -> None:
    it = talk(heard("1"), said(b"x" * 100))
    it.transport.room = 50
    it.at(10).answers(b"1")
    assert it.deadline == 70
    error = failure(it.late)
    assert error.reason is Reason.WRITE_TIMEOUT
    assert error.message == ("the server took nothing for 60 s after 0 of 1 messages were sent")
    assert it.recorded[0].content == b"1"
    assert len(it.recorded) == 1


def test_what_the_server_says_counts_more_than_a_failed_write(talk: Make) -> None:
    it = talk(heard("1"), said("a"), said("b"))
    it.server.send_text(b"1")
    it.server.send_close(1008, "go away")
    data = b"".join(it.server.data_to_send())
    it.transport.break_off()
    assert "1008 'go away'" in failure(lambda: it.feed(data)).message


def test_a_fault_is_told_to_the_server_and_what_came_is_kept(talk: Make) -> None:
    it = talk(said("a"), heard("1"))
    it.server.send_text(b"1")
    bad = b"".join(it.server.data_to_send()) + b"\x83\x00"
    assert failure(lambda: it.feed(bad)).reason is Reason.INVALID_RESPONSE
    assert it.arrived() == [b"a", b"<CLOSE \x03\xea>"]
    assert it.result.received_count == 1
    assert it.closed == (False, 0, "")


def test_a_large_message_leaves_in_turns_with_others(talk: Make) -> None:
    content = b"x" * (3 * PIECE - 1)
    one = talk(said(content), said(b"after"), heard(b"end"))
    left = [len(one.transport.sent)]
    while not one.recorded:
        # It waits for nothing but its next turn.
        assert one.connection._writing
        one.conversation.write(0)
        left.append(len(one.transport.sent))
    assert len(left) > 4
    assert all(after - before <= PIECE for before, after in pairwise(left))
    assert [each.content for each in one.recorded] == [content, b"after"]
    assert one.arrived() == [content, b"after"]


def test_a_ping_is_answered_behind_a_large_message(talk: Make) -> None:
    content = b"x" * (2 * PIECE)
    one = talk(said(content), heard(b"end"))
    one.server.send_ping(b"there?")
    assert not one.feed(b"".join(one.server.data_to_send()))
    while not one.recorded:
        one.conversation.write(0)
    one.conversation.write(0)
    assert one.arrived() == [content, b"<PONG there?>"]
