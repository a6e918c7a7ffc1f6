"""The client for asyncio: the same calls as `flowreplay_client`'s, to be awaited.

    from flowreplay_client import aio, request_flow

    async with aio.connect() as client:
        batch = await client.enqueue([request_flow("GET", "http://127.0.0.1:8000/")])
        async for event in await client.watch(start=batch.cursor, until_idle=True):
            print(event.WhichOneof("payload"))

A thin layer of its own over the shared parts, on grpc.aio: the synchronous client in
threads would hold a thread a watch, and the synchronous client on top of this one would
cost each command of `replayctl` an event loop. Only an Enqueue and a plan borrow the
synchronous client, in a thread that their file reading needs anyway.
"""

from flowreplay_client.aio.client import Client, connect
from flowreplay_client.aio.diffs import Diffs
from flowreplay_client.aio.export import Export
from flowreplay_client.aio.plans import Plans
from flowreplay_client.aio.replay import KeptReplay
from flowreplay_client.aio.watch import Watch

__all__ = ["Client", "Diffs", "Export", "KeptReplay", "Plans", "Watch", "connect"]
