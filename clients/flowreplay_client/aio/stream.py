"""A call that is answered with a stream, for tasks: what `flowreplay_client.stream` is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Protocol, Self, TypeVar

import grpc

from flowreplay_client.errors import error_from, late_answer, silent_stream

Response = TypeVar("Response")
Response_co = TypeVar("Response_co", covariant=True)


class Stream(Protocol[Response_co]):
    """What grpc.aio returns for a call that answers with a stream."""

    def __aiter__(self) -> AsyncIterator[Response_co]: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


class StreamedCall(Generic[Response]):
    """A call whose first response comes at once. Raises ReplaydClientError."""

    def __init__(self, call: Stream[Response], address: str, timeout: float) -> None:
        self._call = call
        self._responses = aiter(call)
        self._address = address
        self._timeout = timeout

    async def open(self) -> None:
        """Waits until the daemon has begun; the client's method has called it."""
        try:
            async with asyncio.timeout(self._timeout):
                self._began(await anext(self._responses))
        except StopAsyncIteration:
            raise silent_stream(self._address) from None
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
        except TimeoutError:
            self.close()
            raise late_answer(self._address) from None

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    def _began(self, response: Response) -> None:
        """Takes the first response."""

    async def _next_response(self) -> Response:
        """Waits for another one; raises StopAsyncIteration at the end."""
        try:
            return await anext(self._responses)
        except grpc.RpcError as failure:
            raise error_from(failure, self._address) from None
