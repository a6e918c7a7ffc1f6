"""Every RPC of the contract is served, and says which role its callers need."""

import asyncio
from collections.abc import AsyncGenerator

import grpc
import pytest
from flowreplay.v1 import history_pb2, replay_pb2

from replayd.access.roles import Role
from replayd.rpc.calls import Call, Service, stream
from replayd.rpc.history import HistoryService
from replayd.rpc.service import ReplayService

SERVICES: tuple[type[Service], ...] = (ReplayService, HistoryService)

ROLES = {
    "Enqueue": Role.ENQUEUE,
    "PlanFlows": Role.ENQUEUE,
    "WatchEvents": Role.READ,
    "Clear": Role.ADMIN,
    "Count": Role.READ,
    "Pause": Role.ADMIN,
    "Resume": Role.ADMIN,
    "GetStatus": Role.READ,
    "Resolve": Role.ADMIN,
    "Export": Role.SECRETS,
    "ListReplays": Role.READ,
}
"""What the contract's calls ask for, but for what they ask for besides when it is needed."""


def stated_roles() -> dict[str, Role]:
    """What the services say, without the rest of a daemon."""
    services = [service.__new__(service) for service in SERVICES]
    return {name: each.role for service in services for name, each in service.methods().items()}


def test_every_rpc_of_the_contract_states_its_role() -> None:
    files = (replay_pb2.DESCRIPTOR, history_pb2.DESCRIPTOR)
    services = [service for file in files for service in file.services_by_name.values()]
    assert {service.full_name for service in services} == {service.name for service in SERVICES}
    contract = {method.name for service in services for method in service.methods}
    assert set(stated_roles()) == contract


def test_a_call_asks_for_the_role_that_it_should() -> None:
    assert stated_roles() == ROLES


class GoneClient:
    """gRPC's side of a call whose client has just gone."""

    async def write(self, _: bytes) -> None:
        raise grpc.aio.BaseError("the batch failed")


def test_a_client_that_goes_amid_a_message_ends_its_call_and_no_more() -> None:
    closed = []

    async def messages(_: object, __: Call) -> AsyncGenerator[bytes, None]:
        try:
            yield b"message"
            raise AssertionError("nobody takes it")
        finally:
            closed.append(True)

    handler = stream(Role.READ, messages, replay_pb2.CountRequest).handler.unary_stream
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(handler(replay_pb2.CountRequest(), GoneClient()))
    assert closed
