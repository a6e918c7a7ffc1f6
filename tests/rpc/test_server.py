"""What bounds connections and calls, on a real socket: gRPC's own limits, as they are set."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from flowreplay.v1 import replay_pb2

from replayd.rpc import server
from replayd.rpc.server import OPTIONS
from tests.rpc.harness import DEADLINE, Served, counted, serving
from tests.support.raw_grpc import RawPeer, message, plain


def run(
    folder: Path,
    test: Callable[[Served, str], Awaitable[None]],
    max_calls: int = 1000,
    **set_to: int,
) -> None:
    """Serves with some of gRPC's options at other values; `__` in a name is a dot."""
    changed = {f"grpc.{name.replace('__', '.')}": value for name, value in set_to.items()}
    options = {**dict(OPTIONS), **changed}
    assert len(options) == len(OPTIONS), "the daemon has no such option"

    async def serve() -> None:
        async with serving(folder, max_calls=max_calls) as served, asyncio.timeout(DEADLINE):
            await test(served, f"unix:{folder}/s.sock")

    with patch.object(server, "OPTIONS", tuple(options.items())):
        asyncio.run(serve())


def test_the_limits_are_those_that_the_docs_name() -> None:
    options = dict(OPTIONS)
    assert options["grpc.max_receive_message_length"] == 8 << 20
    assert options["grpc.max_concurrent_streams"] == 200
    assert options["grpc.max_metadata_size"] == 16 << 10
    assert options["grpc.keepalive_time_ms"] == 30_000
    assert options["grpc.keepalive_timeout_ms"] == options["grpc.http2.ping_timeout_ms"] == 10_000


def test_a_call_too_many_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def test(served: Served, _: str) -> None:
        first = served.stub.WatchEvents(replay_pb2.WatchEventsRequest())
        await first.read()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.stub.Count(replay_pb2.CountRequest())
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        first.cancel()
        counted = False
        while not counted:
            # gRPC takes note of a call's end some time after its client.
            with contextlib.suppress(grpc.aio.AioRpcError):
                await served.stub.Count(replay_pb2.CountRequest())
                counted = True

    run(tmp_path, test, max_calls=1)


def test_a_connection_has_so_many_calls_at_once(tmp_path: Path) -> None:
    def open_calls(address: str) -> str:
        with RawPeer(address) as peer:
            streams = [peer.call("WatchEvents") for _ in range(4)]
            return peer.status(streams[-1])

    async def test(_: Served, address: str) -> None:
        assert (await asyncio.to_thread(open_calls, address)).startswith("RST")

    run(tmp_path, test, max_concurrent_streams=3)


def test_who_says_nothing_is_sent_away(tmp_path: Path) -> None:
    def stay(address: str) -> None:
        with closing(plain(address)) as connection:
            while connection.recv(1000):
                pass

    async def test(_: Served, address: str) -> None:
        await asyncio.to_thread(stay, address)

    run(tmp_path, test, server_handshake_timeout_ms=100)


def test_a_connection_without_calls_is_closed_and_one_with_a_watcher_is_not(tmp_path: Path) -> None:
    def idle(address: str) -> str:
        with RawPeer(address) as peer:
            return peer.status(1)

    async def test(served: Served, address: str) -> None:
        watching = served.stub.WatchEvents(replay_pb2.WatchEventsRequest())
        await watching.read()
        assert (await asyncio.to_thread(idle, address)).startswith("GOAWAY")
        assert served.watchers.count == 1
        assert not watching.done()
        watching.cancel()

    run(tmp_path, test, max_connection_idle_ms=100)


def test_who_answers_no_ping_is_gone(tmp_path: Path) -> None:
    async def test(served: Served, address: str) -> None:
        watchers = counted(served)
        # It never reads, so it never answers.
        with RawPeer(address) as peer:
            peer.data(peer.call("WatchEvents"), message(b""), end=True)
            await watchers(1)
            await watchers(0)

    run(tmp_path, test, keepalive_time_ms=100, keepalive_timeout_ms=100, http2__ping_timeout_ms=100)
