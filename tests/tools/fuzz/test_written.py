"""Structures, written so that their format's reader reads them."""

import io
from random import Random

import pytest

from replayd.formats import Format, read_capture
from replayd.model.flow import Flow
from tools.fuzz import seeds, written

NEWEST = next(each for each in seeds.flows() if isinstance(each, dict) and each["version"] == 21)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        pytest.param(written.dump([NEWEST], Random(1)), Format.MITMPROXY, id="dump"),
        pytest.param(written.har(seeds.entries()[:2], Random(1)), Format.HAR, id="har"),
        pytest.param(written.burp(seeds.items()[:2], Random(1)), Format.BURP, id="burp"),
        pytest.param(written.archive(seeds.archives()[:1], Random(1)), Format.SAZ, id="archive"),
    ],
)
def test_what_is_written_well_is_read(data: bytes, named: Format) -> None:
    found = list(read_capture(io.BytesIO(data), format=named))
    assert any(isinstance(each, Flow) and each.request for each in found)


def test_whatever_a_structure_holds_is_written() -> None:
    odd = {"a\ud800": [b"x", None, 1.5], "": "\ud800", "\0": {}}
    for write in (written.har, written.burp, written.archive):
        assert write([odd, None, []], Random(1))
    assert written.dump([{"a": [b"x", None, 1.5, True, -3]}, None], Random(1)).endswith(b"0:~")
