import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.codec.cursor import Cursor, decode_cursor, encode_cursor
from replayd.errors import ReplaydError
from replayd.reasons import Reason


@given(
    st.text("0123456789abcdef", min_size=1, max_size=32),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63 - 1),
)
def test_a_cursor_comes_back_from_its_text(store_id: str, epoch: int, sequence: int) -> None:
    cursor = Cursor(store_id, epoch, sequence)
    text = encode_cursor(cursor)
    assert decode_cursor(text) == cursor
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=60))
def test_other_text_is_refused_or_a_cursor(text: str) -> None:
    try:
        cursor = decode_cursor(text)
    except ReplaydError as error:
        assert error.reason is Reason.CURSOR_INVALID  # noqa: PT017 - either way is right
    else:
        assert cursor.sequence >= 0


@pytest.mark.parametrize("text", ["", "42", "YzE", "é", encode_cursor(Cursor("s", 0, 1))[:-4]])
def test_a_cut_or_foreign_text_says_what_to_do(text: str) -> None:
    with pytest.raises(ReplaydError, match="is not a cursor; pass one that a response carried"):
        decode_cursor(text)
