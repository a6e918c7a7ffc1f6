"""The bytes that may arrive for a captured request: its own, changed as docs/fidelity.md
says and no further.

Written from that document and the RFCs alone, so that the daemon's planning has a judge
that shares none of its code. Kinds of changes have the names of `flowreplay.v1.ChangeKind`.
"""

from dataclasses import dataclass, field, replace

from tools.fidelity.captured import DEFAULT_PORTS, Captured, bracketed, is_field

HOP_BY_HOP = {
    *(b"connection", b"http2-settings", b"keep-alive"),
    *(b"proxy-connection", b"transfer-encoding", b"upgrade"),
}
"""Fields of one connection, which HTTP/2 does not have (RFC 9113 section 8.2.2)."""


@dataclass
class Allowed:
    """A request on its way from captured to allowed."""

    request: Captured
    kinds: set[str] = field(default_factory=set)
    """Of the changes that were made."""

    def change(self, kind: str, fields: list[tuple[bytes, bytes]]) -> None:
        """Takes other fields, for a reason."""
        self.kinds.add(kind)
        self.request = replace(self.request, fields=tuple(fields))


def allowed(captured: Captured) -> tuple[bytes, frozenset[str]]:
    """The bytes that may arrive, and the kinds of changes that made them of the capture's."""
    made = Allowed(captured)
    if captured.http2:
        downgrade(made)
    mark_end(made, lower_case=captured.http2)
    request = made.request
    if request.chunked and request.content:
        made.kinds.add("CHUNK_SIZES")
    return request.assembled(), frozenset(made.kinds)


def downgrade(made: Allowed) -> None:
    """HTTP/2 over HTTP/1.1: Host first, no field of HTTP/2's own, cookies joined."""
    request = made.request
    dropped = HOP_BY_HOP | ({b"host"} if request.authority else set())
    kept = [
        (name, value)
        for name, value in request.fields
        if not name.startswith(b":") and name.strip().lower() not in dropped
    ]
    if len(kept) < len(request.fields):
        made.kinds.add("FIELD_REMOVED")
    if request.authority or not request.values(b"host"):
        kept.insert(0, (b"Host", request.authority or authority_of(request)))
    made.request = replace(request, version=b"HTTP/1.1", authority=b"", path=request.target)
    made.change("HTTP_VERSION", kept)
    join_cookies(made)


def join_cookies(made: Allowed) -> None:
    """One Cookie field, where the first one stands (RFC 9113 section 8.2.3)."""
    cookies = made.request.values(b"cookie")
    if len(cookies) < 2:
        return
    kept: list[tuple[bytes, bytes]] = []
    for name, value in made.request.fields:
        if not is_field(name, b"cookie"):
            kept.append((name, value))
        elif cookies:
            kept.append((name, b"; ".join(cookies)))
            cookies = []
    made.change("COOKIES_JOINED", kept)


def authority_of(request: Captured) -> bytes:
    """Host and port of a request that names neither, as a URL has them."""
    port = "" if request.port == DEFAULT_PORTS[request.scheme] else f":{request.port}"
    return f"{bracketed(request.host)}{port}".encode()


def mark_end(made: Allowed, *, lower_case: bool) -> None:
    """Makes the fields fit the content, where they do not (RFC 9112 section 6)."""
    request = made.request
    needed = request.content or request.trailers or request.values(b"content-length")
    if needed and request.values(b"transfer-encoding") and not request.chunked:
        end_codings(made)
    if made.request.trailers and not made.request.codings:
        carry_trailers(made, lower_case=lower_case)
    if made.request.chunked:
        if request.values(b"content-length"):
            made.change("CONTENT_LENGTH", without(made.request, b"content-length"))
    elif not made.request.codings:
        fit_length(made, lower_case=lower_case)


def end_codings(made: Allowed) -> None:
    """`identity`, or nothing, is no coding; others need chunked behind them."""
    request = made.request
    if set(request.codings) <= {b"identity"}:
        made.change("FIELD_REMOVED", without(request, b"transfer-encoding"))
        return
    fields = list(request.fields)
    last = max(i for i, (name, _) in enumerate(fields) if is_field(name, b"transfer-encoding"))
    fields.insert(last + 1, (fields[last][0], b"chunked"))
    made.change("CHUNK_SIZES", fields)


def carry_trailers(made: Allowed, *, lower_case: bool) -> None:
    """Only chunks can carry trailers, and HTTP/1.0 has none (RFC 9112 section 7.1.2)."""
    if made.request.version == b"HTTP/1.0":
        made.kinds.add("FIELD_REMOVED")
        made.request = replace(made.request, trailers=())
        return
    name = b"transfer-encoding" if lower_case else b"Transfer-Encoding"
    made.change("CHUNK_SIZES", [*made.request.fields, (name, b"chunked")])


def fit_length(made: Allowed, *, lower_case: bool) -> None:
    """One Content-Length that is right: in its place, or at the end where there was none."""
    request = made.request
    if request.values(b"content-length"):
        mend_length(made)
    elif request.content:
        name = b"content-length" if lower_case else b"Content-Length"
        made.change("CONTENT_LENGTH", [*request.fields, (name, b"%d" % len(request.content))])


def mend_length(made: Allowed) -> None:
    """One right Content-Length in place of those that are there, if they are wrong."""
    request, right = made.request, b"%d" % len(made.request.content)
    lengths = request.values(b"content-length")
    numbers = [number.strip() for number in b",".join(lengths).split(b",")]
    if not all(n.isdigit() and (n.lstrip(b"0") or b"0") == right for n in numbers):
        names = [name for name, _ in request.fields]
        first = next(i for i, name in enumerate(names) if is_field(name, b"content-length"))
        kept = without(request, b"content-length")
        made.change("CONTENT_LENGTH", [*kept[:first], (names[first], right), *kept[first:]])


def without(request: Captured, name: bytes) -> list[tuple[bytes, bytes]]:
    """Its fields but for one, named in lower case."""
    return [field for field in request.fields if not is_field(field[0], name)]
