"""Filters of watchers, lists and exports: asked of replays, elsewhere (`matching`).

A filter sees of a replay what its caller may see: marks in the place of secrets, or, where they
are revealed, all of it; else it would find secrets out, a letter at a time. It sees the request
as it is sent, and the response that came, contents as far as the log has them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowreplay.v1 import event_pb2

from replayd.codec.plan import decode_plan, encode_plan
from replayd.errors import ReplaydError
from replayd.journal.interface import Journal, Part, Past
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.replay import ReplayKey
from replayd.reasons import Reason
from replayd.redaction.fields import fields_of
from replayd.redaction.redactor import UNKEYED, Redactor
from replayd.rpc.shown import Shown

if TYPE_CHECKING:
    from replayd.matching.frames import Candidate, Verdict
    from replayd.matching.process import FilterProcesses

Found = Callable[[Sequence[Past]], Sequence[Past]]
"""Picks the replays that a filter finds; for a thread."""

_PAUSE = 50e-6
"""Seconds in which other threads get the interpreter after each replay that is looked up."""


class Filtering:
    """Asks filters about replays. Lives on one event loop; `of_replays` is for threads."""

    def __init__(
        self, journal: Journal, shown: Shown | None = None, redactor: Redactor = UNKEYED
    ) -> None:
        self._journal = journal
        self._shown = shown or Shown(journal, redactor)
        self._redactor = redactor
        self._loop = asyncio.get_running_loop()
        self._processes: FilterProcesses | None = None

    async def close(self) -> None:
        """Ends what was started for it."""
        if self._processes is not None:
            await self._processes.close()

    async def check(self, text: str) -> bool:
        """Tells whether a filter asks for more of requests than the events that end replays have
        of them; empty is one for all. Raises ReplaydError INVALID_OPTIONS when it is none.
        """
        if not text:
            return False
        await self._ask(text, [], reveal=False)
        from replayd.matching.terms import needs_request  # noqa: PLC0415

        return needs_request(text)

    def found(self, text: str, *, reveal: bool) -> Found:
        """Returns what picks the replays that a filter finds; empty: all of them."""
        if not text:
            return list
        return lambda replays: self.of_replays(text, replays, reveal=reveal)

    async def of_events(self, text: str, events: Sequence[bytes], *, reveal: bool) -> list[bytes]:
        """Returns those events of the log that are about a single replay that the filter finds.

        Raises ReplaydError INVALID_OPTIONS when it takes too much.
        """
        # Imported here, as all of `matching`: many daemons never filter.
        from replayd.matching.frames import Candidate, Verdict  # noqa: PLC0415

        seen = await asyncio.to_thread(self._seen, events, reveal=reveal)
        verdicts = await self._ask(text, [Candidate(event) for event in seen], reveal=reveal)
        unknown = [place for place, said in enumerate(verdicts) if said is Verdict.UNKNOWN]
        if unknown:
            candidates = await asyncio.to_thread(
                self._with_requests, [seen[place] for place in unknown], reveal=reveal
            )
            again = await self._ask(text, candidates, reveal=reveal)
            for place, said in zip(unknown, again, strict=True):
                verdicts[place] = said
        told = zip(events, verdicts, strict=True)
        return [event for event, said in told if said is Verdict.YES]

    def of_replays(self, text: str, replays: Sequence[Past], *, reveal: bool) -> list[Past]:
        """Returns the replays that a filter finds, by how they ended, if they did.

        Raises ReplaydError INVALID_OPTIONS when it is none, or takes too much.
        """
        from replayd.matching.frames import Verdict  # noqa: PLC0415

        candidates = [self._candidate(past, reveal=reveal) for past in replays]
        asking = asyncio.run_coroutine_threadsafe(
            self._ask(text, candidates, reveal=reveal), self._loop
        )
        told = zip(replays, asking.result(), strict=True)
        return [past for past, said in told if said is Verdict.YES]

    async def _ask(
        self, text: str, candidates: "Sequence[Candidate]", *, reveal: bool
    ) -> "list[Verdict]":
        from replayd.matching.frames import Question  # noqa: PLC0415
        from replayd.matching.process import FilterProcesses  # noqa: PLC0415

        if self._processes is None:
            self._processes = FilterProcesses()
        return await self._processes.ask(Question(text, candidates, reveal))

    def _seen(self, events: Sequence[bytes], *, reveal: bool) -> list[bytes]:
        """Returns events as a filter sees them: the log's own, but where those are not what
        its caller may see.
        """
        if reveal:
            return list(self._shown.events(events, PREVIEW_LIMIT, reveal=True))
        before = self._journal.info.redacted_after
        if not before:
            return list(events)
        return list(self._shown.events(events, PREVIEW_LIMIT, reveal=False))

    def _with_requests(self, events: Sequence[bytes], *, reveal: bool) -> "list[Candidate]":
        from replayd.matching.frames import Candidate  # noqa: PLC0415

        candidates = []
        for encoded in events:
            key = ReplayKey.parse(event_pb2.Event.FromString(encoded).replay_id)
            candidates.append(Candidate(encoded, self._request_of(key, reveal=reveal)))
            time.sleep(_PAUSE)
        return candidates

    def _request_of(self, key: ReplayKey, *, reveal: bool) -> bytes:
        try:
            (past,) = self._journal.history(key.batch_id, key.slot - 1, 1)
        except ReplaydError as error:
            # Retention removed it since the event was read.
            if error.reason is not Reason.BATCH_NOT_FOUND:
                raise
            return b""
        return self._request(past, reveal=reveal).SerializeToString()

    def _candidate(self, past: Past, *, reveal: bool) -> "Candidate":
        from replayd.matching.frames import Candidate  # noqa: PLC0415

        time.sleep(_PAUSE)
        request = self._request(past, reveal=reveal)
        if past.event:
            (event,) = self._shown.events([past.event], PREVIEW_LIMIT, reveal=reveal)
            return Candidate(event, request.SerializeToString())
        # It has not ended: as when it is about to be sent.
        asked = event_pb2.Event(replay_id=past.key.replay_id, request=request)
        return Candidate(asked.SerializeToString())

    def _request(self, past: Past, *, reveal: bool) -> event_pb2.RequestEvent:
        plan = decode_plan(past.plan)
        shown = plan if reveal else self._redactor.plan(plan)
        content: bytes | None = b""
        if plan.content_size:
            content = past.request_content
            if content is None:
                content = next(self._journal.content(past.key, Part.REQUEST), b"")
            content = content[:PREVIEW_LIMIT]
            if not reveal:
                content = self._redactor.request_content(content, fields_of(plan.head))
        event = event_pb2.RequestEvent(content=content or b"")
        event.plan.ParseFromString(encode_plan(shown))
        return event
