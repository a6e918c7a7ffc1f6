"""Forms of which a HAR has the parameters only."""

from typing import Any

import pytest

from replayd.model.flow import Request
from tests.support.hars import HARS, post, read, read_entry

NOTE = "the request's content was put together from its params"


def built(given: dict[str, Any]) -> Request:
    flow, notes = read_entry(given)
    assert notes == [NOTE]
    assert flow.request is not None
    return flow.request


def form(*params: dict[str, Any], mime_type: str = "application/x-www-form-urlencoded") -> Any:
    return post(None, ("Content-Type", mime_type), params=list(params))


def test_a_real_one_is_as_it_was_sent() -> None:
    [flow], _ = read(HARS["mut-har-postdata-params-only.har"].read_bytes())
    assert flow.request is not None
    assert flow.request.content == b"user=joe&pass=s3cret+x%26%3D"


def test_a_urlencoded_form_is_as_the_url_standard_says() -> None:
    request = built(form({"name": "a b~", "value": "ü&=+*-._%"}, {"name": "e"}))
    assert request.content == b"a+b%7E=%C3%BC%26%3D%2B*-._%25&e="


def test_parameters_that_stand_encoded_are_told_by_the_size() -> None:
    given = form({"name": "a%20b", "value": "%C3%BC"})
    assert built(given).content == b"a%2520b=%25C3%25BC"
    given["request"]["bodySize"] = len("a%20b=%C3%BC")
    assert built(given).content == b"a%20b=%C3%BC"


def test_a_multipart_form_has_the_boundary_that_was_said() -> None:
    request = built(
        form(
            {"name": 'q"\r\n', "value": "v\r\nw"},
            {"name": "f", "value": "GIF\udcff", "fileName": "a.gif", "contentType": "image/gif"},
            mime_type='multipart/form-data; boundary="b c"',
        )
    )
    assert request.content == (
        b'--b c\r\nContent-Disposition: form-data; name="q%22%0D%0A"\r\n\r\nv\r\nw\r\n'
        b'--b c\r\nContent-Disposition: form-data; name="f"; filename="a.gif"\r\n'
        b"Content-Type: image/gif\r\n\r\nGIF\xff\r\n--b c--\r\n"
    )
    assert request.headers[1] == (b"Content-Type", b'multipart/form-data; boundary="b c"')


def test_a_boundary_that_was_not_said_is_made_up_the_same_each_time() -> None:
    given = post(None, params=[{"name": "a", "value": "1"}], mimeType="multipart/form-data")
    first, second = built(given), built(given)
    assert first == second
    name, value = first.headers[-1]
    assert name == b"Content-Type"
    boundary = value.removeprefix(b"multipart/form-data; boundary=")
    assert first.content is not None
    assert first.content.startswith(b"--" + boundary + b"\r\n")
    assert first.content.endswith(b"\r\n--" + boundary + b"--\r\n")


def test_a_form_without_any_type_is_urlencoded() -> None:
    request = built(post(None, params=[{"name": "a", "value": "1"}]))
    assert request.content == b"a=1"
    assert request.headers[-1] == (b"Content-Type", b"application/x-www-form-urlencoded")


def test_a_file_without_its_content_is_missing() -> None:
    given = form({"name": "f", "fileName": "a.gif"}, mime_type="multipart/form-data; boundary=b")
    flow, [note] = read_entry(given)
    assert flow.request is not None
    assert flow.request.content is None
    assert "does not have the content of a file" in note


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("x", "'params' must be a list of objects"),
        (["x"], "'params' must be a list of objects"),
        ([{"value": "x"}], "params[0] has no name"),
        ([{"name": "a", "value": "\ud800"}], "'params' holds half a character"),
    ],
)
def test_what_are_no_params_is_a_bad_entry(params: Any, said: str) -> None:
    flow, [note] = read_entry(post(None, params=params))
    assert flow.request is None
    assert said in note


def test_text_is_worth_more_than_params() -> None:
    flow, notes = read_entry(post("a=1&b=2", params=[{"name": "a", "value": "x"}]))
    assert flow.request is not None
    assert (flow.request.content, notes) == (b"a=1&b=2", [])
