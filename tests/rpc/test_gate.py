"""Who may make which call: judged for every RPC of the contract, on a real socket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import grpc
import pytest
from flowreplay.v1 import replay_pb2, replay_pb2_grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status

from replayd.access.roles import LOCAL, Role
from replayd.access.settings import Access
from replayd.access.tokens import Tokens, parse_tokens
from replayd.codec.controls import decode_controls
from replayd.errors import AccessError, ReplaydError
from replayd.reasons import Reason
from replayd.rpc.gate import MAX_METADATA, Gate
from replayd.rpc.listen import TcpAddress
from replayd.rpc.seldom import LOG_SECONDS
from tests.rpc.harness import DEADLINE, Served, ends_with, serving
from tests.rpc.test_calls import SERVICES

REFLECTION = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
RPCS = {
    f"{service.name}/{name}": method.role
    for service in SERVICES
    for name, method in service.__new__(service).methods().items()
}
TOKENS = {role: f"{role.value:x<24}" for role in Role}
CALLERS = parse_tokens("".join(f"{role} {role} {token}\n" for role, token in TOKENS.items()))


def run(folder: Path, test: Callable[[Served], Awaitable[None]]) -> None:
    async def serve() -> None:
        address = TcpAddress("127.0.0.1", 0)
        async with (
            serving(folder, address=address, access=Access(lambda: CALLERS)) as served,
            asyncio.timeout(DEADLINE),
        ):
            await test(served)

    asyncio.run(serve())


async def ending(
    channel: grpc.aio.Channel, rpc: str, authorization: str = ""
) -> tuple[grpc.StatusCode, str]:
    """Makes a call, of whatever kind it is, with one empty message; returns how it ends: the
    status, and the reason if there is one.
    """
    metadata = (("authorization", authorization),) if authorization else ()
    call = channel.stream_stream(f"/{rpc}")(iter([b""]), metadata=metadata)
    try:
        # It was let in: a watch would go on for ever.
        await call.read()
        call.cancel()
    except grpc.aio.AioRpcError as error:
        info = error_details_pb2.ErrorInfo()
        status = rpc_status.from_call(error)
        if status is not None:
            status.details[0].Unpack(info)
        return error.code(), info.reason
    return grpc.StatusCode.OK, ""


def test_without_a_token_nothing_can_be_called(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        for rpc in (*RPCS, REFLECTION):
            refused = await ending(served.channel, rpc)
            assert refused == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"), rpc
            refused = await ending(served.channel, rpc, "Bearer nonsense")
            assert refused == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"), rpc

    run(tmp_path, test)


def test_a_role_opens_its_own_calls_alone(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        for rpc, needed in RPCS.items():
            for role, token in TOKENS.items():
                code, reason = await ending(served.channel, rpc, f"Bearer {token}")
                denied = code is grpc.StatusCode.PERMISSION_DENIED
                assert (denied, reason == "ROLE_MISSING") == (role is not needed,) * 2, (rpc, role)

    run(tmp_path, test)


def test_reflection_is_for_whoever_is_known_and_health_for_all(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        asked = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        call = served.channel.stream_stream(f"/{REFLECTION}")
        listing = call(iter([asked]), metadata=(("authorization", f"Bearer {TOKENS[Role.READ]}"),))
        answer = reflection_pb2.ServerReflectionResponse.FromString(await listing.read())
        names = {service.name for service in answer.list_services_response.service}
        assert "flowreplay.v1.ReplayService" in names
        listing.cancel()
        health = health_pb2_grpc.HealthStub(served.channel)
        status = (await health.Check(health_pb2.HealthCheckRequest())).status
        assert status == health_pb2.HealthCheckResponse.SERVING

    run(tmp_path, test)


class Asked:
    """gRPC's side of a call, as the gate sees it."""

    def __init__(
        self, peer: str, *metadata: tuple[str, str], names: dict[str, list[bytes]] | None = None
    ) -> None:
        self.peer = lambda: peer
        self.invocation_metadata = lambda: metadata
        self.auth_context = lambda: names or {}


def gate(text: str = "ci read cert:ci.example.org\n") -> Gate:
    tokens = parse_tokens(text)
    return Gate(lambda: tokens)


def test_the_unix_socket_s_user_is_asked_nothing() -> None:
    context: Any = Asked("unix:")
    assert gate().admit(context, Role.ADMIN) == LOCAL


