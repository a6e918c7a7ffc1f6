"""What Enqueue and PlanFlows share, and that their messages are the same on the wire."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from flowreplay.v1 import replay_pb2
from google.protobuf.descriptor import FieldDescriptor

from replayd.errors import ReplaydError
from replayd.intake.frames import RefusedFlow, Summary
from replayd.reasons import Reason
from replayd.rpc.incoming import check_strict, opening, with_first
from tests.rpc.messages import flows, options

KINDS = [replay_pb2.EnqueueRequest, replay_pb2.PlanFlowsRequest]


def shape(field: FieldDescriptor) -> tuple[object, ...]:
    kind = field.message_type.full_name if field.message_type else field.type
    return field.name, field.number, kind, field.containing_oneof.name


def test_the_decoder_reads_the_messages_of_both() -> None:
    enqueue, plan = (kind.DESCRIPTOR for kind in KINDS)
    same = [shape(field) for field in plan.fields if not field.has_presence or field.number < 15]
    assert same == [shape(field) for field in enqueue.fields]
    assert not {field.number for field in enqueue.fields} & {15}


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_read_and_flows_are_not(kind: type) -> None:
    read = opening(options(strict=True, label="l").SerializeToString(), kind)
    assert isinstance(read, kind)
    assert (read.options.strict, read.options.label) == (True, "l")
    assert opening(flows(1).SerializeToString(), kind) == kind()
    assert opening(b"", kind) == kind()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_message_is_named(kind: type) -> None:
    with pytest.raises(ReplaydError, match=kind.DESCRIPTOR.full_name) as caught:
        opening(b"\x0a\x7f", kind)
    assert caught.value.reason is Reason.INVALID_STREAM


def test_options_are_checked() -> None:
    with pytest.raises(ReplaydError, match="at most 200") as caught:
        opening(options(label="x" * 201).SerializeToString(), replay_pb2.PlanFlowsRequest)
    assert caught.value.reason is Reason.INVALID_OPTIONS


def test_the_first_message_comes_first() -> None:
    async def rest() -> AsyncIterator[bytes]:
        yield b"2"

    async def gather(first: bytes | None) -> list[bytes]:
        return [message async for message in with_first(first, rest())]

    assert asyncio.run(gather(b"1")) == [b"1", b"2"]
    assert asyncio.run(gather(None)) == [b"2"]


def test_only_a_strict_call_is_refused_for_a_refused_flow() -> None:
    refused = Summary()
    refused.accepted, refused.refused = 2, 1
    refused.refusals = [RefusedFlow(1, "id", 1, "it was live")]
    check_strict(replay_pb2.EnqueueOptions(strict=True), Summary())
    check_strict(replay_pb2.EnqueueOptions(), refused)
    with pytest.raises(ReplaydError, match=r"1 of 3 flows .* flow 1: LIVE_FLOW, it was") as caught:
        check_strict(replay_pb2.EnqueueOptions(strict=True), refused)
    assert caught.value.reason is Reason.FLOW_REFUSED
    assert caught.value.metadata["flow_id"] == "id"
