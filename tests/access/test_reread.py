import logging
from pathlib import Path

import pytest

from replayd.access.reread import Reread
from replayd.errors import ConfigError


class Source:
    """A file that holds a number, and how often it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_count = 0

    def read(self) -> int:
        self.read_count += 1
        try:
            return int(self.path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError("no number") from error


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "number"
    path.write_text("1")
    return Source(path)


def test_a_file_is_read_once_and_again_when_it_has_changed(source: Source, tmp_path: Path) -> None:
    value = Reread([source.path], source.read)
    assert [value.current(), value.current(), source.read_count] == [1, 1, 1]
    (tmp_path / "new").write_text("2")
    (tmp_path / "new").rename(source.path)
    assert [value.current(), value.current(), source.read_count] == [2, 2, 2]


def test_what_makes_no_sense_is_logged_once_and_what_was_holds(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    value = Reread([source.path], source.read)
    source.path.write_text("nonsense")
    assert [value.current(), value.current(), source.read_count] == [1, 1, 2]
    source.path.unlink()
    assert [value.current(), source.read_count] == [1, 3]
    said = [record.getMessage() for record in caplog.records]
    assert said == ["no number; what was read before still holds"] * 2
    with caplog.at_level(logging.INFO):
        source.path.write_text("33")
        assert value.current() == 33
    assert caplog.messages[-1] == f"{source.path} changed and was read again"


def test_a_mode_that_changed_is_news(source: Source) -> None:
    value = Reread([source.path], source.read)
    source.path.chmod(0o400)
    value.current()
    assert source.read_count == 2


def test_at_the_start_an_error_is_an_error(source: Source) -> None:
    source.path.unlink()
    with pytest.raises(ConfigError):
        Reread([source.path], source.read)
