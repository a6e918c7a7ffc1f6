"""The rules of rewriting, checked and compiled. Raises RuleError for what is none."""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from replayd.filters import FilterError, Matcher, Subject, compile_filter
from replayd.model.flow import Flow, Headers
from replayd.planning.hosts import host_port, normal_host
from replayd.reasons import Reason

_URL = re.compile(r"(?i:(https?)://)(\[[^\]/?#]*\]|[^:/?#]*)(?::([0-9]*))?(?=[/?#]|\Z)", re.DOTALL)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHOWN = 80
"""Characters of a URL that a message shows."""

Made = TypeVar("Made")


class RuleError(ValueError):
    """What is wrong with a rule: in which `part` of it, and at which character from 0 (None:
    all of it).
    """

    def __init__(self, part: str, what: str, position: int | None = None) -> None:
        super().__init__(what)
        self.part = part
        self.position = position


class Unrewritable(Exception):  # noqa: N818 - a flow's refusal, not a failure
    """Why a rewriting can't be done to a flow."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Place(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a URL has them: without the scheme's own port."""
        full = host_port(self.host, self.port)
        own = self.port == _DEFAULT_PORTS.get(self.scheme)
        return full.removesuffix(f":{self.port}") if own else full

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Target(NamedTuple):
    """Where all requests go."""

    place: Place
    prefix: bytes
    """Put before every path; does not end with a slash."""


class HeaderRule(NamedTuple):
    """Sets or removes a field."""

    matches: Matcher
    name: bytes
    value: bytes
    """Empty: it is only removed."""


class UrlRule(NamedTuple):
    """Rewrites URLs."""

    matches: Matcher
    find: re.Pattern[str]
    replacement: str


class ContentRule(NamedTuple):
    """Rewrites contents."""

    matches: Matcher
    find: re.Pattern[bytes]
    replacement: bytes


class Rules(NamedTuple):
    """All that a batch asks for; they are applied in this order."""

    modify_headers: tuple[HeaderRule, ...] = ()
    map_remote: tuple[UrlRule, ...] = ()
    modify_body: tuple[ContentRule, ...] = ()
    target: Target | None = None
    set_query: Headers = ()
    remove_headers: tuple[bytes, ...] = ()
    set_headers: Headers = ()
    set_cookies: Headers = ()
    host: bytes = b""
    server_name: str = ""


def split_url(url: str) -> tuple[Place, str]:
    """Returns where a URL leads, and what follows its authority. Raises ValueError, its text
    saying why, when it is none of http or https.
    """
    found = _URL.match(url)
    shown = url.partition("?")[0][:_SHOWN]
    if found is None:
        raise ValueError(f"{shown!r} is not a URL of the form http(s)://HOST[:PORT]/PATH")
    scheme = found[1].lower()
    port = int(found[3][:6]) if found[3] else _DEFAULT_PORTS[scheme]
    if not 0 < port < 1 << 16:
        raise ValueError(f"the port of {shown!r} is not between 1 and 65535")
    try:
        host = normal_host(found[2])
    except ValueError as error:
        raise ValueError(f"the host of {shown!r} {error}") from None
    return Place(scheme, host, port), url[found.end() :]


def target(url: str) -> Target:
    """Reads a target: a URL without a query."""
    try:
        place, rest = split_url(url)
    except ValueError as error:
        raise RuleError("", str(error)) from error
    if "?" in rest or "#" in rest:
        raise RuleError("", "has a query or a fragment; only a path may follow the host")
    if not rest.isascii() or not rest.isprintable() or " " in rest:
        raise RuleError("", "has a path that is not percent-encoded")
    return Target(place, rest.rstrip("/").encode())


def server_name(name: str) -> str:
    """Reads a name for TLS to ask for."""
    try:
        return normal_host(name)
    except ValueError as error:
        raise RuleError("", str(error)) from error


def header_rule(filter_text: str, name: bytes, value: bytes) -> HeaderRule:
    """Makes a rule of `modify_headers`."""
    return HeaderRule(_matcher(filter_text), field_name(name), value)


def field_name(name: bytes) -> bytes:
    """Checks the name of a field that is set or removed."""
    if not name:
        raise RuleError("name", "is missing")
    if name.startswith(b":"):
        raise RuleError(
            "name", "begins with a colon: set what HTTP/2 has in such fields with target and host"
        )
    return name


def url_rule(filter_text: str, regex: str, replacement: str) -> UrlRule:
    """Makes a rule of `map_remote`."""
    matches = _matcher(filter_text)
    find = _compiled("url_regex", lambda: re.compile(regex))
    # Reads the replacement, whatever is found.
    _compiled("replacement", lambda: find.sub(replacement, ""))
    return UrlRule(matches, find, replacement)


def content_rule(filter_text: str, regex: bytes, replacement: bytes) -> ContentRule:
    """Makes a rule of `modify_body`."""
    find = _compiled("regex", lambda: re.compile(regex, re.DOTALL))
    return ContentRule(_matcher(filter_text), find, replacement)


def finds(matches: Matcher, flow: Flow) -> bool:
    """Asks a filter about a flow as mitmproxy asks before it sends one: there is no response."""
    return matches(Subject(flow._replace(response=None, error=None)))


def _matcher(filter_text: str) -> Matcher:
    if not filter_text:
        return _everything
    try:
        return compile_filter(filter_text)
    except FilterError as error:
        raise RuleError("filter", f"can't be read: {error}", error.position) from error


def _everything(_: Subject) -> bool:
    return True


def _compiled(part: str, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except re.error as error:
        position = 0 if error.pos is None else error.pos
        what = f"can't be read: {error.msg} (at character {position + 1})"
        raise RuleError(part, what, position) from error
    except (IndexError, OverflowError, RecursionError, ValueError) as error:
        raise RuleError(part, f"can't be read: {error}") from error
