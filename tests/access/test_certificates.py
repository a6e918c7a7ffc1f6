from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from replayd.access.certificates import read_certificates
from replayd.errors import ConfigError
from tests.support.certificates import Authority

NOW = datetime.now(UTC)


def test_a_good_pair_is_read_with_the_callers_authority(authority: Authority) -> None:
    chain, key = authority.files("good.test")
    found = read_certificates(chain, key, authority.ca_file)
    assert found[:3] == (key.read_bytes(), chain.read_bytes(), authority.ca_file.read_bytes())
    assert read_certificates(chain, key, None).client_authorities is None


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    chain, _ = authority.files("one.test")
    _, key = authority.files("two.test")
    with pytest.raises(ConfigError, match=f"--tls-cert {chain}, --tls-key {key}: the key is not"):
        read_certificates(chain, key, None)


def test_when_it_ends_is_known(authority: Authority) -> None:
    last = (NOW + timedelta(days=20)).replace(microsecond=0)
    chain, key = authority.files("ends.test", not_after=last)
    assert read_certificates(chain, key, None).expires == last.timestamp()


@pytest.mark.parametrize(
    ("days", "said"), [((-10, -1), "certificate has expired"), ((1, 10), "not yet valid")]
)
def test_a_certificate_whose_time_it_is_not_is_refused(
    authority: Authority, days: tuple[int, int], said: str
) -> None:
    first, last = (NOW + timedelta(days=each) for each in days)
    chain, key = authority.files("late.test", not_before=first, not_after=last)
    with pytest.raises(ConfigError, match=f"--tls-cert {chain}: no client .* {said}"):
        read_certificates(chain, key, None)


def test_what_is_no_pem_is_refused(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.files("good.test")
    junk = tmp_path / "junk"
    junk.write_text("junk")
    junk.chmod(0o600)
    for one, other in ((junk, key), (chain, junk)):
        with pytest.raises(ConfigError, match="can't be read as PEM"):
            read_certificates(one, other, None)
    with pytest.raises(ConfigError, match=f"--tls-client-ca {junk}: there is no certificate"):
        read_certificates(chain, key, junk)


def test_a_missing_file_is_named_with_its_option(authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.files("good.test")
    none = tmp_path / "none"
    with pytest.raises(ConfigError, match=f"--tls-cert {none}: No such file"):
        read_certificates(none, key, None)
    with pytest.raises(ConfigError, match=f"--tls-key {none}: No such file"):
        read_certificates(chain, none, None)
    with pytest.raises(ConfigError, match=f"--tls-client-ca {none}: No such file"):
        read_certificates(chain, key, none)


def test_a_key_that_others_can_read_is_refused(authority: Authority) -> None:
    chain, key = authority.files("open.test")
    key.chmod(0o640)
    with pytest.raises(ConfigError, match=f"`chmod 600 {key}`"):
        read_certificates(chain, key, None)


def test_a_key_with_a_password_is_refused_and_asks_nobody(
    authority: Authority, tmp_path: Path
) -> None:
    chain, key = authority.files("locked.test")
    opened = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        opened.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    locked.chmod(0o600)
    with pytest.raises(ConfigError, match="the key is encrypted"):
        read_certificates(chain, locked, None)
