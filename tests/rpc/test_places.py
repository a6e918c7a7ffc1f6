"""The watchers' places: so many in all, and so many of one client."""

from contextlib import ExitStack

import pytest

from replayd.access.roles import LOCAL, Caller
from replayd.errors import ReplaydError
from replayd.reasons import Reason
from replayd.rpc.places import Places

ONE, OTHER = (Caller(name, frozenset()) for name in ("one", "other"))


def refused(places: Places, caller: Caller) -> str:
    """What a caller who gets no place is told."""
    with pytest.raises(ReplaydError) as caught, places.taken(caller):
        pass
    assert caught.value.reason is Reason.TOO_MANY_WATCHERS
    return caught.value.message


def test_a_client_has_its_share_and_others_have_theirs() -> None:
    places = Places(10, 2)
    with places.taken(ONE), places.taken(OTHER):
        with places.taken(ONE):
            message = refused(places, ONE)
            assert "2 watchers of one are connected" in message
            assert "--client-watchers" in message
        with places.taken(ONE):
            assert places.count == 3
    assert places.count == 0
    assert not places._clients, "who has gone is forgotten"


def test_the_user_of_the_socket_may_have_all_and_no_more() -> None:
    places = Places(3, 1)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(places.taken(LOCAL))
        for caller in (LOCAL, ONE):
            assert "raise the daemon's --max-watchers" in refused(places, caller)
    with places.taken(ONE):
        assert places.count == 1


def test_without_a_limit_a_client_may_have_all() -> None:
    places = Places(2, 0)
    with places.taken(ONE), places.taken(ONE):
        assert "raise the daemon's --max-watchers" in refused(places, ONE)


def test_a_place_is_given_back_after_an_error() -> None:
    places = Places(1, 1)
    with pytest.raises(ValueError, match="x"), places.taken(ONE):
        raise ValueError("x")
    with places.taken(ONE):
        pass
