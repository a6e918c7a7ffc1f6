"""Where the daemon listens, and that nobody else does.

A Unix socket is guarded by its file modes: the folder 0700, the socket 0600. gRPC would
let a second daemon take over the path of a first one, so a lock file beside it decides.
Who may call on the others is `access`'s to say.
"""

import fcntl
import ipaddress
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc

from replayd.access.private import private_folder
from replayd.access.rules import Reach
from replayd.errors import ConfigError

MAX_SOCKET_PATH = 107
"""Bytes of a Unix socket's path (`sun_path` of unix(7), less its NUL)."""

_PRIVILEGED = 1024


class UnixAddress(NamedTuple):
    """`unix:PATH`."""

    path: Path


class TcpAddress(NamedTuple):
    """`HOST:PORT`; port 0 picks a free one."""

    host: str
    port: int


Address = UnixAddress | TcpAddress


def parse_addresses(texts: Iterable[str]) -> list[Address]:
    """Reads what is listened on; raises ConfigError, also for an address that comes twice."""
    found: list[Address] = []
    for text in texts:
        address = parse_address(text)
        picked = isinstance(address, TcpAddress) and address.port == 0
        if address in found and not picked:
            raise ConfigError(f"--listen {text}: the address is given twice; once is enough")
        found.append(address)
    return found


def parse_address(text: str) -> Address:
    """Reads an address; raises ConfigError for one that can't be listened on."""
    if text == "unix:":
        raise ConfigError("--listen unix: names no path; write unix:PATH")
    if text.startswith("unix:"):
        path = _absolute(text)
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise ConfigError(
                f"--listen {text}: the path has more than {MAX_SOCKET_PATH} bytes, which no "
                "Unix socket can have; choose a shorter one"
            )
        if not str(path).isprintable() or "%" in str(path):
            # gRPC reads %41 as A, and would listen beside the folder that was checked.
            raise ConfigError(
                f"--listen {text!r}: a path with % or with characters that can't be printed "
                "can't be written as an address; choose another one"
            )
        return UnixAddress(path)
    return parse_tcp(text, "--listen", "unix:PATH or HOST:PORT")


def parse_tcp(text: str, option: str, forms: str = "HOST:PORT") -> TcpAddress:
    """Reads a TCP address; raises ConfigError, which names the option and what it takes."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{option} {text}: write {forms}")
    return TcpAddress(host, int(port))


def _absolute(text: str) -> Path:
    try:
        return Path(text.removeprefix("unix:")).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f"--listen {text}: there is no such home folder") from error


def reach(address: Address) -> Reach:
    """Tells from where an address can be called."""
    if isinstance(address, UnixAddress):
        return Reach.USER
    return Reach.MACHINE if _is_loopback(address.host) else Reach.NETWORK


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def add_listener(
    server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None
) -> str:
    """Binds an address, TCP with TLS if there are credentials; returns it as clients write it.
    Raises ConfigError.
    """
    if isinstance(address, UnixAddress):
        # The socket's mode follows the umask at bind.
        umask = os.umask(0o177)
        try:
            _bind(server, f"unix:{address.path}", None)
        finally:
            os.umask(umask)
        return f"unix:{address.path}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    port = _bind(server, f"{host}:{address.port}", credentials)
    return f"{host}:{port}"


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        # gRPC keeps the system's reason to itself.
        raise ConfigError(f"--listen {address}: {_why_not(address)}") from error


def _why_not(address: str) -> str:
    """Says what most likely keeps us from an address, and what to do."""
    if address.startswith("unix:"):
        return "no socket can be made there; choose another path"
    port = int(address.rpartition(":")[2])
    privileged = " (ports below 1024 are often for root alone)" if port < _PRIVILEGED else ""
    return (
        f"the port can't be had: another program, maybe another replayd, has it{privileged}; "
        "choose another one, or port 0, which picks a free one"
    )


@contextmanager
def owned(address: Address) -> Iterator[None]:
    """Makes sure that this daemon alone listens on a Unix path; nothing to do for TCP."""
    if isinstance(address, TcpAddress):
        yield
        return
    private_folder(address.path.parent, "--listen")
    if os.path.lexists(address.path) and not _is_socket(address.path):
        what = "a folder" if address.path.is_dir() else "a file"
        raise ConfigError(
            f"--listen unix:{address.path}: {what} is there already; choose another path"
        )
    lock_path = address.path.with_name(address.path.name + ".lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(lock_path, flags, 0o600)
    except OSError as error:
        raise ConfigError(
            f"--listen unix:{address.path}: the lock beside it can't be opened: {error}"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"--listen unix:{address.path}: another daemon listens there; stop it, or "
                "choose another path"
            ) from error
        try:
            yield
        finally:
            # gRPC leaves the socket of a server that never started.
            if _is_socket(address.path):
                address.path.unlink()
    finally:
        os.close(descriptor)


def _is_socket(path: Path) -> bool:
    """A link to a socket is none: whoever may change it says where we listen."""
    return path.is_socket() and not path.is_symlink()
