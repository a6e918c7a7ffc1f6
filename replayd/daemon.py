"""The composition root: builds every part, starts them, and stops them in order."""

import asyncio
import hashlib
import ipaddress
import logging
import os
import resource
import time
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flowreplay.v1 import replay_pb2

from replayd import __version__
from replayd.access.settings import AccessSettings, open_access
from replayd.codec.event import update_event
from replayd.config import Config, default_retention_size, runtime_folder
from replayd.errors import ConfigError, DiskError, JournalError, ReplaydError
from replayd.heap import keep_small
from replayd.intake.options import MAX_TEXT
from replayd.intake.pool import DecoderPool, WorkerSettings
from replayd.journal.interface import Journal, Limits
from replayd.model.event import UpdateKind
from replayd.notify import READY, STOPPING, notify
from replayd.planning.target_rules import TargetRules, wide_open
from replayd.queue import ReplayQueue
from replayd.redaction.redactor import Redactor
from replayd.replay.thread import ReplayThread
from replayd.retention import RetentionThread
from replayd.rpc.enqueue import Enqueuer
from replayd.rpc.filtering import Filtering
from replayd.rpc.history import HistoryService
from replayd.rpc.hook import HookService
from replayd.rpc.journal import JournalService
from replayd.rpc.listen import TcpAddress, parse_addresses, reach
from replayd.rpc.places import Places
from replayd.rpc.plan import Planner
from replayd.rpc.quotas import ClientLimits
from replayd.rpc.server import RpcServer
from replayd.rpc.service import About, ReplayService
from replayd.rpc.shown import Shown
from replayd.rpc.watch import Watchers
from replayd.stopping import Stop
from replayd.wire.settings import TlsSettings, WireSettings, parse_upstream

if TYPE_CHECKING:
    from replayd.comparer.comparer import Comparer
    from replayd.comparer.process import ComparerSettings
    from replayd.planning.target_limits import TargetLimits
    from replayd.replay.governor import GovernorSettings

CHUNK = 1 << 20
"""Bytes of a capture that travel in one message."""

HASHED = 16 << 20
"""Bytes of a capture that are hashed at a time."""

OTHER_CALLS = 1000
"""Calls at once beside the watchers; one more is RESOURCE_EXHAUSTED before it is read."""

STREAMS_GRACE = 1.0
"""Seconds that calls get to end at the stop, after the queue has drained: all of the stop takes
no more than two besides the drain."""

READ_GRACE = 0.05
"""Seconds that watchers get to read the end of their streams."""

_DESCRIPTORS = 65_536
"""What is taken where the system sets no limit."""

