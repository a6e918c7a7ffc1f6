"""An HTTP/2 or HTTP/3 request as HTTP/1.1 has it (RFC 9113 section 8, RFC 9114 section 4):
the version, Host for `:authority`, one Cookie field, and no field that HTTP/1.1 has no
place for.
"""

from replayd.model.flow import Request
from replayd.model.plan import ChangeKind
from replayd.planning.draft import Draft, is_field
from replayd.planning.http_versions import CONNECTION_SPECIFIC
from replayd.planning.section import plain


def make_http1(draft: Draft, request: Request, default_host: bytes) -> None:
    """Makes the draft an HTTP/1.1 request; `default_host` is for one that names none."""
    draft.drop(_has_no_place)
    host = request.authority
    if host:
        draft.drop_hosts()
    elif not draft.values(b"host"):
        host = default_host
    if host:
        draft.insert(0, b"Host", host)
    said = f", with Host: {host.decode('latin-1')}" if host else ""
    draft.change(
        ChangeKind.HTTP_VERSION, f"{request.http_version.decode('latin-1')} -> HTTP/1.1{said}"
    )
    draft.version, draft.lower_case = b"HTTP/1.1", True
    _join_cookies(draft)


def _has_no_place(name: bytes, _value: bytes) -> bool:
    return name.startswith(b":") or plain(name) in CONNECTION_SPECIFIC


def _join_cookies(draft: Draft) -> None:
    """Joins Cookie fields where the first one stands (RFC 9113 section 8.2.3)."""
    cookies = draft.values(b"cookie")
    if len(cookies) < 2:
        return
    first = next(i for i, (name, _) in enumerate(draft.fields) if is_field(name, b"cookie"))
    name = draft.fields[first][0]
    draft.remove(b"cookie")
    draft.insert(first, name, b"; ".join(cookies))
    draft.change(ChangeKind.COOKIES_JOINED, f"{len(cookies)} Cookie fields joined")
