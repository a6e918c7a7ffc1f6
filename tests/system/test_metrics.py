"""A real daemon, scraped while it replays and after a restart."""

import threading
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from flowreplay.v1 import replay_pb2
from prometheus_client.parser import text_string_to_metric_families

from tests.support.calls import enqueue, events, flow
from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Exchange, Recorder

LISTEN = ("--metrics-listen", "127.0.0.1:0")


def metrics_url(daemon: Daemon) -> str:
    """Where its log says that figures are; it says so before it is ready."""
    (line,) = [line for line in daemon.process.stderr if "metrics on " in line]
    return line.partition("metrics on ")[2]


def scrape(url: str) -> dict[tuple[str, ...], float]:
    """Names with the values of their labels -> values."""
    with urlopen(url, timeout=DEADLINE) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        exposed = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


def holding(arrived: threading.Event, go_on: threading.Event) -> Callable[[Exchange], None]:
    """Tells that a request is there, and answers it when it may."""

    def answer(exchange: Exchange) -> None:
        arrived.set()
        assert go_on.wait(DEADLINE)
        exchange.reply()

    return answer


def test_the_figures_are_those_of_count_and_go_on_after_a_restart(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    target = start_recorder(holding(arrived, go_on))
    daemon = start_daemon(*LISTEN)
    stub = daemon.stub()
    accepted = enqueue(stub, [flow(f"http://127.0.0.1:{target.port}/{n}") for n in range(5)])
    assert arrived.wait(DEADLINE)
    counts = stub.Count(replay_pb2.CountRequest(), timeout=DEADLINE)
    found = scrape(metrics_url(daemon))
    assert found["replayd_replays_running",] == counts.running_count == 1
    assert found["replayd_replays_queued",] == counts.queued_count == 4
    assert found["replayd_replays_accepted_total",] == 5
    assert found["grpc_server_handled_total", "OK", "Enqueue", "flowreplay.v1.ReplayService"] == 1
    assert found["replayd_ready",] == 1
    assert found["process_resident_memory_bytes",] > 0
    go_on.set()
    events(stub, accepted.cursor)
    assert daemon.terminate() == 0
    daemon.restart()
    again = scrape(metrics_url(daemon))
    assert again["replayd_replays_ended_total", "succeeded"] == 5
    assert again["replayd_replays_accepted_total",] == 5
    assert again["replayd_events_total",] > found["replayd_events_total",]


def test_it_tells_that_it_drains(
    start_daemon: Callable[..., Daemon], start_recorder: Callable[..., Recorder]
) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    target = start_recorder(holding(arrived, go_on))
    daemon = start_daemon(*LISTEN, "--ephemeral")
    enqueue(daemon.stub(), [flow(f"http://127.0.0.1:{target.port}/")])
    assert arrived.wait(DEADLINE)
    daemon.process.signal(15)
    daemon.process.wait_for_output(
        lambda: any("stopping; " in line for line in daemon.process.stderr), "the stop"
    )
    url = metrics_url(daemon)
    with pytest.raises(HTTPError, match="404"):
        urlopen(url + "/none", timeout=DEADLINE)
    found = scrape(url)
    assert found["replayd_ready",] == 0
    assert found["replayd_replays_running",] == 1
    go_on.set()
    assert daemon.process.wait() == 0