_log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Runs the daemon until it is told to stop.

    Raises ConfigError for a configuration that can't be, ReplaydError for what stops the
    start otherwise: a journal that can't be opened, a capture that can't be read.
    """
    allow_descriptors()
    asyncio.run(_Daemon(config).run())


def allow_descriptors() -> None:
    """Takes as many descriptors as this process may have: each connection, watcher and large
    content needs one, and shells give programs few (often 1024).
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        most = max(now, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Daemon:
    """One daemon, from start to stop. Its steps read in the order in which they happen."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._addresses = parse_addresses(config.listen)
        self._access = open_access(_access_settings(config), [*map(reach, self._addresses)])
        self._wire_settings = _wire_settings(config)
        self._governor_settings = _governed(config)
        self._worker_settings = _worker_settings(
            config, tcp=any(isinstance(address, TcpAddress) for address in self._addresses)
        )
        self._failure: JournalError | None = None
        self._stop = Stop()

    async def run(self) -> None:
        """Starts, waits for a signal, stops."""
        self._stop.catch_signals()
        # In a thread: it may take a while, and a signal has to wait for its end.
        journal = await asyncio.to_thread(_open_journal, self._config)
        try:
            await self._serve(journal)
        finally:
            await asyncio.to_thread(journal.close)
        if self._failure is not None:
            raise self._failure

    async def _serve(self, journal: Journal) -> None:
        """Everything between the journal's opening and its closing."""
        if journal.info.copied:
            _log.warning(
                "the journal is a copy of another one, or restored: cursors of that one are "
                "refused; %s",
                "the queue is paused, for what waits in it may have been sent since: see "
                "`replayctl list`, then `replayctl resume` or `clear`"
                if journal.paused
                else "nothing waits in it",
            )
        if self._config.paused:
            journal.pause(True, time.time_ns())
        redactor = self._redactor(journal)
        decoders = DecoderPool(
            self._worker_settings._replace(redaction_key=journal.info.redaction_key)
        )
        enqueuer = Enqueuer(
            journal,
            decoders,
            max_queued=self._config.max_queued,
            client=ClientLimits(
                calls=self._config.client_enqueues,
                queued=self._config.client_queued,
                size=self._config.client_bytes,
            ),
        )
        planner = self._planner(decoders)
        places = Places(self._config.max_watchers, self._config.client_watchers)
        shown = Shown(journal, redactor, self._wire_settings.as_sent)
        filtering = Filtering(journal, shown, redactor)
        watchers = Watchers(journal, places, shown, filtering)
        about = About(
            time.time_ns(),
            self._config.concurrency,
            self._connection_limit(),
            self._upstream_name(),
            self._access.expires,
            fair_turns=self._config.turns == "fair",
        )
        thread = self._replay_thread(journal, redactor)
        service = ReplayService(journal, enqueuer, planner, watchers, about, thread=thread)
        hooks = HookService(
            journal,
            thread.use_hooks,
            targets=self._targets(),
            body_size_limit=self._config.body_size_limit,
            redactor=redactor,
        )
        server = RpcServer(
            [
                service,
                HistoryService(
                    journal, filtering, shown, partial(self._comparer_settings, journal)
                ),
                JournalService(journal),
                hooks,
            ],
            self._addresses,
            self._access,
            max_calls=self._config.max_watchers + OTHER_CALLS,
        )
        self._say_where_replays_may_go()
        _say_what_is_parked(journal)
        retention = RetentionThread(journal, _limits(self._config))
        self._heed_failure(journal, thread)
        try:
            bound = server.bind(runtime_folder())
            if await self._stop.before(self._enqueue_captures(enqueuer)):
                await server.start()
                thread.start()
                retention.start()
                keeping_small = asyncio.create_task(keep_small())
                await self._until_stopped(bound)
                keeping_small.cancel()
                await server.begin_stop()
                await self._drain(thread)
                hooks.end()
                await enqueuer.stop()
                await planner.stop()
                if not journal.failure:
                    await asyncio.to_thread(_say_stopping, journal)
                await self._end_watches(watchers, journal.failure)
        finally:
            await self._stop_serving(server)
            await decoders.close()
            await filtering.close()
            await asyncio.to_thread(retention.stop)
        _log.info("stopped")

    def _say_where_replays_may_go(self) -> None:
        """Everywhere is more than most mean: it is said at each start."""
        for pattern in wide_open(self._config.allow_target):
            _log.warning(
                "--allow-target %s: replays may go to any address, this machine's network "
                "included, but for link-local, metadata, multicast and unspecified ones, which "
                "have to be named; whoever may enqueue can reach what this machine can",
                pattern,
            )

    async def _until_stopped(self, bound: Iterable[str]) -> None:
        _announce(bound)
        _log.info("replayd %s is ready", __version__)
        notify(self._config.notify_socket, READY)
        await self._stop.asked()
        notify(self._config.notify_socket, STOPPING)
        _log.info("stopping; what runs has %g s to end", self._config.drain_timeout)

    def _redactor(self, journal: Journal) -> Redactor:
        config = self._config
        return Redactor(journal.info.redaction_key, config.redact_header, config.redact_parameter)

    def _planner(self, decoders: DecoderPool) -> Planner:
        return Planner(decoders, self._wire_settings.as_told, self._upstream_name())

    def _connection_limit(self) -> int:
        limits = self._wire_settings.connections_per_target
        return (limits.default if limits is not None else None) or 0

    def _upstream_name(self) -> str:
        upstream = self._wire_settings.upstream
        return upstream.name if upstream else ""

    def _replay_thread(self, journal: Journal, redactor: Redactor) -> ReplayThread:
        loop = asyncio.get_running_loop()
        return ReplayThread(
            journal,
            ReplayQueue(journal),
            self._wire_settings,
            targets=self._targets(),
            concurrency=self._config.concurrency,
            on_failure=lambda error: loop.call_soon_threadsafe(self._fail, error),
            redactor=redactor,
            governed=self._governor_settings,
            new_comparer=lambda: self._comparer(journal),
        )

    def _comparer(self, journal: Journal) -> "Comparer":
        # Imported here: only who has responses that differ needs it.
        from replayd.comparer.comparer import Comparer  # noqa: PLC0415

        return Comparer(journal, self._comparer_settings(journal))

    def _comparer_settings(self, journal: Journal) -> "ComparerSettings":
        from replayd.comparer.process import ComparerSettings  # noqa: PLC0415

        config = self._config
        return ComparerSettings(
            config.redact_header, config.redact_parameter, journal.info.redaction_key
        )

    def _targets(self) -> TargetRules:
        worker = self._worker_settings
        return TargetRules(
            mode=worker.target_mode, allow=worker.allow_targets, deny=worker.deny_targets
        )

    def _heed_failure(self, journal: Journal, thread: ReplayThread) -> None:
        """Has nothing more sent once the journal can't be trusted, and the daemon stop."""
        loop = asyncio.get_running_loop()

        def on_failure() -> None:
            thread.stop(0)
            loop.call_soon_threadsafe(self._fail, DiskError(journal.failure))

        journal.on_failure(on_failure)

    def _fail(self, error: JournalError) -> None:
        """Stops at once: nothing of what runs could be recorded."""
        if self._failure is None:
            _log.error("the journal failed: %s", error.message)
            self._failure = error
        self._stop.at_once()

    async def _enqueue_captures(self, enqueuer: Enqueuer) -> None:
        for path in self._config.client_replay:
            _log.info("enqueueing %s before the start", path)
            try:
                await enqueuer.enqueue(_capture_messages(path), client="--client-replay")
            except JournalError:
                raise
            except ReplaydError as error:
                raise ConfigError(f"--client-replay {path}: {error.message}") from error

    async def _drain(self, thread: ReplayThread) -> None:
        """Lets what runs end, for as long as the grace lasts or until a second signal."""
        thread.stop(self._config.drain_timeout)
        joined = await self._stop.unless_hurried(asyncio.to_thread(thread.join))
        if not joined.done():
            thread.stop(0)
        await joined

    async def _end_watches(self, watchers: Watchers, why: str) -> None:
        """Lets watchers end, and read how, before their connections are closed: gRPC's client
        forgets what it has not read when it happens to write to one that is.
        """
        watched = watchers.count > 0
        watchers.stop(why)
        if watched:
            read = await self._stop.unless_hurried(asyncio.sleep(READ_GRACE))
            read.cancel()

    async def _stop_serving(self, server: RpcServer) -> None:
        """Lets calls end, for as long as that may take or until a second signal."""
        if self._stop.hurried:
            # Once only: of two stops without grace side by side one would use what the other has
            # destroyed (grpcio 1.85 dies of it).
            await server.stop(0)
            return
        stopped = await self._stop.unless_hurried(server.stop(STREAMS_GRACE))
        if not stopped.done():
            await server.stop(0)
        await stopped


def _announce(bound: Iterable[str]) -> None:
    """Prints the ready lines; who closed stdout does not want them."""
    try:
        for address in bound:
            print(f"listening on {address}", flush=True)  # noqa: T201
    except OSError as error:
        _log.warning("the addresses can't be printed: %s", error)


def _open_journal(config: Config) -> Journal:
    strict, fair = config.concurrency == 1, config.turns == "fair"
    # Imported here: a daemon loads the store that it uses.
    if config.ephemeral:
        from replayd.journal.memory import open_memory  # noqa: PLC0415

        return open_memory(time.time_ns(), strict_order=strict, fair=fair)
    from replayd.journal.sqlite import open_sqlite  # noqa: PLC0415
    from replayd.journal.sqlite.mounts import network_file_system  # noqa: PLC0415
    from replayd.journal.sqlite.transaction import Synchronous  # noqa: PLC0415

    if kind := network_file_system(config.data_dir):
        _heed_network_disk(config, kind)
    synchronous: Synchronous = "FULL"
    if config.synchronous == "normal":
        synchronous = "NORMAL"
        _log.warning(
            "--synchronous normal: a power cut or a crash of the system loses the last flows that "
            "were accepted and the last outcomes and events; what was sent may be sent twice"
        )
    return open_sqlite(
        config.data_dir,
        time.time_ns(),
        synchronous,
        strict_order=strict,
        fair=fair,
        disk_floor=config.disk_floor,
    )


def _heed_network_disk(config: Config, kind: str) -> None:
    """Warns of a data dir on a network file system, or raises JournalError."""
    why = (
        f"{config.data_dir} is on a network file system ({kind}), whose locks and syncs can't be "
        "trusted: two daemons may own it at once, and what was accepted may be lost"
    )
    if not config.allow_network_disk:
        raise JournalError(
            f"{why}; choose a --data-dir on a disk of this machine, or take the risk with "
            "--allow-network-disk"
        )
    _log.warning("--allow-network-disk: %s", why)


def _limits(config: Config) -> Limits:
    size = config.retention_size
    if size is None:
        size = default_retention_size(ephemeral=config.ephemeral)
    return Limits(age=int(config.retention_age * 1e9), size=size)


def _say_what_is_parked(journal: Journal) -> None:
    """Somebody has to decide about it: it is said at each start."""
    if parked := journal.count("").parked:
        _log.warning(
            "%d replays are parked: a death of the daemon interrupted them, and they may have been "
            "sent; `replayctl list --parked` has them, `replayctl resolve` sends or drops them",
            parked,
        )
    if held := journal.held_sessions:
        _log.warning("%d sessions wait until what is parked of them is resolved", held)


def _say_stopping(journal: Journal) -> None:
    """Logs the end for watchers, who are told also when it can't be stored."""
    try:
        journal.emit([update_event(UpdateKind.STOPPING, time.time_ns())])
        journal.commit()
    except JournalError as error:
        _log.error("the stop could not be recorded: %s", error.message)


def _access_settings(config: Config) -> AccessSettings:
    return AccessSettings(
        token_file=config.token_file,
        tls_cert=config.tls_cert,
        tls_key=config.tls_key,
        tls_client_ca=config.tls_client_ca,
        trust_loopback=config.trust_loopback,
    )


def _wire_settings(config: Config) -> WireSettings:
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


def _governed(config: Config) -> "GovernorSettings | None":
    if config.breaker_action == "fail" and not config.breaker:
        raise ConfigError("--breaker-action fail says what --breaker does; set --breaker N:TIME")
    if not (config.target_rate or config.breaker):
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
    return GovernorSettings(rates, breaker, fails=config.breaker_action == "fail")


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


def _worker_settings(config: Config, *, tcp: bool) -> WorkerSettings:
    return WorkerSettings(
        target_mode="loopback" if tcp else "anywhere",
        allow_targets=config.allow_target,
        deny_targets=config.deny_target,
        body_size_limit=config.body_size_limit,
        redact_headers=config.redact_header,
        redact_parameters=config.redact_parameter,
    )


async def _capture_messages(path: Path) -> AsyncIterator[bytes]:
    """Makes the messages of an Enqueue out of a file.

    Its request_id is its content's hash: a restart sends nothing twice.
    """
    if path.exists() and not path.is_file():
        raise ConfigError(f"--client-replay {path}: only a file can be read, and it is read twice")
    try:
        content_hash = await _hash_file(path)
        # A name may hold bytes that are no UTF-8.
        label = os.fsencode(path.name).decode(errors="replace")[:MAX_TEXT]
        options = replay_pb2.EnqueueOptions(request_id=f"client-replay-{content_hash}", label=label)
        yield _message(replay_pb2.EnqueueRequest(options=options))
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield _message(replay_pb2.EnqueueRequest(capture_chunk=chunk))
    except OSError as error:
        raise ConfigError(f"--client-replay {path}: {error.strerror or error}") from error


def _message(request: replay_pb2.EnqueueRequest) -> bytes:
    return request.SerializeToString()


async def _hash_file(path: Path) -> str:
    """Hashes a file in pieces, so that a signal need not wait for all of it."""
    digest = hashlib.sha256()

    def hash_some(file: BinaryIO) -> int:
        piece = file.read(HASHED)
        digest.update(piece)
        return len(piece)

    with path.open("rb") as file:
        while await asyncio.to_thread(hash_some, file):
            pass
    return digest.hexdigest()
