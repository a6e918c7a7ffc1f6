"""A call that is answered with a stream: a silent daemon is noticed at its beginning."""

import threading
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar

import grpc

from flowreplay_client.errors import error_from, late_answer, silent_stream

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


class StreamedCall(Generic[Response]):
    """A call whose first response comes at once. When the constructor returns, the daemon has
    begun. Raises ReplaydClientError; what broke off may be asked for again.
    """

    def __init__(self, call: Stream[Response], address: str, timeout: float) -> None:
        self._call = call
        self._address = address
        try:
            self._began(first_response(call, timeout, address))
        except grpc.RpcError as failure:
            raise error_from(failure, address) from None
        except TimeoutError:
            raise late_answer(address) from None

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _began(self, response: Response) -> None:
        """Takes the first response."""

    def _next_response(self) -> Response:
        """Waits for another one; raises StopIteration at the end."""
        try:
            return next(self._call)
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
