"""What each `~word` of a filter asks of a flow: a table, with a line each for people."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from replayd.filters.search import SearchFor
from replayd.filters.subject import Subject, values
from replayd.model.flow import FlowKind, Headers

Matcher = Callable[[Subject], bool]
"""Tells whether a flow is one that is asked for."""

Argument = Literal["", "REGEX", "NUMBER"]


class Term(NamedTuple):
    """One `~word`."""

    what: str
    """What it finds, for people."""
    make: Callable[[str, SearchFor], Matcher]
    """Makes a matcher from the argument, which is searched for as it is told. Raises ValueError
    for no regular expression, or what `SearchFor` raises.
    """
    argument: Argument = ""


def _plain(matcher: Matcher) -> Callable[[str, SearchFor], Matcher]:
    return lambda _argument, _search_for: matcher


def _bytes(
    of: Callable[[Subject], Iterable[bytes]], flags: re.RegexFlag = re.NOFLAG
) -> Callable[[str, SearchFor], Matcher]:
    """Searches bytes, without regard to case."""

    def make(argument: str, search_for: SearchFor) -> Matcher:
        found = search_for.octets(argument, flags)
        return lambda subject: any(map(found, of(subject)))

    return make


def _texts(
    of: Callable[[Subject], Iterable[str]], flags: re.RegexFlag = re.NOFLAG
) -> Callable[[str, SearchFor], Matcher]:
    """Searches text, without regard to case."""

    def make(argument: str, search_for: SearchFor) -> Matcher:
        found = search_for.text(argument, flags)
        return lambda subject: any(map(found, of(subject)))

    return make


def _status(argument: str, _search_for: SearchFor) -> Matcher:
    wanted = int(argument)

    def matches(subject: Subject) -> bool:
        response = subject.flow.response
        return response is not None and response.status_code == wanted

    return matches


_ASSET = re.compile(
    rb"text/javascript|application/x-javascript|application/javascript|text/css"
    rb"|image/|font/|application/font"
)


def _is_asset(subject: Subject) -> bool:
    return any(map(_ASSET.search, _response_types(subject)))


def _of_kind(*kinds: FlowKind) -> Callable[[str, SearchFor], Matcher]:
    return _plain(lambda subject: subject.flow.kind in kinds)


def _is_http(subject: Subject) -> bool:
    return subject.flow.kind in (FlowKind.HTTP, FlowKind.WEBSOCKET)


def _present(octets: bytes | None) -> Iterable[bytes]:
    return () if octets is None else (octets,)


def _types(headers: Headers) -> list[bytes]:
    return values(headers, b"content-type")


def _request_types(subject: Subject) -> list[bytes]:
    return _types(subject.flow.request.headers) if subject.flow.request else []


def _response_types(subject: Subject) -> list[bytes]:
    return _types(subject.flow.response.headers) if subject.flow.response else []


def _methods(subject: Subject) -> Iterable[bytes]:
    return (subject.flow.request.method,) if subject.flow.request else ()


def _urls(subject: Subject) -> Iterable[str]:
    return () if subject.url is None else (subject.url,)


URL = "u"
"""The term that a word alone stands for."""

TERMS: Mapping[str, Term] = {
    "a": Term("assets: the answer is CSS, JavaScript, an image or a font", _plain(_is_asset)),
    "all": Term("every flow", _plain(lambda _: True)),
    "b": Term(
        "the content of request or response, or a WebSocket message",
        _bytes(lambda found: (*found.request_contents, *found.response_contents), re.DOTALL),
        "REGEX",
    ),
    "bq": Term(
        "the request's content, or a WebSocket message of the client",
        _bytes(lambda found: found.request_contents, re.DOTALL),
        "REGEX",
    ),
    "bs": Term(
        "the response's content, or a WebSocket message of the server",
        _bytes(lambda found: found.response_contents, re.DOTALL),
        "REGEX",
    ),
    "c": Term("the recorded status code", _status, "NUMBER"),
    "comment": Term(
        "the comment", _texts(lambda found: (found.flow.comment,), re.MULTILINE), "REGEX"
    ),
    "d": Term("the host", _texts(lambda found: found.hosts), "REGEX"),
    "dns": Term("DNS flows", _of_kind(FlowKind.DNS)),
    "e": Term("flows with an error", _plain(lambda found: found.flow.error is not None)),
    "h": Term(
        "a header field of request or response, as `name: value`",
        _bytes(
            lambda found: (*_present(found.request_head), *_present(found.response_head)),
            re.MULTILINE,
        ),
        "REGEX",
    ),
    "hq": Term(
        "a header field of the request",
        _bytes(lambda found: _present(found.request_head), re.MULTILINE),
        "REGEX",
    ),
    "hs": Term(
        "a header field of the response",
        _bytes(lambda found: _present(found.response_head), re.MULTILINE),
        "REGEX",
    ),
    "http": Term("HTTP flows, WebSockets too", _plain(_is_http)),
    "m": Term("the method", _bytes(_methods), "REGEX"),
    "marked": Term("marked flows", _plain(lambda found: found.flow.mark != "")),
    "marker": Term("the mark", _texts(lambda found: (found.flow.mark,)), "REGEX"),
    "q": Term(
        "flows without a response",
        _plain(lambda found: _is_http(found) and found.flow.response is None),
    ),
    "s": Term("flows with a response", _plain(lambda found: found.flow.response is not None)),
    "t": Term(
        "the Content-Type of request or response",
        _bytes(lambda found: _request_types(found) + _response_types(found)),
        "REGEX",
    ),
    "tcp": Term("TCP flows", _of_kind(FlowKind.TCP)),
    "tq": Term("the request's Content-Type", _bytes(_request_types), "REGEX"),
    "ts": Term("the response's Content-Type", _bytes(_response_types), "REGEX"),
    URL: Term("the URL", _texts(_urls), "REGEX"),
    "udp": Term("UDP flows", _of_kind(FlowKind.UDP)),
    "websocket": Term("WebSocket flows", _of_kind(FlowKind.WEBSOCKET)),
}
"""Every term, by its name without the `~`."""

NOT_KEPT = frozenset({"dst", "meta", "replay", "replayq", "replays", "src"})
"""mitmproxy's terms about what replayd does not keep of a flow."""
