"""Tells a service manager how the daemon is, as sd_notify(3) does: a datagram to the socket
that NOTIFY_SOCKET names.
"""

import logging
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"

_PATIENCE = 1.0
"""Seconds that a manager who does not read is waited for."""

_log = logging.getLogger(__name__)


def notify(address: str, state: str) -> None:
    """Sends a state to a socket: a path, or an abstract name behind `@`. Empty: does nothing.

    The daemon does not depend on who listens: a failure is only logged.
    """
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.settimeout(_PATIENCE)
            notifier.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            notifier.sendall(state.encode())
    except OSError as error:
        _log.warning("NOTIFY_SOCKET %s can't be told %s: %s", address, state, error)
