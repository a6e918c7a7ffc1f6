"""An Enqueue's messages -> prepared rows and a summary.

Decodes, refuses and plans, so that the replay thread finds each request's bytes ready.
Knows nothing of processes and pipes: messages come from an iterator, rows go to a
callback. Raises ReplaydError for what can't be taken; the caller then keeps nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from flowreplay.v1 import replay_pb2

from replayd.codec.flow import encode_flow, request_content
from replayd.comparing.digests import ANOTHER, LARGEST, digest_of
from replayd.errors import ReplaydError
from replayd.formats import Format, read_capture
from replayd.intake.capture import CaptureStream, spool
from replayd.intake.frames import LISTED, NotedFlow, RefusedFlow, Summary
from replayd.intake.options import (
    MAX_TEXT,
    asks_for_rewriting,
    check_ignored,
    check_options,
    filter_of,
    recorded_of,
)
from replayd.intake.preparing import PlanTerms, Preparer, plan_terms_of
from replayd.intake.stream import MessageStream
from replayd.intake.timing import Window
from replayd.intake.typed import TypedFlow, typed_flows
from replayd.model.event import PREVIEW_LIMIT
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found, Response
from replayd.model.plan import Change
from replayd.model.replay import Row
from replayd.planning.refusal import Refusal
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.redaction.redactor import UNKEYED, Redactor

if TYPE_CHECKING:
    from replayd.intake.rewrites import Rewrites
    from replayd.live.recorded import Recorded

MAX_NOTE = 1000
"""Characters of a note or of a refusal's message: many travel in one answer."""

_LIVE_SESSION = "\0live"
"""The session of all flows that share live values: each of them may need what came before."""

_FORMATS = {
    replay_pb2.CAPTURE_FORMAT_UNSPECIFIED: None,
    replay_pb2.CAPTURE_FORMAT_MITMPROXY: Format.MITMPROXY,
    replay_pb2.CAPTURE_FORMAT_HAR: Format.HAR,
    replay_pb2.CAPTURE_FORMAT_GOREPLAY: Format.GOREPLAY,
    replay_pb2.CAPTURE_FORMAT_BURP: Format.BURP,
    replay_pb2.CAPTURE_FORMAT_SAZ: Format.SAZ,
    replay_pb2.CAPTURE_FORMAT_HTTP: Format.HTTP,
    replay_pb2.CAPTURE_FORMAT_CURL: Format.CURL,
}


class DecodeSettings(NamedTuple):
    """What the daemon's configuration says about flows that come in."""

    targets: TargetRules
    body_size_limit: int
    """Bytes of one content."""
    redactor: Redactor = UNKEYED
    """What may be shown of them."""
    redaction_key: bytes = b""
    """Keys the digests of recorded responses."""


