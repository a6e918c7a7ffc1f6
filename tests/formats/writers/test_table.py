"""Formats that are written are read."""

import io

import pytest

from replayd.formats import Format, read_capture
from replayd.formats.writers import WRITERS
from replayd.model.flow import Flow
from tests.support.replayed import succeeded


def test_what_tools_read_is_written() -> None:
    assert WRITERS.keys() == {Format.MITMPROXY, Format.HAR, Format.GOREPLAY}


@pytest.mark.parametrize("format", WRITERS)
def test_what_is_written_is_recognised(format: Format) -> None:  # noqa: A002
    writer = WRITERS[format]
    replays = [b"".join(writer.write(succeeded())) for _ in range(3)]
    capture = writer.head + writer.between.join(replays) + writer.tail
    found = [
        each for each in read_capture(io.BytesIO(capture), format=None) if isinstance(each, Flow)
    ]
    assert len(found) == 3
