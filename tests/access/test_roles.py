import pytest

from replayd.access.roles import LOCAL, Caller, Role
from replayd.errors import ReplaydError
from replayd.reasons import Reason


def test_a_caller_may_do_what_its_roles_say_and_nothing_else() -> None:
    reader = Caller("ci", frozenset({Role.READ}))
    reader.require(Role.READ)
    for role in set(Role) - {Role.READ}:
        with pytest.raises(ReplaydError, match=f"ci may not .* `{role}`, and has read") as caught:
            reader.require(role)
        assert caught.value.reason is Reason.ROLE_MISSING
        assert caught.value.metadata == {"role": role, "caller": "ci"}


def test_who_has_no_role_is_told_so() -> None:
    with pytest.raises(ReplaydError, match="and has none"):
        Caller("nobody", frozenset()).require(Role.READ)


def test_the_user_of_the_unix_socket_may_do_everything() -> None:
    for role in Role:
        LOCAL.require(role)
