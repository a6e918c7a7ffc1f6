from replayd.model.flow import Headers
from replayd.planning import section
from replayd.planning.section import section_of, written

HEADERS: Headers = ((b"Host", b"a"), (b" X-Y ", b"1"), (b"host", b"b"), (b"x-y", b""))


def test_a_section_tells_all_that_planning_asks_for() -> None:
    found = section_of(HEADERS)
    assert found.names == {b"host", b"x-y"}
    assert found.written == b"Host: a\r\n X-Y : 1\r\nhost: b\r\nx-y: \r\n"
    assert (found.size, found.host) == (19, b"a")
    assert (found.unsafe, found.unsafe_http2) == ("", "")


def test_no_fields_are_a_section_too() -> None:
    assert section_of(()) == (frozenset(), b"", 0, b"", "", "")


def test_what_ends_a_line_is_told_apart_for_each_version() -> None:
    folded = section_of(((b"A", b"1\r\n 2"),))
    assert (folded.unsafe, "CR, LF or NUL" in folded.unsafe_http2) == ("", True)
    ended = section_of(((b"A", b"1\r\nB: 2"),))
    assert "'A'" in ended.unsafe
    assert "the end of a line" in ended.unsafe
    named = section_of(((b"A\0", b"\n"),))
    assert named.unsafe == named.unsafe_http2 == "a field's name holds CR, LF or NUL"


def test_sections_are_remembered_but_neither_long_ones_nor_for_ever() -> None:
    equal = ((b"A", b"x" * 10),)
    assert section_of(equal) is section_of(((b"A", bytes(bytearray(b"x" * 10))),))
    long = ((b"A", b"x" * 5000),)
    assert section_of(long) is not section_of(long)
    for number in range(2000):
        section_of(((b"N", b"%d" % number),))
    assert len(section._known) <= section._REMEMBERED


def test_fields_are_written_as_they_are() -> None:
    assert written([(b"a", b"1"), (b"", b"")]) == b"a: 1\r\n: \r\n"
