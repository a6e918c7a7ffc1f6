"""The few pieces of protobuf's wire format that are put together by hand.

A field is a tag (number << 3 | wire type) and a value; a message is the concatenation of
its fields in any order, so encoded parts can be joined without decoding them
(protobuf.dev/programming-guides/encoding).
"""

_SHORT = tuple(bytes((value,)) for value in range(0x80))


def varint(value: int) -> bytes:
    """Encodes a non-negative integer, seven bits a byte, lowest first."""
    if value <= 0x7F:
        return _SHORT[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def int_field(number: int, value: int) -> bytes:
    """Encodes a non-negative integer field."""
    return varint(number << 3) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Encodes a bytes, string or message field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint_at(data: bytes, start: int) -> int:
    """Decodes the integer that begins at `start`."""
    value = shift = 0
    for byte in data[start : start + 10]:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise ValueError(f"no integer ends after byte {start}")
