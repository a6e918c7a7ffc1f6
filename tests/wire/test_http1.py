"""The reader on h11: what is its own, beside what every reader does (`test_reader`)."""

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.settings import WireSettings


def nowhere(_: bytes) -> None:
    """Writes content nowhere."""


@pytest.mark.parametrize("method", [b"GET", b"get", b"G\xe9T", b"", b"M-SEARCH"])
def test_takes_any_method(method: bytes) -> None:
    reader = H11Reader(method, WireSettings())
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", nowhere)
    assert reader.complete


@pytest.mark.parametrize("size", [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1])
def test_a_head_is_measured_to_the_byte(size: int) -> None:
    start, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", b"\r\n\r\n"
    head = start + b"y" * (size - len(start) - len(end)) + end
    fits = []
    for step in (size, 1000, 7):
        reader = H11Reader(b"GET", WireSettings())
        try:
            for at in range(0, size, step):
                reader.feed(head[at : at + step], nowhere)
            fits.append(reader.complete)
        except WireError:
            fits.append(False)
    assert fits == [size <= 64 * 1024] * 3


def test_a_fault_shows_what_came_and_nothing_that_a_terminal_obeys() -> None:
    with pytest.raises(WireError, match=r"sent b'\\x1b\[2J") as caught:
        H11Reader(b"GET", WireSettings()).feed(b"\x1b[2J" + b"x" * 200, nowhere)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 " + b"x" * 9000, b"HTTP/1.1 200 OK\r\n" + b"\0" * 9000],
    ids=["line", "field"],
)
def test_a_fault_shows_little_of_a_head_however_long(head: bytes) -> None:
    with pytest.raises(WireError, match="illegal") as caught:
        H11Reader(b"GET", WireSettings()).feed(head + b"\r\n\r\n", nowhere)
    assert len(caught.value.message) < 600


def test_another_major_version_is_not_spoken() -> None:
    reader = H11Reader(b"GET", WireSettings())
    with pytest.raises(WireError, match="does not speak HTTP/1; it sent") as caught:
        reader.feed(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", nowhere)
    assert caught.value.reason is Reason.INVALID_RESPONSE


SWITCH = b"HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\n"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_follows_a_101_that_was_asked_for_is_written_as_it_comes(step: int) -> None:
    reader = H11Reader(b"GET", WireSettings(), upgrade=True)
    data = b"HTTP/1.1 103 Hints\r\n\r\n" + SWITCH + b"\x81\x02hi" + b"HTTP/1.1 200 OK\r\n\r\n"
    written: list[bytes] = []
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step], written.append)
    reader.feed(b"", written.append)
    assert reader.head is not None
    assert (reader.head.status_code, reader.head.interim_status_codes) == (101, (103,))
    assert reader.head.headers == ((b"Upgrade", b"WebSocket"), (b"Connection", b"upgrade"))
    assert b"".join(written) == b"\x81\x02hiHTTP/1.1 200 OK\r\n\r\n"
    assert (reader.complete, reader.reusable) == (False, False)


def test_what_follows_a_101_has_no_length_whatever_it_says() -> None:
    reader = H11Reader(b"GET", WireSettings(), upgrade=True)
    written: list[bytes] = []
    reader.feed(SWITCH[:-2] + b"Content-Length: 2\r\n\r\n\x81\x02hi", written.append)
    assert (written, reader.declared_length) == ([b"\x81\x02hi"], False)


def test_a_101_that_nobody_asked_for_is_a_fault() -> None:
    with pytest.raises(WireError, match="switched protocols"):
        H11Reader(b"GET", WireSettings()).feed(SWITCH, nowhere)


def test_a_refused_upgrade_is_a_response() -> None:
    reader = H11Reader(b"GET", WireSettings(), upgrade=True)
    reader.feed(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", nowhere)
    assert (reader.complete, reader.reusable) == (True, True)
