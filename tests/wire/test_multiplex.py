"""One connection for many: who is woken, when, and what becomes of all when one goes wrong."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from h2.errors import ErrorCodes

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http2_frames import FrameType
from tests.support.http2_network import GET, Http2Network
from tests.support.http2_peer import STATUS_OK, frame, goaway

POST = ((b":method", b"POST"), *GET[1:])
PUSH = frame(FrameType.PUSH_PROMISE, bytes(4), stream_id=1, flags=4)
"""What we forbade: it breaks the connection."""


@pytest.fixture
def network() -> Iterator[Callable[..., Http2Network]]:
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(closing(Http2Network(**more)))


Make = Callable[..., Http2Network]


def reason(error: Exception | None) -> Reason:
    assert isinstance(error, WireError)
    return error.reason


# Who is woken


def test_one_turn_wakes_all_whom_something_came_for_once(network: Make) -> None:
    made = network()
    first, second, third = made.open(), made.open(), made.open()
    made.server.answer(3, content=b"two")
    made.server.answer(1, content=b"one")
    made.talk()
    assert made.woken == [3, 1]
    assert first.collect() == (len(b":status200one"), b"one")
    assert second.collect()[1] == b"two"
    assert first.response.complete
    assert second.response.complete
    assert not third.response.complete
    assert first.collect() == (0, b"")


def test_nobody_is_woken_from_within_a_call_of_its_own(network: Make) -> None:
    made = network()
    made.transport.break_off()
    made.open()
    assert made.woken == []
    made.network.turn()
    assert made.woken == [1]


def test_a_stream_that_was_left_is_not_woken(network: Make) -> None:
    made = network()
    made.open().leave(0)
    made.server.by_hand(b"")
    made.deliver()
    assert made.server.resets == {1: ErrorCodes.CANCEL}
    made.talk()
    assert made.woken == []


def test_a_stream_tells_what_of_it_has_left(network: Make) -> None:
    made = network()
    made.transport.room = 0
    stream = made.shared.open(b"GET", GET, ends=True, wake=lambda: made.woken.append(1))
    assert (stream.untouched, stream.written) == (True, False)
    made.transport.room = 5
    made.shared.on_ready(made.shared.connection, readable=False, writable=True)
    assert (stream.untouched, stream.written) == (False, False)
    made.transport.room = 9999
    made.shared.on_ready(made.shared.connection, readable=False, writable=True)
    assert (stream.untouched, stream.written, made.woken) == (False, True, [1])


# Sending


def test_content_waits_for_the_window_and_goes_on(network: Make) -> None:
    made = network()
    made.server.gives_room = False
    stream = made.open(POST, ends=False)
    content = memoryview(bytes(100_000))
    sent = stream.send(content, ends=True)
    assert (sent, stream.blocked, stream.ends_at) == (65535, True, None)
    made.deliver()
    made.server.h2.increment_flow_control_window(99_999)
    made.server.h2.increment_flow_control_window(99_999, 1)
    made.talk()
    assert (made.woken, stream.blocked) == ([1], False)
    assert stream.send(content[sent:], ends=True) == 100_000 - sent
    assert stream.written
    made.deliver()
    assert made.server.contents[1] == bytes(100_000)
    assert list(made.server.whole) == [1]


def test_room_for_all_wakes_only_who_can_use_it(network: Make) -> None:
    """Who is woken for nothing would count it as progress, and never be late."""
    made = network(initial_window_size=1000)
    made.talk()
    first, second = made.open(POST, ends=False), made.open(POST, ends=False)
    made.server.gives_room = False
    assert first.send(memoryview(bytes(2000)), ends=True) == 1000
    made.deliver()
    made.server.h2.increment_flow_control_window(9999)
    made.talk()
    assert (made.woken, first.blocked, second.blocked) == ([], True, False)
    made.server.h2.increment_flow_control_window(1, 1)
    made.talk()
    assert (made.woken, first.blocked) == ([1], False)


def test_streams_take_turns_when_the_transport_is_slow(network: Make) -> None:
    made = network(initial_window_size=1 << 24)
    made.server.h2.increment_flow_control_window(1 << 24)
    made.talk()
    first, second = made.open(POST, ends=False), made.open(POST, ends=False)
    made.transport.room = 0
    content = memoryview(bytes(1 << 20))
    assert 64 * 1024 <= first.send(content, ends=False) < 128 * 1024
    assert second.send(content, ends=False) == 0
    assert first.send(content, ends=False) == 0
    made.transport.room = 1 << 30
    made.shared.on_ready(made.shared.connection, readable=False, writable=True)
    assert made.woken == [1, 3]


def test_one_turn_sends_no_more_than_its_share(network: Make) -> None:
    made = network(initial_window_size=1 << 24)
    made.server.h2.increment_flow_control_window(1 << 24)
    made.talk()
    stream = made.open(POST, ends=False)
    content = memoryview(bytes(1 << 20))
    sent = stream.send(content, ends=True)
    assert sent < 1 << 19
    made.shared.on_ready(made.shared.connection, readable=False, writable=True)
    assert made.woken == [1]
    assert 0 < stream.send(content[sent:], ends=True) < 1 << 19


def test_trailers_end_a_request(network: Make) -> None:
    made = network()
    stream = made.open(POST, ends=False)
    stream.send_trailers(((b"x-t", b"1"),))
    assert stream.written
    made.deliver()
    assert made.server.trailers == {1: ((b"x-t", b"1"),)}


# Room


def test_room_is_what_the_server_allows(network: Make) -> None:
    made = network(greet=False, max_concurrent_streams=2)
    assert (made.shared.room, made.shared.settled, made.keeper.told) == (1, False, [])
    made.talk()
    assert (made.shared.room, made.shared.places, made.keeper.told) == (2, 2, ["settled"])
    stream = made.open()
    assert made.shared.room == 1
    stream.leave(0)
    assert made.shared.room == 2


def test_is_idle_when_the_last_has_left_and_used_again(network: Make) -> None:
    made = network()
    assert not made.shared.info.reused
    first, second = made.open(), made.open()
    assert made.shared.info.reused
    first.leave(7)
    assert made.shared.idle_since is None
    second.leave(9)
    second.leave(10)
    assert (made.shared.idle_since, made.keeper.told) == (9, ["settled", "idle"])
    made.open()
    assert (made.shared.idle_since, made.keeper.told[2:]) == (None, ["busy"])


def test_is_idle_when_who_made_it_never_opens_a_stream(network: Make) -> None:
    made = network()
    made.shared.release(5)
    made.shared.release(6)
    assert (made.shared.idle_since, made.keeper.told) == (5, ["settled", "idle"])
    stream = made.open()
    made.shared.release(7)
    assert made.shared.idle_since is None
    made.shared.retire()
    stream.leave(8)
    assert made.shared.connection.closed


# Ends


def test_a_goodbye_refuses_what_came_after_and_lets_the_rest_go_on(network: Make) -> None:
    made = network()
    first, second = made.open(), made.open()
    made.server.by_hand(goaway(1, 0, b"enough"))
    made.talk()
    assert made.woken == [3]
    assert (second.refused, second.needs_http1, reason(second.error)) == (
        True,
        False,
        Reason.CLOSED_EARLY,
    )
    assert "enough" in str(second.error)
    assert (made.shared.room, made.keeper.told) == (0, ["settled", "gone"])
    made.server.answer(1)
    made.talk()
    assert first.response.complete
    first.leave(0)
    second.leave(0)
    assert made.shared.connection.closed


def test_a_goodbye_to_an_idle_connection_closes_it(network: Make) -> None:
    made = network()
    made.arrive(goaway(0))
    assert made.shared.connection.closed


def test_a_server_that_wants_http1_says_so_in_both_ways(network: Make) -> None:
    made = network()
    first, second = made.open(), made.open()
    made.server.reset(1, ErrorCodes.HTTP_1_1_REQUIRED)
    made.server.by_hand(goaway(1, ErrorCodes.HTTP_1_1_REQUIRED))
    made.talk()
    for stream in (first, second):
        assert stream.needs_http1
        assert reason(stream.error) is Reason.VERSION_NOT_SPOKEN


def test_a_refused_stream(network: Make) -> None:
    made = network()
    stream = made.open()
    made.server.reset(1, ErrorCodes.REFUSED_STREAM)
    made.talk()
    assert (stream.refused, reason(stream.error)) == (True, Reason.STREAM_RESET)


def test_a_reset_after_a_whole_response_says_nothing(network: Make) -> None:
    made = network()
    stream = made.open(POST, ends=False)
    made.server.answer(1)
    made.server.reset(1, ErrorCodes.NO_ERROR)
    made.talk()
    assert (stream.response.complete, stream.error) == (True, None)


def test_what_is_wrong_with_a_response_is_its_own_matter(network: Make) -> None:
    made = network()
    odd, plain = made.open(), made.open()
    made.server.answer(1, ((b":status", b"x"),), b"content")
    made.server.answer(3)
    made.talk()
    assert reason(odd.error) is Reason.INVALID_RESPONSE
    assert (plain.error, plain.response.complete) == (None, True)
    assert not made.shared.connection.closed


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PUSH, Reason.INVALID_RESPONSE),
        (frame(FrameType.PING, bytes(8)) * 2000, Reason.INVALID_RESPONSE),
    ],
)
def test_a_broken_connection_ends_all_streams(network: Make, data: bytes, expected: Reason) -> None:
    made = network()
    whole, first, second = made.open(), made.open(), made.open()
    made.server.answer(1)
    made.arrive(made.server.outgoing() + data)
    assert (whole.response.complete, reason(first.error)) == (True, expected)
    assert first.error is not second.error
    assert str(first.error) == str(second.error)
    assert made.woken == [1, 3, 5]
    assert made.shared.connection.closed
    made.deliver()
    assert made.server.terminated is not None


def test_nobody_goes_on_before_the_connection_is_seen_to_be_broken(network: Make) -> None:
    made = network(greet=False)
    made.arrive(made.server.outgoing() + PUSH)
    assert made.keeper.told == ["gone"]
    made = network()
    seen: list[bool] = []
    made.shared.open(
        b"GET", GET, ends=True, wake=lambda: seen.append(made.shared.connection.closed)
    )
    made.deliver()
    made.server.answer(1)
    made.arrive(made.server.outgoing() + PUSH)
    assert seen == [True]


def test_a_server_that_closes(network: Make) -> None:
    made = network()
    stream = made.open()
    made.server.by_hand(goaway(1, ErrorCodes.ENHANCE_YOUR_CALM))
    made.talk()
    made.transport.end()
    made.network.turn()
    assert reason(stream.error) is Reason.CLOSED_EARLY
    assert "GOAWAY ENHANCE_YOUR_CALM" in str(stream.error)
    assert not stream.refused


def test_a_server_that_closes_without_a_word(network: Make) -> None:
    made = network(greet=False)
    stream = made.open()
    made.transport.end()
    made.network.turn()
    assert "without a word of HTTP/2" in str(stream.error)


def test_an_idle_connection_that_the_server_closed_is_noticed_before_use(network: Make) -> None:
    made = network()
    made.transport.end()
    made.shared.look()
    assert (made.shared.room, made.keeper.told) == (0, ["settled", "gone"])


def test_what_the_server_said_before_writing_failed_counts(network: Make) -> None:
    made = network()
    stream, other = made.open(), made.open()
    made.server.answer(1)
    made.transport.arrive(made.server.outgoing())
    made.shared._sending._outbox.error = WireError(Reason.CONNECTION_RESET, "the connection broke")
    made.network.turn()
    assert (stream.response.complete, stream.error is None) == (True, False)
    assert reason(other.error) is Reason.CONNECTION_RESET


def test_what_fails_inside_ends_the_streams_and_nothing_else(
    network: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = network()
    stream = made.open()

    def fails(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(made.shared._protocol, "feed", fails)
    made.arrive(b"x")
    assert isinstance(stream.error, ZeroDivisionError)
    assert made.shared.connection.closed
    assert "failed inside" in caplog.text


def test_retiring_waits_for_the_last(network: Make) -> None:
    made = network()
    stream = made.open()
    stream.distrust()
    assert (made.shared.room, made.shared.connection.closed) == (0, False)
    stream.leave(0)
    assert made.shared.connection.closed
    made.deliver()
    assert made.server.terminated is not None


def test_content_that_came_before_a_fault_is_kept(network: Make) -> None:
    made = network()
    stream = made.open()
    made.server.answer(1, (*STATUS_OK, (b"content-length", b"9")), b"part")
    made.talk()
    assert stream.collect()[1] == b"part"
    assert reason(stream.error) is Reason.INVALID_RESPONSE
