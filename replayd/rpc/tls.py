"""TLS for those who call: the daemon's certificate, each connection with the one of now."""

from typing import TYPE_CHECKING

import grpc

from replayd.access.reread import Reread

if TYPE_CHECKING:
    from replayd.access.certificates import Certificates


def server_credentials(renewed: "Reread[Certificates]") -> grpc.ServerCredentials:
    """Makes what a listener needs. Connections that are open keep what they began with."""
    # Imported here: few daemons speak TLS with their callers.
    from replayd.access.expiry import ExpiryWarning  # noqa: PLC0415

    warning = ExpiryWarning("--tls-cert")
    first = renewed.current()
    warning.look(first.expires)

    def now() -> grpc.ServerCertificateConfiguration:
        files = renewed.current()
        warning.look(files.expires)
        return _configuration(files)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(first),
        # Called by gRPC in a thread of its own, before each handshake.
        now,
        first.client_authorities is not None,
    )


def _configuration(files: "Certificates") -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(files.key, files.chain)], files.client_authorities
    )
