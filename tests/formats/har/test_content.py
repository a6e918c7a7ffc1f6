"""Contents of HARs: from text back to the bytes that were sent."""

import base64
import codecs
import gzip
from typing import Any

import pytest

from replayd.formats.har import content
from tests.support.hars import entry, post, read_entry, request_of, response_of

LATIN = "text/plain; charset=iso-8859-1"


@pytest.mark.parametrize(
    ("text", "mime_type", "size", "content"),
    [
        ("é", "text/plain", -1, b"\xc3\xa9"),
        ("é", "text/plain; charset=utf-8", 2, b"\xc3\xa9"),
        ("é", LATIN, 1, b"\xe9"),
        ("é", 'text/plain; Charset="ISO-8859-1"', -1, b"\xe9"),
        ("日", "text/plain;charset=shift_jis", -1, "日".encode("shift_jis")),
        ("日", "text/plain; charset=gb18030", -1, "日".encode("gb18030")),
        # Only the size tells that it was decoded as Latin-1 ...
        ("é\x80", "application/octet-stream", 2, b"\xe9\x80"),
        # ... or as what browsers take for Latin-1.
        ("é€", LATIN, 2, b"\xe9\x80"),
        ("é€", LATIN, -1, "é€".encode()),
        # Bytes that were no UTF-8, as mitmproxy and others write them.
        ("a\udcff\udc80", "text/plain", -1, b"a\xff\x80"),
        # Codecs of Python that are no charsets, and names of nothing.
        ("é", "text/plain; charset=rot13", -1, b"\xc3\xa9"),
        ("é", "text/plain; charset=unicode_escape", -1, b"\xc3\xa9"),
        ("é", "text/plain; charset=nonsense", -1, b"\xc3\xa9"),
        ("é", "text/plain; charset=../x", -1, b"\xc3\xa9"),
    ],
)
def test_text_goes_back_to_its_bytes(text: str, mime_type: str, size: int, content: bytes) -> None:
    given = post(text, ("Content-Type", mime_type))
    given["request"]["bodySize"] = size
    assert request_of(given).content == content
    described = {"text": text, "mimeType": mime_type, "size": size}
    assert response_of(entry(response={"content": described})).content == content


def test_a_text_of_another_size_is_sent_and_noted() -> None:
    given = post("éx", ("Content-Type", LATIN), ("Content-Length", "7"))
    flow, notes = read_entry(given)
    assert flow.request is not None
    assert flow.request.content == b"\xe9x"
    assert notes == ["the request's content had 7 bytes; the HAR's text stands for 2"]


def test_the_size_that_was_sent_is_that_of_content_length() -> None:
    """Chrome counts the text that it shows for bodySize."""
    given = post("é", ("Content-Type", "text/plain"), ("Content-Length", "1"))
    given["request"]["bodySize"] = 2
    assert request_of(given).content == b"\xe9"


def test_a_form_whose_file_is_not_there_is_not_sent_without_it() -> None:
    form = ("Content-Type", "multipart/form-data; boundary=X")
    text = '--X\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\r\n--X--\r\n'
    whole = post(text, form, ("Content-Length", str(len(text))))
    assert request_of(whole).content == text.encode()
    flow, notes = read_entry(post(text, form, ("Content-Length", "5000")))
    assert flow.request is not None
    assert flow.request.content is None
    assert notes == [
        f"the HAR has {len(text)} of the form's 5000 bytes: a file's content is missing"
    ]


def test_the_type_may_stand_with_the_text_only() -> None:
    assert request_of(post("é", mimeType=LATIN)).content == b"\xe9"


def test_base64_is_taken_apart() -> None:
    content = bytes(range(256))
    text = base64.encodebytes(content).decode()
    assert request_of(post(text, encoding="base64")).content == content
    described = {"text": text, "encoding": "BASE64", "size": 256}
    assert response_of(entry(response={"content": described})).content == content


