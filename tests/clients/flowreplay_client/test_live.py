"""Live values among an Enqueue's options."""

import pytest
from flowreplay.v1.replay_pb2 import EnqueueOptions, LiveScope
from flowreplay_client.live import LIVE_SCOPES, LiveSettings, fill_live


def filled(settings: LiveSettings) -> EnqueueOptions:
    options = EnqueueOptions()
    fill_live(options, settings)
    return options


def test_what_is_left_out_is_left_to_the_daemon() -> None:
    assert filled({}) == EnqueueOptions()


def test_everything_is_said() -> None:
    assert filled(
        {"sticky_cookies": True, "carry": ("json:$.token",), "live_scope": "session"}
    ) == EnqueueOptions(
        sticky_cookies=True, carry=["json:$.token"], live_scope=LiveScope.LIVE_SCOPE_SESSION
    )


def test_every_scope_has_a_word() -> None:
    numbers = [filled({"live_scope": name}).live_scope for name in LIVE_SCOPES]
    assert numbers == [number for number in LiveScope.values() if number]
    with pytest.raises(ValueError, match="'all' is no scope"):
        filled({"live_scope": "all"})
