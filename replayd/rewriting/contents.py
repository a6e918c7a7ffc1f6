"""Contents that are rewritten: unpacked before, packed after; and a WebSocket's messages."""

import zlib
from typing import NamedTuple

from replayd.model.flow import Flow, Headers, Request, WebSocketMessage, WebSocketMessageKind
from replayd.model.plan import Change, ChangeKind
from replayd.reasons import Reason
from replayd.rewriting.rules import ContentRule, Unrewritable, finds

_PLAIN = (b"", b"identity", b"none")
_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_RAW_DEFLATE = -15
"""Without zlib's frame: some send deflate so (RFC 9110 section 8.4.1.2)."""


class Packed(NamedTuple):
    """A content as it was before it was packed, and how it was."""

    plain: bytes
    window_bits: int
    """zlib's word for the coding; 0: none."""

    def again(self, plain: bytes) -> bytes:
        """Packs another content the same way."""
        if not self.window_bits:
            return plain
        packer = zlib.compressobj(wbits=self.window_bits)
        return packer.compress(plain) + packer.flush()


def modify_body(flow: Flow, rule: ContentRule, limit: int) -> Flow:
    """Rewrites the content, or each message of a WebSocket's client. `limit`: bytes that a
    content may have, unpacked too.

    Raises Unrewritable when it can't be unpacked, or is too large.
    """
    if not finds(rule.matches, flow):
        return flow
    if flow.websocket is not None:
        return _modify_messages(flow, rule, limit)
    request = flow.request
    assert request is not None
    content = request.content or b""
    packed = _unpacked(content, request.headers, limit)
    plain = _substituted(packed.plain, rule, limit)
    if plain == packed.plain:
        return flow
    return flow._replace(request=_with_content(request, packed.again(plain)))


def named_changes(before: Flow, after: Flow) -> list[Change]:
    """Names a content, or messages, that became others."""
    old, new = before.request, after.request
    assert old is not None
    assert new is not None
    changes = []
    if old.content != new.content:
        sizes = f"{len(old.content or b'')} -> {len(new.content or b'')} bytes"
        changes.append(Change(ChangeKind.CONTENT_REWRITTEN, f"content rewritten: {sizes}"))
    if before.websocket != after.websocket:
        assert before.websocket is not None
        assert after.websocket is not None
        both = zip(before.websocket.messages, after.websocket.messages, strict=True)
        count = sum(one is not other for one, other in both)
        said = "message rewritten" if count == 1 else "messages rewritten"
        changes.append(Change(ChangeKind.CONTENT_REWRITTEN, f"{count} {said}"))
    return changes


def _with_content(request: Request, content: bytes) -> Request:
    """Gives a request another content; a Content-Length that was right is right again."""
    old, new = b"%d" % len(request.content or b""), b"%d" % len(content)
    headers = [
        (name, new) if name.lower() == b"content-length" and value == old else (name, value)
        for name, value in request.headers
    ]
    return request._replace(content=content, headers=tuple(headers))


def _modify_messages(flow: Flow, rule: ContentRule, limit: int) -> Flow:
    websocket = flow.websocket
    assert websocket is not None
    messages = tuple([_modified(message, rule, limit) for message in websocket.messages])
    if messages == websocket.messages:
        return flow
    return flow._replace(websocket=websocket._replace(messages=messages))


def _modified(message: WebSocketMessage, rule: ContentRule, limit: int) -> WebSocketMessage:
    if not message.replayed:
        return message
    content = _substituted(message.content, rule, limit)
    if content == message.content:
        return message
    if message.kind is WebSocketMessageKind.TEXT and not _is_text(content):
        raise Unrewritable(
            Reason.REWRITE_FAILED,
            "modify_body makes a text message of this WebSocket that is not UTF-8",
        )
    return message._replace(content=content)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _substituted(plain: bytes, rule: ContentRule, limit: int) -> bytes:
    replacement = rule.replacement
    # Not as a template: what is put there is put there as it is.
    made = rule.find.sub(lambda _: replacement, plain)
    if len(made) > limit:
        raise _too_large(limit)
    return made


def _unpacked(content: bytes, headers: Headers, limit: int) -> Packed:
    codings = [value for name, value in headers if name.lower() == b"content-encoding"]
    coding = b", ".join(codings).strip().lower()
    if coding in _PLAIN:
        return Packed(content, 0)
    bits = _WINDOW_BITS.get(coding)
    if bits is None:
        raise Unrewritable(
            Reason.REWRITE_FAILED,
            f"its content has the Content-Encoding {coding[:80].decode('latin-1')!r}, which "
            "modify_body can't decode (it can gzip and deflate); leave the flow out with a filter",
        )
    if not content:
        return Packed(b"", bits)
    for window_bits in (bits, _RAW_DEFLATE) if bits == _WINDOW_BITS[b"deflate"] else (bits,):
        plain = _inflated(content, window_bits, limit)
        if plain is not None:
            return Packed(plain, window_bits)
    raise Unrewritable(
        Reason.REWRITE_FAILED,
        f"its content is damaged, or no {coding.decode('latin-1')} as its Content-Encoding says",
    )


def _inflated(content: bytes, window_bits: int, limit: int) -> bytes | None:
    """Unpacks a content, all parts of it (RFC 1952 section 2.2); None: it can't be."""
    plain: list[bytes] = []
    room = limit
    while content:
        unpacker = zlib.decompressobj(window_bits)
        try:
            part = unpacker.decompress(content, room + 1)
        except zlib.error:
            return None
        room -= len(part)
        if room < 0:
            raise _too_large(limit)
        if not unpacker.eof:
            return None
        plain.append(part)
        content = unpacker.unused_data
    return b"".join(plain)


def _too_large(limit: int) -> Unrewritable:
    return Unrewritable(
        Reason.CONTENT_TOO_LARGE,
        f"modify_body makes, or unpacks, a content of more than {limit} bytes: the daemon's "
        "--body-size-limit",
    )
