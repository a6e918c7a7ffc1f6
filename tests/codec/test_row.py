import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.codec.row import decode_rows, encode_row
from replayd.model.replay import Row

rows = st.builds(
    Row,
    flow_index=st.integers(0, 2**40),
    session=st.text(max_size=20),
    idempotent=st.booleans(),
    plan=st.binary(max_size=40),
    flow=st.binary(max_size=40),
    request_content=st.binary(max_size=40),
    recorded_content=st.binary(max_size=40),
    shown_plan=st.none() | st.binary(max_size=40),
    shown_content=st.none() | st.binary(max_size=40),
)


@given(st.lists(rows, max_size=5))
def test_a_group_comes_back_row_by_row(group: list[Row]) -> None:
    assert list(decode_rows(b"".join(map(encode_row, group)))) == group


@given(rows, st.data())
def test_a_cut_group_is_noticed(row: Row, data: st.DataObject) -> None:
    encoded = encode_row(row)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    with pytest.raises(ValueError, match="cut at byte"):
        list(decode_rows(encoded[:cut]))
