"""What all TLS connections share: a context, built once, and sessions to resume.

Which protocols are offered (ALPN, RFC 7301) belongs to a context too: each offer has its
own, with sessions of its own, so that none is resumed under another offer.
"""

import ssl
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from replayd.errors import ConfigError
from replayd.wire.settings import TlsSettings

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_SESSION_LIMIT = 1024


class TlsContext:
    """One context for all connections, and the sessions that may be resumed."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises ConfigError when a file can't be used or a version or cipher is unknown."""
        self._context = _make_context(settings)
        self._settings = settings
        self._trusts = settings.insecure or bool(settings.ca_file)
        self._sessions: OrderedDict[tuple[str, str], ssl.SSLSession] = OrderedDict()
        self._offering: dict[tuple[str, ...], TlsContext] = {(): self}

    @property
    def context(self) -> ssl.SSLContext:
        """The context, ready for a handshake.

        The system's certificates are read here and not at the start: there are well over a
        hundred, and who speaks no TLS needs none.
        """
        if not self._trusts:
            self._context.load_default_certs()
            self._trusts = True
        return self._context

    def offering(self, protocols: tuple[str, ...]) -> "TlsContext":
        """Returns the one with the same settings that offers these protocols, best first.

        Made when it is first asked for; raises ConfigError when a file has changed for the
        worse since the start.
        """
        if protocols not in self._offering:
            made = TlsContext(self._settings)
            made._context.set_alpn_protocols(protocols)
            self._offering[protocols] = made
        return self._offering[protocols]

    def session(self, peer: str, name: str) -> ssl.SSLSession | None:
        """Returns the latest session with this peer under this name."""
        return self._sessions.get((peer, name))

    def remember(self, peer: str, name: str, session: ssl.SSLSession | None) -> None:
        """Keeps a session; the oldest is forgotten when there are too many."""
        if session is not None:
            self._sessions[peer, name] = session
            self._sessions.move_to_end((peer, name))
            if len(self._sessions) > _SESSION_LIMIT:
                self._sessions.popitem(last=False)


def _make_context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        context.minimum_version = _VERSIONS[settings.min_version]
        context.maximum_version = _VERSIONS[settings.max_version]
    except KeyError as error:
        known = ", ".join(_VERSIONS)
        raise ConfigError(f"TLS version {error} is not known; use one of {known}") from error
    if context.minimum_version > context.maximum_version:
        raise ConfigError(
            f"--tls-min {settings.min_version} is above --tls-max {settings.max_version}"
        )
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Loads what the settings name; each mistake says which option it is about."""
    if settings.ca_file:
        with _about(f"--ca-file {settings.ca_file}", "is no PEM file with certificates"):
            context.load_verify_locations(settings.ca_file)
    if settings.client_cert:
        # An encrypted key would ask at the terminal; a daemon has none.
        with _about(
            f"--client-cert {settings.client_cert}", "is no PEM file with a certificate and its key"
        ):
            context.load_cert_chain(settings.client_cert, password=_no_password)
    ciphers = settings.ciphers or _default_ciphers(context)
    if ciphers:
        with _about(f"--ciphers {ciphers}", "names no cipher that OpenSSL has"):
            context.set_ciphers(ciphers)


def _default_ciphers(context: ssl.SSLContext) -> str:
    """OpenSSL speaks TLS below 1.2 only at its lowest security level, and who allows so old
    a version means it (SSL_CTX_set_security_level(3)).
    """
    return "DEFAULT:@SECLEVEL=0" if context.minimum_version < ssl.TLSVersion.TLSv1_2 else ""


@contextmanager
def _about(option: str, otherwise: str) -> Iterator[None]:
    """Turns what OpenSSL or the system says about an option into a ConfigError."""
    try:
        yield
    except ssl.SSLError as error:
        raise ConfigError(f"{option}: it {otherwise} ({error.args[-1]})") from error
    except OSError as error:
        raise ConfigError(f"{option}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted; use one without a password")
