"""Watchers whose network goes away without a word, in a network namespace of their own.

    unshare --net python -m tests.support.half_open WATCHERS MILLISECONDS

Serves with this keepalive time and timeout, has watchers connect, waits until another one who
answers nothing is gone, while all have to stay, takes the network down and waits until the
server has let all of them go. Prints as JSON how many had stayed, and after how many seconds
the last was gone.
"""

import asyncio
import fcntl
import json
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import grpc
from flowreplay.v1 import replay_pb2, replay_pb2_grpc

from replayd.rpc import server
from replayd.rpc.listen import TcpAddress
from tests.rpc.harness import counted, serving
from tests.support.daemon import CHANNEL_OPTIONS
from tests.support.processes import DEADLINE
from tests.support.raw_grpc import RawPeer, message

_SET_FLAGS = 0x8914
_UP = 1
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
_KEEPALIVE = ("grpc.keepalive_time_ms", "grpc.keepalive_timeout_ms", "grpc.http2.ping_timeout_ms")


def network(*, up: bool) -> None:
    """Sets the loopback interface; while it is down every packet is lost."""
    with socket.socket() as any_socket:
        wanted = struct.pack("16sh", b"lo", _UP if up else 0)
        fcntl.ioctl(any_socket, _SET_FLAGS, wanted)


async def watch(address: str) -> None:
    """Follows the log until the connection is lost."""
    options = [*CHANNEL_OPTIONS, _OWN_CONNECTION]
    async with grpc.aio.insecure_channel(address, options) as channel:
        async for _ in replay_pb2_grpc.ReplayServiceStub(channel).WatchEvents(
            replay_pb2.WatchEventsRequest()
        ):
            pass


async def lose(number: int) -> dict[str, float]:
    """Loses so many watchers."""
    with tempfile.TemporaryDirectory() as folder:
        address = TcpAddress("127.0.0.1", 0)
        async with serving(Path(folder), address=address, max_watchers=number + 1) as served:
            watchers = counted(served)
            tasks = [asyncio.create_task(watch(served.address)) for _ in range(number)]
            async with asyncio.timeout(DEADLINE):
                await watchers(number)
                with RawPeer(served.address) as silent:
                    silent.data(silent.call("WatchEvents"), message(b""), end=True)
                    await watchers(number + 1)
                    # It never reads, and so answers no ping: whoever answers none is gone by then.
                    await watchers(number)
                stayed, start = number - sum(task.done() for task in tasks), time.monotonic()
                network(up=False)
                await watchers(0)
            seconds = time.monotonic() - start
            network(up=True)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    return {"stayed": stayed, "seconds": seconds}


def main() -> None:
    """Loses watchers and says how it went."""
    number, milliseconds = map(int, sys.argv[1:])
    network(up=True)
    changed = {**dict(server.OPTIONS), **dict.fromkeys(_KEEPALIVE, milliseconds)}
    with patch.object(server, "OPTIONS", tuple(changed.items())):
        sys.stdout.write(json.dumps(asyncio.run(lose(number))))


if __name__ == "__main__":
    main()
