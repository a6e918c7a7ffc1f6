import logging
from pathlib import Path

import pytest

from replayd.access.roles import Role
from replayd.access.rules import Reach
from replayd.access.settings import OWN, AccessSettings, open_access, read_tokens
from replayd.errors import ConfigError
from tests.support.certificates import Authority

TOKEN = "b3f0c2" * 8


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"ci read {TOKEN}\n")
    path.chmod(0o600)
    return path


def test_without_a_file_the_daemon_makes_a_token_for_everything(tmp_path: Path) -> None:
    access = open_access(AccessSettings(), [Reach.MACHINE])
    assert access.tokens is not None
    assert access.tokens().holder(access.own_token) == OWN
    assert OWN.roles == set(Role)
    with access.announced(tmp_path / "tokens", ["127.0.0.1:1"]):
        assert (tmp_path / "tokens" / "127.0.0.1:1").read_text() == access.own_token + "\n"


def test_for_a_unix_socket_alone_it_makes_none_and_nobody_else_is_let_in(tmp_path: Path) -> None:
    access = open_access(AccessSettings(), [Reach.USER])
    assert access.tokens is not None
    assert access.tokens().holder("") is None
    with access.announced(tmp_path / "tokens", []):
        assert not (tmp_path / "tokens").exists()


def test_with_a_file_it_makes_none_and_reads_the_file_again(
    token_file: Path, tmp_path: Path
) -> None:
    access = open_access(AccessSettings(token_file=token_file), [Reach.MACHINE])
    assert access.tokens is not None
    first = access.tokens().holder(TOKEN)
    assert first
    assert first.name == "ci"
    token_file.write_text(f"new admin {TOKEN}\n")
    second = access.tokens().holder(TOKEN)
    assert second
    assert second.name == "new"
    token_file.chmod(0o644)
    assert access.tokens().holder(TOKEN) == second
    with access.announced(tmp_path / "folder", ["127.0.0.1:1"]):
        assert not (tmp_path / "folder").exists()


def test_trust_is_loud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        access = open_access(AccessSettings(trust_loopback=True), [Reach.MACHINE])
    assert access.tokens is None
    assert "every user and program of this machine may call" in caplog.text


def test_the_files_are_read_before_anything_is_listened_on(
    authority: Authority, token_file: Path
) -> None:
    chain, key = authority.files("here.test")
    settings = AccessSettings(token_file=token_file, tls_cert=chain, tls_key=key)
    access = open_access(settings, [Reach.NETWORK])
    assert access.certificates is not None
    assert access.certificates.current().chain == chain.read_bytes()
    with pytest.raises(ConfigError, match="--tls-cert"):
        open_access(settings._replace(tls_cert=token_file), [Reach.NETWORK])


@pytest.mark.parametrize("content", [b"ci read short", b"ci read \xff" + TOKEN.encode(), b""])
def test_a_wrong_token_file_is_named_without_its_tokens(token_file: Path, content: bytes) -> None:
    token_file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"--token-file {token_file} can't be taken: ") as caught:
        read_tokens(token_file)
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__
