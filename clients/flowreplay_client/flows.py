"""Short ways to build typed flows. Pure."""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from flowreplay.v1.flow_pb2 import Flow, Header, Request

_SCHEMES = ("http", "https")


def request_flow(
    method: str,
    url: str,
    headers: Iterable[tuple[str | bytes, str | bytes]] = (),
    content: bytes = b"",
    *,
    session_id: str = "",
    flow_id: str = "",
) -> Flow:
    """Builds a flow from what a person knows of a request.

    `headers` stand in their order and case; Host comes first and Content-Length last
    where they are missing (Content-Length only with content, and not beside
    Transfer-Encoding), because the daemon adds nothing to an HTTP/1 flow. Text must be
    ISO 8859-1, the URL ASCII (RFC 3986). Flows of one `session_id` keep their order and
    share a connection. Raises ValueError when the URL is not `http(s)://HOST[:PORT]...`.
    """
    scheme, host, port, authority, path = _split(url)
    fields = [(_bytes(name), _bytes(value)) for name, value in headers]
    names = {name.lower() for name, _ in fields}
    if b"host" not in names:
        fields.insert(0, (b"Host", authority))
    if content and not names & {b"content-length", b"transfer-encoding"}:
        fields.append((b"Content-Length", b"%d" % len(content)))
    request = Request(
        method=method.encode("ascii"),
        scheme=scheme.encode(),
        host=host,
        port=port,
        path=path,
        http_version=b"HTTP/1.1",
        headers=[Header(name=name, value=value) for name, value in fields],
        content=content,
    )
    return Flow(flow_id=flow_id, session_id=session_id, request=request)


def _split(url: str) -> tuple[str, str, int, bytes, bytes]:
    """Takes scheme, host, port (0: the scheme's own), Host field and path out of a URL."""
    parts, port = _parse(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{url!r} is not a URL of the form http(s)://HOST[:PORT]/PATH")
    authority = parts.netloc.rpartition("@")[2]
    # Cut out, not put together again, so that an empty query keeps its question mark.
    target = url.partition("://")[2].partition("#")[0][len(parts.netloc) :]
    path = target if target.startswith("/") else f"/{target}"
    return parts.scheme, parts.hostname, port, authority.encode(), path.encode()


def _parse(url: str) -> tuple[SplitResult, int]:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} is not a URL: percent-encode what is not printable ASCII")
    try:
        parts = urlsplit(url)
        return parts, parts.port or 0
    except ValueError as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error


def _bytes(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
