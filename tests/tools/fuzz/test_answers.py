"""What servers may say: the same for the same number, and neither all well nor all broken."""

from random import Random

import pytest

from tools.fuzz.answers import ANSWERS, Dice, make_answer


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_told_by_its_number(name: str) -> None:
    made = [make_answer(name, Random(number)) for number in range(50)]
    assert made == [make_answer(name, Random(number)) for number in range(50)]
    assert len(set(made)) > 25


def test_nothing_is_odd_where_the_dice_say_so() -> None:
    dice = Dice(1)
    for _ in range(100):
        assert ANSWERS["http1"](dice).startswith(b"HTTP/1.1 ")
