"""What a call to the daemon can end with, by what the caller can do about it.

Match `reason` (a name of `flowreplay.v1.Reason` without its prefix), never the text.
Wrong arguments are ValueError, unreadable files OSError, as everywhere in Python.
"""

import grpc

DOMAIN = "flowreplay.v1"
"""The domain of the daemon's ErrorInfo."""

_NOBODY = ("Connection refused", "No such file or directory")
"""The system's words when no process listens at an address."""

_STRANGER = ("Failed parsing HTTP/2", "http1.x server", "Socket closed")
"""gRPC's words when a server does not speak HTTP/2, or closes the connection at its sight."""

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
    """Converts what a gRPC call raised, asynchronous or not, to an error of this module.

    To be raised `from None`: it says all that gRPC's own says, which is long.
    """
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
    return (
        f"can't reach the daemon at {address}: {_cause(details)}; start it with "
        "`replayd serve`, or give the address that it printed"
    )


def _cause(details: str) -> str:
    """Finds in gRPC's words why there was no connection.

    These are what it says of each:

    failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to
        connect to remote host: Connection refused
    failed to connect to all addresses; last error: FAILED_PRECONDITION: unix:/a: connect
        failed: addr: unix:/a error: No such file or directory
    failed to connect to all addresses; last error: INTERNAL: ipv4:127.0.0.1:80: Failed
        parsing HTTP/2 (Expected SETTINGS frame as the first frame, got frame type 80)
    failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:443:
        Socket closed
    errors resolving h:1: [field:hostname lookup error:address lookup failed for h:1: ...
    Socket closed
    failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Tls handshake
        failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:
        OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK
    """
    if "CERTIFICATE_VERIFY_FAILED" in details or "Hostname Verification" in details:
        return (
            "its certificate is not trusted, or is for another name (--ca-file says whose "
            "certificates to trust)"
        )
    if "WRONG_VERSION_NUMBER" in details:
        return "what listens there speaks no TLS"
    if details.startswith("errors resolving"):
        return "its name is not known"
    words = details.rpartition("error: ")[2].rpartition(": ")[2]
    if words in _NOBODY:
        return f"nothing listens there ({words})"
    connecting = details.startswith("failed to connect")
    if connecting and any(sign in details for sign in _STRANGER):
        return "what listens there is not replayd (or speaks TLS, or wants a certificate)"
    return words
