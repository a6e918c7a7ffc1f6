"""XML documents, their elements one by one; nothing of a hostile one is believed."""

import tracemalloc

import pytest

from replayd.formats.xml_elements import MAX_DEPTH, MAX_TOKEN, Element, Elements, XmlError
from tests.support.captures import Dribble


def elements(data: bytes, step: int = 1 << 20, max_size: int = 1000) -> list[Element]:
    return list(Elements(Dribble(data, step), max_size))


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_elements_come_as_they_end(step: int) -> None:
    data = "\ufeff<?xml version='1.0'?><a x='1'>\n<b>&lt;<![CDATA[&é]]></b><c/></a>".encode()
    assert elements(data, step) == [
        Element("b", 2, {}, "<&é", data.index(b"<b>")),
        Element("c", 2, {}, "", data.index(b"<c/>")),
        Element("a", 1, {"x": "1"}, "\n", data.index(b"<a x")),
    ]


def error_of(data: bytes) -> XmlError:
    with pytest.raises(XmlError) as caught:
        elements(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not well-formed"),
        (b"<a>", "not well-formed"),
        (b"<a></b>", "not well-formed"),
        (b"<a>&e;</a>", "not well-formed"),
        (b"<a>\xff</a>", "not well-formed"),
        (b"<a>\x00</a>", "not well-formed"),
        (b"<?xml version='1.0' encoding='x-y'?><a/>", "not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY e 'e'>]><a>&e;</a>", "declares entities"),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "declares entities"),
        (b"<!DOCTYPE a [<!ENTITY % e SYSTEM 'http://h/'>%e;]><a/>", "declares entities"),
        (b"<a>" * (MAX_DEPTH + 1), "nest deeper"),
    ],
)
def test_what_is_no_xml_or_a_trap_is_refused(data: bytes, said: str) -> None:
    error = error_of(data)
    assert said in error.message
    assert 0 <= error.byte_offset <= len(data)


def test_a_doctype_without_entities_is_taken() -> None:
    assert len(elements(b"<!DOCTYPE a [<!ELEMENT a (#PCDATA)>]><a>x</a>")) == 1


class Endless:
    """A document whose text never ends."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return (b"<a>" if self.given == size else b"") + b"x" * (size - 3)


def test_an_element_without_end_ends_at_the_limit() -> None:
    stream = Endless()
    tracemalloc.start()
    try:
        with pytest.raises(XmlError, match="larger than 1000000 bytes"):
            list(Elements(stream, 1_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.given < 1_200_000
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"<b c='", id="an attribute"),
        pytest.param(b"<!--", id="a comment"),
        pytest.param(b"<b", id="a name"),
    ],
)
def test_a_tag_or_a_comment_is_bounded(begun: bytes) -> None:
    stream = Dribble(b"<a><x/>" + begun + b"x" * (4 * MAX_TOKEN), 1 << 16)
    found = iter(Elements(stream, 100 * MAX_TOKEN))
    assert next(found).name == "x"
    with pytest.raises(XmlError, match=f"larger than {MAX_TOKEN} bytes") as caught:
        list(found)
    assert caught.value.byte_offset == len(b"<a><x/>")
    assert len(stream.read(1 << 16)) == 1 << 16


@pytest.mark.parametrize("data", [b"x" * (3 << 20), b"x\n" * (1 << 20), b"&amp;" * (1 << 19)])
@pytest.mark.parametrize("around", [(b"<a>", b"</a>"), (b"<a><![CDATA[", b"]]></a>")])
def test_text_is_not_bounded_by_that(data: bytes, around: tuple[bytes, bytes]) -> None:
    [element] = elements(data.join(around), 1 << 16, 10 << 20)
    assert len(element.text) >= 1 << 19


def test_what_follows_a_long_attribute_is_not_lost() -> None:
    long = b"<b>1</b>" * 20 + b"<b c='" + b"x" * 300_000 + b"'/>" + b"<b>2</b>" * 10
    found = elements(b"<a>" + b"y" * (2 * MAX_TOKEN) + long + b"</a>", 1 << 16, 10 << 20)
    assert [element.text for element in found[:-1]] == ["1"] * 20 + [""] + ["2"] * 10
