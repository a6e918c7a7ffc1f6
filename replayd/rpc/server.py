"""The gRPC server: built, started and taken down."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from replayd.access.settings import Access
from replayd.errors import ConfigError
from replayd.rpc.calls import Service
from replayd.rpc.gate import MAX_METADATA, Gate
from replayd.rpc.listen import Address, add_listener, owned
from replayd.rpc.reflection import Reflection
from replayd.rpc.tls import server_credentials

if TYPE_CHECKING:
    from replayd.rpc.call_counts import CallCounts

MAX_MESSAGE_SIZE = 8 << 20
"""Bytes of one message, both ways: larger contents travel in chunks."""

OPTIONS = (
    # Without it two daemons would share one port, and neither would know.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_SIZE),
    ("grpc.max_send_message_length", MAX_MESSAGE_SIZE),
    ("grpc.max_concurrent_streams", 200),
    ("grpc.max_metadata_size", MAX_METADATA),
    # Who connects and says nothing is gone after 20 seconds, who has no call for 10 minutes
    # connects again when it needs to.
    ("grpc.server_handshake_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 600_000),
    # Dead peers go after 30 + 10 seconds; clients may ask as often as every 10.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # While gRPC waits for the pong of a ping of its own, it sends none to keep alive.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)

_log = logging.getLogger(__name__)


class RpcServer:
    """The services, health and reflection on the daemon's addresses."""

    def __init__(
        self,
        services: Sequence[Service],
        addresses: Sequence[Address],
        access: Access,
        *,
        max_calls: int,
        calls: "CallCounts | None" = None,
    ) -> None:
        """`max_calls`: of all kinds, at once. `calls` counts them; None: nobody does."""
        self.serving = False
        """Whether calls are taken."""
        gate = Gate(access.tokens)
        self._services = services
        self._addresses = addresses
        self._access = access
        self._server = grpc.aio.server(
            interceptors=[calls] if calls else [],
            options=OPTIONS,
            maximum_concurrent_rpcs=max_calls,
        )
        self._health = health.aio.HealthServicer()
        self._owned = ExitStack()
        names = [*(service.name for service in services), health.SERVICE_NAME]
        self._server.add_generic_rpc_handlers(
            [
                *(
                    grpc.method_handlers_generic_handler(
                        service.name,
                        {name: method.handler(gate) for name, method in service.methods().items()},
                    )
                    for service in services
                ),
                Reflection(names, gate),
            ]
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def bind(self, runtime_folder: Path) -> list[str]:
        """Takes the addresses; returns them as clients write them. Raises ConfigError.

        `runtime_folder`: where callers of this user look for what they need.
        """
        renewed = self._access.certificates
        credentials = server_credentials(renewed) if renewed else None
        bound = []
        try:
            for address in self._addresses:
                self._owned.enter_context(owned(address))
                bound.append(add_listener(self._server, address, credentials))
            asking = [text for text in bound if not text.startswith("unix:")]
            folder = runtime_folder / "tokens"
            self._owned.enter_context(self._access.announced(folder, asking))
        except ConfigError:
            self._owned.close()
            raise
        return bound

    async def start(self) -> None:
        """Serves, and says so to whoever asks for health."""
        await self._server.start()
        for name in ("", *(service.name for service in self._services)):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self.serving = True

    async def begin_stop(self) -> None:
        """Says NOT_SERVING and refuses new work; streams and counts go on."""
        self.serving = False
        await self._health.enter_graceful_shutdown()
        for service in self._services:
            service.stop()

    async def stop(self, grace: float) -> None:
        """Stops serving; calls that still run after `grace` seconds are cancelled."""
        await self._server.stop(grace)
        self._owned.close()
