"""Redaction as the rest of the daemon uses it: of plans, heads, contents and texts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from replayd.model.flow import Flow, Headers, Request, WebSocketMessage, WebSocketMessageKind
from replayd.model.plan import Change, Http2Request, Plan
from replayd.redaction.contents import redact_content, redact_text
from replayd.redaction.fields import Fields
from replayd.redaction.marks import Marks
from replayd.redaction.names import Kind, Names
from replayd.redaction.phrases import PHRASES
from replayd.redaction.urls import redact_pairs, redact_url

if TYPE_CHECKING:
    from replayd.model.outcome import Outcome, ResponseHead, WebSocketResult

_TEXTS = (b"text/", b"json", b"xml", b"javascript", b"ecmascript", b"yaml", b"graphql", b"csv")
_FORM = b"application/x-www-form-urlencoded"
_FORMS = (_FORM, b"multipart/form-data")
_WIDE = (b"utf-16", b"utf-32", b"utf16", b"utf32", b"utf-7", b"ebcdic", b"ucs")
"""Encodings in which ASCII's words are not to be found."""

_PLAIN_CODINGS = (b"", b"identity")

_REMEMBERED = 1024

_CONTENT_TYPE = int(Kind.CONTENT_TYPE)
_CONTENT_ENCODING = int(Kind.CONTENT_ENCODING)


class Reading(NamedTuple):
    """How a content is to be looked through, by what its fields say."""

    may_show: bool = True
    """It is text, as far as that is told: else secrets in it can't be found."""
    is_form: bool = False
    is_told: bool = False
    """A type is told that is text."""


_ANYHOW = Reading()
_NOT = Reading(may_show=False)


