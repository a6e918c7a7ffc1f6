"""What the daemon wants of its callers: nothing on a Unix socket, a token on a loopback
address, TLS and a token or a certificate on all others.

A token is read from its file for each call, so that a new one needs no new client, and is
never sent over a network without TLS.
"""

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from flowreplay_client.address import daemon_folders, find_address
from flowreplay_client.errors import ReplaydClientError, Unreachable, error_from

if TYPE_CHECKING:
    import grpc

TOKEN_FILE = "FLOWREPLAY_TOKEN_FILE"  # noqa: S105 - a variable's name
CA_FILE = "FLOWREPLAY_CA_FILE"
CLIENT_CERT = "FLOWREPLAY_CLIENT_CERT"
"""The environment variables for what is not given. Those that begin with `REPLAYD_` are the
daemon's, which has a token file of its own kind and connects to servers with certificates."""

Metadata = tuple[tuple[str, str], ...]

_OUTDATED = ("TOKEN_MISSING", "TOKEN_INVALID")


class AccessFiles(TypedDict, total=False):
    """What may be given to `connect` beside an address."""

    token_file: str | Path | None
    """Holds the token that a daemon on TCP asks for, alone."""
    ca_file: str | Path | None
    """PEM certificates to trust in place of gRPC's."""
    client_cert: str | Path | None
    """PEM with a certificate and its key to show."""


def find_access(
    address: str | None, environment: Mapping[str, str], **files: Unpack[AccessFiles]
) -> "Access":
    """Returns how to call the daemon at an address, or where the environment says it is.

    Raises ValueError as `Access` and `find_address` do.
    """
    return Access(find_address(address, environment), environment, **files)


class Access:
    """How one daemon is called: its address, and what is shown there."""

    def __init__(
        self,
        address: str,
        environment: Mapping[str, str],
        **files: Unpack[AccessFiles],
    ) -> None:
        """Raises ValueError for files that can't be read, or that this address has no use for."""
        self.address = address
        local = address.startswith("unix:")
        given = next(filter(None, files.values()), None)
        if local and given:
            raise ValueError(f"{address} asks for no token and speaks no TLS; leave {given} out")
        self._token_file = _path(files.get("token_file"), environment, TOKEN_FILE)
        self._ca = _content(_path(files.get("ca_file"), environment, CA_FILE))
        self._certificate = _content(_path(files.get("client_cert"), environment, CLIENT_CERT))
        self._look: Callable[[], str]
        loopback = local or _is_loopback(address)
        self._speaks_tls = not local and bool(not loopback or self._ca or self._certificate)
        if local:
            self._look = str
        elif self._token_file is not None:
            self._given_token()
            self._look = self._given_token
        elif loopback:
            places = [folder / "tokens" / address for folder in daemon_folders(environment)]
            self._look = lambda: next(filter(None, map(_own_token, places)), "")
        else:
            self._look = str

    def metadata(self) -> Metadata | None:
        """Returns what a call shows; None: nothing. Raises ValueError for a token file that
        can't be used any more.
        """
        token = self._look()
        return (("authorization", f"Bearer {token}"),) if token else None

    def credentials(self) -> "grpc.ChannelCredentials | None":
        """Returns what a channel needs for TLS; None: it speaks none."""
        if not self._speaks_tls:
            return None
        from grpc import ssl_channel_credentials  # noqa: PLC0415 - most clients need none

        return ssl_channel_credentials(self._ca, self._certificate, self._certificate)

    def error(self, failure: "grpc.RpcError", shown: Metadata | None) -> ReplaydClientError:
        """Converts what a call that showed this metadata ended with.

        A token that is another one by now, as after a restart of a daemon that makes its own,
        is no reason to give up.
        """
        error = error_from(failure, self.address)
        if error.reason in _OUTDATED and self.metadata() != shown:
            return Unreachable(error.reason, error.message, error.metadata, error.code)
        return error

    def _given_token(self) -> str:
        assert self._token_file is not None
        words = (_content(self._token_file) or b"").decode(errors="replace").split()
        if len(words) != 1 or not words[0].isascii():
            raise ValueError(
                f"{self._token_file} does not hold a token alone; write the token and nothing "
                "else into it (the file with all tokens is the daemon's)"
            )
        return words[0]


def _path(given: str | Path | None, environment: Mapping[str, str], name: str) -> Path | None:
    text = given or environment.get(name)
    return Path(text) if text else None


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror or error}") from error


def _own_token(path: Path) -> str:
    """Reads the file that a daemon of this user leaves for its callers; "": there is none."""
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # Of another user's daemon, or of none: the daemon says what it wants.
        return ""


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
