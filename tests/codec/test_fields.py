from flowreplay.v1 import flow_pb2

from replayd.codec.fields import header_messages, headers_from, set_time, time_of

HEADERS = ((b"Name", b"value"), (b"name", b"\xff"), (b"", b""))


def test_fields_keep_order_case_duplicates_and_bytes() -> None:
    assert headers_from(header_messages(HEADERS)) == HEADERS


def test_a_moment_is_kept_to_the_microsecond_or_not_at_all() -> None:
    message = flow_pb2.Request()
    set_time(message.start_time, 1700000000.123456)
    set_time(message.end_time, None)
    assert time_of(message, "start_time") == 1700000000.123456
    assert time_of(message, "end_time") is None
