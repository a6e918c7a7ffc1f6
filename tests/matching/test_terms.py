"""What a filter asks of a replay is known before it is asked."""

import pytest

from replayd.filters import FilterError
from replayd.matching.terms import needs_request


def test_what_events_do_not_tell_is_told() -> None:
    with pytest.raises(FilterError, match="~comment") as caught:
        needs_request("~m GET & ~comment x")
    assert caught.value.position == 9
    assert not needs_request("~m GET | ~u '~x'")
