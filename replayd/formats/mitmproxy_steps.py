"""What each version of mitmproxy's flow format changed: one step a version, oldest first.

Steps bring along what a Flow needs, and of connections only identity and server name.
They mend what is of its version and leave the rest: what is missing or of a wrong type
then is for the reader of the newest version to refuse.

Python 2, up to 0.18, wrote text as bytes. Keys are bytes here anyway, and values are read
by what they must be, so that needs no step.
"""

from replayd.formats.fields import Structure, headers
from replayd.formats.mitmproxy_edits import Step, Version, add, make_step, make_text, remove, rename


def _spell_http_version(message: Structure) -> None:
    numbers = message.pop(b"httpversion", None)
    if isinstance(numbers, tuple):
        message[b"http_version"] = b"HTTP/" + ".".join(map(str, numbers)).encode()


def _take_sent_form(request: Structure) -> None:
    """`form_out` is the form that the request was sent in, beside the one it came in."""
    sent = request.pop(b"form_out", None)
    if sent is not None:
        request[b"first_line_format"] = sent


def _tell_missing_content(message: Structure) -> None:
    """0 stood for content that was left out."""
    if message.get(b"content") == 0:
        message[b"content"] = None


def _flatten_address(client: Structure) -> None:
    address = client.get(b"address")
    if isinstance(address, dict):
        client[b"address"] = address.get(b"address")


def _take_authority(request: Structure) -> None:
    """The authority that was sent takes the place of the form's name."""
    form = request.pop(b"first_line_format", None)
    host, port = request.get(b"host"), request.get(b"port")
    authority = b""
    if form in _FORMS_WITH_AUTHORITY and isinstance(host, str) and isinstance(port, int):
        authority = f"{host}:{port}".encode()
    request[b"authority"] = authority


_FORMS_WITH_AUTHORITY = (b"absolute", "absolute", b"authority", "authority")


def _fill_in(request: Structure) -> None:
    """What the request's form does not have, as CONNECT has no path, was null."""
    for name, nothing in _NOTHING.items():
        if request.get(name, nothing) is None:
            request[name] = nothing


_NOTHING: Structure = {b"scheme": b"", b"host": "", b"port": 0, b"path": b""}


def _lift_authority(request: Structure) -> None:
    """HTTP/2 requests had their `:authority` among the fields."""
    version = request.get(b"http_version")
    if request.get(b"authority") or version not in _HTTP_2:
        return
    fields = headers(request, b"headers")
    authority = [value for name, value in fields if name == b":authority"]
    if authority:
        request[b"authority"] = authority[0]
        request[b"headers"] = tuple(field for field in fields if field[0] != b":authority")


_HTTP_2 = (b"HTTP/2.0", "HTTP/2.0")


_OLD_WEBSOCKET = frozenset(
    b"version type id error client_conn server_conn intercepted is_replay marked metadata".split()
)


def _tell_websocket(state: Structure) -> None:
    """One HTTP flow had the handshake, another one, of its own type, the messages.

    They stay two flows here: messages that are null are in the other flow, and whose
    handshake it is says `client_key` (see `mitmproxy_websocket`).
    """
    kind = state.get(b"type")
    if kind in (b"websocket", "websocket"):
        websocket = _said(state)
        for name in state.keys() - _OLD_WEBSOCKET:
            del state[name]
        state.update({b"type": "http", b"request": None, b"response": None})
        state[b"websocket"] = websocket
    elif kind in (b"http", "http"):
        state[b"websocket"] = {b"messages": None} if _is_handshake(state) else None


def _said(state: Structure) -> Structure:
    """What a flow of messages had, as the newer versions have it."""
    sender = state.get(b"close_sender")
    code = state.get(b"close_code")
    server = state.get(b"server_conn")
    return {
        b"messages": state.get(b"messages", ()),
        b"client_key": state.get(b"client_key"),
        b"closed_by_client": sender in (b"client", "client") if sender else None,
        # Text where no Close frame had come, or one without a code.
        b"close_code": code if isinstance(code, int) else None,
        b"close_reason": state.get(b"close_reason") if isinstance(code, int) else None,
        b"timestamp_end": server.get(b"timestamp_end") if isinstance(server, dict) else None,
    }


