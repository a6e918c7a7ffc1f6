"""Contents of a HAR: decoded where that is possible and safe."""

import gzip
import zlib

import pytest

from replayd.formats.writers import har_content
from replayd.formats.writers.har_content import decoded, text
from replayd.formats.writers.json_pieces import Base64, LongText

PLAIN = b"some text " * 100


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        (b"gzip", gzip.compress(PLAIN, mtime=0)),
        (b"X-GZIP", gzip.compress(PLAIN, mtime=0)),
        (b"deflate", zlib.compress(PLAIN)),
        (b"deflate", raw_deflate(PLAIN)),
        (b"identity, gzip", gzip.compress(PLAIN, mtime=0)),
    ],
)
def test_known_codings_are_undone(coding: bytes, content: bytes) -> None:
    assert decoded(content, ((b"Content-Encoding", coding),)) == PLAIN


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        (b"br", b"whatever"),
        (b"gzip", PLAIN),
        (b"gzip", gzip.compress(PLAIN, mtime=0)[:-1]),
        (b"gzip", gzip.compress(PLAIN, mtime=0) + b"more"),
        (b"gzip, gzip", gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0)),
        (b"", PLAIN),
        (b"gzip", b""),
    ],
)
def test_others_stand_as_they_came(coding: bytes, content: bytes) -> None:
    assert decoded(content, ((b"Content-Encoding", coding),)) is content


def test_a_bomb_does_not_go_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har_content, "MAX_DECODED", 1000)
    bomb = gzip.compress(bytes(1 << 20))
    assert decoded(bomb, ((b"Content-Encoding", b"gzip"),)) is bomb
    fits = gzip.compress(bytes(1000))
    assert decoded(fits, ((b"Content-Encoding", b"gzip"),)) == bytes(1000)


def test_text_stands_as_text_and_all_else_as_base64() -> None:
    assert text("é".encode()) == {"text": LongText("é".encode())}
    assert text(b"\xff") == {"text": Base64(b"\xff"), "encoding": "base64"}
