"""One entry of a HAR to one flow.

An entry without a usable request becomes a flow that has none, so that it is refused and
the flows' indexes are those of the entries. Everything else that is odd costs only
itself: a response that can't be read is left out, a time that is none is ignored, and a
note says so.
"""

import re
from typing import Any

from replayd.formats.authority import ascii_authority
from replayd.formats.fields import FieldError
from replayd.formats.har import values
from replayd.formats.har.content import request_content, response_content
from replayd.formats.har.url import Url, parse_url
from replayd.formats.har.values import Object
from replayd.formats.har.websocket import said
from replayd.formats.header_fields import is_websocket, value_of
from replayd.model.flow import Flow, FlowError, FlowKind, Headers, Request, Response

FILE_SESSION = "file"
"""The session of entries that name no connection."""

_MAX_TEXT = 1000
"""Characters of a connection's name, a comment or an error that are kept."""

_VERSIONS = {
    "0.9": b"HTTP/0.9",
    "1.0": b"HTTP/1.0",
    "1.1": b"HTTP/1.1",
    "2": b"HTTP/2.0",
    "2.0": b"HTTP/2.0",
    "3": b"HTTP/3",
    "3.0": b"HTTP/3",
}
_VERSION = re.compile(r"(?:https?/|h)([0-9](?:\.[0-9])?)c?", re.IGNORECASE)
"""HTTP/1.1, http/2.0, HTTP/2, h2, h2c, h3 and the like."""

_OLD_VERSIONS = {"spdy": b"HTTP/2.0", "quic": b"HTTP/3", "http/2+quic": b"HTTP/3"}
"""What Chrome called the drafts."""


class EntryReader:
    """Reads one entry; `notes` says what was ignored or mended in it."""

    def __init__(self, entry: Any) -> None:
        self._entry = entry
        self.notes: list[str] = []

    def flow(self) -> Flow:
        """Returns the entry's flow; one without a request where that can't be read."""
        try:
            return self._flow()
        except FieldError as error:
            self._note(f"the entry's request can't be read: {error}")
            return Flow(session_id=FILE_SESSION)

    def _flow(self) -> Flow:
        entry = self._entry
        if not isinstance(entry, dict):
            raise FieldError("the entry is no object")
        given = values.subobject(entry, "request")
        if not given:
            raise FieldError("'request' is missing")
        times = _Times(entry, self._note)
        url = parse_url(values.text(given, "url"))
        response, error = self._answer(times)
        request = self._request(given, url, times)
        websocket = (
            url.websocket
            or "_webSocketMessages" in entry
            or is_websocket(request.headers, response.status_code if response else 0)
        )
        return Flow(
            session_id=_words(entry.get("connection")) or FILE_SESSION,
            kind=_kind(request, websocket=websocket),
            request=request,
            response=response,
            error=error,
            comment=_words(entry.get("comment")),
            websocket=said(entry, self._note) if websocket else None,
        )

    def _request(self, given: Object, url: Url, times: "_Times") -> Request:
        listed = values.headers(given, "headers")
        version = self._version(given, listed)
        headers = tuple(pair for pair in listed if not pair[0].startswith(b":"))
        authority = value_of(listed, b":authority")
        http2 = version in (b"HTTP/2.0", b"HTTP/3")
        if not any(name.strip().lower() == b"host" for name, _ in headers):
            # Only HTTP/1.0 goes without: the tool did not show it, or never saw it.
            authority = authority or ascii_authority(url.authority)
            if version == b"HTTP/1.1":
                headers = ((b"Host", authority), *headers)
        content, headers = request_content(given, headers, self._note)
        method = values.octets(values.text(given, "method"), "'method'")
        connect = method == b"CONNECT"
        return Request(
            method=method,
            scheme=b"http" if connect else url.scheme.encode(),
            host=url.host,
            port=url.port,
            path=b"" if connect else self._path(url),
            http_version=version,
            headers=headers,
            content=content,
            authority=url.authority if connect else authority if http2 else b"",
            start_time=times.started,
            end_time=times.sent,
        )

    def _version(self, given: Object, listed: Headers) -> bytes:
        """Returns the request's version, else the response's, else what the fields tell."""
        answer = self._entry.get("response")
        said = (given, answer) if isinstance(answer, dict) else (given,)
        for message in said:
            if version := _version(message.get("httpVersion")):
                return version
        pseudo = any(name.startswith(b":") for name, _ in listed)
        return b"HTTP/2.0" if pseudo else b"HTTP/1.1"

    def _path(self, url: Url) -> bytes:
        if url.fragment:
            self._note(f"the URL's fragment {url.fragment!r:.80} is never sent")
        if b" " in url.path:
            self._note("blanks in the URL, which none can have, are sent as %20")
        return url.path.replace(b" ", b"%20")

    def _answer(self, times: "_Times") -> tuple[Response | None, FlowError | None]:
        """Reads the recorded response, and the error that stands in its place."""
        try:
            given = values.subobject(self._entry, "response")
            error = _words(given.get("_error") or given.get("_failureText"))
            status = values.integer(given, "status")
            if status == 0 or error:
                error = error or _words(given.get("statusText")) or "there was no response"
            failed = FlowError(error, times.ended) if error else None
            return (self._response(given, status, times) if status > 0 else None), failed
        except FieldError as odd:
            self._note(f"the recorded response was left out: {odd}")
            return None, None

    def _response(self, given: Object, status: int, times: "_Times") -> Response:
        if status > 999:
            raise FieldError(f"'status' is {status}")
        listed = values.headers(given, "headers")
        headers = tuple(pair for pair in listed if not pair[0].startswith(b":"))
        content, headers = response_content(given, headers, self._note)
        return Response(
            http_version=_version(given.get("httpVersion")) or b"HTTP/1.1",
            status_code=status,
            reason_phrase=values.octets(values.optional_text(given, "statusText"), "'statusText'"),
            headers=headers,
            content=content,
            start_time=times.answered,
            end_time=times.ended,
        )

    def _note(self, message: str) -> None:
        self.notes.append(message)


