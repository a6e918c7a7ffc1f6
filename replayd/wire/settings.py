"""How to connect and what to put up with: plain data, each default with its reason.

Knows no sockets. Times are seconds, sizes are bytes.
"""

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from replayd.errors import ConfigError
from replayd.model.plan import Plan, Target
from replayd.planning.hosts import host_port
from replayd.redaction.marks import Marks

if TYPE_CHECKING:
    from replayd.planning.target_limits import TargetLimits

_UPSTREAM_PORTS = {"http": 80, "https": 443, "socks5": 1080}
_SAME_SCHEMES = {"socks5h": "socks5"}
"""curl's word for what we always do: the proxy resolves the names."""
_MAX_PORT = 65535
_MAX_SOCKS_TEXT = 255
"""Bytes of a SOCKS5 user name or password (RFC 1929 section 2)."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A proxy that every replay goes through."""

    scheme: str
    """How to speak to the proxy: `http`, `https` or `socks5`."""
    host: str
    port: int
    credentials: tuple[bytes, bytes] | None = field(default=None, repr=False)
    """User and password; None: the proxy is not told who we are. Never shown."""

    @property
    def speaks_http(self) -> bool:
        """Whether it is an HTTP proxy."""
        return self.scheme != "socks5"

    def takes(self, target: Target) -> bool:
        """Whether it takes the requests to a target itself; all others go through a tunnel."""
        return self.speaks_http and target.scheme == "http" and not target.tunnelled

    @property
    def authorization(self) -> bytes | None:
        """The value of Proxy-Authorization (RFC 7617); None: there are no credentials."""
        if self.credentials is None:
            return None
        return b"Basic " + base64.b64encode(b":".join(self.credentials))

    @property
    def name(self) -> str:
        """The proxy for people, without credentials."""
        return f"{self.scheme}://{host_port(self.host, self.port)}"


class TlsSettings(NamedTuple):
    """TLS towards targets and an https upstream."""

    insecure: bool = False
    """Accept any certificate. Off: what is replayed carries captured credentials."""
    ca_file: str = ""
    """PEM file of the authorities to trust; empty: the system's."""
    client_cert: str = ""
    """PEM file with our certificate and its key; empty: none."""
    min_version: str = "1.2"
    """RFC 8996 retired what is older; old appliances may still need it."""
    max_version: str = "1.3"
    ciphers: str = ""
    """OpenSSL's cipher list for TLS 1.2 and older; empty: Python's choice."""


