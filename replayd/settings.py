"""What each part of the daemon is told: the Config's options that are about it, checked."""

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from replayd.access.settings import AccessSettings
from replayd.config import Config, default_retention_size
from replayd.errors import ConfigError
from replayd.intake.pool import WorkerSettings
from replayd.journal.interface import Limits
from replayd.rpc.hook import HOOK_NAME
from replayd.rpc.listen import Address, TcpAddress
from replayd.rpc.quotas import ClientLimits
from replayd.wire.settings import TlsSettings, WireSettings, parse_upstream

if TYPE_CHECKING:
    from replayd.comparer.process import ComparerSettings
    from replayd.planning.target_limits import TargetLimits
    from replayd.replay.governor import GovernorSettings


def access_settings(config: Config) -> AccessSettings:
    """Returns who may call."""
    return AccessSettings(
        token_file=config.token_file,
        tls_cert=config.tls_cert,
        tls_key=config.tls_key,
        tls_client_ca=config.tls_client_ca,
        trust_loopback=config.trust_loopback,
    )


def wire_settings(config: Config) -> WireSettings:
    """Returns how requests are sent. Raises ConfigError."""
    return WireSettings(
        bind_address=_bind_address(config),
        connections_per_target=_connection_limits(config),
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout,
        total_timeout=config.total_timeout,
        body_size_limit=config.body_size_limit,
        memory_budget=config.memory_budget,
        stream_window=_stream_window(config),
        upstream=parse_upstream(config.upstream) if config.upstream else None,
        tls=TlsSettings(
            insecure=config.insecure,
            ca_file=str(config.ca_file or ""),
            client_cert=str(config.client_cert or ""),
            min_version=config.tls_min,
            max_version=config.tls_max,
            ciphers=config.ciphers,
        ),
    )


def _connection_limits(config: Config) -> "TargetLimits[int] | None":
    if not config.connections_per_target:
        return None
    # Imported here, like all that is about limits: for those who set some.
    from replayd.planning.target_limits import parse_count, parse_limits  # noqa: PLC0415

    return parse_limits(config.connections_per_target, "--connections-per-target", parse_count)


def governor_settings(config: Config) -> "GovernorSettings | None":
    """Returns what targets have to bear; None: anything. Raises ConfigError."""
    if not (config.target_rate or config.breaker or config.breaker_action == "fail"):
        return None
    from replayd.planning.target_limits import (  # noqa: PLC0415
        parse_breaker,
        parse_limits,
        parse_rate,
    )
    from replayd.replay.governor import GovernorSettings  # noqa: PLC0415

    rates = parse_limits(config.target_rate, "--target-rate", parse_rate)
    try:
        breaker = parse_breaker(config.breaker or "0")
    except ValueError as error:
        raise ConfigError(f"--breaker {config.breaker}: {error}") from error
    if config.breaker_action == "fail" and not breaker.failures:
        raise ConfigError("--breaker-action fail says what --breaker does; set --breaker N:TIME")
    return GovernorSettings(rates, breaker, fails=config.breaker_action == "fail")


def required_hooks(config: Config) -> frozenset[str]:
    """Returns the names of hooks without which nothing is sent. Raises ConfigError."""
    for name in config.require_hook:
        if not HOOK_NAME.fullmatch(name):
            raise ConfigError(
                f"--require-hook {name!r}: a hook's name has 1 to 64 letters, digits, `-`, `_` "
                "and `.`"
            )
    return frozenset(config.require_hook)


def _stream_window(config: Config) -> int:
    """What is on its way on a stream can't be told to wait; where no file takes it, all streams
    together get a quarter of the budget, in shares of 64 KiB at least.
    """
    usual = WireSettings().stream_window
    if not config.ephemeral:
        return usual
    return min(usual, max(config.memory_budget // 4 // config.concurrency, 64 << 10))


def _bind_address(config: Config) -> str:
    """Checked at the start, so that not every replay fails by it."""
    try:
        return str(ipaddress.ip_address(config.bind_address)) if config.bind_address else ""
    except ValueError as error:
        raise ConfigError(
            f"--bind-address {config.bind_address}: not an IP address; write one of this machine"
        ) from error


def target_mode(addresses: Iterable[Address]) -> str:
    """Returns where replays may go unless patterns say more: where not only users of this machine
    may call, to loopback addresses alone.
    """
    tcp = any(isinstance(address, TcpAddress) for address in addresses)
    return "loopback" if tcp else "anywhere"


def worker_settings(config: Config, mode: str, redaction_key: bytes) -> WorkerSettings:
    """Returns what decoders are told. `mode`: of targets."""
    return WorkerSettings(
        target_mode=mode,
        allow_targets=config.allow_target,
        deny_targets=config.deny_target,
        body_size_limit=config.body_size_limit,
        redact_headers=config.redact_header,
        redact_parameters=config.redact_parameter,
        redaction_key=redaction_key,
    )


def retention_limits(config: Config) -> Limits:
    """Returns what retention leaves."""
    size = config.retention_size
    if size is None:
        size = default_retention_size(ephemeral=config.ephemeral)
    return Limits(age=int(config.retention_age * 1e9), size=size)


def comparer_settings(config: Config, redaction_key: bytes) -> "ComparerSettings":
    """Returns what comparing processes are told."""
    # Imported here: only who has responses that differ needs it.
    from replayd.comparer.process import ComparerSettings  # noqa: PLC0415

    return ComparerSettings(config.redact_header, config.redact_parameter, redaction_key)


def client_limits(config: Config) -> ClientLimits:
    """Returns what one client may ask for."""
    return ClientLimits(
        calls=config.client_enqueues, queued=config.client_queued, size=config.client_bytes
    )
