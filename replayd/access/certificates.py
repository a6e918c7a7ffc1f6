"""The daemon's certificate, its key, and whose certificates it takes: checked before anybody
connects, so that a renewed file that can't be used never takes a good one's place.
"""

import ssl
from pathlib import Path
from typing import NamedTuple

from replayd.access.private import read_private
from replayd.errors import ConfigError


class Certificates(NamedTuple):
    """What TLS needs, as PEM."""

    key: bytes
    chain: bytes
    """The daemon's certificate, and those between it and its authority."""
    client_authorities: bytes | None
    """Whose certificates callers must show; None: they show none."""
    expires: int
    """When the daemon's certificate ends, in seconds since the epoch."""


def read_certificates(chain: Path, key: Path, client_ca: Path | None) -> Certificates:
    """Reads and checks the files; raises ConfigError for what no client could connect to."""
    read = (
        read_private(key, "--tls-key"),
        _read(chain, "--tls-cert"),
        _read(client_ca, "--tls-client-ca") if client_ca else None,
    )
    server = _server_context(chain, key)
    expires = _check_handshake(server, chain)
    if client_ca:
        _trusting(client_ca, "--tls-client-ca")
    return Certificates(*read, expires)


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option} {path}: {error.strerror}") from error


def _server_context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key, password=_no_password)
    except ssl.SSLError as error:
        raise ConfigError(
            f"--tls-cert {chain}, --tls-key {key}: {_why_not(error)}; give a certificate "
            "(with those between it and its authority) and its own key, as PEM"
        ) from error
    return context


def _no_password() -> str:
    raise ConfigError("--tls-key: the key is encrypted, and the daemon asks nobody; decrypt it")


def _why_not(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not the certificate's"
    return "they can't be read as PEM"


def _check_handshake(server: ssl.SSLContext, chain: Path) -> int:
    """Shakes hands with a client that trusts this very certificate: whether it is its time,
    and for a server, is left to judge. Returns when it ends.
    """
    client = _trusting(chain, "--tls-cert")
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = client.wrap_bio(to_client, to_server)
    sides = [peer, server.wrap_bio(to_server, to_client, server_side=True)]
    try:
        while sides:
            sides = [side for side in sides if not _shaken(side)]
    except ssl.SSLCertVerificationError as error:
        raise ConfigError(
            f"--tls-cert {chain}: no client would take it: {error.verify_message}; give one that "
            "is valid now, for a server"
        ) from error
    seen = peer.getpeercert() or {}
    return int(ssl.cert_time_to_seconds(str(seen["notAfter"])))


def _shaken(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _trusting(authorities: Path, option: str) -> ssl.SSLContext:
    """Makes a client that trusts the certificates of a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.load_verify_locations(authorities)
    except ssl.SSLError as error:
        raise ConfigError(f"{option} {authorities}: there is no certificate in it") from error
    return context
