"""Contents as they are compared."""

import gzip

import brotli
import pytest

from replayd.comparing import contents
from replayd.comparing.contents import gather

GZIPPED = ((b"Content-Encoding", b"gzip"),)


def test_a_content_is_decoded() -> None:
    assert gather((gzip.compress(b"words"),), GZIPPED) == gather((b"wo", b"rds"), ())


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd", b"br, br"])
def test_one_that_a_capture_has_decoded_already_is_taken_as_it_is(coding: bytes) -> None:
    found = gather((b"wo", b"", b"rds"), ((b"content-encoding", coding),))
    assert (found.content, found.note) == (b"words", "")


def test_what_breaks_off_is_told_and_compared_as_it_is() -> None:
    broken = gzip.compress(bytes(range(256)) * 40)[:-20] + b"no gzip, no gzip, no"
    found = gather((broken[:200], broken[200:]), GZIPPED)
    assert found.content == broken
    assert "can't be decoded" in found.note


def test_an_unknown_coding_is_told() -> None:
    found = gather((b"words",), ((b"content-encoding", b"rot13, br"),))
    assert (found.content, found.note) == (b"words", "its coding 'rot13' is not known")


def test_a_large_one_has_a_digest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LOOKED_INTO", 4)
    one, same, other = (gather((content,), ()) for content in (b"words", b"words", b"wordy"))
    assert one.content is None
    assert one.digest == same.digest != other.digest
    assert one.size == 5


def test_what_grows_too_much_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_DECODED", 1000)
    encoded = brotli.compress(bytes(1001))
    found = gather((encoded,), ((b"content-encoding", b"br"),))
    assert found.content == encoded
    assert "more than 1000 bytes" in found.note
