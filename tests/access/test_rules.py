import pytest

from replayd.access.rules import Given, Reach, check_rules
from replayd.errors import ConfigError

NOTHING = Given(*[False] * 5)
TOKEN = NOTHING._replace(token_file=True)
TLS = NOTHING._replace(tls_cert=True, tls_key=True)
TLS_TOKEN = TLS._replace(token_file=True)
MTLS = TLS_TOKEN._replace(tls_client_ca=True)
TRUST = NOTHING._replace(trust_loopback=True)
USER, MACHINE, NETWORK = Reach


@pytest.mark.parametrize(
    ("reaches", "given"),
    [
        ([USER], NOTHING),
        *([(reaches, TRUST) for reaches in ([MACHINE], [USER, MACHINE])]),
        *(
            (reaches, given)
            for reaches in ([MACHINE], [USER, MACHINE])
            for given in (NOTHING, TOKEN, TLS, TLS_TOKEN, MTLS)
        ),
        *(
            (reaches, given)
            for reaches in ([NETWORK], [USER, NETWORK], list(Reach))
            for given in (TLS_TOKEN, MTLS)
        ),
    ],
)
def test_what_is_safe_is_allowed(reaches: list[Reach], given: Given) -> None:
    check_rules(reaches, given)


@pytest.mark.parametrize(
    ("reaches", "given", "said"),
    [
        ([USER], TOKEN, "--token-file: a Unix socket asks nobody"),
        ([USER], TLS_TOKEN, "--token-file: a Unix socket asks nobody"),
        ([USER], MTLS, "--token-file: a Unix socket asks nobody"),
        ([USER], TRUST, "--trust-loopback: a Unix socket asks nobody"),
        ([NETWORK], NOTHING, "--tls-cert and --tls-key and --token-file are missing"),
        ([NETWORK], TOKEN, "--tls-cert and --tls-key are missing"),
        ([NETWORK], TLS, "--token-file is missing"),
        ([NETWORK], MTLS._replace(token_file=False), "--token-file is missing"),
        ([NETWORK], TRUST, "--tls-cert and --tls-key and --token-file are missing"),
        ([MACHINE, NETWORK], TLS_TOKEN._replace(trust_loopback=True), "on other addresses"),
        ([MACHINE], TLS._replace(tls_key=False), "--tls-key is missing"),
        ([MACHINE], TLS._replace(tls_cert=False), "--tls-cert is missing"),
        ([MACHINE], TOKEN._replace(tls_client_ca=True), "--tls-cert and --tls-key are missing"),
        ([MACHINE], TLS._replace(tls_client_ca=True), "--token-file is missing: its lines"),
        ([MACHINE], TOKEN._replace(trust_loopback=True), "contradict each other"),
        ([MACHINE], TLS._replace(trust_loopback=True), "contradict each other"),
    ],
)
def test_what_is_not_says_what_is_missing(reaches: list[Reach], given: Given, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_rules(reaches, given)
