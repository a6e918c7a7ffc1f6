r"""What an Enqueue rewrites, as people write it: mitmproxy's notation where it has one.

`[/flow-filter]/what/replacement`, with any first character in place of the slash. In
`modify_headers` and `modify_body` a replacement `@PATH` is read from a file, here and now, and
escapes such as `\n` or `\x00` mean what they do in Python.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypedDict, TypeVar

from flowreplay.v1.flow_pb2 import Header
from flowreplay.v1.replay_pb2 import (
    EnqueueOptions,
    MapRemote,
    ModifyBody,
    ModifyHeaders,
    Parameter,
)

_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{2})|([abfnrtv\\'\"])|(\n))")
_CONTROLS = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))

Rule = TypeVar("Rule", ModifyHeaders, MapRemote, ModifyBody, Header, Parameter)


class RewriteSettings(TypedDict, total=False):
    """How to rewrite requests before they are sent; applied in the order of docs/rewriting.md."""

    target: str
    """`http(s)://HOST[:PORT][/PATH]`: where all requests go, the path put before theirs; Host
    and the name that TLS asks for follow."""
    map_remote: Iterable[str | MapRemote]
    """`[|flow-filter]|url-regex|replacement`: rewrites URLs."""
    modify_headers: Iterable[str | ModifyHeaders]
    """`[/flow-filter]/name/[@]value`: sets a header field; an empty value removes it."""
    modify_body: Iterable[str | ModifyBody]
    """`[/flow-filter]/regex/[@]replacement`: rewrites contents."""
    set_headers: Iterable[str | Header]
    """`Name: value`: sets a header field where it stands."""
    remove_headers: Iterable[str | bytes]
    """Names of header fields to remove."""
    set_query: Iterable[str | Parameter]
    """`name=value`: sets a parameter of the URL's query; it is percent-encoded for you."""
    set_cookies: Iterable[str | Parameter]
    """`name=value`: sets a cookie."""
    host: str
    """What Host, or `:authority`, says; empty: as captured, or as `target` has it."""
    server_name: str
    """The name that TLS asks for; empty: as captured, or as `target` has it."""


class _Parts(NamedTuple):
    flow_filter: str
    what: str
    replacement: str


def parse_modify_headers(text: str) -> ModifyHeaders:
    """Reads `[/flow-filter]/name/[@]value`; raises ValueError that says what is wrong. A file's
    last line end is no part of the value.
    """
    parts = _parts(text, "[/flow-filter]/name/[@]value")
    value = _octets(parts.replacement)
    if parts.replacement.startswith("@"):
        value = value.removesuffix(b"\n").removesuffix(b"\r")
    return ModifyHeaders(filter=parts.flow_filter, name=_unescaped(parts.what), value=value)


def parse_map_remote(text: str) -> MapRemote:
    """Reads `[|flow-filter]|url-regex|replacement`; raises ValueError that says what is wrong."""
    parts = _parts(text, "[|flow-filter]|url-regex|replacement")
    return MapRemote(filter=parts.flow_filter, url_regex=parts.what, replacement=parts.replacement)


def parse_modify_body(text: str) -> ModifyBody:
    """Reads `[/flow-filter]/regex/[@]replacement`; raises ValueError that says what is wrong."""
    parts = _parts(text, "[/flow-filter]/regex/[@]replacement")
    return ModifyBody(
        filter=parts.flow_filter,
        regex=_unescaped(parts.what),
        replacement=_octets(parts.replacement),
    )


def parse_set_header(text: str) -> Header:
    """Reads `Name: value`; raises ValueError that says what is wrong."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"{text!r} is not 'Name: value'")
    return Header(name=name.strip().encode(), value=value.strip().encode())


def parse_parameter(text: str) -> Parameter:
    """Reads `name=value`; raises ValueError that says what is wrong."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"{text!r} is not name=value")
    return Parameter(name=name.encode(), value=value.encode())


def fill_rewriting(options: EnqueueOptions, settings: RewriteSettings) -> None:
    """Puts what is to be rewritten into the options; raises ValueError for what makes no sense."""
    options.target = settings.get("target", "")
    options.modify_headers.extend(_read(settings.get("modify_headers", ()), parse_modify_headers))
    options.map_remote.extend(_read(settings.get("map_remote", ()), parse_map_remote))
    options.modify_body.extend(_read(settings.get("modify_body", ()), parse_modify_body))
    options.set_headers.extend(_read(settings.get("set_headers", ()), parse_set_header))
    options.set_query.extend(_read(settings.get("set_query", ()), parse_parameter))
    options.set_cookies.extend(_read(settings.get("set_cookies", ()), parse_parameter))
    for name in settings.get("remove_headers", ()):
        options.remove_headers.append(name.encode() if isinstance(name, str) else name)
    options.host = settings.get("host", "")
    options.server_name = settings.get("server_name", "")


def _read(rules: Iterable[str | Rule], parse: Callable[[str], Rule]) -> list[Rule]:
    return [parse(rule) if isinstance(rule, str) else rule for rule in rules]


def _parts(text: str, form: str) -> _Parts:
    """Cuts a rule at its first character, as mitmproxy does: what is left at the end may have it
    too.
    """
    parts = text[1:].split(text[:1], 2) if text else []
    if len(parts) == 2:
        parts = ["", *parts]
    if len(parts) != 3:
        raise ValueError(
            f"{text!r} is not {form}: it has {max(len(parts), 1)} of two or three parts, which "
            "its first character parts"
        )
    return _Parts(*parts)


def _octets(replacement: str) -> bytes:
    if not replacement.startswith("@"):
        return _unescaped(replacement)
    path = Path(replacement[1:]).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror or error}") from error


def _unescaped(text: str) -> bytes:
    """Reads escapes as Python's literals of bytes have them; what is none stays."""
    pieces: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        octal, hexadecimal, control, _ = found.groups()
        pieces.append(text[end : found.start()].encode())
        if octal:
            pieces.append(bytes([int(octal, 8) & 0xFF]))
        elif hexadecimal:
            pieces.append(bytes([int(hexadecimal, 16)]))
        elif control:
            pieces.append(_CONTROLS[control].encode())
        end = found.end()
    return b"".join((*pieces, text[end:].encode()))
