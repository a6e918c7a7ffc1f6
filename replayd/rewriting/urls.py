"""Where a request goes and what its URL is: `map_remote`, `target`, `set_query`."""

from collections.abc import Iterator
from urllib.parse import quote_from_bytes, unquote_to_bytes

from replayd.filters import Subject
from replayd.model.flow import Flow, Headers, Request
from replayd.model.plan import Change, ChangeKind
from replayd.reasons import Reason
from replayd.rewriting.fields import with_host
from replayd.rewriting.rules import Place, Target, Unrewritable, UrlRule, finds, split_url

_SHOWN = 100
"""Characters of a path that a change shows."""


def map_remote(flow: Flow, rule: UrlRule) -> Flow:
    """Rewrites the URL. A tunnel (CONNECT) has none.

    Raises Unrewritable when what comes out is no URL.
    """
    request = flow.request
    assert request is not None
    if request.method == b"CONNECT" or not finds(rule.matches, flow):
        return flow
    before = Subject(flow).url
    assert before is not None
    after = rule.find.sub(rule.replacement, before)
    if after == before:
        return flow
    try:
        place, path = split_url(after)
    except ValueError as error:
        raise Unrewritable(
            Reason.INVALID_TARGET, f"map_remote makes no URL of its URL: {error}"
        ) from error
    old_place, old_path = _split(before)
    if place != old_place:
        flow = sent_to(flow, place)
    if path == old_path:
        return flow
    octets = path.encode("utf-8", "surrogateescape")
    return _with_path(flow, octets if octets.startswith(b"/") else b"/" + octets)


def to_target(flow: Flow, target: Target) -> Flow:
    """Sends a flow to a target, the target's path put before its own."""
    request = flow.request
    assert request is not None
    flow = sent_to(flow, target.place)
    if not target.prefix or request.method == b"CONNECT" or request.path == b"*":
        return flow
    path = request.path
    return _with_path(flow, target.prefix + (path if path[:1] in b"/?" else b"/" + path))


def sent_to(flow: Flow, place: Place) -> Flow:
    """Sends a flow to a place; what names the host follows, where anything does."""
    request = flow.request
    assert request is not None
    authority = place.authority
    if request.method == b"CONNECT":
        # It has no scheme whose own port could go unsaid.
        authority = place._replace(scheme="").authority
    else:
        request = request._replace(scheme=place.scheme.encode())
    request = request._replace(host=place.host, port=place.port)
    request = with_host(request, authority.encode())
    return flow._replace(request=request, server_name="")


def set_query(request: Request, parameters: Headers) -> Request:
    """Sets parameters of the query. A tunnel and `OPTIONS *` have none."""
    if request.method == b"CONNECT" or request.path == b"*":
        return request
    before, hash_mark, fragment = request.path.partition(b"#")
    path, _, query = before.partition(b"?")
    pairs = query.split(b"&") if query else []
    for name, value in parameters:
        pairs = list(_placed(pairs, name, value))
    return request._replace(path=path + b"?" + b"&".join(pairs) + hash_mark + fragment)


def named_changes(before: Flow, after: Flow) -> list[Change]:
    """Names another place and another path, neither with its query, which may have secrets."""
    old, new = before.request, after.request
    assert old is not None
    assert new is not None
    changes = []
    there, here = _place(old), _place(new)
    if there != here:
        changes.append(Change(ChangeKind.TARGET_REWRITTEN, f"{there} -> {here}"))
    if old.path != new.path:
        (old_path, _, old_query), (new_path, _, new_query) = map(_parted, (old.path, new.path))
        said = [f"{old_path} -> {new_path}"] if old_path != new_path else []
        said += ["another query"] if old_query != new_query else []
        changes.append(Change(ChangeKind.PATH_REWRITTEN, ", ".join(said)))
    return changes


def _placed(pairs: list[bytes], name: bytes, value: bytes) -> Iterator[bytes]:
    """Yields a query's pairs with this one where the first of its name stands."""
    wanted = quote_from_bytes(name, safe="").encode() + b"="
    wanted += quote_from_bytes(value, safe="").encode()
    placed = False
    for pair in pairs:
        if unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" ")) != name:
            yield pair
        elif not placed:
            yield wanted
            placed = True
    if not placed:
        yield wanted


def _with_path(flow: Flow, path: bytes) -> Flow:
    assert flow.request is not None
    return flow._replace(request=flow.request._replace(path=path))


def _split(url: str) -> tuple[Place | None, str]:
    """Parts a captured URL, whose host may be none."""
    try:
        return split_url(url)
    except ValueError:
        return None, ""


def _place(request: Request) -> Place:
    return Place(request.scheme.decode("latin-1"), request.host, request.port)


def _parted(path: bytes) -> tuple[str, str, str]:
    plain, mark, rest = path.decode("latin-1").partition("?")
    return plain[:_SHOWN], mark, rest
