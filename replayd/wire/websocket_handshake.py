"""What a server's 101 has to say for a WebSocket to begin (RFC 6455 section 4.1). Pure.

The request leaves as captured, its Sec-WebSocket-Key too: the answer has to fit that key
and to choose among the extensions that were offered then. The subprotocol is the server's
choice; the response's head tells it.
"""

import base64
import hashlib
from collections.abc import Iterable

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.model.outcome import ResponseHead
from replayd.reasons import Reason
from replayd.wire.permessage_deflate import Deflate
from replayd.wire.reader import fields_of

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DEFLATE = b"permessage-deflate"
_FLAGS = (b"client_no_context_takeover", b"server_no_context_takeover")
_WINDOWS = (b"client_max_window_bits", b"server_max_window_bits")
_WINDOW_BITS = {b"%d" % bits: bits for bits in range(8, 16)}
_SHOWN = 80

Parameters = dict[bytes, bytes]


def accepted(request_head: bytes, response: ResponseHead) -> Deflate | None:
    """Checks a 101; returns the compression that was agreed on, None: none was.

    Raises WireError INVALID_RESPONSE that names what is wrong.
    """
    asked, answered = fields_of(request_head), response.headers
    if b"websocket" not in _tokens(answered, b"upgrade"):
        switched = b", ".join(_values(answered, b"upgrade"))
        raise _invalid(f"it switched to {_show(switched)} and not to websocket (Upgrade)")
    if b"upgrade" not in _tokens(answered, b"connection"):
        raise _invalid("it has no Connection: upgrade")
    key = b"".join(_values(asked, b"sec-websocket-key"))
    accept = b", ".join(_values(answered, b"sec-websocket-accept"))
    if accept != accept_of(key):
        raise _invalid(f"its Sec-WebSocket-Accept is {_show(accept)}, not that of the key sent")
    return _agreed(_extensions(asked), _extensions(answered))


def accept_of(key: bytes) -> bytes:
    """Returns the Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _agreed(
    offered: list[tuple[bytes, Parameters]], chosen: list[tuple[bytes, Parameters]]
) -> Deflate | None:
    names = [name for name, _ in offered]
    for name, _ in chosen:
        if name not in names:
            raise _invalid(f"it chose the extension {_show(name)}, which was not offered")
        if name != _DEFLATE:
            raise _invalid(f"it chose the extension {_show(name)}, which is not known here")
    if len(chosen) > 1:
        raise _invalid("it chose permessage-deflate several times")
    if not chosen:
        return None
    may_limit_us = any(_WINDOWS[0] in parameters for _, parameters in offered)
    return _deflate(chosen[0][1], may_limit_us=may_limit_us)


def _deflate(parameters: Parameters, *, may_limit_us: bool) -> Deflate:
    """Understands the parameters of permessage-deflate (RFC 7692 section 7.1)."""
    for name, value in parameters.items():
        known = not value if name in _FLAGS else name in _WINDOWS and value in _WINDOW_BITS
        if not known or (name == _WINDOWS[0] and not may_limit_us):
            parameter = b"=".join((name, value)) if value else name
            raise _invalid(
                f"it chose permessage-deflate with {_show(parameter)}, which is unknown or was "
                "not offered"
            )
    client_bits, server_bits = [_WINDOW_BITS[parameters.get(name, b"15")] for name in _WINDOWS]
    return Deflate(client_bits, server_bits, _FLAGS[0] in parameters, _FLAGS[1] in parameters)


def _extensions(fields: Headers) -> list[tuple[bytes, Parameters]]:
    """Reads Sec-WebSocket-Extensions (RFC 6455 section 9.1)."""
    found = []
    for element in b",".join(_values(fields, b"sec-websocket-extensions")).split(b","):
        name, *parameters = [part.strip() for part in element.split(b";")]
        if name:
            found.append((name.lower(), _parameters(parameters)))
    return found


def _parameters(parts: Iterable[bytes]) -> Parameters:
    split = [part.partition(b"=") for part in parts]
    return {name.strip().lower(): value.strip().strip(b'"') for name, _, value in split}


def _tokens(fields: Headers, name: bytes) -> list[bytes]:
    listed = b",".join(_values(fields, name)).lower().split(b",")
    return [token.strip() for token in listed]


def _values(fields: Headers, name: bytes) -> list[bytes]:
    return [value for other, value in fields if other.lower() == name]


def _show(value: bytes) -> str:
    return repr(value[:_SHOWN].decode("latin-1"))


def _invalid(what: str) -> WireError:
    return WireError(
        Reason.INVALID_RESPONSE, f"the server's 101 does not begin a WebSocket: {what}"
    )
