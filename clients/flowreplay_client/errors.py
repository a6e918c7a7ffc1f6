"""What a call to the daemon can end with, by what the caller can do about it.

Match `reason` (a name of `flowreplay.v1.Reason` without its prefix), never the text.
Wrong arguments are ValueError, unreadable files OSError, as everywhere in Python.
"""

import grpc

DOMAIN = "flowreplay.v1"
"""The domain of the daemon's ErrorInfo."""

_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class ReplaydClientError(Exception):
    """The daemon refused or could not do a call; `reason` says why.

    `reason` is empty when the error did not come from replayd itself (a proxy, another
    server); `metadata` has the values of the message; `code` is the gRPC status.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        metadata: dict[str, str] | None = None,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata or {}
        self.code = code


class Unreachable(ReplaydClientError):  # noqa: N818 - it says all that an Error suffix would
    """The daemon is out of reach, stopping, or did not answer in time: try again later."""


class EventsCompacted(ReplaydClientError):  # noqa: N818 - as above
    """Retention removed the events after the cursor: skip to the oldest, or give up."""

    @property
    def oldest_sequence(self) -> int:
        """The number of the oldest event that is left; 0 when the daemon did not say."""
        return int(self.metadata.get("oldest_sequence", 0))

    @property
    def latest_sequence(self) -> int:
        """The number of the latest event; 0 when the daemon did not say."""
        return int(self.metadata.get("latest_sequence", 0))


def error_from(failure: grpc.RpcError, address: str) -> ReplaydClientError:
    """Converts what a gRPC call raised, asynchronous or not, to an error of this module."""
    # Both kinds of call have the methods of grpc.Call; RpcError itself declares none.
    call: grpc.Call = failure  # type: ignore[assignment]
    code = call.code()
    details = call.details() or code.name
    reason, metadata = _error_info(call)
    if reason == "SEQUENCE_COMPACTED":
        return EventsCompacted(reason, details, metadata, code)
    if code in _UNREACHABLE:
        message = details if reason else _out_of_reach(address, code, details)
        return Unreachable(reason, message, metadata, code)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        details = f"the server at {address} does not offer this call ({details}); is it a replayd?"
    return ReplaydClientError(reason, details, metadata, code)


def silent_stream(address: str) -> ReplaydClientError:
    """The error for a stream that ended before it began, which the contract rules out."""
    message = f"the server at {address} ended the stream without a word; is it a replayd?"
    return ReplaydClientError("", message)


def _error_info(call: grpc.Call) -> tuple[str, dict[str, str]]:
    # Imported here because most processes never meet an error.
    from google.rpc.error_details_pb2 import ErrorInfo  # noqa: PLC0415
    from grpc_status import rpc_status  # noqa: PLC0415

    try:
        status = rpc_status.from_call(call)
    except ValueError:
        # A status that contradicts its own trailers is not one of replayd's.
        return "", {}
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info.reason, dict(info.metadata)
    return "", {}


def late_answer(address: str) -> Unreachable:
    """The error for a daemon that accepts connections but says nothing."""
    code = grpc.StatusCode.DEADLINE_EXCEEDED
    return Unreachable("", _out_of_reach(address, code, ""), {}, code)


def _out_of_reach(address: str, code: grpc.StatusCode, details: str) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"the daemon at {address} did not answer in time; it may be busy: try again"
    # gRPC wraps the system's words: "failed to connect to all addresses; last error:
    # UNAVAILABLE: unix:/a: connect failed: addr: unix:/a error: No such file or directory".
    cause = details.rpartition("error: ")[2]
    return (
        f"can't reach the daemon at {address} ({cause}); start it with `replayd serve`, "
        "or give the address that it printed"
    )
