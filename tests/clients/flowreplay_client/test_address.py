from pathlib import Path

import pytest
from flowreplay_client.address import check_address, find_address

ENVIRONMENT = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/state"}


def nothing_exists(_path: Path) -> bool:
    return False


def test_an_explicit_address_comes_before_the_variable() -> None:
    environment = {**ENVIRONMENT, "REPLAYD_ADDRESS": "localhost:1"}
    assert find_address("[::1]:7070", environment) == "[::1]:7070"
    assert find_address(None, environment) == "localhost:1"


@pytest.mark.parametrize(
    ("environment", "existing", "socket"),
    [
        (ENVIRONMENT, None, "/run/user/1/replayd/replayd.sock"),
        (ENVIRONMENT, "/state/replayd/replayd.sock", "/state/replayd/replayd.sock"),
        ({"HOME": "/home/ann"}, None, "/home/ann/.local/state/replayd/replayd.sock"),
        ({"HOME": "/h", "REPLAYD_ADDRESS": ""}, None, "/h/.local/state/replayd/replayd.sock"),
    ],
)
def test_without_one_it_is_the_default_socket(
    environment: dict[str, str], existing: str | None, socket: str
) -> None:
    assert find_address(None, environment, lambda path: str(path) == existing) == f"unix:{socket}"


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("", "neither"),
        ("localhost", "neither"),
        (":80", "neither"),
        ("::1:80", "brackets"),
        ("http://h:80", "brackets"),
        ("h:", "port"),
        ("h:0", "port"),
        ("h:65536", "port"),
        ("h:\N{SUPERSCRIPT TWO}", "port"),
        ("unix:", "no socket"),
        ("unix:/", "no socket"),
        ("unix:/" + "x" * 107, "107 bytes"),
    ],
)
def test_what_is_no_address_is_said_with_its_source(address: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as caught:
        check_address(address, "REPLAYD_ADDRESS")
    assert str(caught.value).startswith(f"REPLAYD_ADDRESS {address!r}")


def test_a_variable_that_makes_no_sense_is_named() -> None:
    with pytest.raises(ValueError, match=r"^REPLAYD_ADDRESS 'nonsense'"):
        find_address(None, {"REPLAYD_ADDRESS": "nonsense"}, nothing_exists)
