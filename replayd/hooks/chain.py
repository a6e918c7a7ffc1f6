"""All hooks of the daemon: which are asked about a replay, in their order, and what becomes
of it. Of the event loop, but for what the replay thread calls, which says so.

Each hook is asked about what those before it have made of a replay. Nothing here waits for
anything but answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from replayd.errors import ReplaydError
from replayd.hooks.as_flow import flow_of
from replayd.hooks.change import Replanner, is_same
from replayd.hooks.hook import Hook
from replayd.hooks.words import (
    NOTHING,
    Answer,
    ChangedRequest,
    Content,
    End,
    HookPoint,
    HookSettings,
    Kill,
    Lost,
    OwnResponse,
    Proceed,
    Question,
    Record,
    Respond,
    Send,
    discard,
    head_of,
    in_memory,
)
from replayd.journal.interface import Journal, Part
from replayd.model.flow import FlowKind, Response
from replayd.model.outcome import Note, Outcome
from replayd.model.plan import Plan
from replayd.model.replay import Replay, ReplayState
from replayd.planning.refusal import Refusal
from replayd.reasons import Reason

MAX_HOOKS = 16
"""Hooks at once."""

_logger = logging.getLogger(__name__)

Verdict = TypeVar("Verdict", Send | Respond | End, Record | End)
Decided = Callable[[Verdict], None]


class Hooks:
    """The registered hooks."""

    def __init__(
        self, journal: Journal, replanner: Replanner, required: frozenset[str] = frozenset()
    ) -> None:
        """`required`: names of hooks without which nothing is sent."""
        self.required = required
        self._complete = asyncio.Event()
        """Set while the required ones may all be there: who waits looks again."""
        self._journal = journal
        self._replanner = replanner
        self._loop = asyncio.get_running_loop()
        self._hooks: tuple[Hook, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def registered(self) -> Sequence[Hook]:
        """The hooks, in the order in which they are asked."""
        return self._hooks

    @property
    def content_limit(self) -> int:
        """Bytes that a content of a hook's may have."""
        return self._replanner.body_size_limit

    def register(self, settings: HookSettings) -> Hook:
        """Adds a hook. Raises ReplaydError: HOOK_EXISTS, TOO_MANY_HOOKS."""
        if any(hook.name == settings.name for hook in self._hooks):
            raise ReplaydError(
                Reason.HOOK_EXISTS,
                f"a hook {settings.name} is registered; take another name, or end that one",
                name=settings.name,
            )
        if len(self._hooks) >= MAX_HOOKS:
            raise ReplaydError(
                Reason.TOO_MANY_HOOKS,
                f"{MAX_HOOKS} hooks are registered, which is the limit; end one first",
                limit=MAX_HOOKS,
            )
        guards = settings.kills and HookPoint.REQUEST in settings.points
        if settings.name in self.required and not guards:
            raise ReplaydError(
                Reason.INVALID_OPTIONS,
                f"the daemon sends nothing without the hook {settings.name} (--require-hook): "
                "register it for the request point, and with the policy kill",
                field="registration",
            )
        hook = Hook(settings)
        # Sorting is stable: of the same order, the one that came first.
        self._hooks = tuple(sorted((*self._hooks, hook), key=lambda each: each.settings.order))
        if not self.missing:
            self._complete.set()
        return hook

    def unregister(self, hook: Hook) -> None:
        """Takes a hook off, and has its policy decide all that it was asked. Idempotent."""
        self._hooks = tuple(each for each in self._hooks if each is not hook)
        if self.missing:
            self._complete.clear()
        hook.end()

    @property
    def missing(self) -> frozenset[str]:
        """The required hooks that are not registered."""
        return self.required.difference(hook.name for hook in self._hooks)

    # What the replay thread calls

    def wanted(self, point: HookPoint) -> bool:
        """Whether any hook is for a point, or has to be. From any thread."""
        if self.required and point is HookPoint.REQUEST:
            return True
        return any(point in hook.settings.points for hook in self._hooks)

    def at_request(
        self, replay: Replay, plan: Plan, decided: Decided[Send | Respond | End]
    ) -> None:
        """Has hooks asked about what is about to be sent. `decided` is told Send, Respond or
        End, on the event loop. From any thread.
        """
        self._hand_over(lambda: self._request(replay, plan), decided)

    def at_end(
        self,
        replay: Replay,
        plan: Plan,
        outcome: Outcome,
        contents: tuple[Content | None, Content],
        decided: Decided[Record | End],
    ) -> None:
        """Has hooks asked about an outcome; `contents`: of the request, where it is not the
        replay's, and of the response. `decided` is told Record or End. From any thread.
        """
        self._hand_over(lambda: self._outcome(replay, plan, outcome, *contents), decided)

    def _hand_over(self, ask: Callable[[], Awaitable[Verdict]], decided: Decided[Verdict]) -> None:
        self._loop.call_soon_threadsafe(self._begin, ask, decided)

    def _begin(self, ask: Callable[[], Awaitable[Verdict]], decided: Decided[Verdict]) -> None:
        task = self._loop.create_task(_told(ask, decided))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # A replay's way

    async def _request(self, replay: Replay, plan: Plan) -> Send | Respond | End:
        now = Send(replay, plan)
        while self.missing:
            await self._complete.wait()
        for hook in self._hooks:
            if not hook.wants(HookPoint.REQUEST):
                continue
            question = self._question(HookPoint.REQUEST, now.replay, now.plan, now.content)
            answer = _sensible(hook, await hook.ask(question), question)
            if isinstance(answer, Proceed):
                continue
            if isinstance(answer, OwnResponse):
                return Respond(
                    hook.name,
                    now.replay,
                    now.plan,
                    head_of(answer.response),
                    answer.response.trailers,
                    answer.content or NOTHING,
                    now.content,
                    now.notes,
                )
            if isinstance(answer, ChangedRequest):
                made = await self._changed(hook, question, now, answer)
                if isinstance(made, End):
                    return made
                now = made
                continue
            over = _decide(hook, answer, now.notes)
            if isinstance(over, End):
                discard(now.content)
                return over
            now = now._replace(notes=over)
        return now

    async def _changed(
        self, hook: Hook, question: Question, now: Send, changed: ChangedRequest
    ) -> Send | End:
        if is_same(changed, question.flow):
            return now
        plan = partial(self._replanner.plan, hook.name, question, now, changed)
        try:
            if (changed.content or question.request_content).data is None:
                # What may be shown of it is read from a disk.
                made = await asyncio.to_thread(plan)
            else:
                made = plan()
        except ReplaydError as error:
            made = Refusal(error.reason, error.message)
        if isinstance(made, Refusal):
            discard(changed.content)
            discard(now.content)
            said = f"what the hook {hook.name} made of the request can't be sent: {made.message}"
            return End(ReplayState.FAILED, made.reason, said, now.notes)
        if made.content is not now.content:
            discard(now.content)
        return made

    async def _outcome(
        self,
        replay: Replay,
        plan: Plan,
        outcome: Outcome,
        request_content: Content | None,
        content: Content,
    ) -> Record | End:
        if outcome.state is not ReplayState.SUCCEEDED:
            return await self._error(replay, plan, outcome, request_content, content)
        now = Record()
        response = _response(outcome, content)
        for hook in self._hooks:
            if not hook.wants(HookPoint.RESPONSE):
                continue
            question = self._question(
                HookPoint.RESPONSE,
                replay,
                plan,
                request_content,
                response=response,
                response_content=now.content or content,
            )
            answer = _sensible(hook, await hook.ask(question), question)
            if isinstance(answer, OwnResponse):
                changed = answer.response._replace(content=None)
                if answer.content is None and changed == response._replace(content=None):
                    continue
                if answer.content is not None:
                    discard(now.content)
                    now = now._replace(content=answer.content)
                response = changed._replace(content=(now.content or content).data)
                now = now._replace(changing=(*now.changing, hook.name), response=changed)
            elif not isinstance(answer, Proceed):
                over = _decide(hook, answer, now.notes)
                if isinstance(over, End):
                    discard(now.content)
                    return over
                now = now._replace(notes=over)
        return now

    async def _error(
        self,
        replay: Replay,
        plan: Plan,
        outcome: Outcome,
        request_content: Content | None,
        content: Content,
    ) -> Record:
        notes: tuple[Note, ...] = ()
        response = None if outcome.head is None else _response(outcome, content)
        question = self._question(
            HookPoint.ERROR,
            replay,
            plan,
            request_content,
            response=response,
            response_content=content,
        )._replace(error=(outcome.reason, outcome.message))
        for hook in self._hooks:
            if hook.wants(HookPoint.ERROR):
                answer = _sensible(hook, await hook.ask(question), question)
                if isinstance(answer, Lost):
                    notes = (*notes, Note(answer.message, answer.reason))
        return Record(notes=notes)

    def _question(
        self,
        point: HookPoint,
        replay: Replay,
        plan: Plan,
        request_content: Content | None,
        *,
        response: Response | None = None,
        response_content: Content = NOTHING,
    ) -> Question:
        content = request_content or self._content(replay, plan)
        flow = flow_of(plan, content.data, replay.session)
        if response is not None:
            flow = flow._replace(response=response)
        return Question(
            point,
            replay,
            flow,
            content,
            response_content,
            plan.flow_index,
            plan.recorded_status_code,
        )

    def _content(self, replay: Replay, plan: Plan) -> Content:
        if plan.websocket is not None:
            return NOTHING
        if replay.request_content is not None:
            return in_memory(replay.request_content)
        return Content(
            plan.content_size, None, lambda: self._journal.content(replay.key, Part.REQUEST)
        )


