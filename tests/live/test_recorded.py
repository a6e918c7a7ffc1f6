"""What of recorded answers is kept with plans."""

import gzip

import brotli
import pytest

from replayd.live.recorded import Recorded
from replayd.model.flow import Flow, Headers, Response
from replayd.model.plan import LivePlan, RecordedValue


def answered(content: bytes | None, *headers: tuple[bytes, bytes]) -> Flow:
    return Flow(response=Response(b"HTTP/1.1", 200, headers=headers, content=content))


def test_values_and_cookies_of_an_answer() -> None:
    fields: Headers = (
        (b"Content-Encoding", b"gzip"),
        (b"Set-Cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2"),
    )
    flow = answered(gzip.compress(b'{"token": "abcd", "id": 7}'), *fields)
    recorded = Recorded(["json:$.id", "json:$.token", "json:$.token"], sticky_cookies=True)
    assert recorded.plan(flow) == LivePlan(
        True,
        (RecordedValue("json:$.id", b"7"), RecordedValue("json:$.token", b"abcd")),
        (b"a=1; Path=/", b"b=2"),
    )


def test_a_content_that_was_packed_for_a_browser() -> None:
    content = brotli.compress(b'{"token": "abcd"}')
    recorded = Recorded(["json:$.token"], sticky_cookies=False)
    plan = recorded.plan(answered(content, (b"content-encoding", b"br")))
    assert plan.recorded_values == (RecordedValue("json:$.token", b"abcd"),)


@pytest.mark.parametrize("flow", [Flow(), answered(None), answered(b'{"token": "abc"}')])
def test_nothing_that_is_worth_it(flow: Flow) -> None:
    recorded = Recorded(["json:$.token"], sticky_cookies=False)
    assert recorded.plan(flow) == LivePlan()


def test_what_is_no_source() -> None:
    with pytest.raises(ValueError, match="no source"):
        Recorded(["token"], sticky_cookies=False)


def test_what_was_in_no_answer_is_known() -> None:
    recorded = Recorded(["json:$.token", "json:$.id", "json:$.other"], sticky_cookies=False)
    for content in (b"none", b'{"token": "abcd", "id": 7}', b'{"id": 8}'):
        recorded.plan(answered(content))
    assert list(recorded.missing) == ["json:$.id", "json:$.other"]
