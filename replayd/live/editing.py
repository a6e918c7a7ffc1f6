"""A planned request with live values in it. What they do not touch is left byte for byte, in the
form of HTTP/1 and in that of HTTP/2; what they do is named among the plan's changes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from replayd.codec.websocket import decode_conversation, encode_conversation
from replayd.live.jar import Done, Jar, Pair, Where
from replayd.live.values import Form, Values
from replayd.model.flow import WebSocketMessage, WebSocketMessageKind
from replayd.model.plan import Change, ChangeKind, Http2Request, Plan
from replayd.planning.section import field_lines, plain

_UNTOUCHED = frozenset(
    b"host content-length transfer-encoding connection upgrade te trailer expect http2-settings "
    b"sec-websocket-key sec-websocket-version sec-websocket-extensions".split()
)
"""They say where a request goes and how it is read."""

_SPACE = b" \t\r\n"


class Edited(NamedTuple):
    """A request to be sent."""

    plan: Plan
    content: bytes | None
    """None: it is larger than what is looked through."""


def edited(
    plan: Plan, content: bytes | None, values: Values, jar: Jar | None, now: float
) -> Edited:
    """Returns a request with the values of now; the same one where it holds none. Without a
    `jar`, cookies are fields like others.
    """
    held = values.held_in(plan.head + (content or b""))
    if not held and (jar is None or jar.empty):
        return Edited(plan, content)
    editing = _Editing(plan, values, held, jar, now)
    content = editing.content(content)
    head, http2 = editing.head(), plan.http2 and editing.http2(plan.http2)
    changes = (*editing.changes(),)
    if not changes:
        return Edited(plan, content)
    if http2 is not None:
        http2 = http2._replace(changes=(*http2.changes, *changes))
    return Edited(
        plan._replace(
            url=editing.url(),
            head=head,
            content_size=editing.size,
            changes=(*plan.changes, *changes),
            http2=http2,
        ),
        content,
    )


def where_of(plan: Plan) -> Where:
    """Tells what of a request says which cookies it carries."""
    path = _apart(_start(plan)[0])[1].partition(b"?")[0]
    return Where(plan.target.host.lower(), path or b"/", plan.target.scheme == "https")


def cookies_of(plan: Plan) -> tuple[Pair, ...]:
    """Returns the cookies that a planned request has in its head."""
    if b"cookie" not in plan.head.lower():
        return ()
    fields = map(_Field.of, _lines(plan))
    return tuple(
        pair for field in fields if field.name == b"cookie" for pair in _pairs(field.value)
    )


class _Field(NamedTuple):
    """A field as it is written: all of it, one after the other."""

    before: bytes
    """Its name as captured, the colon, and the space after it."""
    value: bytes
    after: bytes

    @classmethod
    def of(cls, line: bytes) -> "_Field":
        """Takes a line of HTTP/1 apart."""
        value = line[line.find(b":") + 1 :]
        bare = value.strip(_SPACE)
        begin = len(line) - len(value) + (value.find(bare) if bare else 0)
        return cls(line[:begin], bare, line[begin + len(bare) :])

    @property
    def name(self) -> bytes:
        """In lower case."""
        return plain(self.before.partition(b":")[0] or self.before)


class _Editing:
    """The editing of one request."""

    def __init__(
        self, plan: Plan, values: Values, held: tuple[bytes, ...], jar: Jar | None, now: float
    ) -> None:
        """`held`: the values that the request may hold."""
        self.size = plan.content_size
        self._plan = plan
        self._lines = [_Field.of(line) for line in _lines(plan)]
        self._values = values
        self._held = held
        self._jar = jar
        self._now = now
        self._places: dict[str, dict[str, None]] = {}
        """Where values were put, by their source."""
        self._cookies: dict[tuple[bytes, Done], None] = {}
        self._captured, self._version = _start(plan)
        authority, path = _apart(self._captured)
        if plan.method != b"CONNECT":
            path = self._replaced(path, Form.URL, "the target")
        self._path = path
        self._target = authority + path
        self._where = where_of(plan)._replace(path=path.partition(b"?")[0] or b"/")

    def changes(self) -> Iterator[Change]:
        """Names what was done."""
        for name, done in self._cookies:
            said = f"cookie {name.decode('latin-1')} {done.value}"
            yield Change(ChangeKind.STICKY_COOKIE, said)
        for source, places in self._places.items():
            said = f"the recorded value of {source} replaced in {', '.join(places)}"
            yield Change(ChangeKind.VALUE_CARRIED, said)
        if self.size != self._plan.content_size:
            said = f"Content-Length: {self._plan.content_size} -> {self.size}"
            yield Change(ChangeKind.CONTENT_LENGTH, said)

    def content(self, content: bytes | None) -> bytes | None:
        """Returns the content, or a WebSocket's messages; one that is packed stays."""
        if not content or not self._held:
            return content
        if self._plan.websocket is not None:
            return self._messages(content)
        fields = {field.name: field.value for field in self._lines}
        if fields.get(b"content-encoding", b"").lower() not in (b"", b"identity"):
            return content
        kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
        form = Form.PLAIN
        if kind == b"application/x-www-form-urlencoded":
            form = Form.URL
        elif kind.endswith(b"json"):
            form = Form.JSON
        content = self._replaced(content, form, "the content")
        self.size = len(content)
        return content

    def head(self) -> bytes:
        """Returns the head as HTTP/1 has it."""
        fields = self._lines
        kept, added = self._fields([(field.name, field.value) for field in fields])
        section = [
            field.before + value + field.after
            for field, value in zip(fields, kept, strict=True)
            if value is not None
        ]
        if added:
            section.append(b"Cookie: %b\r\n" % added)
        start = b"%b %b%b\r\n" % (self._plan.method, self._target, self._version)
        return start + b"".join(section) + b"\r\n"

    def http2(self, request: Http2Request) -> Http2Request:
        """Returns the request as HTTP/2 has it."""
        kept, added = self._fields([(plain(name), value) for name, value in request.headers])
        headers = [
            (name, value)
            for (name, _), value in zip(request.headers, kept, strict=True)
            if value is not None
        ]
        if added:
            headers.append((b"cookie", added))
        return request._replace(headers=tuple(headers))

    def url(self) -> bytes:
        """Returns the URL for people."""
        url = self._plan.url
        if self._captured == self._target:
            return url
        begin = url.find(b"/", url.find(b"://") + 3)
        return (url if begin < 0 else url[:begin]) + self._path

    def _fields(self, fields: Sequence[Pair]) -> tuple[list[bytes | None], bytes]:
        """Returns the value of each field, given by plain names (None: it goes), and that of a
        Cookie field to add; empty: none.
        """
        kept: list[bytes | None] = []
        untouched = _UNTOUCHED if self._jar is None else _UNTOUCHED | {b"cookie"}
        for name, value in fields:
            if name == b":path":
                kept.append(self._path if self._target != self._captured else value)
            elif name == b"content-length":
                kept.append(self._length(value))
            elif name in untouched or name.startswith(b":"):
                kept.append(value)
            else:
                kept.append(self._replaced(value, Form.PLAIN, name.decode("latin-1")))
        if self._jar is None:
            return kept, b""
        return kept, self._sticky(
            self._jar, kept, [at for at, (name, _) in enumerate(fields) if name == b"cookie"]
        )

    def _length(self, value: bytes) -> bytes:
        right = value == b"%d" % self._plan.content_size
        return b"%d" % self.size if right else value

    def _sticky(self, jar: Jar, fields: list[bytes | None], places: Sequence[int]) -> bytes:
        """Puts the jar's cookies into Cookie fields; returns what has none to stand in."""
        captured = [pair for at in places for pair in _pairs(fields[at] or b"")]
        values, added, done = jar.carried(captured, self._where, self._now)
        self._cookies |= dict.fromkeys(done)
        left = iter(values)
        for at in places:
            fields[at] = self._cookie_field(fields[at] or b"", left)
        more = b"; ".join([b"%b=%b" % pair if pair[0] else pair[1] for pair in added])
        last = next((at for at in reversed(places) if fields[at]), None)
        if not more or last is None:
            return more
        fields[last] = (fields[last] or b"").removesuffix(b";") + b"; " + more
        return b""

    def _cookie_field(self, field: bytes, values: Iterator[bytes | None]) -> bytes | None:
        """Returns a Cookie field with these values; None: no cookie is left in it."""
        pieces: list[bytes] = []
        gone = False
        for piece in field.split(b";"):
            cookie = _Cookie.of(piece)
            value = next(values) if cookie.is_one else cookie.value
            if value is None:
                gone = True
                continue
            if value == cookie.value:
                value = self._replaced(value, Form.PLAIN, "cookie")
            pieces.append(cookie.before + value + cookie.after)
        if gone and not any(piece.strip() for piece in pieces):
            return None
        return b";".join(pieces).strip(_SPACE) if gone else b";".join(pieces)

    def _messages(self, content: bytes) -> bytes:
        messages = list(map(self._message, decode_conversation((content,))))
        return encode_conversation(messages) if self._places else content

    def _message(self, message: WebSocketMessage) -> WebSocketMessage:
        if not message.replayed or message.kind is not WebSocketMessageKind.TEXT:
            return message
        form = Form.JSON if message.content.lstrip()[:1] in (b"{", b"[") else Form.PLAIN
        return message._replace(content=self._replaced(message.content, form, "a message"))

    def _replaced(self, text: bytes, form: Form, place: str) -> bytes:
        if not self._held:
            return text
        text, sources = self._values.replaced(text, form, self._held)
        for source in sources:
            self._places.setdefault(source, {})[place] = None
        return text


