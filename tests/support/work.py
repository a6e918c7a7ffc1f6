"""How much work something takes, by counts or bounds that no busy machine changes."""

import sys
from collections.abc import Callable
from types import FrameType

from tools.fuzz.limits import limited_time

__all__ = ["calls", "limited_time"]


def calls(function: Callable[[], object]) -> int:
    """How many functions are called, Python's and C's, until this one returns."""
    count = 0

    def each(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(each)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count
