"""The one table from reasons to gRPC statuses, and how an error ends a call."""

from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from replayd.errors import ReplaydError
from replayd.reasons import Reason

DOMAIN = "flowreplay.v1"
"""The domain of every ErrorInfo."""

_MAX_MESSAGE = 500
_MAX_VALUE = 100
"""Characters of an error's sentence and of each value: a status travels as metadata, of
which gRPC's clients take 8 KiB, and a longer one would hide the error."""

_DETAILS_KEY = "grpc-status-details-bin"

_STATUSES = {
    Reason.INVALID_OPTIONS: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.INVALID_STREAM: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.DAMAGED_CAPTURE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.UNKNOWN_FORMAT: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.UNSUPPORTED_VERSION: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.CONTENT_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.CURSOR_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.FLOW_REFUSED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CURSOR_FOREIGN: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.REQUEST_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    Reason.REQUEST_IN_PROGRESS: grpc.StatusCode.ABORTED,
    Reason.BATCH_CLEARED: grpc.StatusCode.ABORTED,
    Reason.REQUEST_INCOMPLETE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.TOKEN_MISSING: grpc.StatusCode.UNAUTHENTICATED,
    Reason.TOKEN_INVALID: grpc.StatusCode.UNAUTHENTICATED,
    Reason.ROLE_MISSING: grpc.StatusCode.PERMISSION_DENIED,
    Reason.BATCH_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.REPLAY_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.NOT_PARKED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.NOT_ENDED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.ALREADY_RESOLVED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.BATCH_ENDED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.NOT_PAUSED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CURSOR_AHEAD: grpc.StatusCode.OUT_OF_RANGE,
    Reason.SEQUENCE_COMPACTED: grpc.StatusCode.OUT_OF_RANGE,
    Reason.TOO_MANY_WATCHERS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.TOO_MANY_CALLS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.HOOK_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Reason.TOO_MANY_HOOKS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DECODER_LIMIT: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.QUEUE_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.JOURNAL_UNAVAILABLE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DISK_FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DAEMON_STOPPING: grpc.StatusCode.UNAVAILABLE,
}


_RETRY_SECONDS = {Reason.QUEUE_FULL: 5, Reason.QUOTA_EXCEEDED: 1}
"""After how long another try may go better (`google.rpc.RetryInfo`)."""


def status_code(reason: Reason) -> grpc.StatusCode:
    """Returns the status for a reason; INTERNAL for one that no call should end with."""
    return _STATUSES.get(reason, grpc.StatusCode.INTERNAL)


async def abort(
    context: "grpc.aio.ServicerContext[object, object]", error: ReplaydError
) -> NoReturn:
    """Ends the call with the error's status and its ErrorInfo."""
    code = status_code(error.reason)
    message = error.message[:_MAX_MESSAGE]
    metadata = {name: value[:_MAX_VALUE] for name, value in error.metadata.items()}
    info = Any()
    info.Pack(
        error_details_pb2.ErrorInfo(reason=error.reason.name, domain=DOMAIN, metadata=metadata)
    )
    number: int = code.value[0]
    details = status_pb2.Status(code=number, message=message, details=[info])
    if (seconds := _RETRY_SECONDS.get(error.reason)) is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(seconds)
        details.details.add().Pack(retry)
    await context.abort(
        code, message, trailing_metadata=((_DETAILS_KEY, details.SerializeToString()),)
    )
