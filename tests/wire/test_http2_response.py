"""Which header lists are a response, which are put up with, and which are not."""

import pytest

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.reasons import Reason
from replayd.wire.http2_response import Http2Response
from replayd.wire.settings import WireSettings

OK = (b":status", b"200")


def response(method: bytes = b"GET", **settings: int) -> Http2Response:
    return Http2Response(method, WireSettings(**settings))


def head(*fields: tuple[bytes, bytes], ends: bool = False, method: bytes = b"GET") -> Http2Response:
    """A response whose head has these fields."""
    made = response(method)
    made.take_headers((OK, *fields), ends=ends)
    return made


def test_a_response_with_everything() -> None:
    made = response()
    made.take_headers(((b":status", b"103"), (b"link", b"x")), ends=False)
    assert (made.head, made.continued) == (None, False)
    made.take_headers(((b":status", b"100"),), ends=False)
    assert made.continued
    fields: Headers = ((b"set-cookie", b"a"), (b"x", b""), (b"set-cookie", b"b"))
    made.take_headers((OK, *fields, (b"content-length", b"4")), ends=False)
    made.take_content(3, ends=False)
    made.take_content(1, ends=False)
    assert not made.complete
    made.take_headers(((b"x-t", b"1"),), ends=True)
    assert made.head is not None
    assert (made.head.http_version, made.head.status_code) == (b"HTTP/2.0", 200)
    assert made.head.headers == (*fields, (b"content-length", b"4"))
    assert made.head.interim_status_codes == (103, 100)
    assert made.trailers == ((b"x-t", b"1"),)
    assert (made.complete, made.declared_length, made.lenient) == (True, True, False)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ((b"x", b"y"),),
        (OK, OK),
        ((b":status", b""),),
        ((b":status", b"20"),),
        ((b":status", b"099"),),
        ((b":status", b"2000"),),
        ((b":status", b"101"),),
        (OK, (b"", b"x")),
        (OK, (b"a b", b"x")),
        (OK, (b"a:b", b"x")),
        (OK, (b"a\r\nb", b"x")),
        (OK, (b"a", b"x\r\ny: z")),
        (OK, (b"a", b"x\0")),
        (OK, (b"content-length", b"x")),
        (OK, (b"content-length", b"-1")),
        (OK, (b"content-length", b"")),
        (OK, (b"content-length", b"9" * 30)),
        (OK, (b"content-length", b"1"), (b"content-length", b"2")),
    ],
)
def test_what_is_no_head(fields: Headers) -> None:
    with pytest.raises(WireError) as caught:
        response().take_headers(fields, ends=False)
    assert caught.value.reason is Reason.INVALID_RESPONSE


@pytest.mark.parametrize(
    "fields",
    [
        ((b"X-Upper", b"x"),),
        ((b"connection", b"close"),),
        ((b"transfer-encoding", b"chunked"),),
        ((b"x", b" spaced"),),
        ((b":path", b"/"),),
    ],
)
def test_what_is_put_up_with_and_told(fields: Headers) -> None:
    made = head(*fields, ends=True)
    assert made.lenient
    assert made.head is not None
    assert made.head.headers == tuple(pair for pair in fields if not pair[0].startswith(b":"))


def test_a_pseudo_field_at_the_end_is_put_up_with() -> None:
    made = response()
    made.take_headers(((b"x", b"y"), OK), ends=True)
    assert made.lenient
    made = head()
    made.take_headers((OK,), ends=True)
    assert (made.lenient, made.trailers) == (True, ())


def test_equal_lengths_are_one() -> None:
    made = head((b"content-length", b"2"), (b"content-length", b"2"))
    made.take_content(2, ends=True)
    assert made.complete


@pytest.mark.parametrize("sizes", [(3,), (1, 2), (1,), (0,)])
def test_content_of_another_length_than_was_said(sizes: tuple[int, ...]) -> None:
    made = head((b"content-length", b"2"))
    for size in sizes[:-1]:
        made.take_content(size, ends=False)
    with pytest.raises(WireError) as caught:
        made.take_content(sizes[-1], ends=True)
    assert caught.value.reason is Reason.INVALID_RESPONSE
    assert "content-length: 2" in caught.value.message
    assert not made.complete


def test_an_end_without_the_content_that_was_said() -> None:
    with pytest.raises(WireError, match="2 bytes of the content never came"):
        head((b"content-length", b"2"), ends=True)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", b"200"), (b"GET", b"304")])
def test_a_response_that_has_no_content(method: bytes, status: bytes) -> None:
    made = response(method)
    made.take_headers(((b":status", status), (b"content-length", b"5")), ends=False)
    made.take_content(0, ends=True)
    assert made.complete
    made = response(method)
    made.take_headers(((b":status", status), (b"content-length", b"5")), ends=False)
    with pytest.raises(WireError, match="more content came than was said"):
        made.take_content(1, ends=False)


def test_an_interim_response_ends_nothing() -> None:
    with pytest.raises(WireError, match="ends with an interim response"):
        response().take_headers(((b":status", b"103"),), ends=True)


@pytest.mark.parametrize(
    "fields",
    [((b"x", b"y" * 70_000),), tuple((b"x-%d" % at, b"") for at in range(300))],
    ids=["bytes", "fields"],
)
def test_a_large_head_and_large_trailers(fields: Headers) -> None:
    for made in (response(), head()):
        with pytest.raises(WireError) as caught:
            made.take_headers((OK, *fields), ends=True)
        assert caught.value.reason is Reason.HEAD_TOO_LARGE


@pytest.mark.parametrize(
    "settings", [{"interim_limit": 3}, {"interim_size_limit": 150, "interim_limit": 99}]
)
def test_interim_responses_without_end(settings: dict[str, int]) -> None:
    made = response(**settings)
    for _ in range(3):
        made.take_headers(((b":status", b"102"),), ends=False)
    with pytest.raises(WireError) as caught:
        made.take_headers(((b":status", b"102"),), ends=False)
    assert caught.value.reason is Reason.HEAD_TOO_LARGE
