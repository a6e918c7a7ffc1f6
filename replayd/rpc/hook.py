"""HookService, as much of it as every daemon has: the rest comes with the first hook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from replayd.access.roles import Role
from replayd.journal.interface import Journal
from replayd.planning.target_rules import TargetRules
from replayd.redaction.redactor import Redactor
from replayd.rpc.calls import Call, Methods, Service, conversation

if TYPE_CHECKING:
    from replayd.hooks.chain import Hooks

UseHooks = Callable[["Hooks | None", Callable[[], None]], None]
"""Has the replay thread ask hooks (`ReplayThread.use_hooks`)."""


class HookService(Service):
    """Answers the calls of `flowreplay.v1.HookService`."""

    # Not read from the contract: its messages are loaded with the first hook.
    name = "flowreplay.v1.HookService"

    def __init__(
        self,
        journal: Journal,
        use_hooks: UseHooks,
        *,
        targets: TargetRules,
        body_size_limit: int,
        redactor: Redactor,
    ) -> None:
        """The rest: what a request that a hook changed is planned by."""
        super().__init__(journal)
        self._use_hooks = use_hooks
        self._targets = targets
        self._body_size_limit = body_size_limit
        self._redactor = redactor
        self._hooks: Hooks | None = None
        self._ended = asyncio.Event()

    def methods(self) -> Methods:
        """Makes the table of the service's RPCs."""
        return {"Hook": conversation(Role.HOOKS, self.hook)}

    async def hook(self, messages: AsyncIterator[bytes], call: Call) -> AsyncGenerator[bytes, None]:
        """Hook."""
        self.refuse_when_stopping()
        from replayd.rpc.hooking import Attendance, open_hooks  # noqa: PLC0415

        if self._hooks is None:
            self._hooks = open_hooks(
                self.journal,
                targets=self._targets,
                body_size_limit=self._body_size_limit,
                redactor=self._redactor,
            )
        attendance = Attendance(
            self._hooks, self.journal, self._use_hooks, self._ended, self.cursor
        )
        async with aclosing(attendance.attend(messages, call.caller.name)) as responses:
            async for response in responses:
                yield response

    def end(self) -> None:
        """Ends all calls: the daemon is stopping, and no replay runs any more."""
        self._ended.set()
        if self._hooks is not None:
            for hook in self._hooks.registered:
                hook.end()
