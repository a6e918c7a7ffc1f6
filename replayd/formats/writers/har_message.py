"""Requests and responses as objects of a HAR 1.2.

Names, values and URLs are text there: bytes that are no UTF-8 stand as surrogate escapes.
"""

from urllib.parse import parse_qsl

from replayd.formats.authority import DEFAULT_PORTS
from replayd.formats.header_fields import value_of, values_of
from replayd.formats.writers import har_content
from replayd.formats.writers.json_pieces import Value
from replayd.model.flow import Headers, Request, Response

Object = dict[str, Value]

_UNKNOWN = -1
"""HAR 1.2: a size that is not available."""


def request_object(request: Request, *, pseudo_fields: Headers = ()) -> Object:
    """Returns HAR's `request`: the captured one, to the host that it was captured for.

    `pseudo_fields` stand before the other fields.
    """
    path = _text(request.path)
    content = request.content or b""
    made: Object = {
        "method": _text(request.method),
        "url": _url(request, path),
        "httpVersion": _text(request.http_version),
        "cookies": _sent_cookies(request.headers),
        "headers": _fields((*pseudo_fields, *request.headers)),
        "queryString": _query(path),
        "headersSize": _UNKNOWN,
        "bodySize": len(content),
    }
    if content:
        # As it was on the wire: a request is exported to be sent again. `encoding` is not
        # in HAR 1.2, but without it a binary content could not be held at all.
        mime_type = _text(value_of(request.headers, b"content-type"))
        made["postData"] = {"mimeType": mime_type, **har_content.text(content)}
    return made


def response_object(response: Response | None, *, size: int) -> Object:
    """Returns HAR's `response`; with status 0, as browsers have it, where there is none.

    `size` is that of the content on the wire, which may be more than there is of it.
    """
    if response is None:
        response = Response(b"", 0)
        size = _UNKNOWN
    content = response.content or b""
    shown = har_content.decoded(content, response.headers)
    described: Object = {"size": len(shown)}
    if shown is not content:
        described["compression"] = len(shown) - len(content)
    described["mimeType"] = _text(value_of(response.headers, b"content-type"))
    return {
        "status": response.status_code,
        "statusText": _text(response.reason_phrase),
        "httpVersion": _text(response.http_version),
        "cookies": _received_cookies(response.headers),
        "headers": _fields(response.headers),
        "content": {**described, **(har_content.text(shown) if shown else {})},
        "redirectURL": _text(value_of(response.headers, b"location")),
        "headersSize": _UNKNOWN,
        "bodySize": size,
    }


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _url(request: Request, path: str) -> str:
    scheme = _text(request.scheme)
    host = f"[{request.host}]" if ":" in request.host else request.host
    port = "" if DEFAULT_PORTS.get(scheme) == request.port else f":{request.port}"
    # A raw number sign would begin a fragment, which a URL has and a request never sends.
    target = path.replace("#", "%23")
    slash = "" if target.startswith("/") else "/"
    return f"{scheme}://{host}{port}{slash}{target}"


def _fields(headers: Headers) -> list[Value]:
    return [{"name": _text(name), "value": _text(value)} for name, value in headers]


def _query(path: str) -> list[Value]:
    query = path.partition("?")[2]
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    return [{"name": name, "value": value} for name, value in pairs]


def _sent_cookies(headers: Headers) -> list[Value]:
    """RFC 6265 section 4.2.1."""
    pairs = [pair for field in values_of(headers, b"cookie") for pair in _text(field).split(";")]
    return [_cookie(pair) for pair in pairs if pair.strip()]


def _received_cookies(headers: Headers) -> list[Value]:
    """RFC 6265 section 4.1.1; dates stand in the header fields alone."""
    return [_received_cookie(_text(field)) for field in values_of(headers, b"set-cookie")]


def _received_cookie(field: str) -> Object:
    pair, *attributes = field.split(";")
    cookie = _cookie(pair)
    said = {}
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        said[name.strip().lower()] = value.strip()
    for name in ("path", "domain"):
        if said.get(name):
            cookie[name] = said[name]
    return {**cookie, "httpOnly": "httponly" in said, "secure": "secure" in said}


def _cookie(pair: str) -> Object:
    name, _, value = pair.partition("=")
    return {"name": name.strip(), "value": value.strip()}
