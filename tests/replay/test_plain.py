"""Plain replays: what is one, what is handed over, and that nobody can tell the difference."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flowreplay.v1 import event_pb2, reason_pb2

from replayd.comparing.digests import ANOTHER, digest_of
from replayd.errors import JournalError, WireError
from replayd.model.flow import Flow
from replayd.model.replay import ReplayState
from replayd.reasons import Reason
from replayd.replay import plain, thread
from replayd.replay.exchange import Exchange
from replayd.wire.pool import Pool
from replayd.wire.settings import TlsSettings
from replayd.wire.transport import TcpTransport
from tests.support.certificates import Authority
from tests.support.replaying import Replaying, flow
from tests.support.scripted_server import OK, Peer, Script, ScriptedServer, answers

Make = Callable[..., Flow]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The flow indices of all that became an exchange."""
    made: list[int] = []

    class Counted(Exchange):
        def __init__(self, replay: Any, *others: Any) -> None:
            made.append(replay.key.flow_index)
            super().__init__(replay, *others)

    monkeypatch.setattr(plain, "Exchange", Counted)
    monkeypatch.setattr(thread, "Exchange", Counted)
    return made


def statuses(ended: list[event_pb2.Event]) -> list[int]:
    return [each.response.head.status_code for each in ended]


def reason(event: event_pb2.Event) -> str:
    return reason_pb2.Reason.Name(event.error.reason).removeprefix("REASON_")


# What is plain

PLAIN = {
    "length": (OK, b"GET", b"ok"),
    "chunks": (CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"GET", b"onetwo"),
    "nothing": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"GET", b""),
    "no-chunk": (CHUNKED + b"0\r\n\r\n", b"GET", b""),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"HEAD", b""),
    "head-chunks": (CHUNKED, b"HEAD", b""),
    "without-content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", b""),
    "close": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"GET",
        b"ok",
    ),
    "error": (OK.replace(b"200 OK", b"500 No"), b"POST", b"ok"),
}


@pytest.mark.parametrize(("answer", "method", "content"), PLAIN.values(), ids=PLAIN)
def test_a_whole_answer_on_a_kept_connection_is(
    exchanges: list[int], answer: bytes, method: bytes, content: bytes
) -> None:
    with ScriptedServer(answers(OK, answer)) as server, Replaying() as replaying:
        _, ended = replaying.run(
            flow(server.port, session="s"),
            flow(server.port, session="s", method=method, content=b"x" * (method == b"POST")),
        )
        assert exchanges == [0]
        assert ended.response.content == content
        assert ended.response.connection.reused


@pytest.mark.parametrize(
    ("answer", "asked", "kept"),
    [
        (OK, {}, 1),
        (PLAIN["close"][0], {}, 0),
        (OK, {"headers": ((b"Host", b"x"), (b"Connection", b"close"))}, 0),
    ],
    ids=["both", "not-the-server", "not-the-request"],
)
def test_its_connection_is_kept_when_both_mean_it(
    exchanges: list[int], answer: bytes, asked: dict[str, Any], kept: int
) -> None:
    def script(peer: Peer) -> None:
        answers(OK, answer)(peer)
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying() as replaying:
        replaying.run(flow(server.port), flow(server.port, **asked))
        assert exchanges == [0]
        assert len(replaying.thread._wire.pool) == kept


