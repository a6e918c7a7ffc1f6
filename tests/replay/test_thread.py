"""The replay thread: order, taking, stopping, and a journal that fails."""

from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, ScriptedServer, answers


def test_replays_one_after_the_other() -> None:
    with ScriptedServer(answers(OK, OK, OK)) as server, Replaying() as replaying:
        ended = replaying.run(*(flow(server.port, path=b"/%d" % n) for n in range(3)))
        assert [event.response.head.status_code for event in ended] == [200] * 3
        assert [request.split(b" ")[1] for request in server.requests] == [b"/0", b"/1", b"/2"]
