import socket
from pathlib import Path

import pytest

from replayd.access.rules import Reach
from replayd.errors import ConfigError
from replayd.rpc.listen import (
    TcpAddress,
    UnixAddress,
    owned,
    parse_address,
    parse_addresses,
    parse_tcp,
    reach,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", TcpAddress("127.0.0.1", 0)),
        ("localhost:7000", TcpAddress("localhost", 7000)),
        ("[::1]:65535", TcpAddress("::1", 65535)),
        ("127.8.9.10:1", TcpAddress("127.8.9.10", 1)),
        ("unix:/run/x.sock", UnixAddress(Path("/run/x.sock"))),
    ],
)
def test_addresses_are_read(text: str, address: object) -> None:
    assert parse_address(text) == address


def test_an_address_is_listened_on_once_but_any_number_of_free_ports() -> None:
    texts = ["127.0.0.1:0", "127.0.0.1:0", "unix:/run/x.sock"]
    assert parse_addresses(texts) == [parse_address(text) for text in texts]
    with pytest.raises(ConfigError, match="given twice"):
        parse_addresses([*texts, "unix:/run/x.sock"])


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_socket_is_left_alone(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    there = folder / "x.sock"
    there.mkdir() if kind == "folder" else there.write_text("kept")
    with pytest.raises(ConfigError, match=f"a {kind} is there"), owned(UnixAddress(there)):
        pass
    assert there.exists()
    assert [each.name for each in folder.iterdir()] == ["x.sock"]


@pytest.mark.parametrize("text", ["", "7000", "host", ":7000", "127.0.0.1:x", "127.0.0.1:65536"])
def test_what_is_no_address_says_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match="write unix:PATH or HOST:PORT"):
        parse_address(text)
    with pytest.raises(ConfigError, match=f"^--other {text}: write HOST:PORT$"):
        parse_tcp(text, "--other")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/run/x.sock", Reach.USER),
        ("127.0.0.1:1", Reach.MACHINE),
        ("127.9.9.9:1", Reach.MACHINE),
        ("[::1]:1", Reach.MACHINE),
        ("localhost:1", Reach.MACHINE),
        ("0.0.0.0:1", Reach.NETWORK),
        ("[::]:1", Reach.NETWORK),
        ("192.168.0.1:1", Reach.NETWORK),
        # What only turns out to be loopback when it is resolved counts as what it might be.
        ("localhost.localdomain:1", Reach.NETWORK),
        ("127.1:1", Reach.NETWORK),
        ("0x7f000001:1", Reach.NETWORK),
    ],
)
def test_an_address_tells_from_where_it_can_be_called(text: str, expected: Reach) -> None:
    assert reach(parse_address(text)) is expected


def test_a_unix_address_needs_a_path() -> None:
    with pytest.raises(ConfigError, match="names no path"):
        parse_address("unix:")


def test_a_path_that_no_socket_can_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than 107 bytes"):
        parse_address("unix:/" + "x" * 107)


def test_a_unix_path_has_one_owner(tmp_path: Path) -> None:
    address = UnixAddress(tmp_path / "run" / "x.sock")
    with owned(address), pytest.raises(ConfigError, match="another daemon listens"), owned(address):
        pass
    with owned(address):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_change_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="chmod go-w"), owned(UnixAddress(folder / "x.sock")):
        pass


@pytest.mark.parametrize("path", ["/run/x%41.sock", "/run/x\n.sock", "/run/x\udce9.sock"])
def test_a_path_that_can_not_be_written_as_an_address_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="choose another one"):
        parse_address(f"unix:{path}")


def test_a_home_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such home"):
        parse_address("unix:~nobody-of-this-name/x.sock")


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "x.sock.lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(ConfigError, match="lock beside it"),
        owned(UnixAddress(folder / "x.sock")),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("target", ["socket", "nothing"])
def test_a_link_in_the_socket_s_place_is_left_alone(tmp_path: Path, target: str) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
    (tmp_path / "run" / "x.sock").symlink_to(tmp_path / target)
    with (
        pytest.raises(ConfigError, match="is there already"),
        owned(UnixAddress(tmp_path / "run" / "x.sock")),
    ):
        pass
    assert (tmp_path / "run" / "x.sock").is_symlink()
    assert (tmp_path / "socket").exists()
