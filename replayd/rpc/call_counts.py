"""Counts gRPC's calls, for `--metrics-listen`: loaded where it is given.

As go-grpc-prometheus does for its `grpc_server_started_total` and `grpc_server_handled_total`.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import grpc


class CallCounts(grpc.aio.ServerInterceptor):  # type: ignore[misc, unused-ignore]
    """How many calls began, and how they ended. Counts on the event loop; read from any thread.

    Of methods that there are: what clients make up is not counted, nor what gRPC refuses
    before anybody is asked.
    """

    def __init__(self) -> None:
        self.started: Counter[tuple[str, str]] = Counter()
        """By service and method."""
        self.handled: Counter[tuple[str, str, str]] = Counter()
        """By service, method and the status' name. A call that its client gave up, or whose
        deadline passed, is CANCELLED."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Returns the method's handler, counted."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        _, service, name = str(handler_call_details.method).split("/")
        return self._counted(handler, (service, name))

    def _counted(self, handler: Any, method: tuple[str, str]) -> Any:
        if handler.request_streaming and handler.response_streaming:
            make, behave = grpc.stream_stream_rpc_method_handler, handler.stream_stream
        elif handler.request_streaming:
            make, behave = grpc.stream_unary_rpc_method_handler, handler.stream_unary
        elif handler.response_streaming:
            make, behave = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        else:
            make, behave = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        return make(
            self._counting(behave, method),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _counting(
        self, behave: Callable[[Any, Any], Coroutine[Any, Any, Any]], method: tuple[str, str]
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        @functools.wraps(behave)
        async def counting(request: Any, context: Any) -> Any:
            self.started[method] += 1
            status = grpc.StatusCode.UNKNOWN.name
            try:
                answer = await behave(request, context)
                status = _status(context)
            except asyncio.CancelledError:
                status = grpc.StatusCode.CANCELLED.name
                raise
            except grpc.aio.AbortError:
                status = _status(context)
                raise
            finally:
                self.handled[(*method, status)] += 1
            return answer

        return counting


def _status(context: Any) -> str:
    """The status that a call ends with. gRPC has a 0 where it was given none."""
    code = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else grpc.StatusCode.OK.name
