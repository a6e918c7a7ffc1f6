"""What all services share: how a call ends, where the log stands, what a stop refuses."""

import asyncio
import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError

from replayd.access.roles import Caller, Role
from replayd.codec.cursor import Cursor, encode_cursor
from replayd.errors import AccessError, ReplaydError
from replayd.journal.interface import Journal
from replayd.reasons import Reason
from replayd.rpc.gate import Gate
from replayd.rpc.status import abort

_log = logging.getLogger(__name__)

T = TypeVar("T")

Context = grpc.aio.ServicerContext[Any, Any]


class Call(NamedTuple):
    """What a method learns of a call beside its request."""

    caller: Caller
    """Who calls. It has the role that the method asks for; it may be asked for more."""
    context: Context
    """gRPC's side of the call."""


Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC of a service."""

    role: Role
    """What its caller needs."""
    handler: Callable[[Gate], Handler]
    """Makes gRPC's handler of it, which lets in whom this gate does."""


Methods: TypeAlias = "dict[str, Method]"
"""A method's name -> who may call it, and how."""


class Service(ABC):
    """A service of the contract."""

    name: str
    """In full, such as `flowreplay.v1.ReplayService`."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.stopping = False

    @abstractmethod
    def methods(self) -> Methods:
        """Makes the table of the service's RPCs, all that the contract has."""

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


def unary(
    role: Role, method: Callable[[Any, Call], Coroutine[Any, Any, Any]], request: Any
) -> Method:
    """An RPC with one request and one response, both messages."""
    return Method(
        role,
        lambda gate: grpc.unary_unary_rpc_method_handler(
            _answering(gate, role, _reading(method, request)), response_serializer=_serialize
        ),
    )


def upload(role: Role, method: Callable[[Any, Call], Coroutine[Any, Any, bytes]]) -> Method:
    """An RPC with a stream of requests and one response, all encoded."""
    return Method(
        role, lambda gate: grpc.stream_unary_rpc_method_handler(_answering(gate, role, method))
    )


def stream(
    role: Role, method: Callable[[Any, Call], AsyncGenerator[bytes, None]], request: Any
) -> Method:
    """An RPC with one request, a message, and a stream of encoded responses."""
    return Method(
        role,
        lambda gate: grpc.unary_stream_rpc_method_handler(
            streaming(gate, role, _reading(method, request))
        ),
    )


def conversation(role: Role, method: Callable[[Any, Call], AsyncGenerator[bytes, None]]) -> Method:
    """An RPC with streams both ways, of encoded messages."""
    return Method(
        role, lambda gate: grpc.stream_stream_rpc_method_handler(streaming(gate, role, method))
    )


def _reading(method: Callable[[Any, Call], T], request: Any) -> Callable[[bytes, Call], T]:
    """Gives a method its request as the message that it is.

    gRPC would, too, but log a traceback for each that is none.
    """

    @functools.wraps(method)
    def read(encoded: bytes, call: Call) -> T:
        try:
            message = request.FromString(encoded)
        except DecodeError as error:
            raise ReplaydError(
                Reason.INVALID_OPTIONS, f"the request is not a {request.DESCRIPTOR.full_name}"
            ) from error
        return method(message, call)

    return read


def _serialize(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


def _answering(
    gate: Gate, role: Role, method: Callable[[Any, Call], Coroutine[Any, Any, Any]]
) -> Callable[[Any, Context], Coroutine[Any, Any, Any]]:
    """Ends the call with the right status when it may not be made, or raises a ReplaydError."""

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> Any:
        try:
            return await method(request, Call(gate.admit(context, role), context))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _end(gate, context, error)

    return answer


def streaming(
    gate: Gate, role: Role | None, method: Callable[[Any, Call], AsyncGenerator[Any, None]]
) -> Callable[[Any, Context], Coroutine[Any, Any, None]]:
    """Makes what answers a call with what the method yields: it ends with the right status when
    the call may not be made, or the method raises a ReplaydError. None: any role will do.
    """

    @functools.wraps(method)
    async def answer(request: Any, context: Context) -> None:
        try:
            call = Call(gate.admit(context, role), context)
            async with aclosing(method(request, call)) as messages:
                async for message in messages:
                    await _send(context, message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this call alone
            await _end(gate, context, error)

    return answer


async def _send(context: Context, message: Any) -> None:
    """Returns once gRPC has room for the next message; raises CancelledError when the client
    has gone, which gRPC tells a moment before it cancels the call.
    """
    try:
        await context.write(message)
    except grpc.aio.BaseError as error:
        raise asyncio.CancelledError("the client has gone") from error


async def _end(gate: Gate, context: Context, error: Exception) -> NoReturn:
    """Ends a call with an error's status."""
    if isinstance(error, AccessError):
        gate.log_refusal(context.peer(), error)
        await abort(context, error)
    if not isinstance(error, ReplaydError):
        _log.error("a call failed", exc_info=error)
        error = ReplaydError(
            Reason.INTERNAL, f"the daemon failed ({type(error).__name__}); its log has more"
        )
    gate.log_end(error)
    await abort(context, error)
