import time
from unittest.mock import Mock

import pytest

from replayd.redaction import contents
from replayd.redaction.contents import MOST_KEYS, redact_content, redact_text
from replayd.redaction.marks import Marks
from replayd.redaction.names import Names

NAMES, MARK = Names(), Marks()


def shown(content: str) -> str | None:
    found = redact_content(content.encode(), NAMES.request_triggers, NAMES, MARK)
    return None if found is None else found.decode()


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "content",
    [
        '{"access_token":"@","token_type":"Bearer"}',
        '{"user": {"Password" : "@", "x": 1}}',
        '{"password":"a\\"@\\\\","x":"y"}',
        '{"tokens": ["a", "@"], "n": 1}',
        "{'api_key': '@'}",
        '{"body":"{\\"client_secret\\":\\"@\\",\\"q\\":1}"}',
        '{"x":"{\\\\\\"token\\\\\\":\\\\\\"a\\\\\\\\\\"@\\\\\\"}"}',
        '{"pin":1234,"password":"@',
        '{"Authorization": "Bearer @"}',
        "<a><password>@</password></a>",
        '<s:Envelope><wsse:Password Type="x">@</wsse:Password></s:Envelope>',
        "<token><![CDATA[@]]></token>",
        '<user token="@" name="n"/>',
        "a=1&password=@&b=2",
        "user%5Bpassword%5D=@",
        '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n@\r\n--b--\r\n',
        '--b\nContent-Disposition: form-data; name="token"\nContent-Type: text/plain\n\n@\n--b--',
        '<input type="hidden" name="csrf_token" value="@">',
        "password: @\nother: x",
        "export API_KEY='@'",
        "Cookie: a=@; b=@\r\nHost: h",
        '{"cookie": "a=@; b=@"}',
        "-----BEGIN RSA PRIVATE KEY-----\n@\n@\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n@",
    ],
)
def test_secrets_go_and_the_rest_stays(content: str) -> None:
    found = shown(content.replace("@", SECRET))
    assert found is not None
    assert SECRET not in found
    assert "‹redacted " in found
    before, after = content.partition("@")[0], content.rpartition("@")[2]
    assert found.startswith(before[:5])
    assert found.endswith(after[-2:])


@pytest.mark.parametrize(
    "content",
    [
        "plain text without any of it",
        '{"id":1,"name":"x"}',
        '{"monkey":"george","encode":"utf-8","keyboard":"us"}',
        '{"usage":{"prompt_tokens":12,"completion_tokens":34}}',
        '{"token_type":"Bearer","key":null,"password":null,"secret":false}',
        '{"key":{"a":1}}',
        "<title>Your password</title><p>Forgot it?</p>",
        "</password> and what follows",
    ],
)
def test_what_holds_no_secret_is_the_same(content: str) -> None:
    encoded = content.encode()
    assert redact_content(encoded, NAMES.request_triggers, NAMES, MARK) is encoded


def test_marks_in_json_leave_it_json() -> None:
    assert shown('{"tokens":["a"],"token":"b"}') == (
        '{"tokens":["‹redacted 3B›"],"token":"‹redacted 1B›"}'
    )


def test_redacting_twice_changes_nothing() -> None:
    once = shown('{"token":"b"} password=x')
    assert once is not None
    assert shown(once) == once


def test_a_number_is_a_secret_of_some_names_only() -> None:
    assert shown('{"pin":1234,"tokens_left":5}') == '{"pin":‹redacted 4B›,"tokens_left":5}'


@pytest.mark.parametrize(
    "content",
    ['{"token":"a",' * (MOST_KEYS + 2), "key " * 20_000 + '"'],
)
def test_too_much_to_look_at_is_not_shown(content: str) -> None:
    assert shown(content) is None


@pytest.mark.parametrize(
    "piece",
    [
        '"token" ',
        '"token"\n',
        "token<",
        'token"x\n\n',
        "key\\\\",
        '\\"key\\":\\"',
        "<token ",
        "-----BEGIN PRIVATE KEY-----",
        '"password" value=',
        "authorization: \\",
        '"secret":"\\',
    ],
)
def test_hostile_contents_take_no_longer_than_their_size(piece: str) -> None:
    content = (piece * (65536 // len(piece))).encode() + b'"'
    began = time.process_time()
    redact_content(content, NAMES.request_triggers, NAMES, MARK)
    assert time.process_time() - began < 1


def test_nothing_is_looked_for_behind_the_end_of_an_element(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With as many as are looked at it took two seconds."""
    element = Mock()
    element.match.return_value = None
    monkeypatch.setattr(contents, "_ELEMENT", element)
    assert shown("</password><![CDATA[" * 100) == "</password><![CDATA[" * 100
    assert element.match.call_count == 0
    shown("<password><![CDATA[")
    assert element.match.call_count == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://u:p@h/?token=abc&b=1 now", "see https://<3>@h/?token=<3>&b=1 now"),
        ("Authorization: Bearer abcdefghijk", "Authorization: <18>"),
        ("sent Bearer abcdefghijk", "sent Bearer <11>"),
        ("jwt eyJhbGciOi.eyJzdWIi.sig!", "jwt <23>!"),
        ("b'200\\r\\nSet-Cookie: a=b\\r\\n'", "b'200\\r\\nSet-Cookie: <3>\\r\\n'"),
        ("nothing of it", "nothing of it"),
    ],
)  # fmt: skip
def test_texts(text: str, found: str) -> None:
    for size in range(30):
        found = found.replace(f"<{size}>", f"‹redacted {size}B›")
    assert redact_text(text.encode(), NAMES, MARK).decode() == found


def test_a_text_with_too_much_is_a_mark() -> None:
    assert redact_text(b'"token":"a",' * 1000, NAMES, MARK) == "‹redacted 12000B›".encode()
