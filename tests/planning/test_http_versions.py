"""Which versions a flow was captured with, and which it may leave with."""

from typing import Any

import pytest

from replayd.model.flow import FlowKind
from replayd.model.plan import HttpVersion, HttpVersions
from replayd.planning.http_versions import is_http2, versions_for
from tests.planning.requests import flow, planned

V = HttpVersions


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (b"HTTP/2.0", True),
        (b"HTTP/2", True),
        (b"HTTP/3", True),
        (b"http/2.0", True),
        (b"h2", True),
        (b"h3-29", True),
        (b"HTTP/1.1", False),
        (b"HTTP/1.0", False),
        (b"", False),
    ],
)
def test_which_versions(version: bytes, expected: bool) -> None:
    assert is_http2(version) == expected


CHOICES = [HttpVersion.AUTO, HttpVersion.RECORDED, HttpVersion.ONE, HttpVersion.TWO]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"http_version": b"HTTP/1.1"}, [V.ONE, V.ONE, V.ONE, V.TWO]),
        ({"http_version": b"HTTP/1.0", "scheme": b"https"}, [V.ONE, V.ONE, V.ONE, V.TWO]),
        ({"http_version": b"HTTP/2.0"}, [V.ONE, V.TWO, V.ONE, V.TWO]),
        ({"http_version": b"HTTP/3", "scheme": b"https"}, [V.TWO_OR_ONE, V.TWO, V.ONE, V.TWO]),
        ({"http_version": b"HTTP/2.0", "method": b"CONNECT"}, [V.ONE] * 4),
    ],
)
def test_what_a_flow_may_leave_with(request_: dict[str, Any], expected: list[HttpVersions]) -> None:
    found = flow(**request_)
    assert found.request is not None
    assert [versions_for(found, found.request, choice) for choice in CHOICES] == expected
    socket = found._replace(kind=FlowKind.WEBSOCKET)
    assert {versions_for(socket, found.request, choice) for choice in CHOICES} == {V.ONE}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("scheme", [b"http", b"https"])
def test_a_plan_says_it(choice: HttpVersion, scheme: bytes) -> None:
    found = flow(http_version=b"HTTP/2.0", scheme=scheme)
    assert found.request is not None
    versions = versions_for(found, found.request, choice)
    plan = planned(http_version=b"HTTP/2.0", scheme=scheme, version=choice)
    assert plan.target.http_versions is versions
    assert (plan.http2 is None) == (versions is V.ONE)
    assert plan.target.tunnelled == (versions is V.TWO and scheme == b"http")
    assert plan.head.startswith(b"GET / HTTP/1.1\r\n")
