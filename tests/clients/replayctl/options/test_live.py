"""Options about live values reach the daemon as given."""

from pathlib import Path

import pytest
from flowreplay.v1.replay_pb2 import (
    LIVE_SCOPE_BATCH,
    LIVE_SCOPE_SESSION,
    EnqueueOptions,
    EnqueueRequest,
    EnqueueResponse,
)

from tests.support.fake_daemon import FakeDaemon
from tests.support.replayctl import replayctl

SOURCES = ["json:$.token", 'regex:name="csrf" value="([^"]+)"']


@pytest.fixture
def capture(captures: Path) -> str:
    return str(captures / "rec-basic.mitm")


def sent(fake: FakeDaemon, capture: str, *options: str) -> EnqueueOptions:
    fake.enqueues.append(EnqueueResponse(batch_id="b", accepted_count=1, cursor="c"))
    assert replayctl(fake.address, "enqueue", *options, capture).code == 0
    first = fake.requests[0]
    assert isinstance(first, EnqueueRequest)
    return first.options


def test_they_travel_as_given(fake: FakeDaemon, capture: str) -> None:
    carry = [argument for source in SOURCES for argument in ("--carry", source)]
    options = sent(fake, capture, "--sticky-cookies", "--live-scope", "session", *carry)
    assert (options.sticky_cookies, options.live_scope) == (True, LIVE_SCOPE_SESSION)
    assert list(options.carry) == SOURCES


def test_without_them_nothing_is_live(fake: FakeDaemon, capture: str) -> None:
    options = sent(fake, capture)
    assert (options.sticky_cookies, options.live_scope) == (False, LIVE_SCOPE_BATCH)
    assert list(options.carry) == []