def _kind(request: Request, *, websocket: bool) -> FlowKind:
    if request.method == b"CONNECT":
        # It opened a tunnel through the proxy that wrote the file.
        return FlowKind.TCP
    return FlowKind.WEBSOCKET if websocket else FlowKind.HTTP


class _Times:
    """When an exchange began and reached each phase, in seconds since the epoch (HAR 1.2)."""

    def __init__(self, entry: Object, note: Any) -> None:
        self.started: float | None = None
        try:
            self.started = values.time(entry, "startedDateTime")
            timings = values.subobject(entry, "timings")
        except FieldError as error:
            note(f"{error}, which was ignored")
            timings = {}
        before = [values.duration(timings, name) for name in ("blocked", "dns", "connect")]
        send, wait, receive = (values.duration(timings, n) for n in ("send", "wait", "receive"))
        to_sent = None if send is None else sum(filter(None, before)) + send
        to_answer = None if to_sent is None or wait is None else to_sent + wait
        whole = values.duration(entry, "time")
        if whole is None and to_answer is not None and receive is not None:
            whole = to_answer + receive
        self.sent = self._after(to_sent)
        self.answered = self._after(to_answer)
        self.ended = self._after(whole)

    def _after(self, seconds: float | None) -> float | None:
        return None if self.started is None or seconds is None else self.started + seconds


def _version(said: Any) -> bytes:
    """Reads a version in any spelling; empty: unknown."""
    if not isinstance(said, str):
        return b""
    found = _VERSION.fullmatch(said.strip())
    if found is not None:
        return _VERSIONS.get(found[1], b"")
    lower = said.lower()
    return next((name for old, name in _OLD_VERSIONS.items() if lower.startswith(old)), b"")


def _words(said: Any) -> str:
    """Returns text for people, or a name; empty where there is none."""
    text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode()
