"""The few pieces of protobuf's wire format that are put together by hand.

A field is a tag (number << 3 | wire type) and a value; a message is the concatenation of
its fields in any order, so encoded parts can be joined without decoding them
(protobuf.dev/programming-guides/encoding).
"""

_LAST = tuple(bytes((value,)) for value in range(0x80))
"""The last byte of an integer."""
_MORE = tuple(bytes((value | 0x80,)) for value in range(0x80))
"""Any other byte of it."""

_WORD = (1 << 64) - 1


def varint(value: int) -> bytes:
    """Encodes a non-negative integer, seven bits a byte, lowest first."""
    if value <= 0x7F:
        return _LAST[value]
    if value <= 0x3FFF:
        return _MORE[value & 0x7F] + _LAST[value >> 7]
    encoded = _MORE[value & 0x7F] + _MORE[value >> 7 & 0x7F]
    value >>= 14
    while value > 0x7F:
        encoded += _MORE[value & 0x7F]
        value >>= 7
    return encoded + _LAST[value]


def int_tag(number: int) -> bytes:
    """Encodes what stands before a field's integer."""
    return varint(number << 3)


def bytes_tag(number: int) -> bytes:
    """Encodes what stands before the length of a field's bytes, string or message."""
    return _BYTES_TAGS[number] if number < _TAGS else varint(number << 3 | 2)


_TAGS = 64
_BYTES_TAGS = tuple(varint(number << 3 | 2) for number in range(_TAGS))
"""Of the fields that are encoded again and again."""


def int_field(number: int, value: int) -> bytes:
    """Encodes a non-negative integer field."""
    return int_tag(number) + varint(value)


def signed(value: int) -> bytes:
    """Encodes an integer that may be negative, as int32 and int64 do: in two's complement."""
    return varint(value & _WORD)


def bytes_field(number: int, value: bytes) -> bytes:
    """Encodes a bytes, string or message field."""
    return bytes_tag(number) + varint(len(value)) + value


def varint_at(data: bytes, start: int) -> int:
    """Decodes the integer that begins at `start`."""
    value = shift = 0
    for byte in data[start : start + 10]:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise ValueError(f"no integer ends after byte {start}")
