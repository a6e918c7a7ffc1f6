"""What a caller may do: roles, which each call of the contract asks for one of. Pure."""

from enum import StrEnum
from typing import NamedTuple

from replayd.errors import AccessError
from replayd.reasons import Reason


class Role(StrEnum):
    """One thing that a caller may do. None of them includes another."""

    READ = "read"
    """Watches, counts and looks."""
    ENQUEUE = "enqueue"
    """Puts flows on the queue, and asks what would be sent."""
    ADMIN = "admin"
    """Changes what is on the queue and whether it goes on."""
    HOOKS = "hooks"
    """Changes, answers or kills replays that are under way."""
    SECRETS = "secrets"
    """Sees whole what captures and servers hold, credentials among it."""


class Caller(NamedTuple):
    """Who calls, as it is named to people, and what it may do."""

    name: str
    roles: frozenset[Role]
    known: bool = False
    """Whether it is somebody in particular, whom the token file names."""

    def require(self, role: Role) -> None:
        """Raises AccessError ROLE_MISSING when the caller does not have this role."""
        if role in self.roles:
            return
        has = ", ".join(sorted(self.roles)) or "none"
        raise AccessError(
            Reason.ROLE_MISSING,
            f"{self.name} may not do this: it needs the role `{role}`, and has {has}; whoever "
            "runs the daemon grants roles",
            role=role.value,
            caller=self.name,
        )


LOCAL = Caller("the user of the Unix socket", frozenset(Role))
"""Who can open the daemon's Unix socket is its user, and may do everything."""
