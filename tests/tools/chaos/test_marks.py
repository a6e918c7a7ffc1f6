"""A mark is read as it was made."""

import pytest

from tools.chaos.marks import Freed, Held, Mark, Start, TargetStart, mark_of, read_mark


@pytest.mark.parametrize(
    "mark", [Start(8, paused=True), TargetStart(), Held("b"), Held("b", 3), Freed("b")]
)
def test_it_is_read_as_it_was_made(mark: Mark) -> None:
    again = read_mark(mark_of(mark))
    assert again == mark
    assert type(again) is type(mark)


def test_other_words_are_none() -> None:
    with pytest.raises(ValueError, match="not a mark"):
        read_mark("held/b")
