"""The beginning of a call that is answered with a stream: a silent daemon is noticed."""

import threading
from collections.abc import Iterator
from typing import Protocol, TypeVar

import grpc

from flowreplay_client.errors import silent_stream

Response = TypeVar("Response")
Response_co = TypeVar("Response_co", covariant=True)


class Stream(Protocol[Response_co]):
    """What gRPC returns for a call that answers with a stream."""

    def __iter__(self) -> Iterator[Response_co]: ...
    def __next__(self) -> Response_co: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


def first_response(call: Stream[Response], timeout: float, address: str) -> Response:
    """Waits for the response that the daemon sends at once, for `timeout` seconds.

    Raises grpc.RpcError, TimeoutError, or ReplaydClientError when the stream ends before.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        call.cancel()

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    try:
        return next(call)
    except StopIteration:
        raise silent_stream(address) from None
    except grpc.RpcError as failure:
        if expired.is_set():
            raise TimeoutError from failure
        raise
    finally:
        timer.cancel()
