import logging
from pathlib import Path

import pytest

from replayd.access.own_token import make_token, token_files
from replayd.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "replayd" / "tokens"


def test_a_token_has_256_bits_and_is_never_the_same() -> None:
    tokens = {make_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}


def test_each_address_has_a_file_that_only_this_user_can_read(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), token_files(folder, "t1", ["127.0.0.1:1", "[::1]:2"]):
        found = {path.name: path.read_text() for path in folder.iterdir()}
        assert found == {"127.0.0.1:1": "t1\n", "[::1]:2": "t1\n"}
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {0o700}
    assert list(folder.iterdir()) == []
    assert f"callers of 127.0.0.1:1 need the token in {folder}/127.0.0.1:1" in caplog.messages
    assert "t1" not in caplog.text.replace("t1\n", "")


def test_daemons_of_one_user_leave_each_other_s_files_alone(folder: Path) -> None:
    with token_files(folder, "t1", ["127.0.0.1:1"]):
        with token_files(folder, "t2", ["127.0.0.1:2"]):
            assert (folder / "127.0.0.1:1").read_text() == "t1\n"
            assert (folder / "127.0.0.1:2").read_text() == "t2\n"
        assert [path.name for path in folder.iterdir()] == ["127.0.0.1:1"]


def test_the_next_daemon_removes_what_a_killed_one_left(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)
    (folder / "127.0.0.1:1").write_text("stale")
    (folder / "127.0.0.1:2").write_text("stale")
    with token_files(folder, "t", ["127.0.0.1:2"]):
        assert [path.name for path in folder.iterdir()] == ["127.0.0.1:2"]
        assert (folder / "127.0.0.1:2").read_text() == "t\n"


def test_a_place_where_nothing_can_be_kept_is_said(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)
    with (
        pytest.raises(ConfigError, match=r"127.0.0.1:1/x, which callers need, can't be written"),
        token_files(folder, "t", ["127.0.0.1:1/x"]),
    ):
        pass