@pytest.mark.parametrize("text", ["a", "ab=c", "ä===", "ab%=", "YWJj!", "YW*Jj"])
def test_what_is_no_base64_is_unknown(text: str) -> None:
    flow, [note] = read_entry(post(text, encoding="base64"))
    assert flow.request is not None
    assert flow.request.content is None
    assert "the request's content can't be told: it is no base64" in note
    flow, [note] = read_entry(entry(response={"content": {"text": text, "encoding": "base64"}}))
    assert flow.response is not None
    assert flow.response.content is None
    assert "the response's content can't be told" in note


def test_half_a_character_is_unknown() -> None:
    flow, [note] = read_entry(post("a\ud83d"))
    assert flow.request is not None
    assert flow.request.content is None
    assert note == "the request's content can't be told: it holds half a character"


@pytest.mark.parametrize(
    ("request_members", "content"),
    [
        ({}, b""),
        ({"bodySize": 0}, b""),
        ({"bodySize": 4}, None),
        ({"postData": {"mimeType": "text/plain"}}, b""),
        ({"postData": {"text": ""}, "bodySize": 5}, None),
        ({"postData": {"text": "", "params": []}}, b""),
        ({"method": "POST", "postData": {"text": ""}, "bodySize": 0}, b""),
        # Null is how mitmproxy says that it did not keep a content.
        ({"method": "POST", "postData": {"text": None}}, None),
        ({"method": "GET", "postData": {"text": None}}, b""),
        ({"headers": [["Content-Length", "4"]]}, None),
        ({"headers": [["Content-Length", "0"]], "method": "POST", "postData": {"text": None}}, b""),
        ({"headers": [["Transfer-Encoding", "chunked"]], "postData": {"text": None}}, None),
    ],
)
def test_what_was_left_out_is_not_empty(
    request_members: dict[str, Any], content: bytes | None
) -> None:
    assert request_of(entry(request_members)).content == content


@pytest.mark.parametrize(
    ("members", "content"),
    [
        ({"content": {"size": 0, "text": ""}}, b""),
        ({"content": {"size": 5, "text": ""}}, None),
        ({"content": {"size": 5}}, None),
        ({"content": {}}, None),
        ({"content": None}, None),
        ({"content": {"size": -1}, "bodySize": 0}, b""),
    ],
)
def test_a_response_without_text_is_empty_or_unknown(
    members: dict[str, Any], content: bytes | None
) -> None:
    assert response_of(entry(response=members)).content == content


PACKED = gzip.compress(b"{}" * 50, mtime=0)


def test_the_coding_of_a_content_that_is_decoded_is_left_out_and_noted() -> None:
    coded = (("Content-Encoding", "gzip"), ("X", "y"), ("Content-Length", str(len(PACKED))))
    flow, notes = read_entry(post("{}" * 50, *coded))
    assert flow.request is not None
    assert flow.request.content == b"{}" * 50
    assert [name for name, _ in flow.request.headers] == [b"Host", b"X", b"Content-Length"]
    assert notes == ["Content-Encoding was left out: a HAR holds the content as it was before"]


@pytest.mark.parametrize(
    ("coding", "text", "encoding"),
    [
        ("gzip", base64.b64encode(PACKED).decode(), "base64"),
        ("X-GZIP", base64.b64encode(PACKED).decode(), "base64"),
        ("identity", "{}", ""),
        ("br", "packed", ""),
        ("deflate", "eNorLk3KSk0uUSjJSCxRyMxLBwA5EgaJ", "base64"),
    ],
)
def test_a_content_that_is_still_coded_keeps_its_coding(
    coding: str, text: str, encoding: str
) -> None:
    size = len(base64.b64decode(text) if encoding else text)
    fields = (("Content-Encoding", coding), ("Content-Length", str(size)))
    request = request_of(post(text, *fields, encoding=encoding))
    assert (b"Content-Encoding", coding.encode()) in request.headers


def test_the_coding_of_a_response_is_left_out_without_a_word() -> None:
    members = {"headers": [["content-encoding", "br"], ["A", "b"]]}
    assert response_of(entry(response=members)).headers == ((b"A", b"b"),)


def test_names_that_no_charset_has_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(codecs, "lookup", lookup)
    assert content._declared(b"text/plain; charset=x-1234") == ()
    with pytest.raises(AssertionError, match="koi8_u"):
        content._declared(b"text/plain; charset=KOI8-U")
