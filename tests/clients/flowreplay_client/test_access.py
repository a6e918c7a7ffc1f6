from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from flowreplay_client import ReplaydClientError, Unreachable, access
from flowreplay_client.access import Access, AccessFiles, find_access

from tests.support.certificates import Authority

TOKEN = "b3f0c2" * 8
SHOWN = (("authorization", f"Bearer {TOKEN}"),)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f" {TOKEN}\n")
    return path


def own_token(home: Path, address: str, folder: str = ".local/state") -> Path:
    """The file that a daemon of the user with this home leaves."""
    path = home / folder / "replayd" / "tokens" / address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{TOKEN}\n")
    return path


def test_a_unix_socket_is_shown_nothing(token_file: Path) -> None:
    found = Access("unix:/x.sock", {"FLOWREPLAY_TOKEN_FILE": str(token_file)})
    assert (found.metadata(), found.credentials()) == (None, None)
    for files in (AccessFiles(token_file=token_file), AccessFiles(ca_file=token_file)):
        with pytest.raises(ValueError, match=f"asks for no token .* leave {token_file} out"):
            Access("unix:/x.sock", {}, **files)


def test_a_token_is_read_from_its_file_for_each_call(token_file: Path) -> None:
    found = Access("127.0.0.1:1", {}, token_file=token_file)
    assert found.metadata() == SHOWN
    token_file.write_text("renewed")
    assert found.metadata() == (("authorization", "Bearer renewed"),)
    assert Access("127.0.0.1:1", {"FLOWREPLAY_TOKEN_FILE": str(token_file)}).metadata()


@pytest.mark.parametrize("folder", [".local/state", "run"])
@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "localhost:1"])
def test_the_token_of_the_user_s_own_daemon_is_found(
    tmp_path: Path, folder: str, address: str
) -> None:
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    found = Access(address, environment)
    assert found.metadata() is None
    path = own_token(tmp_path, address, folder)
    assert found.metadata() == SHOWN
    assert Access("127.0.0.1:2", environment).metadata() is None
    path.unlink()
    assert found.metadata() is None


def test_a_given_token_comes_before_the_daemon_s_own(tmp_path: Path, token_file: Path) -> None:
    own_token(tmp_path, "127.0.0.1:1")
    token_file.write_text("given")
    found = Access("127.0.0.1:1", {"HOME": str(tmp_path)}, token_file=token_file)
    assert found.metadata() == (("authorization", "Bearer given"),)


@pytest.mark.parametrize("content", ["", "ci read token", "two\nlines", "é"])
def test_a_file_with_more_or_less_than_a_token_is_refused(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(ValueError, match=f"{token_file} does not hold a token alone"):
        Access("127.0.0.1:1", {}, token_file=token_file)


@pytest.mark.parametrize("name", ["token_file", "ca_file", "client_cert"])
def test_a_file_that_can_not_be_read_is_named(name: str, tmp_path: Path) -> None:
    given: AccessFiles = {name: tmp_path / "none"}  # type: ignore[misc]
    with pytest.raises(ValueError, match=f"{tmp_path}/none can't be read: No such file"):
        Access("127.0.0.1:1", {}, **given)


@pytest.mark.parametrize("address", ["10.0.0.1:1", "[::]:1", "example.org:1", "127.1:1", "lo:1"])
def test_a_token_never_leaves_the_machine_without_tls(
    address: str, token_file: Path, tmp_path: Path
) -> None:
    assert Access(address, {}, token_file=token_file).credentials() is not None
    own_token(tmp_path, address)
    assert Access(address, {"HOME": str(tmp_path)}).metadata() is None


def test_a_loopback_address_speaks_tls_when_a_certificate_is_given(
    authority: Authority, tmp_path: Path
) -> None:
    assert Access("127.0.0.1:1", {}).credentials() is None
    chain, key = authority.files("me.test")
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + chain.read_bytes())
    for files in (AccessFiles(ca_file=authority.ca_file), AccessFiles(client_cert=both)):
        assert Access("127.0.0.1:1", {}, **files).credentials() is not None
    environment = {
        "FLOWREPLAY_CA_FILE": str(authority.ca_file),
        "FLOWREPLAY_CLIENT_CERT": str(both),
    }
    with patch.object(grpc, "ssl_channel_credentials") as made:
        Access("127.0.0.1:1", environment).credentials()
    pem = both.read_bytes()
    made.assert_called_once_with(authority.ca_file.read_bytes(), pem, pem)


def test_a_token_that_is_another_by_now_is_no_reason_to_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Access("127.0.0.1:1", {"HOME": str(tmp_path)})
    refused = ReplaydClientError("TOKEN_MISSING", "no token")
    monkeypatch.setattr(access, "error_from", lambda _, __: refused)
    failure = grpc.RpcError()
    assert found.error(failure, None) is refused
    own_token(tmp_path, "127.0.0.1:1")
    passing = found.error(failure, None)
    assert isinstance(passing, Unreachable)
    assert (passing.reason, passing.message) == ("TOKEN_MISSING", "no token")
    assert found.error(failure, SHOWN) is refused
    refused.reason = "ROLE_MISSING"
    assert found.error(failure, None) is refused


def test_the_environment_says_where_and_what_is_shown(token_file: Path) -> None:
    environment = {"REPLAYD_ADDRESS": "localhost:1", "FLOWREPLAY_TOKEN_FILE": str(token_file)}
    found = find_access(None, environment)
    assert (found.address, found.metadata()) == ("localhost:1", SHOWN)
    with pytest.raises(ValueError, match="neither unix:PATH"):
        find_access("nonsense", environment)
