"""What Enqueue and PlanFlows share: their first message, and how `strict` refuses."""

from collections.abc import AsyncIterator
from typing import TypeVar

from flowreplay.v1 import replay_pb2
from google.protobuf.message import DecodeError

from replayd.errors import ReplaydError
from replayd.intake.frames import Summary
from replayd.intake.options import check_options
from replayd.reasons import Reason

_OPTIONS_TAG = replay_pb2.EnqueueRequest.OPTIONS_FIELD_NUMBER << 3 | 2

Request = TypeVar("Request", replay_pb2.EnqueueRequest, replay_pb2.PlanFlowsRequest)


def opening(first: bytes, kind: type[Request]) -> Request:
    """Reads and checks the first message of a stream when it carries options; one with
    flows is the decoder's to read, and everything then has its default.

    Raises ReplaydError: INVALID_STREAM, INVALID_OPTIONS.
    """
    if not first or first[0] != _OPTIONS_TAG:
        return kind()
    try:
        request = kind.FromString(first)
    except DecodeError as error:
        raise ReplaydError(
            Reason.INVALID_STREAM, f"the first message is not a {kind.DESCRIPTOR.full_name}"
        ) from error
    check_options(request.options)
    return request


async def with_first(first: bytes | None, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields all messages of a stream whose first one was taken (None: there was none)."""
    if first is not None:
        yield first
    async for message in rest:
        yield message


def check_strict(options: replay_pb2.EnqueueOptions, summary: Summary) -> None:
    """Raises ReplaydError FLOW_REFUSED when the call is strict and a flow was refused."""
    if not options.strict or not summary.refused:
        return
    first = summary.refusals[0]
    reason = Reason(first.reason).name
    raise ReplaydError(
        Reason.FLOW_REFUSED,
        f"{summary.refused} of {summary.refused + summary.accepted} flows can't be replayed and "
        f"the call is strict, so none is taken; the first is flow {first.flow_index}: "
        f"{reason}, {first.message}",
        refused_count=summary.refused,
        flow_index=first.flow_index,
        flow_id=first.flow_id,
        flow_reason=reason,
    )
