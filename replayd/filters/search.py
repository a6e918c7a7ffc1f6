"""How filters search: as mitmproxy does, with Python's `re`, or in linear time, with RE2.

Python's takes for ever for some expressions: it is for processes whose time is bounded. RE2
knows no look-around and no backreferences.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

_LINEAR_MEMORY = 1 << 20
"""Bytes that RE2 may take for an expression."""


_LINEAR_SIZE = 600
"""Steps of an expression, as RE2 compiles it: at the worst each octet takes as many, which is
four seconds for a MiB. Usual ones have some tens."""


class SearchFor(NamedTuple):
    """Makes searches, without regard to case, of an expression and flags.

    Both raise ValueError or re.error for no regular expression.
    """

    octets: Callable[[str, re.RegexFlag], Callable[[bytes], bool]]
    text: Callable[[str, re.RegexFlag], Callable[[str], bool]]


def _octets(argument: str, flags: re.RegexFlag) -> Callable[[bytes], bool]:
    search = re.compile(argument.encode(), flags | re.IGNORECASE).search
    return lambda octets: search(octets) is not None


def _text(argument: str, flags: re.RegexFlag) -> Callable[[str], bool]:
    search = re.compile(argument, flags | re.IGNORECASE).search
    return lambda text: search(text) is not None


def _linear_octets(argument: str, flags: re.RegexFlag) -> Callable[[bytes], bool]:
    return _linear(argument, flags, "LATIN1")


def _linear_text(argument: str, flags: re.RegexFlag) -> Callable[[str], bool]:
    search = _linear(argument, flags, "UTF8")
    return lambda text: search(text.encode("utf-8", "surrogateescape"))


def _linear(argument: str, flags: re.RegexFlag, encoding: str) -> Callable[[bytes], bool]:
    # Loaded by those few who need it.
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.encoding = getattr(re2.Options.Encoding, encoding)
    options.log_errors = False
    options.max_mem = _LINEAR_MEMORY
    options.case_sensitive = False
    options.dot_nl = bool(flags & re.DOTALL)
    prefix = b"(?m)" if flags & re.MULTILINE else b""
    try:
        pattern = re2.compile(prefix + argument.encode(), options)
    except re2.error as error:
        (said,) = error.args
        raise ValueError(said.decode(errors="replace")) from error
    if pattern.programsize > _LINEAR_SIZE:
        raise ValueError("too large to be searched for quickly; write * or + in place of counts")
    return lambda octets: pattern.search(octets) is not None


AS_MITMPROXY = SearchFor(_octets, _text)
LINEAR = SearchFor(_linear_octets, _linear_text)
