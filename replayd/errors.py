"""What can go wrong, by who has to act.

Every error carries a stable `reason`, a sentence for people that says what, where and
what to do, and the values of that sentence as `metadata` for programs.
"""

from replayd.reasons import Reason


class ReplaydError(Exception):
    """A call or a replay can't be done; `reason` says why.

    Raised as it is, the caller of the API has to act: change the call, or wait.
    """

    def __init__(self, reason: Reason, message: str, **metadata: str | int) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}


class FieldError(ReplaydError):
    """A field of a call has no meaning, or none together with another one; the caller has to act.
    `what` goes on after the field's name.
    """

    def __init__(self, field: str, what: str, **metadata: str | int) -> None:
        super().__init__(Reason.INVALID_OPTIONS, f"{field} {what}", field=field, **metadata)


class CaptureError(ReplaydError):
    """The capture can't be read; `byte_offset` and `flow_index` say where it went wrong."""

    def __init__(
        self,
        message: str,
        *,
        byte_offset: int,
        flow_index: int,
        reason: Reason = Reason.DAMAGED_CAPTURE,
    ) -> None:
        where = f"{message} (byte {byte_offset}, flow {flow_index})"
        super().__init__(reason, where, byte_offset=byte_offset, flow_index=flow_index)
        self.byte_offset = byte_offset
        self.flow_index = flow_index


class AccessError(ReplaydError):
    """Nobody knows who calls, or who calls may not do this; the caller has to act."""


class WireError(ReplaydError):
    """A replay got no complete response; its target, or the network, is at fault."""


class JournalError(ReplaydError):
    """The journal can't store or can't be opened; the operator has to act."""

    def __init__(
        self, message: str, reason: Reason = Reason.JOURNAL_UNAVAILABLE, **metadata: str | int
    ) -> None:
        super().__init__(reason, message, **metadata)


class DiskError(JournalError):
    """The disk failed to store, or gives back what nobody wrote: only opening the journal anew
    tells what is on it.
    """


class ConfigError(Exception):
    """The configuration is wrong; whoever starts the daemon has to act."""