class WireSettings(NamedTuple):
    """Everything about the wire that an operator may set, and the limits that they may not."""

    bind_address: str = ""
    """Local address to connect from; empty: the system chooses."""
    connect_timeout: float = 10.0
    """For name, TCP and proxy together, and for TLS once more. A packet that is lost three
    times is back after 7 s (RFC 6298: 1 + 2 + 4), so 10 s is not merely bad luck."""
    read_timeout: float = 60.0
    """For the first byte and for each silence after it; as nginx's proxy_read_timeout."""
    total_timeout: float = 300.0
    """For the whole replay: nothing holds its slot for longer, however it drips."""
    body_size_limit: int = 64 * 1024 * 1024
    """Of a response's content. Far above any page, far below any disk."""
    memory_budget: int = 128 * 1024 * 1024
    """For all responses under way, in memory: `replay.budget`."""
    stream_window: int = 8 * 1024 * 1024
    """Bytes a server may send on a stream of HTTP/2 before it hears from us: what fits into
    100 ms at 600 Mbit/s."""
    head_size_limit: int = 64 * 1024
    """Of one head, and of the trailers. Servers allow 8 to 16 KiB; this is generous."""
    head_field_limit: int = 256
    """Fields in a head; servers allow about 100."""
    interim_limit: int = 100
    """1xx responses before the response; as CPython's http.client."""
    interim_size_limit: int = 64 * 1024
    """Bytes of all interim responses."""
    min_rate: int = 1024
    """Bytes a second that a head, or content of declared length, has to arrive with.
    Pauses count one second at most (they are `read_timeout`'s business) and content without
    a declared length is exempt, so that event streams and long polls are not cut; see
    `replay.pace`."""
    min_rate_after: float = 10.0
    """Seconds of arriving before the rate matters: TCP's slow start is long over."""
    expect_timeout: float = 1.0
    """Wait for `100 Continue` before the content goes all the same (RFC 9110 10.1.1)."""
    idle_timeout: float = 15.0
    """A kept connection that nobody used for so long is closed. Shorter than what common
    servers grant (nginx 75 s, Apache 5 s says so in Keep-Alive), so they rarely close first."""
    connections_per_target: "TargetLimits[int] | None" = None
    """Connections to one target at once, idle ones too; None or 0: no limit but the
    replays'."""
    idle_limit: int = 256
    """Kept connections that nobody uses, in all; the longest unused is closed first."""
    fresh_for: float = 1.0
    """A request that is not idempotent takes a kept connection only if it was used within
    this time: a server that closes meanwhile would leave its fate unknown."""
    name_cache_time: float = 30.0
    """Resolved names are asked for again after this; short, since the system's resolver
    does not tell their real time to live."""
    upstream: Upstream | None = None
    tls: TlsSettings = TlsSettings()

    def as_sent(self, plan: Plan) -> Plan:
        """Returns the plan as it leaves: a proxy may want plain-http requests otherwise."""
        upstream = self.upstream
        if upstream is None or not upstream.takes(plan.target):
            return plan
        # Loaded for those who have a proxy.
        from replayd.planning.proxy import for_upstream  # noqa: PLC0415

        return for_upstream(plan, upstream.authorization)

    def as_told(self, plan: Plan) -> Plan:
        """Does the same for people: with a mark in the place of the proxy's credentials."""
        upstream = self.upstream
        if upstream is None or not upstream.takes(plan.target) or not upstream.authorization:
            return self.as_sent(plan)
        from replayd.planning.proxy import for_upstream  # noqa: PLC0415

        scheme, _, credentials = upstream.authorization.partition(b" ")
        return for_upstream(plan, scheme + b" " + Marks()(credentials))


def parse_upstream(url: str) -> Upstream:
    """Reads `--upstream`, such as `http://user:password@proxy:3128`.

    Raises ConfigError that says what is wrong; never shows the credentials.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError("--upstream: it is no URL; write http://HOST:PORT") from error
    scheme = _SAME_SCHEMES.get(parts.scheme, parts.scheme)
    if scheme not in _UPSTREAM_PORTS:
        raise ConfigError(
            "--upstream: it must begin with http://, https:// or socks5://"
            + (f", not with {scheme}://" if f"{scheme}://" in url.lower() else "")
        )
    if not parts.hostname:
        raise ConfigError(f"--upstream: it has no host; write {scheme}://HOST:PORT")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(
            f"--upstream: a proxy has no path; write {scheme}://{parts.hostname}:PORT"
        )
    port = _port(parts) or _UPSTREAM_PORTS[scheme]
    return Upstream(scheme, parts.hostname, port, _credentials(parts))


def _port(parts: SplitResult) -> int | None:
    """The port that a URL names, if any; what stands in its place may be a secret."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ConfigError(
            f"--upstream: the port must be a number from 1 to {_MAX_PORT}; what is special in "
            "a password is written in percent-encoding"
        )
    return port


def _credentials(parts: SplitResult) -> tuple[bytes, bytes] | None:
    if parts.username is None:
        return None
    user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
    if parts.scheme.startswith("socks5") and not all(
        1 <= len(text) <= _MAX_SOCKS_TEXT for text in (user, password)
    ):
        raise ConfigError(
            "--upstream: a SOCKS5 proxy takes a user and a password of 1 to "
            f"{_MAX_SOCKS_TEXT} bytes each (RFC 1929)"
        )
    return user, password
