from hypothesis import given
from hypothesis import strategies as st

from replayd.codec.controls import decode_controls, encode_controls
from replayd.model.batch import MAX_PRIORITY, Controls

controls = st.builds(
    Controls,
    paused=st.booleans(),
    priority=st.integers(-MAX_PRIORITY, MAX_PRIORITY),
    front=st.integers(0, 2**31 - 1),
    owner=st.text(max_size=20),
    accepted=st.integers(0, 2**62),
)


@given(controls)
def test_controls_come_back(given: Controls) -> None:
    assert decode_controls(encode_controls(given)) == given


def test_what_nobody_changed_takes_nothing() -> None:
    assert encode_controls(Controls()) == b""
    assert decode_controls(b"") == Controls()
