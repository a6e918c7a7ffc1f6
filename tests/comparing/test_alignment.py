"""Which elements of two sequences came, went or changed."""

from replayd.comparing import alignment
from replayd.comparing.alignment import changed


def test_what_stays_is_found_between_what_changed() -> None:
    assert list(changed("abcde", "xbcye")) == [(0, 1, 0, 1), (3, 4, 3, 4)]


def test_what_came_and_what_went() -> None:
    assert list(changed("abc", "azbc")) == [(1, 1, 1, 2)]
    assert list(changed("abc", "ac")) == [(1, 2, 1, 1)]
    assert list(changed("", "ab")) == [(0, 0, 0, 2)]


def test_equal_ones_have_no_changes() -> None:
    assert list(changed("abc", "abc")) == []


def test_too_many_or_too_alike_are_taken_as_a_whole() -> None:
    many = list(range(alignment.MOST + 2))
    assert list(changed(many, many[::-1])) == [(0, len(many), 0, len(many))]
    alike = "ab" * 50
    assert list(changed("x" + alike, alike + "y")) == [(0, 101, 0, 101)]
