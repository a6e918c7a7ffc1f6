"""Who may call a daemon, as its options say: judged and read before it listens anywhere."""

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from replayd.access.private import read_private
from replayd.access.reread import Reread
from replayd.access.roles import Caller, Role
from replayd.access.rules import Given, Reach, check_rules
from replayd.access.tokens import Tokens, only, parse_tokens
from replayd.errors import ConfigError

if TYPE_CHECKING:
    from replayd.access.certificates import Certificates

_log = logging.getLogger(__name__)

NOBODY = Tokens({}, {})
OWN = Caller("whoever has the daemon's own token", frozenset(Role))


class AccessSettings(NamedTuple):
    """The options that decide who may call."""

    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    trust_loopback: bool = False
    """Whether callers on this machine are asked for nothing."""


class Access(NamedTuple):
    """What is known of callers, and how it is known."""

    tokens: Callable[[], Tokens] | None
    """Whose tokens and certificates there are, now; None: every TCP caller is trusted."""
    certificates: "Reread[Certificates] | None" = None
    """What TCP listeners need for TLS; None: they speak none."""
    own_token: str = ""
    """The one that this daemon made; empty: it made none."""

    @property
    def expires(self) -> Callable[[], int] | None:
        """Tells when the daemon's certificate of now ends, in seconds since the epoch; None: it
        has none.
        """
        certificates = self.certificates
        return None if certificates is None else lambda: certificates.current().expires

    def announced(self, folder: Path, addresses: Collection[str]) -> AbstractContextManager[None]:
        """Keeps the token that the daemon made, if it made one, where callers of these
        addresses look for it: in files below `folder`. Raises ConfigError.
        """
        if not self.own_token:
            return nullcontext()
        from replayd.access.own_token import token_files  # noqa: PLC0415 - as in open_access

        return token_files(folder, self.own_token, list(addresses))


def open_access(settings: AccessSettings, reaches: Collection[Reach]) -> Access:
    """Judges the options for the addresses that are listened on, and reads the files.

    Raises ConfigError.
    """
    check_rules(reaches, Given(*map(bool, settings)))
    certificates = _certificates(settings)
    if settings.token_file:
        tokens = Reread([settings.token_file], partial(read_tokens, settings.token_file))
        return Access(tokens.current, certificates)
    if settings.trust_loopback:
        _log.warning(
            "--trust-loopback: every user and program of this machine may call the daemon, and "
            "see and do everything"
        )
        return Access(None)
    if set(reaches) == {Reach.USER}:
        return Access(lambda: NOBODY)
    # Imported here: most daemons have a Unix socket alone, which needs no token.
    from replayd.access.own_token import make_token  # noqa: PLC0415

    token = make_token()
    own = only(token, OWN)
    return Access(lambda: own, certificates, token)


def _certificates(settings: AccessSettings) -> "Reread[Certificates] | None":
    chain, key, authorities = settings.tls_cert, settings.tls_key, settings.tls_client_ca
    if chain is None or key is None:
        return None
    # Imported here: few daemons speak TLS with their callers.
    from replayd.access.certificates import read_certificates  # noqa: PLC0415

    paths = [path for path in (chain, key, authorities) if path]
    return Reread(paths, partial(read_certificates, chain, key, authorities))


def read_tokens(path: Path) -> Tokens:
    """Reads a token file; raises ConfigError."""
    try:
        return parse_tokens(read_private(path, "--token-file").decode())
    except ValueError as error:
        said = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error)
        # Not its cause: a UnicodeDecodeError quotes what it can't decode.
        raise ConfigError(f"--token-file {path} can't be taken: {said}") from None
