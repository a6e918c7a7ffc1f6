"""What was said on a WebSocket, as an entry of a HAR has it in `_webSocketMessages`.

Chrome began it, Playwright and mitmproxy write it too: `type` (send or receive), `time`,
`opcode`, and `data`, which is text or, where the opcode says binary, base64. A HAR does not
tell who closed the connection, nor with which code. A conversation is read whole or not at
all: without one message, what follows would be said at the wrong moment.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Callable
from typing import Any

from replayd.formats.fields import FieldError
from replayd.formats.har import values
from replayd.formats.har.values import Object
from replayd.model.flow import WebSocket, WebSocketMessage, WebSocketMessageKind

_NAME = "_webSocketMessages"

_TEXT, _BINARY = WebSocketMessageKind.TEXT, WebSocketMessageKind.BINARY

_SENT = {"send": True, "receive": False}

_LAST_SECOND = 253_402_300_800
"""The year 10000. Times are seconds since the epoch, but Playwright's are milliseconds."""


def said(entry: Object, note: Callable[[str], None]) -> WebSocket | None:
    """Returns an entry's conversation; None where it has none, or none that can be read."""
    listed = entry.get(_NAME)
    if listed is None:
        return None
    try:
        if not isinstance(listed, list):
            raise FieldError("it must be a list")
        return WebSocket(_messages(listed, note))
    except FieldError as error:
        note(f"{_NAME} can't be read: {error}")
        return None


def _messages(listed: list[Any], note: Callable[[str], None]) -> tuple[WebSocketMessage, ...]:
    messages = []
    others: Counter[str] = Counter()
    for position, given in enumerate(listed):
        if not isinstance(given, dict):
            raise FieldError(f"message {position} is no object")
        opcode = values.integer(given, "opcode")
        if given.get("type") == "error" or opcode not in (_TEXT, _BINARY):
            others[_other(given, opcode)] += 1
        else:
            messages.append(_message(given, WebSocketMessageKind(opcode), f"message {position}"))
    for what, count in others.items():
        note(f"{_NAME}: {what} was left out" + (f", {count} times" if count > 1 else ""))
    return tuple(messages)


def _other(given: Object, opcode: int) -> str:
    """Names what is no message of either side: control frames, what the browser says."""
    return "an error" if given.get("type") == "error" else f"a frame of opcode {opcode}"


def _message(given: Object, kind: WebSocketMessageKind, where: str) -> WebSocketMessage:
    side = given.get("type")
    from_client = _SENT.get(side) if isinstance(side, str) else None
    if from_client is None:
        raise FieldError(f"{where} has the type {side!r:.40}, not send or receive")
    data = values.optional_text(given, "data")
    return WebSocketMessage(
        kind=kind,
        from_client=from_client,
        content=_decoded(data, where) if kind is _BINARY else values.octets(data, where),
        time=_time(given),
    )


def _decoded(data: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FieldError(f"{where} is no base64 ({error})") from None


def _time(given: Object) -> float | None:
    """Returns seconds since the epoch; None: unknown, or no time."""
    value = given.get("time")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if 0 <= value < _LAST_SECOND:
        return float(value)
    # One comparison refuses NaN, infinities, and integers that no float can hold.
    return value / 1000 if _LAST_SECOND <= value < _LAST_SECOND * 1000 else None
