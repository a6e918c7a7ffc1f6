import pytest

from replayd.redaction.fields import Fields, fields_of
from replayd.redaction.marks import Marks
from replayd.redaction.names import Names

FIELDS = Fields(Names(), Marks())


def shown(name: str, value: str) -> str:
    ((_, found),) = FIELDS.fields(((name.encode(), value.encode()),))
    return found.decode()


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Authorization", "Bearer abc", "Bearer ‹redacted 3B›"),
        ("authorization", "basic dTpw", "basic ‹redacted 4B›"),
        ("Authorization", "abc def", "‹redacted 7B›"),
        ("Proxy-Authorization", "Digest a=b, c=d", "Digest ‹redacted 8B›"),
        ("Cookie", "a=1; b=; c", "a=‹redacted 1B›; b=; ‹redacted 1B›"),
        ("Cookie", 'a="x=y"', "a=‹redacted 5B›"),
        ("Set-Cookie", "sid=abc; Path=/; HttpOnly", "sid=‹redacted 3B›; Path=/; HttpOnly"),
        ("Set-Cookie", "sid=abc; odd=def", "sid=‹redacted 3B›; odd=‹redacted 3B›"),
        ("X-Api-Key", "abc", "‹redacted 3B›"),
        ("Location", "https://u:p@h/?code=x", "https://‹redacted 3B›@h/?code=‹redacted 1B›"),
        ("Refresh", "0; url=/?token=x", "0; url=/?token=‹redacted 1B›"),
        ("Accept", "*/*", "*/*"),
        ("Cookie", "", ""),
    ],
)
def test_values(name: str, value: str, found: str) -> None:
    assert shown(name, value) == found


def test_fields_without_secrets_are_the_same_ones() -> None:
    headers = ((b"Host", b"h"), (b"Location", b"/"))
    assert FIELDS.fields(headers) is headers


def test_a_head_keeps_all_but_the_secrets() -> None:
    head = (
        b"GET http://u:p@h/?token=abc HTTP/1.1\r\nHost: h\r\nCOOKIE:a=1\r\nX-Api-Key : abc \r\n"
        b"Authorization: Bearer abc,\r\n  def\r\nX: y\r\n  z\r\n\r\n"
    )
    assert FIELDS.head(head).decode() == (
        "GET http://‹redacted 3B›@h/?token=‹redacted 3B› HTTP/1.1\r\nHost: h\r\n"
        "COOKIE:a=‹redacted 1B›\r\nX-Api-Key : ‹redacted 3B› \r\n"
        "Authorization: Bearer ‹redacted 4B›\r\n  ‹redacted 3B›\r\nX: y\r\n  z\r\n\r\n"
    )


def test_a_second_request_in_a_raw_head_is_looked_at_too() -> None:
    head = b"GET / HTTP/1.1\nHost: h\n\nGET http://u:p@h/?key=abc HTTP/1.1\nCookie: a=b\n\n"
    found = FIELDS.head(head)
    assert b"u:p" not in found
    assert b"abc" not in found
    assert b"a=b" not in found


def test_a_plain_head_is_the_same() -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
    assert FIELDS.head(head) == head


def test_lines_are_not_remembered_for_ever() -> None:
    fields = Fields(Names(), Marks())
    for number in range(10_000):
        fields.section(b"X-%d: 1\r\n" % number)
    assert len(fields._lines) <= 4096


def test_fields_are_read_from_a_head() -> None:
    assert fields_of(b"GET / HTTP/1.1\r\nA: b\r\nC:d\r\n\r\n") == ((b"A", b"b"), (b"C", b"d"))
