"""HookService, as much of it as every daemon has: the rest comes with the first hook."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from replayd.access.roles import Role
from replayd.codec.event import log_event
from replayd.errors import JournalError
from replayd.journal.interface import Journal
from replayd.model.event import LogLevel
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import Redactor
from replayd.rpc.calls import Call, Methods, Service, conversation

if TYPE_CHECKING:
    from replayd.hooks.chain import Hooks

_log = logging.getLogger(__name__)

HOOK_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

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
        required: frozenset[str] = frozenset(),
        targets: TargetRules,
        body_size_limit: int,
        redactor: Redactor,
    ) -> None:
        """`required`: hooks without which nothing is sent. The rest: what a request that a hook
        changed is planned by.
        """
        super().__init__(journal)
        self._required = required
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
        from replayd.rpc.hooking import Attendance  # noqa: PLC0415

        attendance = Attendance(
            self._opened(), self.journal, self._use_hooks, self._ended, self.cursor
        )
        async with aclosing(attendance.attend(messages, call.caller.name)) as responses:
            async for response in responses:
                yield response

    def begin(self) -> None:
        """Has nothing sent without the required hooks; before the replay thread is started."""
        if self._required:
            self._use_hooks(self._opened(), lambda: None)
            names = ", ".join(sorted(self._required))
            said = f"nothing is sent until these hooks are registered (--require-hook): {names}"
            _log.warning("%s", said)
            event = log_event(LogLevel.WARNING, said, time.time_ns(), reason=Reason.HOOK_NOTE)
            self.journal.emit([event])
            try:
                self.journal.commit()
            except JournalError as error:
                # A daemon starts on a full disk, too; the replay thread's next commit has it.
                _log.warning("that is not in the event log yet: %s", error.message)

    def _opened(self) -> Hooks:
        from replayd.rpc.hooking import open_hooks  # noqa: PLC0415

        if self._hooks is None:
            self._hooks = open_hooks(
                self.journal,
                required=self._required,
                targets=self._targets,
                body_size_limit=self._body_size_limit,
                redactor=self._redactor,
            )
        return self._hooks

    def end(self) -> None:
        """Ends all calls: the daemon is stopping, and no replay runs any more."""
        self._ended.set()
        if self._hooks is not None:
            for hook in self._hooks.registered:
                hook.end()
