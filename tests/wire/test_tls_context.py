"""What all TLS connections share: settings that can't be are told by their option."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from replayd.errors import ConfigError
from replayd.wire.settings import TlsSettings
from replayd.wire.tls_context import TlsContext
from tests.support.certificates import Authority


def test_verifies_unless_told_otherwise() -> None:
    strict, lax = TlsContext(TlsSettings()), TlsContext(TlsSettings(insecure=True))
    assert (strict.context.verify_mode, strict.context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (lax.context.verify_mode, lax.context.check_hostname) == (ssl.CERT_NONE, False)


def test_takes_versions_and_ciphers() -> None:
    context = TlsContext(
        TlsSettings(min_version="1.2", max_version="1.2", ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    ).context
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_2
    assert "ECDHE-RSA-AES128-GCM-SHA256" in [each["name"] for each in context.get_ciphers()]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_version": "1.4"}, "TLS version '1.4' is not known; use one of 1.0, 1.1, 1.2, 1.3"),
        ({"min_version": "1.3", "max_version": "1.2"}, "--tls-min 1.3 is above --tls-max 1.2"),
        ({"ciphers": "NONE-SUCH"}, "--ciphers NONE-SUCH: it names no cipher that OpenSSL has"),
        ({"ca_file": "/none/such"}, "--ca-file /none/such: .*No such file"),
        ({"client_cert": "/none/such"}, "--client-cert /none/such: .*No such file"),
    ],
)
def test_settings_that_can_not_be(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TlsContext(TlsSettings(**settings))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_versions_can_be_spoken_when_asked_for(version: str, authority: Authority) -> None:
    client = TlsContext(TlsSettings(min_version=version, max_version=version, insecure=True))
    context = authority.server_context("old.example")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.context.wrap_bio(to_client, to_server, server_hostname="old.example"),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends[0].version() is None:
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert ends[0].version() == {"1.0": "TLSv1", "1.1": "TLSv1.1"}[version]


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    with pytest.raises(ConfigError, match=f"--ca-file {file}: it is no PEM file"):
        TlsContext(TlsSettings(ca_file=str(file)))


def test_takes_a_client_certificate(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.files("client.example")
    file = tmp_path / "client.pem"
    file.write_bytes(chain.read_bytes() + key.read_bytes())
    TlsContext(TlsSettings(client_cert=str(file)))


def test_an_encrypted_key_is_refused_and_nobody_asked(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("client.example")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    file = tmp_path / "client.pem"
    file.write_bytes(issued.cert_chain_pems[0].bytes() + locked)
    with pytest.raises(ConfigError, match="the key is encrypted; use one without a password"):
        TlsContext(TlsSettings(client_cert=str(file)))


def test_each_offer_is_made_once_and_keeps_its_own_sessions() -> None:
    tls = TlsContext(TlsSettings(min_version="1.3"))
    offering = tls.offering(("h2",))
    assert offering is not tls
    assert tls.offering(("h2",)) is offering is not tls.offering(("h2", "http/1.1"))
    assert tls.offering(()) is tls
    assert offering.context.minimum_version == ssl.TLSVersion.TLSv1_3


def test_forgets_the_oldest_sessions() -> None:
    tls = TlsContext(TlsSettings())
    assert tls.session("peer", "name") is None
    tls.remember("peer", "name", None)
    assert tls.session("peer", "name") is None


def loads(monkeypatch: pytest.MonkeyPatch) -> list[ssl.SSLContext]:
    """The contexts that load the system's certificates from now on."""
    loaded: list[ssl.SSLContext] = []

    def load(context: ssl.SSLContext) -> None:
        loaded.append(context)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", load)
    return loaded


def test_reads_the_systems_certificates_only_for_a_handshake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = loads(monkeypatch)
    tls = TlsContext(TlsSettings())
    offering = tls.offering(("h2",))
    assert not loaded
    made = [offering.context, offering.context, tls.context]
    assert loaded == made[1:]


def test_reads_no_certificates_that_it_would_not_use(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    loaded = loads(monkeypatch)
    for settings in (TlsSettings(insecure=True), TlsSettings(ca_file=str(authority.ca_file))):
        assert TlsContext(settings).context
    assert not loaded
