"""The asynchronous side of `flowreplay_client.backup`."""

import asyncio

import grpc
from flowreplay.v1.journal_pb2 import BackUpResponse

from flowreplay_client.aio.stream import Stream
from flowreplay_client.errors import error_from, late_answer, silent_stream
from flowreplay_client.messages import Progress


async def followed(
    call: Stream[BackUpResponse], progress: Progress | None, address: str, timeout: float
) -> BackUpResponse:
    """Waits for the end of a copy; see `flowreplay_client.backup`."""
    responses = aiter(call)
    try:
        async with asyncio.timeout(timeout):
            response = await anext(responses)
        while not response.done:
            if progress:
                progress(response.copied_bytes, response.total_bytes)
            response = await anext(responses)
    except grpc.RpcError as failure:
        raise error_from(failure, address) from None
    except TimeoutError:
        raise late_answer(address) from None
    except StopAsyncIteration:
        raise silent_stream(address) from None
    finally:
        call.cancel()
    return response
