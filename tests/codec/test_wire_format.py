import pytest
from flowreplay.v1 import event_pb2
from hypothesis import given
from hypothesis import strategies as st

from replayd.codec.wire_format import bytes_field, int_field, signed, varint, varint_at


@given(st.integers(0, 2**63 - 1), st.binary(max_size=300))
def test_fields_are_what_protobuf_makes_of_them(number: int, data: bytes) -> None:
    joined = int_field(1, number) + bytes_field(3, b"batch") + bytes_field(99, data)
    event = event_pb2.Event.FromString(joined)
    assert event.sequence == number
    assert event.batch_id == "batch"


@given(st.integers(0, 2**63 - 1))
def test_an_integer_comes_back(number: int) -> None:
    assert varint_at(b"\x08" + varint(number) + b"rest", 1) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_negative_integer_is_in_twos_complement(number: int) -> None:
    assert event_pb2.Event.FromString(b"\x08" + signed(number)).sequence == number


def test_an_integer_that_does_not_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no integer ends after byte 0"):
        varint_at(b"\xff" * 10, 0)
