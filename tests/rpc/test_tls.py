"""TLS on a real socket: who connects gets the certificate of now, and shows its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from flowreplay.v1 import replay_pb2, replay_pb2_grpc

from replayd.access.rules import Reach
from replayd.access.settings import AccessSettings, open_access
from replayd.rpc.listen import TcpAddress
from tests.rpc.harness import DEADLINE, Served, serving
from tests.support.certificates import Authority

TOKEN = "b3f0c2" * 8
SHOWN = (("authorization", f"Bearer {TOKEN}"),)


class Files:
    """A daemon's certificate, its key and its token file."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.key, self.tokens = (folder / name for name in ("c", "k", "t"))
        self.tokens.write_text(f"ci read {TOKEN}\nops read,admin cert:ops.example.org\n")
        self.tokens.chmod(0o600)

    def issue(self, authority: Authority, **attributes: Any) -> bytes:
        """Puts a new certificate and its key in place; returns the certificate."""
        issued = authority.files("127.0.0.1", **attributes)
        for made, place in zip(issued, (self.chain, self.key), strict=True):
            made.rename(place)
        return self.chain.read_bytes()


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> Files:
    files = Files(tmp_path)
    files.issue(authority)
    return files


def run(files: Files, client_ca: Path | None, test: Callable[[Served], Awaitable[None]]) -> None:
    settings = AccessSettings(files.tokens, files.chain, files.key, client_ca)

    async def serve() -> None:
        access, address = open_access(settings, [Reach.NETWORK]), TcpAddress("127.0.0.1", 0)
        async with (
            serving(files.chain.parent, address=address, access=access) as served,
            asyncio.timeout(DEADLINE),
        ):
            await test(served)

    asyncio.run(serve())


def connection(
    served: Served, authority: Authority, own: tuple[Path, Path] | None = None
) -> grpc.aio.Channel:
    """A connection of its own, with TLS, which shows a certificate if it has one."""
    chain, key = (path.read_bytes() for path in own) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(authority.ca_file.read_bytes(), key, chain)
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(served.address, credentials, options)


async def count(channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...] = SHOWN) -> None:
    stub = replay_pb2_grpc.ReplayServiceStub(channel)
    await stub.Count(replay_pb2.CountRequest(), metadata=metadata)


async def served_certificate(served: Served) -> bytes:
    """What the daemon shows to who connects now."""
    import ssl  # noqa: PLC0415 - what only this needs

    host, _, port = served.address.rpartition(":")
    found = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
    return found.encode()


def test_a_renewed_certificate_is_shown_to_new_connections_and_cuts_no_old_one(
    files: Files, authority: Authority
) -> None:
    async def test(served: Served) -> None:
        async with connection(served, authority) as old, connection(served, authority) as new:
            stub = replay_pb2_grpc.ReplayServiceStub(old)
            watch = stub.WatchEvents(replay_pb2.WatchEventsRequest(), metadata=SHOWN)
            await watch.read()
            first = await served_certificate(served)
            assert first in files.chain.read_bytes()
            renewed = files.issue(authority)
            assert first not in renewed
            assert await served_certificate(served) in renewed
            await count(new)
            await count(old)
            served.journal.pause(True, 1)
            assert (await watch.read()).events[0].update.kind
            # The key alone, as in the middle of a renewal: the last good pair goes on.
            authority.files("127.0.0.1")[1].rename(files.key)
            assert await served_certificate(served) in renewed

    run(files, None, test)


def test_a_certificate_of_the_right_authority_is_its_owner(
    files: Files, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ops, stranger = authority.files("ops.example.org"), authority.files("x.example.org")
    foreign = Authority(tmp_path_factory.mktemp("foreign")).files("ops.example.org")

    async def test(served: Served) -> None:
        async with connection(served, authority, ops) as channel:
            await count(channel, ())
            await replay_pb2_grpc.ReplayServiceStub(channel).Pause(replay_pb2.PauseRequest())
        async with connection(served, authority, stranger) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await count(channel, ())
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
            await count(channel)
        for own in (foreign, None):
            async with connection(served, authority, own) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await count(channel)
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    run(files, authority.ca_file, test)


def test_who_speaks_no_tls_is_not_heard(files: Files) -> None:
    async def test(served: Served) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await count(served.channel)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    run(files, None, test)


def test_a_certificate_that_ends_soon_is_told(
    files: Files, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=5)).replace(microsecond=0)
    files.issue(authority, not_after=ends)

    async def test(served: Served) -> None:
        assert "--tls-cert: the certificate ends in 4 days" in caplog.text
        async with connection(served, authority) as channel:
            stub = replay_pb2_grpc.ReplayServiceStub(channel)
            status = await stub.GetStatus(replay_pb2.GetStatusRequest(), metadata=SHOWN)
            assert status.certificate_expire_time.ToDatetime(UTC) == ends
            files.issue(authority, not_after=ends - timedelta(days=1))
            await stub.GetStatus(replay_pb2.GetStatusRequest(), metadata=SHOWN)
        async with connection(served, authority) as channel:
            stub = replay_pb2_grpc.ReplayServiceStub(channel)
            await stub.GetStatus(replay_pb2.GetStatusRequest(), metadata=SHOWN)
        assert "the certificate ends in 3 days" in caplog.text

    run(files, None, test)
