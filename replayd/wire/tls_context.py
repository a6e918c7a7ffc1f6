"""What all TLS connections share: one context, built once, and sessions to resume."""

import ssl
from collections import OrderedDict

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
        self.context = _make_context(settings)
        self._sessions: OrderedDict[tuple[str, str], ssl.SSLSession] = OrderedDict()

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
    option = ""
    try:
        option = f"--ca-file {settings.ca_file}"
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
        else:
            context.load_default_certs()
        option = f"--client-cert {settings.client_cert}"
        if settings.client_cert:
            # An encrypted key would ask at the terminal; a daemon has none.
            context.load_cert_chain(settings.client_cert, password=_no_password)
        option = f"--ciphers {settings.ciphers}"
        if settings.ciphers:
            context.set_ciphers(settings.ciphers)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{option}: {error}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted; use one without a password")
