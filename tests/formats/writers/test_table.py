"""Every format that is read is written."""

import io

import pytest

from replayd.formats import Format, read_capture
from replayd.formats.writers import WRITERS
from replayd.model.flow import Flow
from tests.support.replayed import succeeded


def test_every_format_has_a_writer() -> None:
    assert WRITERS.keys() == set(Format)


@pytest.mark.parametrize("format", Format)
def test_what_is_written_is_recognised(format: Format) -> None:  # noqa: A002
    writer = WRITERS[format]
    replays = [b"".join(writer.write(succeeded())) for _ in range(3)]
    capture = writer.head + writer.between.join(replays) + writer.tail
    found = [
        each for each in read_capture(io.BytesIO(capture), format=None) if isinstance(each, Flow)
    ]
    assert len(found) == 3
