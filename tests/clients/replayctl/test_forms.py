"""Which forms of a request are shown, and what is in each."""

from flowreplay.v1 import plan_pb2 as pb
from replayctl.forms import forms


def plan(versions: pb.HttpVersions.ValueType) -> pb.Plan:
    made = pb.Plan(head=b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", framing=pb.FRAMING_CHUNKED)
    made.target.http_versions = versions
    made.trailer_section = b"T: 1\r\nU: 2\r\n"
    made.changes.add(description="one")
    made.changes.add(description="t\nwo")
    made.http2.headers.add(name=b":path", value=b"/\x1b")
    made.http2.trailers.add(name=b"t", value=b"1")
    return made


def test_http1_alone() -> None:
    for versions in (pb.HTTP_VERSIONS_UNSPECIFIED, pb.HTTP_VERSIONS_ONE):
        (form,) = forms(plan(versions))
        assert (form.title, form.chunked) == ("", True)
        assert form.head == ["GET / HTTP/1.1", r"Host: \xff"]
        assert form.trailers == ["T: 1", "U: 2"]
        assert form.described_changes() == r"one; t\nwo"


def test_http2_alone() -> None:
    (form,) = forms(plan(pb.HTTP_VERSIONS_TWO))
    assert (form.title, form.chunked) == ("over HTTP/2", False)
    assert (form.head, form.trailers) == ([r":path: /\x1b"], ["t: 1"])
    assert form.described_changes() == ""


def test_both_where_the_server_chooses() -> None:
    http2, http1 = forms(plan(pb.HTTP_VERSIONS_TWO_OR_ONE))
    assert http2.title == "over HTTP/2, if the server chooses it"
    assert http1.title == "else over HTTP/1.1"
    assert (http2.head[0], http1.head[0]) == (r":path: /\x1b", "GET / HTTP/1.1")