def _response(outcome: Outcome, content: Content) -> Response:
    head = outcome.head
    assert head is not None
    return Response(
        head.http_version,
        head.status_code,
        head.reason_phrase,
        head.headers,
        content.data,
        outcome.trailers,
    )


def _sensible(hook: Hook, answer: Answer, question: Question) -> Answer:
    """Returns the answer, unless it can't be one to this question: then it is Lost."""
    what = ""
    if isinstance(answer, ChangedRequest | OwnResponse):
        if question.flow.kind is FlowKind.WEBSOCKET:
            what = "changed a WebSocket flow"
        elif question.point is HookPoint.ERROR:
            what = "changed a replay that had failed"
        elif isinstance(answer, ChangedRequest) and question.point is not HookPoint.REQUEST:
            what = "changed a request that was sent"
    if isinstance(answer, OwnResponse) and not 100 <= answer.response.status_code <= 999:
        what = f"answered with the status code {answer.response.status_code}"
    if not what:
        return answer
    if isinstance(answer, ChangedRequest | OwnResponse):
        discard(answer.content)
    return Lost(Reason.HOOK_INVALID, f"the hook {hook.name} {what}")


def _decide(hook: Hook, answer: Answer, notes: tuple[Note, ...]) -> End | tuple[Note, ...]:
    """Returns the end that a hook, or its policy, puts to a replay, else the notes to go on
    with.
    """
    if isinstance(answer, Kill):
        said = f"the hook {hook.name} killed it"
        if answer.message:
            said += f": {answer.message}"
        return End(ReplayState.KILLED, Reason.HOOK_KILLED, said, notes)
    assert isinstance(answer, Lost)
    if hook.settings.kills:
        return End(ReplayState.KILLED, answer.reason, answer.message, notes)
    return (*notes, Note(f"{answer.message}; it goes on without", answer.reason))


async def _told(ask: Callable[[], Awaitable[Verdict]], decided: Decided[Verdict]) -> None:
    verdict: Verdict | End
    try:
        verdict = await ask()
    except Exception as error:
        _logger.exception("asking hooks failed")
        said = f"asking hooks failed: {type(error).__name__}: {error}"
        verdict = End(ReplayState.FAILED, Reason.INTERNAL, said)
    decided(verdict)
