"""Which message goes next, and when."""

import pytest

from replayd.model.flow import WebSocketMessage
from replayd.model.plan import WebSocketPace, WebSocketPlan
from replayd.replay.websocket_script import Script
from tests.support.websockets import heard, said

SECOND = 1_000_000_000
BEGUN = 50 * SECOND


def script(
    *messages: WebSocketMessage, recorded: bool = False, handshake: float | None = None
) -> Script:
    pace = WebSocketPace.RECORDED if recorded else WebSocketPace.AFTER_MESSAGES
    plan = WebSocketPlan(
        client_message_count=sum(each.replayed for each in messages),
        server_message_count=sum(each.awaited for each in messages),
        pace=pace,
        handshake_time=handshake,
    )
    return Script(iter(messages), plan, BEGUN)


def next_content(found: Script) -> bytes | None:
    return found.next.content if found.next else None


def test_each_waits_for_what_had_come_before_it() -> None:
    found = script(said("a"), heard("1"), heard("2"), said("b"), said("c"), heard("3"))
    steps = []
    while found.next is not None:
        steps.append((next_content(found), found.awaited))
        assert not found.awaited or not found.due(found.awaited - 1, BEGUN)
        assert found.due(found.awaited, BEGUN)
        assert found.due(found.awaited + 9, BEGUN)
        found.advance()
    assert steps == [(b"a", 0), (b"b", 2), (b"c", 2)]
    assert not found.due(99, BEGUN)
    assert not found.through(2)
    assert found.through(3)


def test_nothing_to_say() -> None:
    assert script().through(0)
    silent = script(heard("1"))
    assert silent.next is None
    assert not silent.through(0)


def test_it_is_read_a_few_messages_at_a_time() -> None:
    read = []
    conversation = [*[heard("tick")] * 1000, said("a"), said("b")]
    plan = WebSocketPlan(client_message_count=2, server_message_count=1000)
    found = Script((read.append(each) or each for each in conversation), plan, BEGUN)
    assert (found.next, found.sought, found.all_sent) == (None, True, False)
    assert not found.due(1000, BEGUN)
    while found.sought:
        before = len(read)
        found.seek()
        assert 0 < len(read) - before <= 256
    assert (next_content(found), found.awaited) == (b"a", 1000)
    found.advance()
    found.advance()
    assert found.all_sent
    assert found.through(1000)


def test_what_was_only_listened_to_is_not_read_at_all() -> None:
    found = Script(iter(()), WebSocketPlan(server_message_count=1_000_000), BEGUN)
    assert not found.sought
    assert not found.through(999_999)
    assert found.through(1_000_000)


def test_a_conversation_with_too_few_messages_is_told() -> None:
    with pytest.raises(ValueError, match="ends before its last 2 messages"):
        Script(iter([heard("1")]), WebSocketPlan(client_message_count=2), BEGUN)


def test_what_did_not_reach_its_side_is_neither_sent_nor_awaited() -> None:
    found = script(
        said("a", dropped=True), heard("1", injected=True), heard("2", dropped=True), said("b")
    )
    assert (next_content(found), found.awaited) == (b"b", 1)


def test_as_recorded_each_has_its_moment_however_much_came() -> None:
    found = script(
        said("a", 100.25), heard("1", 100.5), said("b", 101.5), recorded=True, handshake=100.0
    )
    assert found.moment == BEGUN + SECOND // 4
    assert not found.due(9, BEGUN + SECOND // 4 - 1)
    assert found.due(0, BEGUN + SECOND // 4)
    found.advance()
    # From the handshake, and not from when the one before was sent.
    assert found.moment == BEGUN + 3 * SECOND // 2
    assert found.due(0, BEGUN + 3 * SECOND // 2)


def test_without_the_handshakes_time_the_first_message_tells_it() -> None:
    found = script(heard("1", 99.0), said("a", 100.0), recorded=True)
    assert found.moment == BEGUN + SECOND


def test_a_message_from_before_the_handshake_goes_at_once() -> None:
    found = script(said("a", 99.0), recorded=True, handshake=100.0)
    assert found.due(0, BEGUN)


def test_without_times_as_if_after_messages() -> None:
    found = script(heard("1"), said("a"), recorded=True, handshake=100.0)
    assert found.moment is None
    assert not found.due(0, BEGUN + 999 * SECOND)
    assert found.due(1, BEGUN)
    unanchored = script(said("a"), said("b", 100.0), recorded=True)
    assert unanchored.moment is None
    unanchored.advance()
    assert unanchored.moment == BEGUN


def test_times_do_not_matter_after_messages() -> None:
    assert script(said("a", 100.0), handshake=1.0).due(0, BEGUN)
