"""What an Enqueue's options ask for by way of rewriting, checked. Raises ReplaydError
INVALID_OPTIONS for what is none.

Apart from `options`, which the daemon checks too: expressions of clients are compiled in the
decoder process alone, whose time is bounded.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from flowreplay.v1 import replay_pb2

from replayd.errors import FieldError, ReplaydError
from replayd.model.flow import Flow
from replayd.model.plan import Change
from replayd.planning.refusal import Refusal, unfit
from replayd.rewriting import rules
from replayd.rewriting.rewriter import Rewriter
from replayd.rewriting.rules import RuleError, Unrewritable

MAX_RULES = 100
"""Rules of one kind."""

MAX_EXPRESSION = 2000
"""Characters of a filter or a regular expression."""

MAX_URL = 8000
"""Characters of a target, or of what takes the place of a URL."""

MAX_HOST = 255
"""Characters of a host, with its port."""

MAX_VALUE = 64 << 10
"""Bytes of a field, a parameter or a cookie."""

MAX_REPLACEMENT = 1 << 20
"""Bytes of what takes the place of a content."""

_NOT_IN_COOKIES = (b";", b"\r", b"\n", b"\0")

Asked = TypeVar("Asked")
Made = TypeVar("Made")


class _Pair(Protocol):
    """A Header or a Parameter."""

    name: bytes
    value: bytes


class Rewrites:
    """What a call asks for, done to its flows."""

    def __init__(self, options: replay_pb2.EnqueueOptions, body_size_limit: int) -> None:
        """`body_size_limit`: bytes that a content may have."""
        self._refuse_websocket = options.refuse_websocket
        self._rewriter = Rewriter(_rules(options), body_size_limit)

    def of(self, flow: Flow) -> tuple[Flow, tuple[Change, ...]] | Refusal:
        """Rewrites a flow; returns it with what was changed, or why that can't be done. One that
        will be refused for what it lacks stays as it is.
        """
        if unfit(flow, refuse_websocket=self._refuse_websocket) is not None:
            return flow, ()
        try:
            return self._rewriter.rewrite(flow)
        except Unrewritable as error:
            return Refusal(error.reason, str(error))


def _rules(options: replay_pb2.EnqueueOptions) -> rules.Rules:
    return rules.Rules(
        modify_headers=_each("modify_headers", options.modify_headers, _header_rule),
        map_remote=_each("map_remote", options.map_remote, _url_rule),
        modify_body=_each("modify_body", options.modify_body, _content_rule),
        target=_one("target", options.target, _target),
        set_query=_each("set_query", options.set_query, _parameter),
        remove_headers=_each("remove_headers", options.remove_headers, _field_name),
        set_headers=_each("set_headers", options.set_headers, _field),
        set_cookies=_each("set_cookies", options.set_cookies, _cookie),
        host=_one("host", options.host, _host) or b"",
        server_name=_one("server_name", options.server_name, _server_name) or "",
    )


def _each(field: str, asked: Sequence[Asked], make: Callable[[Asked], Made]) -> tuple[Made, ...]:
    if len(asked) > MAX_RULES:
        raise _invalid(field, RuleError("", f"has {len(asked)} rules, more than {MAX_RULES}"))
    return tuple([_made(f"{field}[{index}]", each, make) for index, each in enumerate(asked)])


def _one(field: str, asked: str, make: Callable[[str], Made]) -> Made | None:
    return _made(field, asked, make) if asked else None


def _made(field: str, asked: Asked, make: Callable[[Asked], Made]) -> Made:
    try:
        return make(asked)
    except RuleError as error:
        raise _invalid(field, error) from error


def _invalid(field: str, error: RuleError) -> ReplaydError:
    named = f"options.{field}.{error.part}" if error.part else f"options.{field}"
    place = {} if error.position is None else {"position": error.position}
    return FieldError(named, str(error), **place)


def _header_rule(asked: replay_pb2.ModifyHeaders) -> rules.HeaderRule:
    _check("filter", asked.filter, MAX_EXPRESSION)
    return rules.header_rule(asked.filter, *_pair(asked))


def _url_rule(asked: replay_pb2.MapRemote) -> rules.UrlRule:
    _check("filter", asked.filter, MAX_EXPRESSION)
    _check("url_regex", asked.url_regex, MAX_EXPRESSION)
    _check("replacement", asked.replacement, MAX_URL)
    return rules.url_rule(asked.filter, asked.url_regex, asked.replacement)


def _content_rule(asked: replay_pb2.ModifyBody) -> rules.ContentRule:
    _check("filter", asked.filter, MAX_EXPRESSION)
    _check("regex", asked.regex, MAX_EXPRESSION)
    _check("replacement", asked.replacement, MAX_REPLACEMENT)
    return rules.content_rule(asked.filter, asked.regex, asked.replacement)


def _target(asked: str) -> rules.Target:
    _check("", asked, MAX_URL)
    return rules.target(asked)


def _parameter(asked: _Pair) -> tuple[bytes, bytes]:
    if not asked.name:
        raise RuleError("name", "is missing")
    return _pair(asked)


def _field(asked: _Pair) -> tuple[bytes, bytes]:
    name, value = _pair(asked)
    return rules.field_name(name), value


def _field_name(name: bytes) -> bytes:
    _check("", name, MAX_VALUE)
    return rules.field_name(name)


def _cookie(asked: _Pair) -> tuple[bytes, bytes]:
    name, value = _parameter(asked)
    for part, octets in (("name", name), ("value", value)):
        if any(each in octets for each in _NOT_IN_COOKIES):
            raise RuleError(part, "has a semicolon, CR, LF or NUL, which no cookie has")
    return name, value


def _host(asked: str) -> bytes:
    _check("", asked, MAX_HOST)
    return asked.encode()


def _server_name(asked: str) -> str:
    _check("", asked, MAX_HOST)
    return rules.server_name(asked)


def _pair(asked: _Pair) -> tuple[bytes, bytes]:
    _check("name", asked.name, MAX_VALUE)
    _check("value", asked.value, MAX_VALUE)
    return asked.name, asked.value


def _check(part: str, text: str | bytes, limit: int) -> None:
    if len(text) > limit:
        unit = "bytes" if isinstance(text, bytes) else "characters"
        raise RuleError(part, f"may have at most {limit} {unit}")
