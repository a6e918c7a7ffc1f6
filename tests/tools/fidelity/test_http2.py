import hashlib
from typing import Any

import pytest

from replayd.model.flow import Headers
from tests.support.http2_recorder import Http2Recorded
from tests.tools.fidelity.requests import captured
from tools.fidelity.captured import Captured
from tools.fidelity.http2 import judge_http2
from tools.fidelity.judge import Verdict

PSEUDO: Headers = ((b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/x"))
AT: Headers = ((b":authority", b"a.test"),)
COOKIES: Headers = ((b"cookie", b"a=1"), (b"x", b"\xff"), (b"cookie", b"b=2"))


def http2(*fields: tuple[bytes, bytes], **changes: Any) -> Captured:
    usual = {"scheme": "https", "authority": b"a.test", "version": b"HTTP/2.0"}
    return captured(*fields, **{**usual, **changes})


def arrived(
    *fields: tuple[bytes, bytes], content: bytes = b"", trailers: Headers = ()
) -> Http2Recorded:
    sha256 = hashlib.sha256(content).hexdigest()
    return Http2Recorded(fields, trailers, len(content), sha256, "a.test", peer=1)


def test_the_captures_own_fields_are_identical() -> None:
    trailers = ((b"t", b"1"),)
    request = http2(*COOKIES, content=b"hi", trailers=trailers)
    same = arrived(*PSEUDO, *AT, *COOKIES, content=b"hi", trailers=trailers)
    assert judge_http2(request, same).identical
    assert judge_http2(http2(authority=b""), arrived(*PSEUDO)).identical


@pytest.mark.parametrize(
    "other",
    [
        arrived(*PSEUDO, *AT, *COOKIES),
        arrived(*PSEUDO, *AT, *COOKIES, content=b"ho"),
        arrived(*AT, *PSEUDO, *COOKIES, content=b"hi"),
        arrived(*PSEUDO, *AT, *COOKIES[:2], content=b"hi"),
        arrived(*PSEUDO, *AT, *COOKIES[::-1], content=b"hi"),
        arrived(*PSEUDO, *AT, *COOKIES, content=b"hi", trailers=((b"t", b"1"),)),
    ],
)
def test_anything_else_is_wrong(other: Http2Recorded) -> None:
    verdict = judge_http2(http2(*COOKIES, content=b"hi"), other)
    assert verdict.wrong.startswith("from byte ")


def test_the_name_that_tls_asked_for_counts() -> None:
    verdict = judge_http2(http2(server_name="b.test"), arrived(*PSEUDO, *AT))
    assert verdict.wrong == "TLS asked for 'a.test', not 'b.test'"


def test_only_a_contradicting_length_is_mended() -> None:
    wrong = http2((b"content-length", b"9"), (b"x", b""), content=b"hi")
    mended = arrived(*PSEUDO, *AT, (b"content-length", b"2"), (b"x", b""), content=b"hi")
    assert judge_http2(wrong, mended) == Verdict(frozenset({"CONTENT_LENGTH"}))
    added = arrived(*PSEUDO, *AT, (b"content-length", b"2"), content=b"hi")
    assert judge_http2(http2(content=b"hi"), added).wrong


def test_http3_becomes_http2() -> None:
    verdict = judge_http2(http2(version=b"HTTP/3"), arrived(*PSEUDO, *AT))
    assert verdict == Verdict(frozenset({"HTTP_VERSION"}))


def test_the_form_of_http1_becomes_that_of_http2() -> None:
    shown = http2(
        (b"Host", b"b.test"),
        (b"Connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"1"),
        (b"TE", b"gzip"),
        (b"te", b"trailers"),
        (b"A", b"1"),
        authority=b"",
        trailers=((b"T", b"u"),),
    )
    host = (b":authority", b"b.test")
    made = arrived(*PSEUDO, host, (b"te", b"trailers"), (b"a", b"1"), trailers=((b"t", b"u"),))
    assert judge_http2(shown, made) == Verdict(frozenset({"FIELD_REMOVED", "LOWER_CASE"}))
