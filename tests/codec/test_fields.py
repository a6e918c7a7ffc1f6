import pytest
from flowreplay.v1 import flow_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from replayd.codec.fields import (
    add_headers,
    encode_headers,
    header_messages,
    headers_from,
    set_time,
    time_field,
    time_of,
)

HEADERS = ((b"Name", b"value"), (b"name", b"\xff"), (b"", b""))


def test_fields_keep_order_case_duplicates_and_bytes() -> None:
    message = flow_pb2.Request()
    add_headers(message.headers, HEADERS)
    assert headers_from(message.headers) == headers_from(header_messages(HEADERS)) == HEADERS


def test_fields_are_encoded_as_generated_code_does() -> None:
    headers = (*HEADERS, (b"n" * 300, b"v" * 300), *HEADERS)
    message = flow_pb2.Request(headers=header_messages(headers))
    assert encode_headers(b"\x42", headers) == message.SerializeToString()


@pytest.mark.parametrize("seconds", [None, 0.0, 1700000000.123456, 0.0000014, 3.0, -0.5])
def test_a_moment_is_encoded_as_it_is_set(seconds: float | None) -> None:
    message = flow_pb2.Request()
    set_time(message.end_time, seconds)
    assert time_field(14, seconds) == message.SerializeToString()


def test_a_moment_is_kept_to_the_microsecond_or_not_at_all() -> None:
    message = flow_pb2.Request()
    set_time(message.start_time, 1700000000.123456)
    set_time(message.end_time, None)
    assert time_of(message, "start_time") == 1700000000.123456
    assert time_of(message, "end_time") is None


@pytest.mark.parametrize(
    ("seconds", "nanos", "moment"),
    [
        (253_402_300_799, 0, 253_402_300_799.0),
        (-1, 500_000_000, -0.5),
        (253_402_300_800, 0, None),
        (-62_135_596_801, 0, None),
        (10**18, 0, None),
        (1, 10**9, None),
        (1, -1, None),
    ],
)
def test_what_no_timestamp_may_say_is_none(seconds: int, nanos: int, moment: float | None) -> None:
    message = flow_pb2.Request(start_time=Timestamp(seconds=seconds, nanos=nanos))
    assert time_of(message, "start_time") == moment
