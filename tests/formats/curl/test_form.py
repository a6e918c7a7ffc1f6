"""The parts of curl's forms; beside curl itself in test_request."""

import pytest

from replayd.formats.curl.form import FileError, FormError, form_part, form_string
from replayd.formats.multipart import Part
from tests.support.work import limited_time


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("a=b", Part(b"a", b"b")),
        ("a=", Part(b"a", b"")),
        ("a=b=c", Part(b"a", b"b=c")),
        ("a= b c ;type=x/y", Part(b"a", b"b c", content_type=b"x/y")),
        ('a="b;c\\"d";filename=f', Part(b"a", b'b;c"d', b"f")),
        ('a="b" junk;filename="f;g"', Part(b"a", b"b", b"f;g")),
        ('a="b', Part(b"a", b'"b')),
        ("a=b;type=x/y; charset=z;filename=f", Part(b"a", b"b", b"f", b"x/y; charset=z")),
        ("a=b;filename=", Part(b"a", b"b", b"")),
    ],
)
def test_a_value_is_read_as_curl_does(value: str, part: Part) -> None:
    notes: list[str] = []
    assert form_part(value.encode(), notes) == part
    assert notes == []


def test_what_is_not_quoted_is_skipped_with_a_note() -> None:
    notes: list[str] = []
    assert form_part(b"a=b;c;type=x/y", notes) == Part(b"a", b"b", content_type=b"x/y")
    assert notes == ["curl skips b'c' in the form: it is not quoted"]


@pytest.mark.parametrize("value", [b"a=@f;type=x/y", b"a=<f"])
def test_files_are_not_there(value: bytes) -> None:
    with pytest.raises(FileError) as caught:
        form_part(value, [])
    assert caught.value.file == b"f"


@pytest.mark.parametrize("value", [b"a", b"=(;type=x/y", b"=)", b"a==(", b"a=b;headers=@f"])
def test_what_is_not_made_is_refused(value: bytes) -> None:
    with pytest.raises(FormError):
        form_part(value, [])


def test_a_form_string_is_taken_as_it_is() -> None:
    assert form_string(b'a=@"b;type=x') == Part(b"a", b'@"b;type=x')


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"a=b;type=x" + b";" * 800_000, id="semicolons in a type"),
        pytest.param(b"a=b" + b";filename=c" * 100_000, id="many names"),
        pytest.param(b"a=b" + b"; " * 200_000, id="nothing, many times"),
    ],
)
def test_parameters_take_the_time_of_their_bytes(value: bytes) -> None:
    with limited_time(3):
        assert form_part(value, []).content == b"b"
