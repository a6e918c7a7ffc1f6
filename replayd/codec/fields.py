"""What many messages have: header fields and moments. Pure."""

from collections.abc import Iterable
from functools import lru_cache

from flowreplay.v1 import flow_pb2, plan_pb2
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from google.protobuf.timestamp_pb2 import Timestamp

from replayd.codec.wire_format import bytes_field, signed, varint
from replayd.model.flow import Headers

_HEADER = flow_pb2.Header

_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999: what a google.protobuf.Timestamp may say."""

TimedMessage = (
    flow_pb2.Request
    | flow_pb2.Response
    | flow_pb2.FlowError
    | flow_pb2.WebSocket
    | flow_pb2.WebSocketMessage
    | plan_pb2.WebSocketPlan
)


def header_messages(headers: Headers) -> list[flow_pb2.Header]:
    """Converts fields to messages, in their order."""
    return [_HEADER(name=name, value=value) for name, value in headers]


def add_headers(
    messages: RepeatedCompositeFieldContainer[flow_pb2.Header], headers: Headers
) -> None:
    """Adds fields to a message's own, in their order: made in place, they take half the time."""
    add = messages.add
    for name, value in headers:
        add(name=name, value=value)


def encode_headers(tag: bytes, headers: Headers) -> bytes:
    """Encodes fields, in their order, as the repeated Header field that begins with `tag`."""
    if not headers:
        return b""
    return tag + tag.join(map(_encoded.__getitem__, headers))


class _Encoded(dict[tuple[bytes, bytes], bytes]):
    """Headers as messages with their length in front: a capture has the same ones again and
    again.
    """

    def __missing__(self, pair: tuple[bytes, bytes]) -> bytes:
        name, value = pair
        message = (bytes_field(1, name) if name else b"") + (
            bytes_field(2, value) if value else b""
        )
        encoded = varint(len(message)) + message
        if len(encoded) <= _KNOWN_BYTES:
            if len(self) >= _KNOWN:
                self.clear()
            self[pair] = encoded
        return encoded


_KNOWN, _KNOWN_BYTES = 1024, 512
"""How many of them are remembered, and the bytes of one."""

_encoded = _Encoded()


def headers_from(messages: Iterable[flow_pb2.Header]) -> Headers:
    """Converts messages to fields, in their order."""
    return tuple([(header.name, header.value) for header in messages])


def set_time(field: Timestamp, seconds: float | None) -> None:
    """Sets a moment, given in seconds since the epoch, to the microsecond; None: leaves it."""
    if seconds is not None:
        field.FromNanoseconds(round(seconds * 1_000_000) * 1000)


def time_field(number: int, seconds: float | None) -> bytes:
    """Encodes a Timestamp field as `set_time` sets one; None: no field."""
    if seconds is None:
        return b""
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    message = _seconds(whole)
    if micros:
        message += b"\x10" + varint(micros * 1000)
    return bytes_field(number, message)


@lru_cache(maxsize=64)
def _seconds(whole: int) -> bytes:
    """Encodes a Timestamp's seconds: many moments of a capture are in the same ones."""
    return b"\x08" + signed(whole) if whole else b""


def time_of(message: TimedMessage, name: str) -> float | None:
    """Returns a moment in seconds since the epoch; None: it is not set, or is none that a
    Timestamp may say.
    """
    if not message.HasField(name):  # type: ignore[arg-type]
        return None
    stamp: Timestamp = getattr(message, name)
    if not (_FIRST_SECOND <= stamp.seconds <= _LAST_SECOND and 0 <= stamp.nanos < 10**9):
        return None
    return stamp.seconds + stamp.nanos / 1e9