@pytest.mark.parametrize("peer", ["", "ipv4:127.0.0.1:7", "ipv6:[::1]:7", "vsock:1", "x-unix:"])
def test_whoever_comes_otherwise_is_asked(peer: str) -> None:
    context: Any = Asked(peer)
    with pytest.raises(AccessError):
        gate().admit(context, None)


def test_who_is_trusted_may_do_everything() -> None:
    context: Any = Asked("ipv4:127.0.0.1:7")
    assert Gate(None).admit(context, Role.SECRETS).roles == set(Role)


def test_a_certificate_s_common_name_counts_where_there_is_no_other() -> None:
    common = {"x509_common_name": [b"ci.example.org"]}
    context: Any = Asked("ipv4:1.2.3.4:7", names=common)
    assert gate().admit(context, Role.READ).name == "ci"
    other: Any = Asked(
        "ipv4:1.2.3.4:7",
        names={**common, "x509_subject_alternative_name": [b"x.example.org", b"y.example.org"]},
    )
    with pytest.raises(AccessError, match="the certificate of x") as caught:
        gate().admit(other, Role.READ)
    assert caught.value.reason is Reason.ROLE_MISSING


def test_a_token_that_was_withdrawn_is_refused_from_then_on() -> None:
    known = Mock(return_value=CALLERS)
    judge = Gate(known)
    context: Any = Asked("ipv4:1.2.3.4:7", ("authorization", f"Bearer {TOKENS[Role.READ]}"))
    assert judge.admit(context, Role.READ).name == "read"
    known.return_value = Tokens({}, {})
    with pytest.raises(AccessError):
        judge.admit(context, Role.READ)


def test_refusals_are_logged_once_a_second_with_peer_and_without_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [100.0]
    judge = Gate(lambda: CALLERS, clock=lambda: now[0])
    context: Any = Asked("ipv4:1.2.3.4:7", ("authorization", "Bearer the-secret-token"))
    with caplog.at_level(logging.WARNING):
        for pause in (0, 0, LOG_SECONDS / 2, LOG_SECONDS / 2, LOG_SECONDS):
            now[0] += pause
            with pytest.raises(AccessError) as caught:
                judge.admit(context, Role.READ)
            judge.log_refusal(context.peer(), caught.value)
    line = "refused a call from ipv4:1.2.3.4:7: TOKEN_INVALID"
    more = " (and 2 more since the last such line)"
    assert caplog.messages == [line, line + more, line]
    assert "secret-token" not in caplog.text
    denied: Any = Asked("ipv4:1.2.3.4:7", ("authorization", f"Bearer {TOKENS[Role.READ]}"))
    with pytest.raises(AccessError) as caught:
        judge.admit(denied, Role.ADMIN)
    now[0] += LOG_SECONDS
    judge.log_refusal(denied.peer(), caught.value)
    assert caplog.messages[-1] == "refused a call from ipv4:1.2.3.4:7, read: ROLE_MISSING"


def test_too_much_metadata_is_refused_whoever_calls() -> None:
    half = "x" * (MAX_METADATA // 2)
    judge = Gate(None)
    fits: Any = Asked("unix:", ("a", half), ("b", half[2:]))
    assert judge.admit(fits, None) is LOCAL
    with pytest.raises(ReplaydError) as caught:
        judge.admit(cast("Any", Asked("unix:", ("a", half), ("b", half))), None)
    assert caught.value.reason is Reason.INVALID_OPTIONS


def test_a_priority_above_others_is_for_admins(tmp_path: Path) -> None:
    async def test(served: Served) -> None:
        stub = replay_pb2_grpc.ReplayServiceStub(served.channel)

        def enqueue(role: Role, **options: object) -> Any:
            message = replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(**options))
            metadata = (("authorization", f"Bearer {TOKENS[role]}"),)
            return stub.Enqueue(
                iter([message, replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch())]),
                metadata=metadata,
            )

        with ends_with(grpc.StatusCode.PERMISSION_DENIED, Reason.ROLE_MISSING):
            await enqueue(Role.ENQUEUE, priority=1)
        with ends_with(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_OPTIONS):
            await enqueue(Role.ENQUEUE, owner="somebody else")
        batch = (await enqueue(Role.ENQUEUE, priority=-1)).batch_id
        stored = served.journal._ledger.store.batch(batch)
        assert decode_controls(stored.controls).owner == "enqueue"

    run(tmp_path, test)
