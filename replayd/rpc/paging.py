"""What lists have in common: the size of a page, and tokens that say where the next one begins
and what the pages before were asked for.
"""

import base64
import binascii
import struct
from typing import Any

from replayd.errors import FieldError

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


def page_size(asked: int) -> int:
    """Returns how many a page may have. Raises ReplaydError INVALID_OPTIONS."""
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise FieldError("page_size", f"has to be from 0 to {MAX_PAGE_SIZE}")
    return asked or PAGE_SIZE


class PageTokens:
    """The tokens of one call; the last of a token's values is what its pages were asked for."""

    def __init__(self, form: str, call: str, listed: str) -> None:
        """`form`: the values, as `struct` writes it; `call` and `listed`: for errors."""
        self._packing = struct.Struct(form)
        self._call = call
        self._listed = listed

    def token(self, *values: object) -> str:
        """Makes a token."""
        return base64.urlsafe_b64encode(self._packing.pack(*values)).decode()

    def place(self, token: str, asked: object) -> tuple[Any, ...]:
        """Returns a token's values but for the last, which has to be `asked`. Raises ReplaydError
        INVALID_OPTIONS.
        """
        try:
            packed = base64.b64decode(token.encode(), b"-_", validate=True)
            *place, of = self._packing.unpack(packed)
        except (UnicodeEncodeError, binascii.Error, struct.error):
            raise FieldError("page_token", f"is none that {self._call} gave") from None
        if of != asked:
            what = f"is of a request for other {self._listed}; ask for the same"
            raise FieldError("page_token", what)
        return tuple(place)
