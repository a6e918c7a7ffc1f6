"""Where the daemon is: an explicit address, the environment, or its default socket.

Pure: the environment and the look at the file system come as arguments. It does not know
gRPC, whose target syntax takes these addresses as they are.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLE = "REPLAYD_ADDRESS"
"""The environment variable that holds the daemon's address."""

_SOCKET_PATH_LIMIT = 107
"""Bytes that Linux's sockaddr_un holds before the closing zero."""


def find_address(
    address: str | None,
    environment: Mapping[str, str],
    exists: Callable[[Path], bool] = Path.exists,
) -> str:
    """Returns the address to call: `unix:PATH` or `HOST:PORT`.

    An explicit one comes first, then `REPLAYD_ADDRESS`, then the daemon's default
    socket. Raises ValueError, saying where the text came from, for anything else.
    """
    if address is not None:
        return check_address(address, "the address")
    if environment.get(VARIABLE):
        return check_address(environment[VARIABLE], f"{VARIABLE}")
    return f"unix:{_default_socket(environment, exists)}"


def check_address(address: str, source: str) -> str:
    """Returns the address when it has one of the two forms, else raises ValueError."""
    if address.startswith("unix:"):
        return _check_socket(address, source)
    host, colon, port = address.rpartition(":")
    if not colon or not host or (":" in host and not host.startswith("[")):
        raise ValueError(
            f"{source} {address!r} is neither unix:PATH nor HOST:PORT "
            "(write an IPv6 address in brackets, such as [::1]:7070)"
        )
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{source} {address!r} has no port from 1 to 65535 after its colon")
    return address


def _check_socket(address: str, source: str) -> str:
    path = address.removeprefix("unix:")
    if not path.strip("/"):
        raise ValueError(f"{source} {address!r} names no socket; write unix:PATH")
    if len(path.encode()) > _SOCKET_PATH_LIMIT:
        raise ValueError(
            f"{source} {address!r} is longer than the {_SOCKET_PATH_LIMIT} bytes that a "
            "socket's path may have; use a shorter path"
        )
    return address


def _default_socket(environment: Mapping[str, str], exists: Callable[[Path], bool]) -> Path:
    """The first of the daemon's default places that exists, else the one it prefers."""
    sockets = [folder / "replayd.sock" for folder in daemon_folders(environment)]
    return next((socket for socket in sockets if exists(socket)), sockets[0])


def daemon_folders(environment: Mapping[str, str]) -> list[Path]:
    """The folders where a daemon of this user leaves what its clients need, the likelier first.

    A daemon and a client may run with different environments (cron has no
    XDG_RUNTIME_DIR), so each is looked at.
    """
    home = Path(environment.get("HOME") or Path.home())
    state = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state")
    folders = [state]
    if environment.get("XDG_RUNTIME_DIR"):
        folders.insert(0, Path(environment["XDG_RUNTIME_DIR"]))
    return [folder / "replayd" for folder in folders]