def test_requests_with_content_are(exchanges: list[int]) -> None:
    with ScriptedServer(answers(OK, OK, OK)) as server, Replaying() as replaying:
        chunked = ((b"Host", b"x"), (b"Transfer-Encoding", b"chunked"))
        replaying.run(
            flow(server.port),
            flow(server.port, method=b"POST", content=b"one"),
            flow(server.port, method=b"POST", content=b"two", headers=chunked),
        )
        assert exchanges == [0]
        assert server.requests[1].endswith(b"\r\n\r\none")
        assert server.requests[2].endswith(b"\r\n\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_over_tls_too(exchanges: list[int], authority: Authority) -> None:
    with (
        ScriptedServer(answers(OK, OK), tls=authority.server_context("127.0.0.1")) as server,
        Replaying(tls=TlsSettings(ca_file=str(authority.ca_file))) as replaying,
    ):
        each = flow(server.port, scheme=b"https")
        assert statuses(replaying.run(each, each)) == [200, 200]
        assert exchanges == [0]


def test_what_is_as_recorded_is_and_no_other(exchanges: list[int]) -> None:
    def comparer() -> Any:
        raise AssertionError("nothing is to be compared elsewhere")

    with (
        ScriptedServer(answers(OK, OK, OK)) as server,
        Replaying(new_comparer=comparer) as replaying,
    ):
        digest = digest_of(replaying.journal.info.redaction_key, 200, (), b"ok")
        each = flow(server.port)
        _, ended = replaying.run(each, each, recorded_digest=digest)
        assert ended.response.comparison.result == 1
        assert exchanges == [0]
        (failed,) = replaying.run(each, recorded_digest=ANOTHER)
        assert reason(failed) == "INTERNAL"
        assert exchanges == [0, 0]


# What is not

ODD = {
    "in-two": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok",
    "chunks-in-two": CHUNKED + b"3\r\none\r\n",
    "chunk-extension": CHUNKED + b"2;a=b\r\nok\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"2\r\nok\r\n0\r\nA: b\r\n\r\n",
    "http10": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "until-close": b"HTTP/1.1 200 OK\r\n\r\nok",
    "interim": b"HTTP/1.1 103 Early\r\n\r\n" + OK,
    "folded": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "no-http": b"SSH-2.0-OpenSSH_9.9\r\n",
    "stray-bytes": OK + b"HTTP/1.1 200 Smuggled\r\nContent-Length: 0\r\n\r\n",
    "too-large": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
    "nothing-at-all": b"",
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_what_is_odd_becomes_an_exchange(exchanges: list[int], answer: bytes) -> None:
    with (
        ScriptedServer(answers(OK, answer), answers(answer)) as server,
        Replaying(body_size_limit=8) as replaying,
    ):
        replaying.run(flow(server.port), flow(server.port))
        assert exchanges == [0, 1]


def test_a_connection_that_takes_little_at_once(
    exchanges: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TcpTransport.send
    with ScriptedServer(answers(OK, OK, OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))
        monkeypatch.setattr(TcpTransport, "send", lambda self, data: real(self, data[:7]))
        post = flow(server.port, method=b"POST", content=b"content")
        assert statuses(replaying.run(post, post)) == [200, 200]
        assert exchanges == [0, 0, 1]
        assert len(server.peers) == 1
        assert [each.endswith(b"\r\n\r\ncontent") for each in server.requests[1:]] == [True] * 2


def test_a_connection_that_takes_nothing(
    exchanges: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: TcpTransport, data: bytes) -> int:
        raise WireError(Reason.CONNECTION_RESET, "it broke")

    with ScriptedServer(answers(OK, OK)) as server, Replaying(read_timeout=0.5) as replaying:
        replaying.run(flow(server.port))
        monkeypatch.setattr(TcpTransport, "send", broken)
        (failed,) = replaying.run(flow(server.port, method=b"POST", content=b"x"))
        assert reason(failed) == "FIRST_BYTE_TIMEOUT"
        assert exchanges == [0, 0]


def test_where_memory_is_short(exchanges: list[int]) -> None:
    with ScriptedServer(answers(OK, OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))
        replaying.thread._around.budget.tight = True
        assert statuses(replaying.run(flow(server.port))) == [200]
        assert exchanges == [0, 0]


def test_one_that_is_late(exchanges: list[int]) -> None:
    def script(peer: Peer) -> None:
        peer.answer()
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying(read_timeout=0.5) as replaying:
        _, failed = replaying.run(flow(server.port), flow(server.port))
        assert reason(failed) == "FIRST_BYTE_TIMEOUT"
        assert exchanges == [0, 1]


def test_one_that_is_cancelled(exchanges: list[int]) -> None:
    def script(peer: Peer) -> None:
        peer.answer()
        peer.until_closed()

    with ScriptedServer(script) as server, Replaying() as replaying:
        replaying.run(flow(server.port))
        batch = replaying.enqueue(flow(server.port))
        replaying.wait(lambda: bool(replaying.journal.running()))
        keys = [each.key for each in replaying.journal.running()]
        replaying.thread.cancel(keys, lambda _: None, lambda: None)
        (killed,) = replaying.outcomes(batch, 1)
        assert killed.error.state == ReplayState.KILLED.value
        assert exchanges == [0, 0]


# What goes wrong inside


def test_a_crash_ends_one_replay(exchanges: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    real = plain.read_whole
    with ScriptedServer(answers(OK, OK), answers(OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))

        def crash(*_: object) -> None:
            monkeypatch.setattr(plain, "read_whole", real)
            raise RuntimeError("a bug")

        monkeypatch.setattr(plain, "read_whole", crash)
        crashed, ended = replaying.run(flow(server.port), flow(server.port))
        assert reason(crashed) == "INTERNAL"
        assert crashed.error.message == "RuntimeError: a bug"
        assert statuses([ended]) == [200]
        assert replaying.journal.running() == []


def test_a_crash_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(answers(OK, OK)) as server, Replaying() as replaying:

        def crash(*_: object, **__: object) -> None:
            monkeypatch.undo()
            raise RuntimeError("a bug")

        monkeypatch.setattr(plain, "standing", crash)
        crashed, ended = replaying.run(flow(server.port), flow(server.port))
        assert reason(crashed) == "INTERNAL"
        assert statuses([ended]) == [200]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), JournalError("a fault")])
def test_a_crash_after_its_outcome_is_no_second_one(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(answers(OK, OK), answers(OK)) as server, Replaying() as replaying:
        replaying.run(flow(server.port))

        def crash(*_: object, **__: object) -> None:
            monkeypatch.undo()
            raise error

        monkeypatch.setattr(Pool, "keep", crash)
        assert statuses(replaying.run(flow(server.port), flow(server.port))) == [200, 200]
        assert replaying.journal.running() == []
        assert len(server.peers) == 2


# No difference


def drops(peer: Peer) -> None:
    peer.answer()
    peer.request()


def resets(peer: Peer) -> None:
    peer.answer()
    peer.request()
    peer.reset()


def in_two(answer: bytes) -> Script:
    """The second answer comes in two pieces."""

    def script(peer: Peer) -> None:
        peer.answer()
        peer.answer(answer[: len(answer) // 2])
        peer.send(answer[len(answer) // 2 :])

    return script


SCRIPTS: dict[str, Script] = {
    **{name: answers(OK, answer) for name, (answer, *_) in PLAIN.items()},
    **{name: answers(OK, answer) for name, answer in ODD.items()},
    **{
        f"{name}-slowly": in_two(answer)
        for name, (answer, method, _) in PLAIN.items()
        if method != b"HEAD"  # Beside GET it is one of two faults, as its pieces happen to come.
    },
    "drops": drops,
    "resets": resets,
}

MAKES: dict[str, Make] = {
    "get": flow,
    "head": lambda port: flow(port, method=b"HEAD"),
    "post": lambda port: flow(port, method=b"POST", content=b"content"),
    "http10": lambda port: flow(port, http_version=b"HTTP/1.0"),
}


@contextmanager
def _no_plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(thread, "may_be_plain", lambda *_: False)
        yield


def told(script: Script, make: Make) -> list[str]:
    """All events of a flow on a kept connection, without what differs from run to run."""
    with (
        ScriptedServer(script, answers(OK)) as server,
        Replaying(body_size_limit=8) as replaying,
    ):
        replaying.run(flow(server.port), make(server.port))
        events = [str(each) for each in replaying.events()]
    unlike = rf"\b(seconds|nanos): \d+|local_address: \S+|\b{server.port}\b"
    return [re.sub(unlike, "", each) for each in events]


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_log_says_the_same(script: Script, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with _no_plain(monkeypatch):
        expected = told(script, make)
    assert told(script, make) == expected
