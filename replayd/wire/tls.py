"""TLS around a transport: the handshake and the records by `ssl.MemoryBIO`.

Memory, not the socket, lies between OpenSSL and the transport below, so TLS works inside
TLS (an https target through an https proxy). Contexts are built once; sessions are resumed.
"""

import ssl
from typing import TypedDict

from replayd.errors import WireError
from replayd.planning.hosts import literal_address
from replayd.reasons import Reason
from replayd.wire.http2_events import HTTP1_INSTEAD
from replayd.wire.tls_context import TlsContext
from replayd.wire.transport import RECEIVE_SIZE, Transport

_RECORD = 16 * 1024
"""Plaintext of one TLS record (RFC 8446 section 5.1): encrypted ahead of the system at most."""
_READ_SIZE = 256 * 1024
_NO_PROTOCOL = "no application protocol"
"""OpenSSL's text; Python up to 3.12 has no name for this alert."""


class TlsFacts(TypedDict):
    """What an established TLS connection has to tell; fields of `ConnectionInfo`."""

    tls_version: str
    tls_cipher: str
    server_name: str
    alpn: str


class TlsTransport:
    """TLS as a client, around an established transport."""

    def __init__(self, lower: Transport, tls: TlsContext, server_name: str) -> None:
        """`server_name`: what is verified, and asked for (SNI) unless it is an address."""
        self._lower = lower
        self._tls = tls
        self._name = server_name
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent = memoryview(b"")
        self._passed_on = 0
        """Encrypted bytes that the transport below took."""
        self._established = False
        self._remembered = False
        self._ended = False
        try:
            self._ssl = tls.context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_hostname=server_name.removesuffix("."),
                session=tls.session(lower.peer, server_name),
            )
        except (ValueError, TypeError) as error:  # TypeError: a NUL in it.
            raise WireError(
                Reason.TLS_FAILED, f"{server_name!r} can't be a TLS server name: {error}"
            ) from error

    @property
    def peer(self) -> str:
        """The address of the transport below."""
        return self._lower.peer

    @property
    def local(self) -> str:
        """Our address of the transport below."""
        return self._lower.local

    @property
    def wants_write(self) -> bool:
        """Encrypted bytes wait for the transport below."""
        return bool(self._unsent) or self._outgoing.pending > 0 or self._lower.wants_write

    @property
    def buffered(self) -> bool:
        """The end has been read, here or below, and not told yet."""
        return self._ended or self._lower.buffered

    def fileno(self) -> int:
        """Returns the descriptor below."""
        return self._lower.fileno()

    def facts(self) -> TlsFacts:
        """Says what was agreed on."""
        cipher = self._ssl.cipher()
        return {
            "tls_version": self._ssl.version() or "",
            "tls_cipher": cipher[0] if cipher else "",
            "server_name": self._sent_name(),
            "alpn": self._ssl.selected_alpn_protocol() or "",
        }

    def establish(self) -> bool:
        """Goes on with the handshake; raises CERTIFICATE_INVALID or TLS_FAILED."""
        while not self._established:
            try:
                self._ssl.do_handshake()
                self._established = True
            except ssl.SSLWantReadError:
                self._flush()
                if not self._feed():
                    return False
            except ssl.SSLError as error:
                self._flush_alert()
                raise self._handshake_error(error) from error
        self._flush()
        return True

    def send(self, data: bytes | memoryview) -> int:
        """Encrypts one record at a time, as fast as the transport below takes them.

        When it breaks after some of the data has left, the next call says so: who is told
        that nothing was taken may send the data once more.
        """
        view, sent, before = memoryview(data), 0, self._passed_on
        try:
            while self._flush() and sent < len(view):
                size = self._encrypt(view[sent : sent + _RECORD])
                if not size:
                    break
                sent += size
        except WireError:
            if not sent or self._passed_on == before:
                raise
        return sent

    def receive(self, size: int = RECEIVE_SIZE) -> bytes | None:
        """Reads once below and returns all that this decrypts to."""
        if self._ended:
            return b""
        self._feed(size)
        pieces: list[bytes] = []
        try:
            while piece := self._ssl.read(_READ_SIZE):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # Without a goodbye too: framing tells whether the response was cut.
            self._ended = True
        except ssl.SSLError as error:
            raise self._broken("reading", error) from error
        self._flush()  # A key update asks for an answer.
        if not pieces:
            return b"" if self._ended else None
        self._remember()
        return b"".join(pieces)

    def close(self) -> None:
        """Closes below."""
        self._lower.close()

    def _encrypt(self, data: memoryview) -> int:
        try:
            return self._ssl.write(data)
        except ssl.SSLWantReadError:
            return 0  # The server shakes hands once more (TLS 1.2, for a certificate).
        except ssl.SSLError as error:
            raise self._broken("writing", error) from error

    def _remember(self) -> None:
        """Keeps the session for the next connection. TLS 1.3 sends it after the handshake,
        in practice before the first data.
        """
        if not self._remembered:
            self._remembered = True
            self._tls.remember(self._lower.peer, self._name, self._ssl.session)

    def _feed(self, size: int = RECEIVE_SIZE) -> bool:
        """Moves what came below into OpenSSL; False: nothing did."""
        data = self._lower.receive(size)
        if data is None:
            return False
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return True

    def _flush(self) -> bool:
        """Moves what OpenSSL wrote to the transport below; True: all of it."""
        while True:
            if not self._unsent:
                if not self._outgoing.pending:
                    if self._lower.wants_write:
                        self._lower.send(b"")
                    return True
                self._unsent = memoryview(self._outgoing.read())
            size = self._lower.send(self._unsent)
            if not size:
                return False
            self._passed_on += size
            self._unsent = self._unsent[size:]

    def _flush_alert(self) -> None:
        """Tells the server why we leave, if it still listens; the reason is known already."""
        try:
            self._flush()
        except WireError:
            return

    def _sent_name(self) -> str:
        """The SNI that was sent: none for an address (RFC 6066 section 3)."""
        name = self._ssl.server_hostname or ""
        return "" if literal_address(name) else name

    def _handshake_error(self, error: ssl.SSLError) -> WireError:
        peer = self._lower.peer
        if isinstance(error, ssl.SSLCertVerificationError):
            return WireError(
                Reason.CERTIFICATE_INVALID,
                f"the certificate of {self._name!r} at {peer} is not accepted: "
                f"{error.verify_message.rstrip('.')}; "
                "trust its authority with --ca-file, or accept anything with --insecure",
                address=peer,
            )
        if _NO_PROTOCOL in _text(error):
            # RFC 7301 section 3.2: nothing but HTTP/2 was offered.
            return WireError(
                Reason.VERSION_NOT_SPOKEN,
                f"the server at {peer} does not speak HTTP/2: {_text(error)}; {HTTP1_INSTEAD}",
                address=peer,
            )
        return WireError(
            Reason.TLS_FAILED, f"no TLS with {self._name!r} at {peer}: {_text(error)}", address=peer
        )

    def _broken(self, doing: str, error: ssl.SSLError) -> WireError:
        peer = self._lower.peer
        return WireError(
            Reason.TLS_FAILED, f"TLS with {peer} broke while {doing}: {_text(error)}", address=peer
        )


def _text(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed the connection in the handshake"
    return (error.reason or str(error)).replace("_", " ").lower()
