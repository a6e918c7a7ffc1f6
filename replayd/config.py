"""The daemon's configuration: one frozen value, each default with its reason.

`cli` fills it from flags, environment and file; nothing else in the daemon reads any of
them.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path


def state_folder() -> Path:
    """Where this user's daemon keeps what must survive (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "replayd"


def runtime_folder() -> Path:
    """Where this user's clients look for what a running daemon leaves them."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "replayd" if runtime else state_folder()


def default_listen() -> str:
    """The Unix socket that clients look for when nobody tells them another address."""
    return f"unix:{runtime_folder() / 'replayd.sock'}"


def default_retention_size(*, ephemeral: bool) -> int:
    """What any disk has to spare, and what memory has."""
    return (1 if ephemeral else 10) << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How one daemon runs. Durations are seconds, sizes bytes."""

    listen: tuple[str, ...] = field(default_factory=lambda: (default_listen(),))
    """A Unix socket of this user alone: a replay sends what was captured, secrets too."""

    token_file: Path | None = None
    """Who may call on TCP; None: whoever has the token that the daemon makes."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """PEM, for all TCP addresses; None: no TLS, and so nothing but loopback."""
    tls_client_ca: Path | None = None
    """Whose certificates callers must show; None: they show none."""
    trust_loopback: bool = False
    """A machine has many users and programs, and a loopback address is open to all."""

    data_dir: Path = field(default_factory=state_folder)
    """Per user, so that two users' daemons do not meet."""

    allow_network_disk: bool = False
    """Network file systems promise less than the journal does."""

    ephemeral: bool = False
    """Durable unless asked: what was accepted must survive."""

    synchronous: str = "full"
    """An Enqueue that was answered survives a power cut too, unless asked otherwise."""

    retention_age: float = 30 * 86400.0
    """Long enough to come back to, short enough that a service never fills its disk; 0: what
    has ended is kept for ever."""

    retention_size: int | None = None
    """Of queue, events and contents; 0: unbounded, None: `default_retention_size`."""

    disk_floor: int | None = None
    """Bytes that must be free where more is to be queued: what is queued already needs room for
    its outcomes; 0: none, None: 64 MiB, on small disks 2 %."""

    client_replay: tuple[Path, ...] = ()
    """Captures to enqueue at the start, as `mitmdump --client-replay`."""

    paused: bool = False

    concurrency: int = 1
    """Strict order: what was captured in order is replayed in order."""

    turns: str = "order"
    """What was accepted first is taken first; `fair`: the batches of several clients take turns."""

    connections_per_target: tuple[str, ...] = ()
    """Connections to one target, idle ones too: `[PATTERN=]N`. None set: as many as replays
    need, since the concurrency bounds what a server has to answer at once."""

    target_rate: tuple[str, ...] = ()
    """How many replays a second may begin to one target: `[PATTERN=]N/s`; none set: any
    number."""

    breaker: str = ""
    """After how many failures in a row a target is left alone, and for how long: `N[:TIME]`;
    empty: never, for a replay that fails says so itself."""

    breaker_action: str = "wait"
    """What becomes of replays to a target that is left alone: they wait, as nothing is lost
    by that, or fail."""

    upstream: str = ""
    """A proxy for all replays, with credentials; empty: none."""

    bind_address: str = ""
    """The local address of outgoing connections; empty: the system chooses."""

    connect_timeout: float = 10.0
    """Longer than three lost SYNs (1 + 2 + 4 s) take, shorter than people wait."""

    read_timeout: float = 60.0
    """What reverse proxies allow a server between two reads."""

    total_timeout: float = 300.0
    """Ends streams that never end, and leaves long downloads their time."""

    body_size_limit: int = 64 << 20
    """Far above what pages and APIs answer; bounds what one replay can cost."""

    memory_budget: int = 128 << 20
    """For responses under way: a small part of what machines have, and twice the largest."""

    insecure: bool = False
    ca_file: Path | None = None
    """Trusted in place of the system's certificates; None: the system's."""
    client_cert: Path | None = None
    """PEM with certificate and key, shown to servers that ask for one."""
    tls_min: str = "1.2"
    """Older versions are broken (RFC 8996); old servers can still be asked for."""
    tls_max: str = "1.3"
    ciphers: str = ""
    """OpenSSL's notation, for TLS up to 1.2; empty: OpenSSL's own choice."""

    redact_header: tuple[str, ...] = ()
    """Header fields that hold secrets besides the known ones (`redaction.names`)."""
    redact_parameter: tuple[str, ...] = ()
    """The same of parameters of URLs and forms, of JSON's keys and XML's elements."""

    require_hook: tuple[str, ...] = ()
    """Hooks without which nothing is sent; most daemons have none at all."""

    allow_target: tuple[str, ...] = ()
    deny_target: tuple[str, ...] = ()

    max_queued: int = 10_000_000
    """Far above what anybody queues on purpose, far below what fills a disk; 0: no limit."""

    client_enqueues: int = 50
    """Enqueues of one client at once: far more than are read at a time, so that a client which
    forgets to end its calls does not hold all of gRPC's; 0: no limit."""
    client_queued: int = 0
    """Replays of one client that wait or run; 0: the queue's limit is the only one."""
    client_bytes: int = 0
    """Of one client's batches that have something left to do; 0: no limit."""

    max_watchers: int = 2000
    """Each costs some tens of KiB of gRPC's memory."""

    client_watchers: int = 16
    """Of one token or certificate: some windows and scripts, and nobody takes all places. The
    Unix socket's user has no such limit; 0: nobody has."""

    drain_timeout: float = 10.0
    """What a running replay gets at the daemon's stop; service managers kill after 90 s."""

    metrics_listen: str = ""
    """HOST:PORT for scrapers of figures; most daemons have none, and it has no token."""

    notify_socket: str = field(default_factory=lambda: os.environ.get("NOTIFY_SOCKET", ""))
    """Where a service manager wants to be told of start and stop; no option of ours: it sets
    the environment variable."""

    log_level: str = "info"
    log_format: str = "text"
