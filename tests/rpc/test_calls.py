"""Every RPC of the contract is served, and says which role its callers need."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator

import grpc
import pytest
from flowreplay.v1 import history_pb2, hook_pb2, journal_pb2, replay_pb2

from replayd.access.roles import Role
from replayd.rpc.calls import Call, Service, stream, unary
from replayd.rpc.gate import Gate
from replayd.rpc.history import HistoryService
from replayd.rpc.hook import HookService
from replayd.rpc.journal import JournalService
from replayd.rpc.service import ReplayService
from tests.docs.test_tables import section
from tests.support.programs import ROOT

SERVICES: tuple[type[Service], ...] = (ReplayService, HistoryService, HookService, JournalService)


def stated_roles() -> dict[str, Role]:
    """What the services say, without the rest of a daemon."""
    services = [service.__new__(service) for service in SERVICES]
    return {name: each.role for service in services for name, each in service.methods().items()}


def test_every_rpc_of_the_contract_states_its_role() -> None:
    modules = (replay_pb2, history_pb2, hook_pb2, journal_pb2)
    files = [module.DESCRIPTOR for module in modules]
    services = [service for file in files for service in file.services_by_name.values()]
    assert {service.full_name for service in services} == {service.name for service in SERVICES}
    contract = {method.name for service in services for method in service.methods}
    assert set(stated_roles()) == contract


def test_a_call_asks_for_the_role_that_its_comment_names() -> None:
    texts = [path.read_text() for path in (ROOT / "protos/flowreplay/v1").glob("*.proto")]
    named = {
        rpc.rpartition("  rpc ")[2]: re.findall(r"  // Role: `(\w+)`[.,]", rpc)
        for text in texts
        for rpc in re.findall(r"(?:^  //.*\n)+^  rpc \w+", text, re.MULTILINE)
    }
    assert {name: [role.value] for name, role in stated_roles().items()} == named


def test_the_table_of_roles_is_the_services() -> None:
    rows = section("docs/security.md", "## The token file").splitlines()
    cells = [line.split("|")[1:3] for line in rows if line.startswith("| `")]
    table = {
        role.strip(" `"): {call.removeprefix("`") for call in re.findall(r"`[A-Z]\w+", calls)}
        for role, calls in cells
    }
    stated = stated_roles()
    # Asked for in the call, by who wants to see more.
    table["secrets"] -= {"WatchEvents", "GetReplay", "Diff"}
    assert table == {role.value: {name for name in stated if stated[name] is role} for role in Role}


class GoneClient:
    """gRPC's side of a call whose client has just gone."""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def peer(self) -> str:
        return "unix:"

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

    handler = stream(Role.READ, messages, replay_pb2.CountRequest).handler(Gate(None)).unary_stream
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(handler(b"", GoneClient()))
    assert closed


def test_a_request_that_is_no_message_never_reaches_the_method(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[grpc.StatusCode] = []

    class Asked:
        """gRPC's side of the call."""

        def peer(self) -> str:
            return "unix:"

        def invocation_metadata(self) -> tuple[()]:
            return ()

        async def abort(self, code: grpc.StatusCode, *_: object, **__: object) -> None:
            ended.append(code)

    async def method(_: object, __: Call) -> None:
        raise AssertionError("it was called")

    handler = unary(Role.READ, method, replay_pb2.CountRequest).handler(Gate(None)).unary_unary
    with caplog.at_level(logging.INFO):
        asyncio.run(handler(b"\xff", Asked()))
    assert ended == [grpc.StatusCode.INVALID_ARGUMENT]
    assert caplog.messages == [
        "a call ended with INVALID_OPTIONS: the request is not a flowreplay.v1.CountRequest"
    ]
