import io
import os
import threading
from pathlib import Path

import pytest
from flowreplay_client.capture import CHUNK_BYTES, CaptureSource, open_capture

CONTENT = bytes(range(256)) * 5000
"""A little more than one chunk."""


def sources(folder: Path) -> list[CaptureSource]:
    path = folder / "capture"
    path.write_bytes(CONTENT)
    return [
        path,
        str(path),
        CONTENT,
        bytearray(CONTENT),
        io.BytesIO(CONTENT),
        [CONTENT[:7], CONTENT[7:]],
    ]


@pytest.mark.parametrize("kind", range(6))
def test_every_source_gives_the_same_bytes_as_often_as_asked(kind: int, tmp_path: Path) -> None:
    capture = open_capture(sources(tmp_path)[kind])
    assert capture.repeatable
    assert capture.size() == len(CONTENT)
    for _ in range(2):
        chunks = list(capture.chunks())
        assert b"".join(chunks) == CONTENT
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"header" + CONTENT)
    file.seek(6)
    capture = open_capture(file)
    assert capture.size() == len(CONTENT)
    assert b"".join(capture.chunks()) == CONTENT


def test_an_iterator_gives_its_bytes_once() -> None:
    capture = open_capture(iter([b"a", b"", b"b"]))
    assert not capture.repeatable
    assert capture.size() is None
    assert list(capture.chunks()) == [b"a", b"b"]


def test_a_pipe_gives_its_bytes_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    by_name = open_capture(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(CONTENT,))
    writer.start()
    assert (by_name.repeatable, by_name.size()) == (False, None)
    assert b"".join(by_name.chunks()) == CONTENT
    writer.join()


def test_a_file_that_is_not_there_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(open_capture(tmp_path / "none").chunks())


def test_text_is_not_taken_for_an_empty_capture() -> None:
    with pytest.raises(TypeError, match="str, not bytes"):
        list(open_capture(io.StringIO("text")).chunks())  # type: ignore[arg-type]


def test_a_file_that_has_nothing_yet_is_not_taken_for_an_empty_capture() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb", buffering=0) as file, pytest.raises(TypeError, match="NoneType"):
        list(open_capture(file).chunks())
    os.close(writer)
