"""Compresses requests' fields and expands responses' (HPACK, RFC 7541). Pure; the only module
that knows hpack.

What h2 is given of a response is a shadow: whether it is interim, final or trailers. The
fields themselves are kept here, for `http2` to pick up.
"""

from collections.abc import Iterable

import hpack

from replayd.model.flow import Headers

_TABLE_SIZE = 4096
"""Bytes of our table of fields at most, though a server allows more: it is searched from end
to end for each field."""
_SECRETS = frozenset({b"authorization", b"proxy-authorization", b"cookie"})

_INTERIM = [hpack.HeaderTuple(b":status", b"100")]
_FINAL = [hpack.HeaderTuple(b":status", b"200")]


class FieldEncoder(hpack.Encoder):
    """Compresses by the tables alone: Huffman coding takes longer here than it saves."""

    def add(self, to_add: tuple[bytes, bytes], sensitive: bool, huffman: bool = False) -> bytes:
        """Returns one field compressed."""
        return super().add(to_add, sensitive, huffman=False)

    @property
    def header_table_size(self) -> int:
        """Bytes of the table."""
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, allowed: int) -> None:
        size = min(allowed, _TABLE_SIZE)
        if size != self.header_table.maxsize:
            self.header_table.maxsize = size
            self.table_size_changes.append(size)


class FieldDecoder(hpack.Decoder):
    """Expands header blocks; gives h2 the shadow of each."""

    def __init__(self, size_limit: int) -> None:
        """`size_limit`: bytes that one block may expand to; what is more ends the connection."""
        super().__init__(max_header_list_size=size_limit)
        self.fields: Headers = ()
        """The latest header list."""
        self.ending = False
        """It is the last of its stream; set before it comes."""

    def decode(self, data: bytes, raw: bool = False) -> Iterable[hpack.HeaderTuple]:
        """Expands a header block; returns its shadow."""
        expanded = super().decode(data, raw=True)
        self.fields = tuple((bytes(name), bytes(value)) for name, value in expanded)
        status = next((value for name, value in self.fields if name == b":status"), None)
        if status is None:
            return []
        return _INTERIM if status.startswith(b"1") and not self.ending else _FINAL


def hiding_secrets(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Marks fields that neither we nor a proxy on the way may put into a table (RFC 7541
    section 7.1.3).
    """
    return [
        hpack.NeverIndexedHeaderTuple(*field) if field[0].lower() in _SECRETS else field
        for field in headers
    ]