class Decoding:
    """One Enqueue's decoding: `run` it once."""

    def __init__(
        self, messages: Iterator[bytes], settings: DecodeSettings, emit: Callable[[Row], None]
    ) -> None:
        self._messages = MessageStream(messages)
        self._settings = settings
        self._emit = emit
        self._options = replay_pb2.EnqueueOptions()
        self._wanted: Callable[[Flow], bool] | None = None
        self._rewrites: Rewrites | None = None
        self._window: Window | None = None
        terms = PlanTerms(settings.targets, settings.body_size_limit)
        self._preparer = Preparer(terms, settings.redactor)
        self._recorded: Recorded | None = None
        self._one_session = ""
        """That of all flows; empty: each has its own."""
        self._compares = True
        self._hash = hashlib.sha256()
        self._summary = Summary()

    @property
    def streams(self) -> bool:
        """Whether rows are wanted as they come; known once the first message was read."""
        return self._options.stream

    def run(self) -> Summary:
        """Decodes every message, hands over each accepted row, and sums up."""
        first = next(self._messages, None)
        if first is not None and first.WhichOneof("payload") == "options":
            self._take_options(first.options)
            first = next(self._messages, None)
        index = 0
        for found in self._flows(first):
            if isinstance(found, CaptureNote):
                self._note(found)
                continue
            if isinstance(found, DamagedFlow):
                message = f"{found.message} (byte {found.byte_offset})"
                self._refuse("", index, Refusal(found.reason, message))
            elif isinstance(found, TypedFlow):
                self._flow(found.flow, index, found.encoded)
            else:
                self._flow(_named_briefly(found), index)
            index += 1
        self._messages.check_end()
        for source in self._recorded.missing if self._recorded else ():
            self._note(CaptureNote(max(index - 1, 0), _nowhere(source)))
        self._summary.content_hash = self._hash.hexdigest()
        return self._summary

    def _take_options(self, options: replay_pb2.EnqueueOptions) -> None:
        check_options(options)
        check_ignored(options.ignored_differences, "options.")
        self._options = options
        self._wanted = filter_of(options)
        if asks_for_rewriting(options):
            # Imported here: few do, and every worker would take as long.
            from replayd.intake.rewrites import Rewrites  # noqa: PLC0415

            self._rewrites = Rewrites(options, self._settings.body_size_limit)
        window = Window(options)
        self._window = None if window.open else window
        self._recorded = recorded_of(options)
        terms = plan_terms_of(options, self._settings.targets, self._settings.body_size_limit)
        self._preparer = Preparer(terms, self._settings.redactor, self._recorded)
        if self._recorded and options.live_scope != replay_pb2.LIVE_SCOPE_SESSION:
            self._one_session = _LIVE_SESSION
        self._compares = options.compare != replay_pb2.COMPARE_MODE_OFF
        unnamed = replay_pb2.EnqueueOptions()
        unnamed.CopyFrom(options)
        for name in ("request_id", "end_follows"):
            unnamed.ClearField(name)
        self._hash_whole(unnamed.SerializeToString(deterministic=True))

    def _hash_whole(self, part: bytes) -> None:
        """Hashes a part and where it ends, so that no two streams look the same."""
        self._hash.update(b"%d:" % len(part) + part)

    def _flows(self, first: replay_pb2.EnqueueRequest | None) -> Iterator[Found | TypedFlow]:
        if first is None:
            return iter(())
        kind = first.WhichOneof("payload")
        messages = _again(first, self._messages)
        if kind == "capture_chunk":
            stream = CaptureStream(messages, self._hash.update)
            options = self._options
            return read_capture(
                stream,
                format=_FORMATS[options.format],
                salvage=options.salvage,
                spool=spool,
            )
        if kind == "flow_batch":
            return typed_flows(messages, self._hash_whole, self._settings.body_size_limit)
        raise ReplaydError(
            Reason.INVALID_STREAM,
            f"a stream may not begin with {kind or 'an empty message'}: send options, then "
            "capture_chunk or flow_batch messages",
        )

    def _flow(self, flow: Flow, index: int, encoded: bytes | None = None) -> None:
        """Hands over a flow's row, refuses it, or leaves it out; `encoded`: its message, if it
        came as one.
        """
        # First the window, which has to be told of every flow.
        if (self._window is not None and not self._window.takes(flow)) or (
            self._wanted is not None and not self._wanted(flow)
        ):
            self._summary.filtered += 1
            return
        rewritten: tuple[Change, ...] = ()
        if self._rewrites is not None:
            made = self._rewrites.of(flow)
            if isinstance(made, Refusal):
                self._refuse(flow.flow_id, index, made)
                return
            flow, rewritten = made
            # What came as a message is another flow now.
            encoded = None if rewritten else encoded
        compared = flow.response if self._compares else None
        digest = b"" if compared is None else self._digest(compared)
        prepared = self._preparer.prepare(flow, index, digest, rewritten)
        if isinstance(prepared, Refusal):
            self._refuse(flow.flow_id, index, prepared)
            return
        content = request_content(flow)
        self._emit(
            Row(
                index,
                # No captured session id begins like this one of the flow's own.
                self._one_session or flow.session_id or f"\0{index}",
                prepared.idempotent,
                prepared.plan,
                encode_flow(flow) if encoded is None else encoded,
                content,
                (flow.response.content or b"") if flow.response else b"",
                prepared.shown_plan,
                self._shown_content(flow, content) if prepared.content_size else None,
            )
        )
        self._summary.accepted += 1

    def _digest(self, response: Response) -> bytes:
        """Makes what tells an equal response at once, where one can."""
        content = response.content
        if self._options.compare_volatile or response.trailers:
            return ANOTHER
        if content is None or len(content) > LARGEST:
            return ANOTHER
        key = self._settings.redaction_key
        return digest_of(key, response.status_code, response.headers, content)

    def _shown_content(self, flow: Flow, content: bytes) -> bytes | None:
        preview = content[:PREVIEW_LIMIT]
        assert flow.request is not None
        shown = self._settings.redactor.request_content(preview, flow.request.headers)
        return None if shown is preview else (shown or b"")[:PREVIEW_LIMIT]

    def _refuse(self, flow_id: str, index: int, refusal: Refusal) -> None:
        summary, reason = self._summary, int(refusal.reason)
        summary.refused += 1
        summary.refused_by_reason[reason] = summary.refused_by_reason.get(reason, 0) + 1
        if len(summary.refusals) < LISTED:
            refused = RefusedFlow(index, flow_id, reason, self._said(refusal.message))
            summary.refusals.append(refused)

    def _note(self, note: CaptureNote) -> None:
        self._summary.noted += 1
        if len(self._summary.notes) < LISTED:
            self._summary.notes.append(NotedFlow(note.flow_index, self._said(note.message)))

    def _said(self, message: str) -> str:
        return self._settings.redactor.text(message[:MAX_NOTE])[:MAX_NOTE]


def _nowhere(source: str) -> str:
    return f"nothing is carried: no recorded answer up to here has 4 bytes or more at {source}"


def _named_briefly(flow: Flow) -> Flow:
    """Cuts an id that would not fit in every event of the flow's replays."""
    return flow if len(flow.flow_id) <= MAX_TEXT else flow._replace(flow_id=flow.flow_id[:MAX_TEXT])


def _again(
    first: replay_pb2.EnqueueRequest, rest: Iterator[replay_pb2.EnqueueRequest]
) -> Iterator[replay_pb2.EnqueueRequest]:
    # Not itertools.chain: typed_flows pulls from the same iterator inside its own loop.
    yield first
    yield from rest
