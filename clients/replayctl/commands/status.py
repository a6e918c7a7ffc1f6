"""`replayctl status`: what the daemon is and does."""

from collections.abc import Iterator
from datetime import datetime

import click
from flowreplay.v1.replay_pb2 import (
    CountResponse,
    GetStatusResponse,
)

from replayctl.connect import Globals, pass_globals
from replayctl.events import clock_time
from replayctl.printable import printable
from replayctl.targets import target_line


@click.command("status")
@pass_globals
def command(options: Globals) -> None:
    """Print what the daemon is and does."""
    with options.client() as client:
        status, address = client.status(), client.address
        counts = CountResponse() if options.output.as_json else client.count()
    options.output.show(status, *_lines(status, address, counts))


def _lines(status: GetStatusResponse, address: str, counts: CountResponse) -> Iterator[str]:
    events = f"{status.oldest_sequence} to {status.latest_sequence}"
    facts = {
        "address": address,
        "version": status.version,
        "started": status.start_time.ToDatetime().isoformat(" ", "seconds") + " UTC",
        "journal": f"{status.journal} {status.store_id}",
        "queue": f"{'paused' if status.paused else 'open'}, {_waiting(counts)}",
        **_paused(status),
        **_held(status.held_session_count),
        **_certificate(status),
        "concurrency": f"{status.concurrency}{' (strict order)' * (status.concurrency == 1)}",
        "connections": _connections(status.connection_limit),
        "upstream": status.upstream or "none",
        "events": events if status.latest_sequence else "none",
        "watchers": status.watcher_count,
        "running": len(status.running_replays),
    }
    for name, value in facts.items():
        yield f"{name + ':':<13}{printable(str(value))}"
    today = datetime.now().astimezone().date()
    for replay in status.running_replays:
        attempt = f", attempt {replay.attempt}" if replay.attempt > 1 else ""
        since = clock_time(replay.start_time, today)
        yield f"  {printable(replay.replay_id)} since {since}{attempt}"
    if status.targets:
        yield "targets:"
        for target in status.targets:
            yield f"  {target_line(target, today)}"


def _paused(status: GetStatusResponse) -> dict[str, str]:
    """Names paused batches, where there are any."""
    left_out = status.paused_batch_count - len(status.paused_batch_ids)
    more = [f"{left_out} more"] if left_out else []
    named = ", ".join([*status.paused_batch_ids, *more])
    return {"paused": f"batch {named}"} if named else {}


def _waiting(counts: CountResponse) -> str:
    parked = f", {counts.parked_count} parked" if counts.parked_count else ""
    return f"{counts.queued_count} waiting{parked}"


def _held(sessions: int) -> dict[str, str]:
    """Strict sessions are few, and none waits but after a crash."""
    return {"held": f"{sessions} sessions wait for parked replays"} if sessions else {}


def _certificate(status: GetStatusResponse) -> dict[str, str]:
    """Only of a daemon that has one."""
    if not status.HasField("certificate_expire_time"):
        return {}
    ends = status.certificate_expire_time.ToDatetime().isoformat(" ", "minutes")
    return {"certificate": f"until {ends} UTC"}


def _connections(limit: int) -> str:
    return f"at most {limit} a target" if limit else "no limit"