class Redactor:
    """Makes of each thing what everybody may see; what holds no secret stays the same object.

    `key` makes digests (`Marks`); the names are added to those of `names`.
    """

    def __init__(
        self, key: bytes = b"", headers: Iterable[str] = (), parameters: Iterable[str] = ()
    ) -> None:
        self._names = names = Names(headers, parameters)
        self._mark = mark = Marks(key)
        self._fields = Fields(names, mark)
        self._text = lru_cache(_REMEMBERED)(self._new_text)

    # Requests

    def plan(self, plan: Plan) -> Plan:
        """Returns what may be shown of a plan."""
        fields = self._fields
        shown = plan._replace(
            url=self.url(plan.url),
            head=fields.head(plan.head),
            trailer_section=fields.section(plan.trailer_section),
            changes=self._changes(plan.changes),
            http2=plan.http2 and self._http2(plan.http2),
            websocket=plan.websocket
            and plan.websocket._replace(close_reason=self.text(plan.websocket.close_reason)),
            # Nothing but secrets.
            live=None,
        )
        return plan if shown == plan else shown

    def url(self, url: bytes) -> bytes:
        """Returns what may be shown of a URL."""
        return redact_url(url, self._names.is_secret, self._mark)

    def start(self, line: bytes) -> bytes:
        """Returns what may be shown of the first line of a request's head."""
        return self._fields.start(line)

    def request_content(self, content: bytes, headers: Headers) -> bytes | None:
        """Returns what may be shown of a request's content; None: nothing."""
        return self._content(content, self.reading(headers), self._names.request_triggers)

    # Responses

    def outcome(self, outcome: Outcome) -> Outcome:
        """Returns what may be shown of how a replay ended; the same one when that is all.

        A reason phrase is shown when it is a usual one: it means nothing else (RFC 9112
        section 4), and may hold anything.
        """
        head, content, reading, hidden = outcome.head, outcome.content_prefix, _ANYHOW, False
        if head is not None:
            _, _, phrase, headers, _ = head
            hidden = phrase not in PHRASES
            for at, kind in self._names.telling(next(zip(*headers, strict=True), ())):
                value = headers[at][1]
                if kind == _CONTENT_TYPE:
                    reading = _reading(value) if reading.may_show else reading
                elif kind == _CONTENT_ENCODING:
                    reading = reading if value.lower() in _PLAIN_CODINGS else _NOT
                else:
                    hidden = True
        shown = content
        if content:
            found = self._content(content, reading, self._names.response_triggers)
            shown = found or b""
        if hidden or shown is not content or outcome.trailers or outcome.message:
            return self._hiding(outcome, shown)
        if outcome.live_values:
            return self._hiding(outcome, shown)
        return outcome if outcome.websocket is None else self._hiding(outcome, shown)

    def response_content(self, content: bytes, headers: Headers) -> bytes | None:
        """Returns what may be shown of a response's content; None: nothing."""
        return self._content(content, self.reading(headers), self._names.response_triggers)

    def _hiding(self, outcome: Outcome, content: bytes) -> Outcome:
        # Imported here: decoders have no outcomes, and would take longer to start.
        from dataclasses import replace  # noqa: PLC0415

        from replayd.model.outcome import LiveValue  # noqa: PLC0415

        shown = replace(
            outcome,
            head=outcome.head and self._head(outcome.head),
            content_prefix=content,
            trailers=self._fields.fields(outcome.trailers),
            message=self.text(outcome.message),
            websocket=outcome.websocket and self._websocket(outcome.websocket),
            live_values=tuple(
                LiveValue(source, self._mark(recorded), self._mark(value))
                for source, recorded, value in outcome.live_values
            ),
        )
        return outcome if shown == outcome else shown

    def _head(self, head: ResponseHead) -> ResponseHead:
        return head._replace(
            reason_phrase=self._phrase(head.reason_phrase),
            headers=self._fields.fields(head.headers),
        )

    def _phrase(self, phrase: bytes) -> bytes:
        return phrase if phrase in PHRASES else self._mark(phrase)

    def _websocket(self, said: WebSocketResult) -> WebSocketResult:
        from dataclasses import replace  # noqa: PLC0415 - as in `_hiding`

        shown = tuple(map(self.message, said.messages))
        return replace(
            said,
            messages=tuple([each for each, _ in shown]),
            messages_truncated=said.messages_truncated or any(cut for _, cut in shown),
            close_reason=self.text(said.close_reason),
        )

    # Captures

    def flow(self, flow: Flow) -> Flow:
        """Returns what may be shown of a captured flow, but for its contents."""
        request, response, error, said = flow.request, flow.response, flow.error, flow.websocket
        return flow._replace(
            request=request and self._request(request),
            response=response
            and response._replace(
                reason_phrase=self._phrase(response.reason_phrase),
                headers=self._fields.fields(response.headers),
                trailers=self._fields.fields(response.trailers),
            ),
            error=error and error._replace(message=self.text(error.message)),
            comment=self.text(flow.comment),
            websocket=said and said._replace(close_reason=self.text(said.close_reason)),
        )

    def _request(self, request: Request) -> Request:
        authority = self.url(b"http://" + request.authority).removeprefix(b"http://")
        return request._replace(
            path=self.url(request.path),
            authority=authority if request.authority else b"",
            headers=self._fields.fields(request.headers),
            trailers=self._fields.fields(request.trailers),
        )

    # Both

    def field(self, name: bytes, value: bytes) -> bytes:
        """Returns what may be shown of a field's value."""
        return self._fields.value(self._names.kind(name), value)

    def member(self, keys: Iterable[str], rendered: bytes) -> bytes:
        """Returns what may be shown of a JSON value that stands under these keys."""
        if any(self._names.is_secret(key.encode(errors="replace")) for key in keys):
            return self._mark(rendered)
        shown = self._content(rendered, _ANYHOW, self._names.request_triggers)
        return self._mark(rendered) if shown is None else shown

    def reading(self, headers: Headers) -> Reading:
        """Tells how a content with these fields is to be looked through."""
        reading = _ANYHOW
        for name, value in headers:
            kind = self._names.kind(name)
            if kind == _CONTENT_TYPE and reading.may_show:
                reading = _reading(value)
            elif kind == _CONTENT_ENCODING and value.lower() not in _PLAIN_CODINGS:
                reading = _NOT
        return reading

    def message(self, message: WebSocketMessage) -> tuple[WebSocketMessage, bool]:
        """Returns what may be shown of a WebSocket's message, and whether nothing of it may."""
        if not message.content:
            return message, False
        reading = _ANYHOW if message.kind is WebSocketMessageKind.TEXT else _NOT
        content = self._content(message.content, reading, self._names.request_triggers)
        if content is message.content:
            return message, False
        return message._replace(content=content or b""), content is None

    def text(self, text: str) -> str:
        """Returns a message for people without the secrets that it quotes."""
        return self._text(text) if text else text

    def _new_text(self, text: str) -> str:
        encoded = text.encode(errors="surrogateescape")
        shown = redact_text(encoded, self._names, self._mark)
        return text if shown == encoded else shown.decode(errors="surrogateescape")

    def _content(
        self, content: bytes, reading: Reading, triggers: tuple[bytes, ...]
    ) -> bytes | None:
        if not reading.may_show or b"\0" in content:
            return None
        if not (reading.is_told or content.isascii() or _is_utf8(content)):
            return None
        if reading.is_form:
            shown = redact_pairs(content, self._names.is_secret, self._mark)
            return content if shown == content else shown
        return redact_content(content, triggers, self._names, self._mark)

    def _changes(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        return tuple([each._replace(description=self.text(each.description)) for each in changes])

    def _http2(self, request: Http2Request) -> Http2Request:
        return request._replace(
            headers=self._fields.fields(request.headers),
            trailers=self._fields.fields(request.trailers),
            changes=self._changes(request.changes),
        )


UNKEYED = Redactor()
"""Without a journal's key: for what is rare, or has none."""


@lru_cache(_REMEMBERED)
def _reading(content_type: bytes) -> Reading:
    told = content_type.strip().lower()
    if not told:
        return _ANYHOW
    if any(each in told for each in _WIDE):
        return _NOT
    media = told.partition(b";")[0].strip()
    if media in _FORMS or any(each in media for each in _TEXTS):
        return Reading(is_form=media == _FORM, is_told=True)
    return _NOT


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        # What is shown may be cut within a character.
        return error.reason == "unexpected end of data"
    return True
