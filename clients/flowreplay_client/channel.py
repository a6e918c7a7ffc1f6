"""How this client's channels are set up, synchronous or not."""

DEFAULT_TIMEOUT = 5.0
"""Seconds for the daemon to answer; it answers within milliseconds when it is well."""

MAX_TIMEOUT = 1_000_000.0
"""Seconds, 11 days: gRPC counts milliseconds in 32 bits."""

MAX_SEND_BYTES = 8 << 20
"""The contract's limit: the daemon reads no larger message."""

MAX_RECEIVE_BYTES = 16 << 20
"""Twice what the daemon sends today, so that a newer one may send more."""

KEEPALIVE_MS = 30_000
"""Between pings while a call is open: how a watcher notices a dead network."""

KEEPALIVE_TIMEOUT_MS = 10_000
"""Without an answer to a ping for this long the connection is given up."""


def channel_options(timeout: float) -> list[tuple[str, int]]:
    """Returns the options of a channel; `timeout` (seconds) bounds each try to connect.

    Raises ValueError for one that is none.
    """
    if not 0 <= timeout <= MAX_TIMEOUT:
        raise ValueError(f"the timeout {timeout} is not from 0 to {MAX_TIMEOUT:.0f} seconds")
    return [
        # gRPC obeys `http_proxy` even for 127.0.0.1, and people who use mitmproxy set it.
        ("grpc.enable_http_proxy", 0),
        # A call that gRPC itself repeats on a new connection, when the daemon went away, may lose
        # one of its messages (seen with grpcio 1.85: about one of 100 calls that were broken).
        ("grpc.enable_retries", 0),
        ("grpc.max_send_message_length", MAX_SEND_BYTES),
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        # gRPC's own pauses between tries start at a second; ours (`backoff`) are in charge.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Despite its name: how long one try to connect may take.
        ("grpc.min_reconnect_backoff_ms", max(1, int(timeout * 1000))),
        # Clients in one process must not share a connection that another one closes.
        ("grpc.use_local_subchannel_pool", 1),
    ]