class _Cookie(NamedTuple):
    """A piece of a Cookie field between semicolons, as it is written."""

    before: bytes
    """The name with what stands around it, and `=`."""
    value: bytes
    after: bytes
    is_one: bool
    """Else it is nothing but space."""

    @classmethod
    def of(cls, piece: bytes) -> "_Cookie":
        """Takes a piece apart."""
        rest = piece[piece.find(b"=") + 1 :]
        value = rest.strip(_SPACE)
        begin = len(piece) - len(rest) + (rest.find(value) if value else 0)
        return cls(piece[:begin], value, piece[begin + len(value) :], bool(piece.strip(_SPACE)))


def _pairs(field: bytes) -> Iterator[Pair]:
    for cookie in map(_Cookie.of, field.split(b";")):
        if cookie.is_one:
            yield cookie.before.rpartition(b"=")[0].strip(_SPACE), cookie.value


def _start(plan: Plan) -> tuple[bytes, bytes]:
    """Returns the request target, and what follows it in its line."""
    # A raw method may hold anything, so it is not looked for but counted off.
    line = plan.head[len(plan.method) + 1 :].partition(b"\r\n")[0]
    target, space, version = line.rpartition(b" ")
    return (target, space + version) if space else (version, b"")


def _apart(target: bytes) -> tuple[bytes, bytes]:
    """Parts scheme and authority of an absolute target, which stay, from what follows."""
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return b"", target
    authority = re.split(rb"[/?#]", rest, maxsplit=1)[0]
    end = len(scheme) + len(separator) + len(authority)
    return target[:end], target[end:]


def _lines(plan: Plan) -> list[bytes]:
    return field_lines(plan.head.partition(b"\r\n")[2])
