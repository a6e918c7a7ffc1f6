"""What an upstream HTTP proxy changes in a plain-http request.

The request target becomes absolute (RFC 9112 section 3.2.2), and the user's credentials
for the proxy replace captured ones; both changes are named. An https request goes through
a tunnel instead, unchanged: that, and the CONNECT, is the wire's business.
"""

from replayd.model.plan import Change, ChangeKind, Plan
from replayd.planning.draft import is_field
from replayd.planning.hosts import host_port
from replayd.planning.section import field_lines

_CREDENTIALS = b"proxy-authorization"


def for_upstream(plan: Plan, credentials: bytes | None) -> Plan:
    """Returns the plan of a plain-http request as an upstream proxy gets it.

    `credentials` is the value of Proxy-Authorization that the user gave for the proxy,
    such as `Basic dTpw`; None: captured ones go as they are.
    """
    # A raw method may hold anything, so it is not looked for but counted off.
    rest, _, section = plan.head[len(plan.method) + 1 :].partition(b"\r\n")
    lines = field_lines(section)
    target, space, version = rest.rpartition(b" ")
    if not space:
        # So may a raw target: what follows its line end is not its version.
        target, version = version, b""
    absolute = _absolute(plan, target, lines)
    changes = list(plan.changes)
    if absolute != target:
        changes.append(
            Change(ChangeKind.ABSOLUTE_TARGET, f"the target became {absolute.decode('latin-1')}")
        )
    if credentials is not None:
        lines = _with_credentials(lines, credentials)
        done = "replaced" if plan.proxy_authorization else "added"
        changes.append(
            Change(ChangeKind.PROXY_AUTHORIZATION, f"Proxy-Authorization {done} for the upstream")
        )
    start_line = b"%b %b%b%b\r\n" % (plan.method, absolute, space, version)
    head = start_line + b"".join(lines) + b"\r\n"
    return plan._replace(
        head=head,
        changes=tuple(changes),
        proxy_authorization=plan.proxy_authorization and credentials is None,
    )


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0]


def _with_credentials(lines: list[bytes], credentials: bytes) -> list[bytes]:
    """Puts the user's credentials where captured ones stand, else at the end."""
    ours = b"Proxy-Authorization: %b\r\n" % credentials
    out = []
    placed = False
    for line in lines:
        if not is_field(_name(line), _CREDENTIALS):
            out.append(line)
        elif not placed:
            out.append(_name(line) + ours.removeprefix(b"Proxy-Authorization"))
            placed = True
    return out if placed else [*out, ours]


def _absolute(plan: Plan, target: bytes, lines: list[bytes]) -> bytes:
    """Returns the target in absolute form, such that the proxy goes to the plan's target.

    The authority is the captured Host where that names the target, for a proxy has to put
    the authority in Host's place (RFC 9112 section 3.2.2); else the target's own.
    """
    if plan.method == b"CONNECT":
        # The rules judged the plan's target; what the capture names may be another one.
        return target if _names_target(target, plan) else _full(plan)
    named = (line.partition(b":")[2].strip() for line in lines if is_field(_name(line), b"host"))
    authority = next(named, b"")
    prefix, path = b"", target
    if target[:7].lower() == b"http://":
        prefix, authority = target[:7], target[7:].partition(b"/")[0]
        path = target[7 + len(authority) :]
    if not _names_target(authority, plan):
        authority = _full(plan).removesuffix(b":80")
    if path == b"*":
        # RFC 9112 section 3.2.4: the proxy makes the asterisk of it again.
        path = b""
    elif not path.startswith((b"/", b"?")) and not prefix:
        path = b"/" + path
    return (prefix or b"http://") + authority + path


def _names_target(authority: bytes, plan: Plan) -> bool:
    full, port = _full(plan).lower(), plan.target.address[1]
    return authority.lower() == full or (port == 80 and authority.lower() + b":80" == full)


def _full(plan: Plan) -> bytes:
    return host_port(*plan.target.address).encode()
