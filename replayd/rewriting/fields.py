"""Header fields that are set and removed, cookies, and what names the host.

Names match without regard to case. In HTTP/2 a Host that is set or removed is its
`:authority` too: one would stand for the other (RFC 9113 section 8.3.1).
"""

from collections.abc import Iterable, Sequence

from replayd.model.flow import Headers, Request
from replayd.model.plan import Change, ChangeKind
from replayd.planning.http_versions import is_http2
from replayd.rewriting.rules import HeaderRule

_HOST, _COOKIE = b"host", b"cookie"


def modify_headers(request: Request, rules: Sequence[HeaderRule]) -> Request:
    """Removes the fields of all rules, then adds their values at the end."""
    changed = remove_headers(request, [rule.name for rule in rules])
    for rule in rules:
        if not rule.value:
            continue
        if _is_authority(changed, rule.name):
            changed = with_host(changed, rule.value, anyway=True)
        else:
            added = (_spelled(changed, rule.name), rule.value)
            changed = changed._replace(headers=(*changed.headers, added))
    return changed


def remove_headers(request: Request, names: Iterable[bytes]) -> Request:
    """Removes all fields of these names."""
    gone = {name.lower() for name in names}
    kept = tuple([pair for pair in request.headers if pair[0].lower() not in gone])
    if _HOST in gone and is_http2(request.http_version):
        request = request._replace(authority=b"")
    return request._replace(headers=kept)


def set_headers(request: Request, fields: Headers) -> Request:
    """Puts the values given for a name where its first field stands, else at the end."""
    given: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, value in fields:
        given.setdefault(name.lower(), []).append((name, value))
    for plain, pairs in given.items():
        name, value = pairs[-1]
        if _is_authority(request, name):
            request = with_host(request, value, anyway=True)
        else:
            values = [each for _, each in pairs]
            headers = _placed(request.headers, plain, _spelled(request, name), values)
            request = request._replace(headers=headers)
    return request


def set_cookies(request: Request, cookies: Headers) -> Request:
    """Puts each cookie where the first of its name stands, else behind all others."""
    headers = request.headers
    for name, value in cookies:
        headers = _with_cookie(headers, name, value, _spelled(request, b"Cookie"))
    return request._replace(headers=headers)


def with_host(request: Request, value: bytes, *, anyway: bool = False) -> Request:
    """Has Host and the authority name this host, where there are such; `anyway`: also where a
    request has named none.
    """
    fields = [pair for pair in request.headers if pair[0].lower() == _HOST]
    if fields:
        headers = _placed(request.headers, _HOST, fields[0][0], [value])
        request = request._replace(headers=headers)
    if request.authority or (anyway and not fields and is_http2(request.http_version)):
        return request._replace(authority=value)
    if anyway and not fields:
        return request._replace(headers=((b"Host", value), *request.headers))
    return request


def named_changes(before: Request, after: Request) -> list[Change]:
    """Names each field that differs, in the order in which they stand now; not its value, which
    may be a secret, and stands in the plan.
    """
    changes = []
    old, new = _by_name(before), _by_name(after)
    for name, (spelled, values) in new.items():
        if name not in old:
            changes.append(f"{spelled} added")
        elif old[name][1] != values:
            changes.append(f"{spelled} set")
    changes += [f"{spelled} removed" for name, (spelled, _) in old.items() if name not in new]
    if before.authority != after.authority:
        changes.append(f":authority {'set' if after.authority else 'removed'}")
    if not changes and before.headers != after.headers:
        changes.append("fields stand in another order")
    return [Change(ChangeKind.FIELD_REWRITTEN, each) for each in changes]


def _by_name(request: Request) -> dict[bytes, tuple[str, list[bytes]]]:
    found: dict[bytes, tuple[str, list[bytes]]] = {}
    for name, value in request.headers:
        found.setdefault(name.lower(), (name.decode("latin-1"), []))[1].append(value)
    return found


def _is_authority(request: Request, name: bytes) -> bool:
    return name.lower() == _HOST and is_http2(request.http_version)


def _spelled(request: Request, name: bytes) -> bytes:
    """Returns a name as a field that is added has it: HTTP/2 knows no capitals."""
    return name.lower() if is_http2(request.http_version) else name


def _placed(headers: Headers, wanted: bytes, name: bytes, values: list[bytes]) -> Headers:
    """Puts the fields of a name (`wanted`, in lower case) where its first one stands."""
    placed: list[tuple[bytes, bytes]] = []
    left = values
    for pair in headers:
        if pair[0].lower() != wanted:
            placed.append(pair)
        elif left:
            # As it was spelled there.
            placed += [(pair[0], value) for value in left]
            left = []
    return (*placed, *((name, value) for value in left))


def _with_cookie(headers: Headers, name: bytes, value: bytes, field: bytes) -> Headers:
    cookie = name + b"=" + value
    kept: list[tuple[bytes, bytes]] = []
    placed, last = False, -1
    for pair in headers:
        if pair[0].lower() == _COOKIE:
            said = _said(pair[1], name, b"" if placed else cookie)
            placed = placed or said != pair[1]
            if not said and pair[1]:
                continue
            pair, last = (pair[0], said), len(kept)  # noqa: PLW2901 - the field as it is now
        kept.append(pair)
    if placed:
        return tuple(kept)
    if last < 0:
        return (*kept, (field, cookie))
    others = kept[last][1]
    kept[last] = (kept[last][0], others + b"; " + cookie if others.strip() else cookie)
    return tuple(kept)


def _said(field: bytes, name: bytes, cookie: bytes) -> bytes:
    """Returns a Cookie field with `cookie` in place of the first one of this name, and without
    the others; empty: without any.
    """
    parts = []
    for part in field.split(b";"):
        if part.partition(b"=")[0].strip() != name:
            parts.append(part)
        elif cookie:
            parts.append(part[: len(part) - len(part.lstrip())] + cookie)
            cookie = b""
    said = b";".join(parts)
    # The cookie that stood first is gone, and the next one's space with it.
    return said if said[:1] == field[:1] else said.lstrip()
