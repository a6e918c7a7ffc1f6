import pytest

from tests.tools.fidelity.requests import HOST, captured, length, lines
from tools.fidelity.judge import Verdict, first_difference, judge

WRONG_LENGTH = captured(HOST, length(b"9"), content=b"hi")
AS_CAPTURED = lines(b"Host: a.test", b"Content-Length: 9") + b"hi"
MENDED = lines(b"Host: a.test", b"Content-Length: 2") + b"hi"


def test_the_captures_own_bytes_are_identical() -> None:
    verdict = judge(WRONG_LENGTH, AS_CAPTURED, None)
    assert verdict == Verdict()
    assert verdict.identical


def test_allowed_changes_are_told_by_their_kinds() -> None:
    verdict = judge(WRONG_LENGTH, MENDED, None)
    assert verdict == Verdict(frozenset({"CONTENT_LENGTH"}))
    assert not verdict.identical


@pytest.mark.parametrize(
    "arrived",
    [
        MENDED.replace(b"Host", b"host"),
        MENDED.replace(b"/x", b"/X"),
        MENDED.replace(b"Host: a", b"Host:  a"),
        MENDED + b"\n",
        MENDED[:-1],
        b"",
    ],
)
def test_any_other_byte_is_wrong(arrived: bytes) -> None:
    verdict = judge(WRONG_LENGTH, arrived, None)
    assert verdict.wrong.startswith("from byte ")
    assert not verdict.identical


def test_the_name_that_tls_asked_for_counts_but_not_its_case() -> None:
    request = captured(HOST, scheme="https", server_name="b.test")
    arrived = lines(b"Host: a.test")
    assert judge(request, arrived, "B.Test").identical
    assert judge(request, arrived, "a.test").wrong == "TLS asked for 'a.test', not 'b.test'"
    assert judge(request, arrived, None).wrong == "TLS asked for None, not 'b.test'"


def test_a_difference_is_shown_with_what_stands_around_it() -> None:
    same = b"0123456789" * 10
    shown = first_difference(same + b"abc", same + b"aXc")
    assert shown.startswith("from byte 101: b'")
    assert "9abc' arrived as b'" in shown
    assert "9aXc'" in shown
    assert first_difference(b"ab", b"a") == "from byte 1: b'ab' arrived as b'a'"
