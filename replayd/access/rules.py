"""Which addresses may be listened on with which options: a table, judged before any bind. Pure.

A Unix socket is its user's, who is asked nothing. A loopback address is for who has a token,
the daemon's own or one of a file's. All other addresses are for TLS, with tokens or
certificates of a file.
"""

from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

from replayd.errors import ConfigError


class Reach(Enum):
    """From where an address can be called."""

    USER = "a Unix socket"
    MACHINE = "a loopback address"
    NETWORK = "an address that other machines may reach"


class Given(NamedTuple):
    """Which of the options that decide who may call were given."""

    token_file: bool
    tls_cert: bool
    tls_key: bool
    tls_client_ca: bool
    trust_loopback: bool


def check_rules(reaches: Collection[Reach], given: Given) -> None:
    """Raises ConfigError, saying which options are missing or too many."""
    asked = _names(given)
    tcp = set(reaches) - {Reach.USER}
    if not tcp and asked:
        raise ConfigError(
            f"{asked[0]}: a Unix socket asks nobody for tokens or certificates, its file mode "
            "decides; add --listen HOST:PORT, or leave it out"
        )
    if given.tls_cert != given.tls_key:
        missing = "--tls-key" if given.tls_cert else "--tls-cert"
        raise ConfigError(f"{missing} is missing: TLS needs a certificate and its key")
    if Reach.NETWORK in tcp:
        _check_network(given)
    if given.tls_client_ca and not given.tls_cert:
        raise ConfigError("--tls-cert and --tls-key are missing: --tls-client-ca is part of TLS")
    if given.tls_client_ca and not given.token_file:
        raise ConfigError(
            "--token-file is missing: its lines say what a certificate's owner may do, such as "
            "`ci enqueue,read cert:ci.example.org`; without one nobody may do anything"
        )
    if given.trust_loopback and len(asked) > 1:
        raise ConfigError(
            f"--trust-loopback and {asked[0]} contradict each other: leave one of them out"
        )


def _check_network(given: Given) -> None:
    missing = [] if given.tls_cert else ["--tls-cert", "--tls-key"]
    if not given.token_file:
        missing.append("--token-file")
    if missing:
        raise ConfigError(
            f"--listen: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
            "an address that is not loopback is listened on only with TLS, and for callers with "
            "a token or a certificate (--tls-client-ca); or reach the daemon through a tunnel, "
            "such as `ssh -L`"
        )
    if given.trust_loopback:
        raise ConfigError("--trust-loopback: the daemon listens on other addresses, too")


def _names(given: Given) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name, there in given._asdict().items() if there]