def _tell_injected(state: Structure) -> None:
    """Messages had five elements, now a sixth that says whether they were put in."""
    websocket = state.get(b"websocket")
    messages = websocket.get(b"messages") if isinstance(websocket, dict) else None
    if isinstance(websocket, dict) and isinstance(messages, tuple):
        told = [(*each, False) if isinstance(each, tuple) else each for each in messages]
        state[b"websocket"] = {**websocket, b"messages": tuple(told)}


def _is_handshake(state: Structure) -> bool:
    """Whether a server switched to WebSocket (RFC 6455 section 4.2.2)."""
    response = state.get(b"response")
    if not isinstance(response, dict) or response.get(b"status_code") != 101:
        return False
    fields = headers(response, b"headers")
    return any(n.lower() == b"upgrade" and v.lower() == b"websocket" for n, v in fields)


def _name_mark(state: Structure) -> None:
    state[b"marked"] = ":default:" if state.get(b"marked") else ""


def _take_server_name(server: Structure) -> None:
    """True stood for "the address's host"."""
    if server.get(b"sni") is True:
        address = server.get(b"address")
        server[b"sni"] = address[0] if isinstance(address, tuple) and address else None


STEPS: dict[Version, Step] = {
    (0, 11): make_step((0, 12)),
    (0, 12): make_step((0, 13)),
    (0, 13): make_step(
        (0, 14),
        request=(rename(form_in="first_line_format"), _spell_http_version),
        response=(rename(code="status_code"), _spell_http_version),
    ),
    (0, 14): make_step((0, 15)),
    (0, 15): make_step(
        (0, 16),
        request=(rename(body="content"), _take_sent_form),
        response=(rename(body="content", msg="reason"),),
    ),
    (0, 16): make_step((0, 17)),
    (0, 17): make_step(
        (0, 18), request=(_tell_missing_content,), response=(_tell_missing_content,)
    ),
    (0, 18): make_step(
        (0, 19),
        flow=(add(metadata={}),),
        client=(add(sni=None),),
        request=(remove("stickyauth", "stickycookie"),),
        error=(make_text("msg"),),
    ),
    (0, 19): make_step((1, 0)),
    (1, 0): make_step((2, 0)),
    # The format's history has this a version earlier, but what 2.0 wrote was not changed.
    (2, 0): make_step((3, 0), client=(_flatten_address,)),
    (3, 0): make_step(4),
    4: make_step(5, client=(add(id=""),)),
    5: make_step(6),
    6: make_step(7),
    7: make_step(8, request=(add(trailers=None),), response=(add(trailers=None),)),
    8: make_step(
        9,
        flow=(add(is_replay=None),),
        request=(make_text("host"), _take_authority, _fill_in, remove("is_replay")),
        response=(remove("is_replay"),),
    ),
    9: make_step(10),
    10: make_step(
        11,
        client=(make_text("sni"),),
        server=(make_text("sni"),),
        # Not a change of the format, but of mitmproxy between 6 and 7.
        request=(_lift_authority,),
    ),
    11: make_step(12, flow=(_tell_websocket,)),
    12: make_step(13, flow=(_name_mark,)),
    13: make_step(14, flow=(add(comment=""),)),
    14: make_step(15, flow=(_tell_injected,)),
    15: make_step(16, flow=(add(timestamp_created=None),)),
    16: make_step(17, flow=(remove("mode"),)),
    17: make_step(18, client=(add(proxy_mode="regular"),)),
    18: make_step(19, client=(rename(address="peername"),), server=(_take_server_name,)),
    19: make_step(20),
    20: make_step(21),
}
"""Each version's step to the next. A further version is one more row."""
