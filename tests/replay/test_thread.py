"""The replay thread: order, taking, stopping, and a journal that fails."""

import socket

from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, ScriptedServer, answers


def test_replays_one_after_the_other() -> None:
    with ScriptedServer(answers(OK, OK, OK)) as server, Replaying() as replaying:
        ended = replaying.run(*(flow(server.port, path=b"/%d" % n) for n in range(3)))
        assert [event.response.head.status_code for event in ended] == [200] * 3
        assert [request.split(b" ")[1] for request in server.requests] == [b"/0", b"/1", b"/2"]


def test_a_replay_that_fails_at_once_does_not_hold_up_the_next() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        dead = reserved.getsockname()[1]
    # The kept connection's timeout is all that would wake a thread that forgot to look.
    with ScriptedServer(answers(OK, OK)) as server, Replaying(idle_timeout=3600.0) as replaying:
        ended = replaying.run(flow(server.port), flow(dead), flow(server.port))
        assert [event.WhichOneof("payload") for event in ended] == ["response", "error", "response"]
