"""The composition root: builds every part, starts them, and stops them in order."""

import asyncio
import logging
import resource
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from replayd import __version__
from replayd.access.rules import Reach
from replayd.access.settings import open_access
from replayd.client_replay import capture_messages
from replayd.codec.event import update_event
from replayd.config import Config, runtime_folder
from replayd.errors import ConfigError, DiskError, JournalError, ReplaydError
from replayd.heap import keep_small
from replayd.intake.pool import DecoderPool
from replayd.journal.interface import Journal
from replayd.model.event import UpdateKind
from replayd.notify import READY, STOPPING, notify
from replayd.opening import open_journal, say_what_it_holds
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
from replayd.rpc.listen import parse_addresses, parse_tcp, reach
from replayd.rpc.places import Places
from replayd.rpc.plan import Planner
from replayd.rpc.server import RpcServer
from replayd.rpc.service import About, ReplayService
from replayd.rpc.shown import Shown
from replayd.rpc.watch import Watchers
from replayd.settings import (
    access_settings,
    client_limits,
    comparer_settings,
    governor_settings,
    required_hooks,
    retention_limits,
    target_mode,
    wire_settings,
    worker_settings,
)
from replayd.stopping import Stop
from replayd.workers.process import wait_without_threads

if TYPE_CHECKING:
    from replayd.comparer.comparer import Comparer
    from replayd.metrics.listener import Metrics
    from replayd.rpc.call_counts import CallCounts

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
    wait_without_threads()
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
        self._access = open_access(access_settings(config), [*map(reach, self._addresses)])
        self._wire_settings = wire_settings(config)
        self._governor_settings = governor_settings(config)
        self._required_hooks = required_hooks(config)
        self._target_mode = target_mode(self._addresses)
        self._targets = TargetRules(self._target_mode, config.allow_target, config.deny_target)
        self._metrics = _new_metrics(config.metrics_listen)
        self._calls = _new_call_counts() if self._metrics else None
        self._failure: JournalError | None = None
        self._stop = Stop()

    async def run(self) -> None:
        """Starts, waits for a signal, stops."""
        self._stop.catch_signals()
        # In a thread: it may take a while, and a signal has to wait for its end.
        journal = await asyncio.to_thread(open_journal, self._config)
        try:
            await self._serve(journal)
        finally:
            await asyncio.to_thread(journal.close)
        if self._failure is not None:
            raise self._failure

    async def _serve(self, journal: Journal) -> None:
        """Everything between the journal's opening and its closing."""
        say_what_it_holds(journal)
        if self._config.paused:
            journal.pause(True, time.time_ns())
        config, key = self._config, journal.info.redaction_key
        redactor = Redactor(key, config.redact_header, config.redact_parameter)
        decoders = DecoderPool(worker_settings(config, self._target_mode, key))
        enqueuer = Enqueuer(
            journal,
            decoders,
            max_queued=config.max_queued,
            client=client_limits(config),
        )
        planner = Planner(decoders, self._wire_settings.as_told, self._upstream_name())
        places = Places(config.max_watchers, config.client_watchers)
        shown = Shown(journal, redactor, self._wire_settings.as_sent)
        filtering = Filtering(journal, shown, redactor)
        watchers = Watchers(journal, places, shown, filtering)
        about = About(
            time.time_ns(),
            config.concurrency,
            self._connection_limit(),
            self._upstream_name(),
            self._access.expires,
            fair_turns=config.turns == "fair",
        )
        thread = self._replay_thread(journal, redactor)
        service = ReplayService(journal, enqueuer, planner, watchers, about, thread=thread)
        hooks = HookService(
            journal,
            thread.use_hooks,
            required=self._required_hooks,
            targets=self._targets,
            body_size_limit=config.body_size_limit,
            redactor=redactor,
        )
        server = RpcServer(
            [
                service,
                HistoryService(journal, filtering, shown, partial(comparer_settings, config, key)),
                JournalService(journal),
                hooks,
            ],
            self._addresses,
            self._access,
            max_calls=config.max_watchers + OTHER_CALLS,
            calls=self._calls,
        )
        self._say_where_replays_may_go()
        retention = RetentionThread(journal, retention_limits(config))
        self._heed_failure(journal, thread)
        try:
            bound = server.bind(runtime_folder())
            await self._begin_metrics(journal, about, server, watchers, thread)
            if await self._stop.before(self._enqueue_captures(enqueuer)):
                hooks.begin()
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
            await self._end_metrics()
            await decoders.close()
            await filtering.close()
            await asyncio.to_thread(retention.stop)
        _log.info("stopped")

    async def _begin_metrics(
        self,
        journal: Journal,
        about: About,
        server: RpcServer,
        watchers: Watchers,
        thread: ReplayThread,
    ) -> None:
        """Tells figures from now on, where --metrics-listen asks for it."""
        if self._metrics is None or self._calls is None:
            return
        from replayd.metrics.figures import Sources  # noqa: PLC0415 - as in `_new_metrics`

        sources = Sources(
            __version__,
            about.start_time,
            about.concurrency,
            ready=lambda: server.serving,
            watchers=lambda: watchers.count,
            targets=thread.targets,
            calls=self._calls,
            expires=about.expires,
            data_dir=None if self._config.ephemeral else self._config.data_dir,
        )
        await self._metrics.start(journal, sources)

    async def _end_metrics(self) -> None:
        if self._metrics is not None:
            await self._metrics.stop()

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
            targets=self._targets,
            concurrency=self._config.concurrency,
            on_failure=lambda error: loop.call_soon_threadsafe(self._fail, error),
            redactor=redactor,
            governed=self._governor_settings,
            new_comparer=lambda: self._comparer(journal),
        )

    def _comparer(self, journal: Journal) -> "Comparer":
        # Imported here: only who has responses that differ needs it.
        from replayd.comparer.comparer import Comparer  # noqa: PLC0415

        return Comparer(journal, comparer_settings(self._config, journal.info.redaction_key))

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
                await enqueuer.enqueue(capture_messages(path), client="--client-replay")
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


def _new_metrics(listen: str) -> "Metrics | None":
    if not listen:
        return None
    address = parse_tcp(listen, "--metrics-listen")
    try:
        # Imported here: a package that is asked for as an extra, and some MiB.
        from replayd.metrics.listener import Metrics  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise ConfigError(
            f"--metrics-listen {listen}: the package prometheus-client is not installed; "
            "`pip install 'prometheus-client>=0.22'` installs it"
        ) from error
    return Metrics(*address, beyond_machine=reach(address) is Reach.NETWORK)


def _new_call_counts() -> "CallCounts":
    from replayd.rpc.call_counts import CallCounts  # noqa: PLC0415 - as in `_new_metrics`

    return CallCounts()


def _announce(bound: Iterable[str]) -> None:
    """Prints the ready lines; who closed stdout does not want them."""
    try:
        for address in bound:
            print(f"listening on {address}", flush=True)  # noqa: T201
    except OSError as error:
        _log.warning("the addresses can't be printed: %s", error)


def _say_stopping(journal: Journal) -> None:
    """Logs the end for watchers, who are told also when it can't be stored."""
    try:
        journal.emit([update_event(UpdateKind.STOPPING, time.time_ns())])
        journal.commit()
    except JournalError as error:
        _log.error("the stop could not be recorded: %s", error.message)
