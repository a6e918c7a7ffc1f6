"""What all services share: how a call ends, where the log stands, what a stop refuses."""

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from replayd.codec.cursor import Cursor, encode_cursor
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from replayd.rpc.status import abort

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

Handlers: TypeAlias = "dict[str, grpc.RpcMethodHandler[Any, Any]]"
"""A method's name -> its shape, and how it is read and written."""


class Service(ABC):
    """A service of the contract."""

    name: str
    """In full, such as `flowreplay.v1.ReplayService`."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.stopping = False

    @abstractmethod
    def handlers(self) -> Handlers:
        """Makes the table of gRPC's handlers."""

    def stop(self) -> None:
        """Refuses what is not needed to see the daemon's end; what runs goes on."""
        self.stopping = True

    def refuse_when_stopping(self) -> None:
        """Raises ReplaydError (DAEMON_STOPPING) after `stop`."""
        if self.stopping:
            raise ReplaydError(
                Reason.DAEMON_STOPPING, "the daemon is stopping; try again when it is back"
            )

    def cursor(self, sequence: int | None = None) -> str:
        """Returns the cursor after an event, or (None) after the latest one."""
        info = self.journal.info
        place = self.journal.latest if sequence is None else sequence
        return encode_cursor(Cursor(info.store_id, info.epoch, place))


def unary_handler(method: Callable[..., Coroutine[Any, Any, Any]], request: Any) -> Any:
    """Makes the handler of a call with one request and one response, both messages."""
    return grpc.unary_unary_rpc_method_handler(
        answering(method),
        request_deserializer=request.FromString,
        response_serializer=_serialize,
    )


def stream_handler(method: Callable[..., AsyncGenerator[bytes, None]], request: Any) -> Any:
    """Makes the handler of a call that is answered with a stream of encoded messages."""
    return grpc.unary_stream_rpc_method_handler(
        _streaming(method), request_deserializer=request.FromString
    )


def conversation_handler(method: Callable[..., AsyncGenerator[bytes, None]]) -> Any:
    """Makes the handler of a call with streams both ways, of encoded messages."""
    return grpc.stream_stream_rpc_method_handler(_streaming(method))


def _serialize(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


def answering(
    method: Callable[[Any, Context], Coroutine[Any, Any, Any]],
) -> Callable[[Any, Context], Coroutine[Any, Any, Any]]:
    """Ends the call with the right status when the method raises a ReplaydError."""

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except ReplaydError as error:
            await _abort(context, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _abort(context, _unforeseen(error))

    return answer


def _streaming(
    method: Callable[[Any, Context], AsyncGenerator[bytes, None]],
) -> Callable[[Any, Context], AsyncIterator[bytes]]:
    """Ends the stream with the right status when the method raises a ReplaydError."""

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> AsyncIterator[bytes]:
        try:
            async with aclosing(method(request, context)) as messages:
                async for message in messages:
                    yield message
        except ReplaydError as error:
            await _abort(context, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _abort(context, _unforeseen(error))

    return answer


def _unforeseen(error: Exception) -> ReplaydError:
    _log.error("a call failed", exc_info=error)
    return ReplaydError(
        Reason.INTERNAL, f"the daemon failed ({type(error).__name__}); its log has more"
    )


async def _abort(context: Context, error: ReplaydError) -> None:
    _log.info("a call ended with %s: %s", error.reason.name, error.message)
    await abort(context, error)
