"""Server reflection, loaded by the first who asks: it brings the descriptors of descriptors
along, and most clients have the contract.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import grpc

from replayd.rpc.calls import streaming
from replayd.rpc.gate import Gate

SERVICE_NAME = "grpc.reflection.v1alpha.ServerReflection"
_METHOD = "ServerReflectionInfo"

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Reflection(grpc.GenericRpcHandler):
    """Tells clients about the services with these names, and about itself.

    It asks callers who they are, as the services do: what a daemon can do is for those who
    may call it.
    """

    def __init__(self, names: Sequence[str], gate: Gate) -> None:
        self._names = names
        self._gate = gate
        self._handler: _Handler | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "_Handler | None":
        """Returns the handler when a call is for it."""
        if handler_call_details.method != f"/{SERVICE_NAME}/{_METHOD}":
            return None
        if self._handler is None:
            self._handler = _load([*self._names, SERVICE_NAME], self._gate)
        return self._handler


def _load(names: Sequence[str], gate: Gate) -> _Handler:
    # What no hook has loaded yet is told of all the same.
    from flowreplay.v1 import hook_pb2  # noqa: F401, PLC0415
    from grpc_reflection.v1alpha import reflection, reflection_pb2  # noqa: PLC0415

    # An asynchronous generator, whatever its stub says.
    answers: Any = reflection.aio.ReflectionServicer(names).ServerReflectionInfo
    return grpc.stream_stream_rpc_method_handler(
        streaming(gate, None, answers),
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
