"""Where a flow's request goes, and which address is dialled for it.

Many flows of a capture go to few targets, so what was found once is remembered.
"""

from functools import lru_cache
from typing import NamedTuple

from replayd.model.flow import Flow, Request
from replayd.model.plan import Change, ChangeKind, ConnectTo, Target
from replayd.planning import connect_to as dialling
from replayd.planning.hosts import host_port, normal_host
from replayd.planning.section import shown

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Destination(NamedTuple):
    """Where a request goes."""

    target: Target
    """As captured."""
    dialled: Target
    """With the address that `--connect-to` says."""
    redirected: tuple[Change, ...]
    """Names that another address is dialled, if it is."""
    authority: bytes
    """The captured target as a URL has it: without the scheme's own port."""


def destination_of(flow: Flow, request: Request, connect_to: tuple[ConnectTo, ...]) -> Destination:
    """Returns where a flow's request goes; raises ValueError, its text saying why, when its
    target is none.

    A CONNECT has no scheme: it goes to its host and port in the clear. TLS asks for the
    recorded server name, else for the host.
    """
    scheme = request.scheme
    if not scheme and request.method == b"CONNECT":
        scheme = b"http"
    server_name = flow.server_name if scheme == b"https" else ""
    return _destination(scheme, request.host, request.port, server_name, connect_to)


@lru_cache(maxsize=4096)
def _destination(
    scheme: bytes, host: str, port: int, server_name: str, connect_to: tuple[ConnectTo, ...]
) -> Destination:
    if scheme not in (b"http", b"https"):
        raise ValueError(f"the scheme {shown(scheme)} is neither http nor https")
    if not 0 < port < 1 << 16:
        raise ValueError(f"the port {port} is not between 1 and 65535")
    name = _normal("host", host)
    if scheme == b"https":
        # RFC 6066 section 3: without the root's dot.
        asked = _normal("server name", server_name) if server_name else name
        target = Target("https", name, port, server_name=asked.removesuffix("."))
    else:
        target = Target("http", name, port)
    dialled = dialling.apply(target, connect_to)
    return Destination(target, dialled, _redirected(target, dialled), _authority(target))


def _normal(what: str, host: str) -> str:
    try:
        return normal_host(host)
    except ValueError as error:
        raise ValueError(f"the {what} {host[:80]!r} {error}") from None


def _redirected(target: Target, dialled: Target) -> tuple[Change, ...]:
    if dialled is target:
        return ()
    instead = f"{host_port(*dialled.address)} is dialled in place of "
    return (Change(ChangeKind.CONNECT_TO, instead + host_port(target.host, target.port)),)


def _authority(target: Target) -> bytes:
    full = host_port(target.host, target.port)
    if target.port == _DEFAULT_PORTS[target.scheme]:
        full = full.removesuffix(f":{target.port}")
    return full.encode()
