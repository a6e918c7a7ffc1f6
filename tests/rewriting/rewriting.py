"""Flows that are rewritten, for tests."""

from typing import Any

from replayd.model.flow import Flow, Headers, Request
from replayd.model.plan import Change
from replayd.rewriting.rewriter import Rewriter
from replayd.rewriting.rules import Rules

LIMIT = 1000
"""Bytes that a content may have."""

HOST: Headers = ((b"Host", b"shop.test"),)


def flow(*, server_name: str = "", **request: Any) -> Flow:
    """A flow with a GET of http://shop.test/, unless said otherwise."""
    scheme = request.get("scheme", b"http")
    fields = {
        "method": b"GET",
        "scheme": scheme,
        "host": "shop.test",
        "port": 443 if scheme == b"https" else 80,
        "path": b"/",
        "headers": HOST,
        **request,
    }
    return Flow(request=Request(**fields), server_name=server_name)


def http2(**request: Any) -> Flow:
    """The same, over HTTP/2 and TLS."""
    fields = {
        "scheme": b"https",
        "http_version": b"HTTP/2.0",
        "authority": b"shop.test",
        "headers": (),
        **request,
    }
    return flow(**fields)


def rewritten(given: Flow, **rules: Any) -> tuple[Flow, tuple[Change, ...]]:
    """The flow rewritten by these rules, and the changes."""
    return Rewriter(Rules(**rules), LIMIT).rewrite(given)


def request_of(given: Flow, **rules: Any) -> Request:
    """The request rewritten by these rules."""
    made, _ = rewritten(given, **rules)
    assert made.request is not None
    return made.request
