"""Where a JSON value ends, found without understanding it, piece by piece.

Only strings and brackets count. Whether what lies between is JSON is for its parser; but
its nesting is bounded here, so that no parser has to bear more than it can.
"""

import re

MAX_DEPTH = 256
"""Browsers nest call stacks some dozens deep; Python's parser bears a thousand."""

_SCALAR = re.compile(rb"[^\s,:{}\[\]\"]*+")
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_FLAT = rb'[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""What neither opens nor closes: whole strings, and what stands outside of them."""
_QUIET = re.compile(rb"(?:%b|\{(?:%b)*+\}|\[(?:%b)*+\])*+" % (_FLAT, _FLAT, _FLAT), re.DOTALL)
"""That, and whole objects and lists of nothing else, which most are."""

_CLOSING = {ord("}"): ord("{"), ord("]"): ord("[")}
_QUOTE, _BACKSLASH = b'"\\'


class UnbalancedError(Exception):
    """Brackets don't match, or are too many; `position` is where."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Scalar:
    """Finds where a number or a literal ends."""

    def feed(self, data: bytes, start: int) -> int | None:
        """Looks at data from `start` on; returns where the value ends, None: not in it."""
        found = _SCALAR.match(data, start)
        assert found is not None
        return found.end() if found.end() < len(data) else None


class Extent:
    """Finds where a string, an object or a list ends."""

    def __init__(self) -> None:
        self._open = bytearray()
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes, position: int) -> int | None:
        """Looks at data from `position` on; returns where the value ends, None: not in it."""
        while True:
            if self._open and not self._in_string:
                quiet = _QUIET.match(data, position)
                assert quiet is not None
                position = quiet.end()
            if position == len(data):
                return None
            if self._in_string:
                position = self._through_string(data, position)
            else:
                self._bracket_or_quote(data[position], position)
                position += 1
            if not self._in_string and not self._open:
                return position

    def _through_string(self, data: bytes, position: int) -> int:
        """Goes on to the end of the string, or of the data."""
        if self._escaped:
            self._escaped = False
            return position + 1
        rest = _IN_STRING.match(data, position)
        assert rest is not None
        end = rest.end()
        if end == len(data):
            return end
        self._escaped = data[end] == _BACKSLASH
        self._in_string = self._escaped
        return end + 1

    def _bracket_or_quote(self, byte: int, position: int) -> None:
        if byte == _QUOTE:
            self._in_string = True
            return
        opening = _CLOSING.get(byte)
        if opening is None:
            if len(self._open) >= MAX_DEPTH:
                raise UnbalancedError(f"values nest deeper than {MAX_DEPTH} levels", position)
            self._open.append(byte)
        elif self._open.pop() != opening:
            raise UnbalancedError("a bracket does not close what was opened last", position)
