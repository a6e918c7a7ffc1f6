"""The leak that is seeded, so that a soak has something to catch."""

from unittest.mock import Mock, patch

import pytest

from tools.soak import leak


def test_each_second_loses_its_bytes() -> None:
    waits = Mock(side_effect=[False] * 20 + [True])
    with patch.object(leak, "_lost", []) as lost:
        leak.lose(1000, waits)
    seconds = sum(call.args[0] for call in waits.call_args_list[:-1])
    assert sum(map(len, lost)) == pytest.approx(1000 * seconds)
    assert len({id(part) for part in lost}) == 20
