"""A path says whose a flow is and how it is answered."""

from random import Random

import pytest

from tools.chaos.flows import Asked, capture, method_of, read_path, sent_again, typed


def test_a_path_is_read_as_it_was_made() -> None:
    asked = Asked("c1n2", 3, 4, "close")
    assert read_path(asked.path) == asked
    assert asked.breaks
    assert not asked._replace(what="slow").breaks
    with pytest.raises(ValueError, match="not a path"):
        read_path("/c1n2/3/4/else")


def test_a_seed_makes_the_same_flows_again() -> None:
    made = [typed(Random(7), "t", 50, 80) for _ in range(2)]
    assert made[0] == made[1]
    for index, flow in enumerate(made[0]):
        asked = read_path(flow.request.path.decode())
        assert (asked.tag, asked.flow_index) == ("t", index)
        assert flow.session_id == f"s{asked.session}"


def test_live_flows_carry_what_the_first_one_was_answered() -> None:
    first, *others = typed(Random(7), "t", 3, 80, live=True)
    assert first.response.content == b"recorded-t"
    for flow in others:
        assert (flow.request.headers[-1].name, flow.request.headers[-1].value) == (
            b"X-Live",
            b"recorded-t",
        )


def test_a_websocket_that_speaks_is_not_sent_again() -> None:
    flows = typed(Random(7), "t", 500, 80)
    sockets = [flow for flow in flows if flow.HasField("websocket")]
    assert sockets
    for flow in sockets:
        asked = read_path(flow.request.path.decode())
        assert not sent_again("t", method_of(asked, flow.request.method))
        assert [message.from_client for message in flow.websocket.messages] == [False, True]
    assert method_of(Asked("t", 0, 0, "ok"), b"GET") == b"GET"


def test_a_tag_says_what_is_sent_again() -> None:
    assert sent_again("c1n2", b"GET")
    assert not sent_again("c1n2", b"POST")
    assert sent_again("c1n2r", b"POST")
    assert not sent_again("c1n2p", b"GET")
    assert not sent_again("c1n2f", b"GET")


def test_a_capture_is_of_one_session() -> None:
    lines = capture(Random(7), "t", 3, 80).split(b"\n")
    urls = [line.split()[1].decode() for line in lines[1::3] if line]
    paths = [read_path(url.partition("://127.0.0.1:80")[2]) for url in urls]
    assert [(path.flow_index, path.session) for path in paths] == [(0, 0), (1, 0), (2, 0)]
