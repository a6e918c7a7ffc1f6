"""Contents that are rewritten: unpacked before, packed after; and a WebSocket's messages."""

from replayd.codings import CodingError, Packed, UnpackedTooLargeError, packed
from replayd.model.flow import Flow, Headers, Request, WebSocketMessage, WebSocketMessageKind
from replayd.model.plan import Change, ChangeKind
from replayd.reasons import Reason
from replayd.rewriting.rules import ContentRule, Unrewritable, finds


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
    was = _unpacked(content, request.headers, limit)
    plain = _substituted(was.plain, rule, limit)
    if plain == was.plain:
        return flow
    return flow._replace(request=_with_content(request, was.again(plain)))


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
    try:
        return packed(content, headers, limit)
    except CodingError as error:
        what = f"modify_body is asked of it, and {error}; leave the flow out with a filter"
        raise Unrewritable(Reason.REWRITE_FAILED, what) from error
    except UnpackedTooLargeError:
        raise _too_large(limit) from None


def _too_large(limit: int) -> Unrewritable:
    return Unrewritable(
        Reason.CONTENT_TOO_LARGE,
        f"modify_body makes, or unpacks, a content of more than {limit} bytes: the daemon's "
        "--body-size-limit",
    )
