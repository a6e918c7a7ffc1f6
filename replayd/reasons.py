"""The one list of reasons: for refusals, errors of replays, errors of calls, and notes.

The numbers and names are those of `flowreplay.v1.Reason`, which explains each; a test
compares the two.
"""

from enum import IntEnum


class Reason(IntEnum):
    """Why something was refused, went wrong or was noted."""

    UNSPECIFIED = 0

    # Refusals.
    LIVE_FLOW = 1
    INTERCEPTED_FLOW = 2
    MISSING_REQUEST = 3
    MISSING_CONTENT = 4
    WEBSOCKET_FLOW = 5
    NOT_HTTP = 6
    UNSAFE_BYTES = 7
    INVALID_TARGET = 8
    TARGET_DENIED = 9
    CONTENT_TOO_LARGE = 10
    REWRITE_FAILED = 11

    # Errors of a replay.
    NAME_NOT_RESOLVED = 20
    CONNECT_FAILED = 21
    CONNECT_TIMEOUT = 22
    TLS_FAILED = 23
    CERTIFICATE_INVALID = 24
    TLS_TIMEOUT = 25
    PROXY_REFUSED = 26
    FIRST_BYTE_TIMEOUT = 27
    READ_TIMEOUT = 28
    TOTAL_TIMEOUT = 29
    WRITE_TIMEOUT = 30
    CLOSED_EARLY = 31
    CONNECTION_RESET = 32
    INVALID_RESPONSE = 33
    BODY_TOO_LARGE = 34
    HEAD_TOO_LARGE = 35
    INTERNAL = 36
    INTERRUPTED = 37
    POISON = 38
    CANCELLED = 39
    TOO_SLOW = 40
    VERSION_NOT_SPOKEN = 41
    STREAM_RESET = 42
    BREAKER_OPEN = 111

    # Errors of a call.
    INVALID_OPTIONS = 60
    INVALID_STREAM = 61
    DAMAGED_CAPTURE = 62
    UNKNOWN_FORMAT = 63
    UNSUPPORTED_VERSION = 64
    FLOW_REFUSED = 65
    REQUEST_ID_REUSED = 66
    REQUEST_IN_PROGRESS = 67
    BATCH_NOT_FOUND = 68
    CURSOR_FOREIGN = 69
    CURSOR_INVALID = 70
    CURSOR_AHEAD = 71
    SEQUENCE_COMPACTED = 72
    DAEMON_STOPPING = 73
    TOO_MANY_WATCHERS = 74
    DECODER_LIMIT = 75
    JOURNAL_UNAVAILABLE = 76
    BATCH_CLEARED = 77
    REQUEST_INCOMPLETE = 78
    ROLE_MISSING = 79
    TOKEN_MISSING = 80
    TOKEN_INVALID = 81
    TOO_MANY_CALLS = 82
    QUEUE_FULL = 84
    QUOTA_EXCEEDED = 85
    DISK_FULL = 86
    REPLAY_NOT_FOUND = 87
    NOT_PARKED = 88
    ALREADY_RESOLVED = 89
    NOT_ENDED = 110

    # Notes.
    CAPTURE_NOTE = 90
    RETRIED = 91
    VALUE_MISSING = 95
    BREAKER_CLOSED = 112
