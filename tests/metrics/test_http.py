"""Scrapers that behave, and those that don't, on real sockets."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from replayd.errors import ConfigError
from replayd.metrics import http
from replayd.metrics.http import CONNECTIONS, HEAD_LIMIT, WARNED_SECONDS, MetricsServer
from tests.support.processes import DEADLINE


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Looks:
    """Counts how often figures are looked up."""

    def __init__(self) -> None:
        self.count = 0
        self.failing = False

    def __call__(self) -> bytes:
        self.count += 1
        if self.failing:
            raise OSError("no disk")
        return b"look %d\n" % self.count


@asynccontextmanager
async def serving(
    look_up: Callable[[], bytes], clock: Callable[[], float] | None = None
) -> AsyncIterator[int]:
    """Serves; yields the port."""
    server = MetricsServer(look_up, "text/x-figures", clock or Clock())
    url = await server.start("127.0.0.1", 0)
    try:
        yield urlsplit(url).port or 0
    finally:
        await server.stop()


async def ask(port: int, request: bytes) -> bytes:
    """Sends bytes; returns all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def run(
    test: Callable[[int], Awaitable[None]],
    look_up: Callable[[], bytes] | None = None,
    clock: Clock | None = None,
) -> None:
    async def serve() -> None:
        async with asyncio.timeout(DEADLINE), serving(look_up or Looks(), clock) as port:
            await test(port)

    asyncio.run(serve())


def test_figures_are_told() -> None:
    async def test(port: int) -> None:
        told = await ask(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.splitlines()[0] == b"HTTP/1.1 200 OK"
        assert b"Content-Type: text/x-figures" in head
        assert b"Content-Length: 7" in head
        assert b"Connection: close" in head
        assert body == b"look 1\n"
        asked = await ask(port, b"HEAD /metrics HTTP/1.0\r\n\r\n")
        assert asked == head + b"\r\n\r\n"
        proxied = await ask(port, b"GET HTTP://a:1/metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert proxied == told

    run(test)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metricsx HTTP/1.1\r\n\r\n", b"404"),
        (b"GET http://a HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\n", b"400"),
        (b"\x16\x03\x01 \r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nA: " + b"a" * HEAD_LIMIT, b"431"),
    ],
)
def test_what_is_no_question_for_figures_is_told_so(request_: bytes, status: bytes) -> None:
    looks = Looks()

    async def test(port: int) -> None:
        told = await ask(port, request_)
        assert told.startswith(b"HTTP/1.1 " + status + b" "), told

    run(test, looks)
    assert looks.count == 0


def test_many_questions_are_one_look() -> None:
    clock, looks = Clock(), Looks()

    async def test(port: int) -> None:
        question = b"GET /metrics HTTP/1.1\r\n\r\n"
        answers = await asyncio.gather(*(ask(port, question) for _ in range(CONNECTIONS // 2)))
        assert all(answer.endswith(b"look 1\n") for answer in answers)
        clock.now += http.KEPT_SECONDS
        assert (await ask(port, question)).endswith(b"look 2\n")

    run(test, looks, clock)
    assert looks.count == 2


def test_figures_that_can_not_be_had_are_an_error_that_passes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, looks = Clock(), Looks()
    looks.failing = True

    async def test(port: int) -> None:
        question = b"GET /metrics HTTP/1.1\r\n\r\n"
        for _ in range(3):
            assert (await ask(port, question)).startswith(b"HTTP/1.1 500 ")
        looks.failing = False
        clock.now += http.KEPT_SECONDS
        assert (await ask(port, question)).startswith(b"HTTP/1.1 200 ")

    with caplog.at_level(logging.ERROR):
        run(test, looks, clock)
    assert len(caplog.records) == 1, "one line a look"


def test_who_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.01)

    async def test(port: int) -> None:
        for said in (b"", b"GET /metrics HTTP/1.1\r\n"):
            assert await _ended(port, said)

    run(test)


async def _ended(port: int, said: bytes) -> bool:
    """Whether the server ends a connection on which so much was said, and no more."""
    try:
        return await ask(port, said) == b""
    except ConnectionError:
        return True


def test_one_connection_too_many_is_closed_and_the_others_are_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    question = b"GET /metrics HTTP/1.1\r\n\r\n"
    clock = Clock()

    async def test(port: int) -> None:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
        assert await _ended(port, question)
        assert await _ended(port, question)
        assert caplog.text.count("turned away") == 1
        clock.now += WARNED_SECONDS
        assert await _ended(port, question)
        assert caplog.text.count("turned away") == 2
        for reader, writer in silent:
            writer.write(question)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        assert (await ask(port, question)).startswith(b"HTTP/1.1 200 ")

    run(test, clock=clock)


def test_a_look_that_hangs_holds_up_one_thread_and_no_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.01)
    clock, hanging, threads = Clock(), threading.Event(), []

    def look_up() -> bytes:
        threads.append(threading.current_thread())
        hanging.wait(DEADLINE)
        return b""

    async def test(port: int) -> None:
        question = b"GET /metrics HTTP/1.1\r\n\r\n"
        for _ in range(3):
            assert await _ended(port, question)
            clock.now += http.KEPT_SECONDS
        hanging.set()

    run(test, look_up, clock)
    assert len(threads) == 1


def test_a_stop_ends_those_who_say_nothing_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with asyncio.timeout(DEADLINE):
            async with serving(Looks()) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                # Who comes later is answered once the first one was taken note of.
                await ask(port, b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(test())
    assert not caplog.records


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_address_that_can_not_be_had_is_told(taken: int) -> None:
    with pytest.raises(
        ConfigError, match=rf"--metrics-listen 127.0.0.1:{taken}: Address already in use; "
    ):
        asyncio.run(MetricsServer(Looks(), "").start("127.0.0.1", taken))


def test_ipv6_is_shown_in_brackets() -> None:
    async def test() -> None:
        server = MetricsServer(Looks(), "")
        assert (await server.start("::1", 0)).startswith("http://[::1]:")
        await server.stop()

    asyncio.run(test())
