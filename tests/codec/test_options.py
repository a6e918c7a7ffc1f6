"""Options as a batch keeps them."""

import pytest
from flowreplay.v1.replay_pb2 import EnqueueOptions

from replayd.codec.options import strict_session


@pytest.mark.parametrize(
    ("options", "strict"),
    [
        (b"", False),
        (EnqueueOptions(raw=True).SerializeToString(), False),
        (EnqueueOptions(strict_session=True).SerializeToString(), True),
    ],
)
def test_whether_sessions_are_strict(options: bytes, strict: bool) -> None:
    assert strict_session(options) is strict
