"""A copy of the daemon's journal in the making: its responses, to the last one."""

import grpc
from flowreplay.v1.journal_pb2 import BackUpResponse

from flowreplay_client.errors import error_from, late_answer, silent_stream
from flowreplay_client.messages import Progress
from flowreplay_client.stream import Stream, first_response


def followed(
    call: Stream[BackUpResponse], progress: Progress | None, address: str, timeout: float
) -> BackUpResponse:
    """Waits for the end of a copy; returns the last response. `timeout` is for the first one.

    Raises ReplaydClientError when there is no copy.
    """
    try:
        response = first_response(call, timeout, address)
        while not response.done:
            if progress:
                progress(response.copied_bytes, response.total_bytes)
            response = next(call)
    except grpc.RpcError as failure:
        raise error_from(failure, address) from None
    except TimeoutError:
        raise late_answer(address) from None
    except StopIteration:
        raise silent_stream(address) from None
    finally:
        call.cancel()
    return response
