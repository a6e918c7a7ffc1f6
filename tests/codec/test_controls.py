from hypothesis import given
from hypothesis import strategies as st

from replayd.codec.controls import decode_controls, encode_controls
from replayd.model.batch import MAX_PRIORITY, Controls
from replayd.model.pace import Pace

some = st.floats(0.01, 1000.0)
gaps = st.none() | st.integers(0, 2**40)
paces = some.map(lambda rate: Pace(rate=rate)) | st.tuples(some, gaps).map(
    lambda told: Pace(speed=told[0], max_gap=told[1])
)
controls = st.builds(
    Controls,
    paused=st.booleans(),
    priority=st.integers(-MAX_PRIORITY, MAX_PRIORITY),
    front=st.integers(0, 2**31 - 1),
    owner=st.text(max_size=20),
    accepted=st.integers(0, 2**62),
    pace=st.none() | paces,
)


@given(controls)
def test_controls_come_back(given: Controls) -> None:
    assert decode_controls(encode_controls(given)) == given


def test_what_nobody_changed_takes_nothing() -> None:
    assert encode_controls(Controls()) == b""
    assert decode_controls(b"") == Controls()
