"""Inputs told by format, seed and number."""

import pytest

from tools.fuzz.case import make_case
from tools.fuzz.recipes import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_case_is_told_by_its_number(name: str) -> None:
    assert make_case(name, 1, 5) == make_case(name, 1, 5)
    assert make_case(name, 1, 5) != make_case(name, 1, 6) != make_case(name, 2, 6)


def test_captures_are_enqueued_in_every_way() -> None:
    cases = [make_case("http", 1, number) for number in range(300)]
    ways = [case.way for case in cases]
    assert {way.format for way in ways} == {None, RECIPES["http"].format}
    for name in ("salvage", "raw", "followed"):
        assert {getattr(way, name) for way in ways} == {True, False}
    assert any(way.piece == 1 for way in ways)
    assert all(len(case.data) <= 400 * case.way.piece for case in cases)
