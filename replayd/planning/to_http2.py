"""A request as HTTP/2 has it (RFC 9113 section 8): what is written in place of the head
of HTTP/1 when a connection speaks HTTP/2.

An HTTP/2 or HTTP/3 request is kept as captured: order, duplicates, Cookie fields apart,
fields that HTTP/2 forbids; only a Content-Length that contradicts the content is mended.
An HTTP/1 request is raised: Host becomes `:authority`, names are written in lower case, and
what is about an HTTP/1 connection is left out. So is one that the capture calls HTTP/2 but
shows in the form of HTTP/1, as HAR files of Firefox and exports of Burp do: no HTTP/2
client writes capitals in a field's name.
"""

from collections.abc import Iterator

from replayd.model.flow import Headers, Request
from replayd.model.plan import ChangeKind, Http2Request
from replayd.planning.draft import Draft, is_field
from replayd.planning.framing import mend_length
from replayd.planning.http_versions import CONNECTION_SPECIFIC, is_http2
from replayd.planning.section import plain

_NAMED = 20
"""Fields that one change names."""


def make_http2(request: Request, *, raw: bool) -> Http2Request:
    """Makes the HTTP/2 form of a request that has its content; `raw`: nothing is mended."""
    draft = Draft(request)
    captured = is_http2(request.http_version)
    if not request.http_version.upper().startswith((b"HTTP/2", b"H2")):
        said = request.http_version.decode("latin-1")
        draft.change(ChangeKind.HTTP_VERSION, f"{said} -> HTTP/2")
    authority, path = request.authority, request.path
    if not captured or (not raw and _has_capitals(draft)):
        authority = _raise(draft, authority, pseudo_fields=captured)
        # RFC 9113 section 8.3.1: it is never empty.
        path = path or (b"*" if request.method == b"OPTIONS" else b"/")
    if not raw:
        mend_length(draft, len(request.content or b""))
    known = {
        b":method": request.method,
        b":scheme": request.scheme,
        b":path": path,
        b":authority": authority,
    }
    others = (pair for pair in draft.fields if not pair[0].startswith(b":"))
    return Http2Request(
        headers=(*_pseudo_fields(draft, known), *others),
        trailers=draft.trailers,
        changes=tuple(draft.changes),
    )


def _pseudo_fields(draft: Draft, known: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yields those among the captured fields in their order, then the others in mitmproxy's.

    The values are the request's own, which is where somebody edits them.
    """
    left = {name: value for name, value in known.items() if value or name != b":authority"}
    for name, value in draft.fields:
        if name.startswith(b":"):
            yield name, left.pop(name, value)
    yield from left.items()


def _has_capitals(draft: Draft) -> bool:
    return any(name != name.lower() for name, _ in (*draft.fields, *draft.trailers))


def _raise(draft: Draft, authority: bytes, *, pseudo_fields: bool) -> bytes:
    """Takes HTTP/1's ways out of the fields; returns the value of `:authority`.

    `pseudo_fields`: names that begin with a colon are HTTP/2's own; else it has no place
    for them.
    """
    hosts = [host.strip() for host in draft.values(b"host")]
    draft.drop_hosts()
    # RFC 9110 section 7.6.1: Connection lists other fields that are about it.
    listed = b",".join(draft.values(b"connection")).lower().split(b",")
    dropped = CONNECTION_SPECIFIC | {option.strip() for option in listed}

    def has_no_place(name: bytes, value: bytes) -> bool:
        if is_field(name, b"te"):
            # The one use that HTTP/2 has for it (RFC 9113 section 8.2.2).
            return value.strip().lower() != b"trailers"
        misplaced = name.startswith(b":") and not pseudo_fields
        return misplaced or plain(name) in dropped

    draft.drop(has_no_place)
    _lower_names(draft)
    return authority or next(iter(hosts), b"")


def _lower_names(draft: Draft) -> None:
    fields = (*draft.fields, *draft.trailers)
    capitals = list(dict.fromkeys(name for name, _ in fields if name != name.lower()))
    if not capitals:
        return
    named = b", ".join(capitals[:_NAMED]).decode("latin-1")
    more = f" and {len(capitals) - _NAMED} more" if len(capitals) > _NAMED else ""
    draft.change(ChangeKind.LOWER_CASE, f"in lower case: {named}{more}")
    draft.fields = list(_lowered(draft.fields))
    draft.trailers = _lowered(draft.trailers)


def _lowered(fields: Headers | list[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.lower(), value) for name, value in fields)
