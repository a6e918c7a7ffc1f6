"""What parts are told of the Config."""

from collections.abc import Callable
from typing import Any

import pytest

from replayd.config import Config
from replayd.errors import ConfigError
from replayd.rpc.listen import TcpAddress, UnixAddress
from replayd.settings import governor_settings, required_hooks, target_mode, wire_settings


def test_with_a_tcp_listener_replays_go_to_loopback_unless_patterns_say_more() -> None:
    assert target_mode([UnixAddress("/s")]) == "anywhere"
    assert target_mode([UnixAddress("/s"), TcpAddress("127.0.0.1", 0)]) == "loopback"


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ({"ephemeral": False, "concurrency": 500}, 8 << 20),
        ({"ephemeral": True, "concurrency": 1}, 8 << 20),
        ({"ephemeral": True, "concurrency": 32}, 1 << 20),
        ({"ephemeral": True, "concurrency": 500, "memory_budget": 0}, 64 << 10),
    ],
)
def test_what_is_on_its_way_on_streams_has_its_part_of_the_budget(
    options: dict[str, int], window: int
) -> None:
    assert wire_settings(Config(**options)).stream_window == window


@pytest.mark.parametrize(
    ("check", "options", "said"),
    [
        (governor_settings, {"target_rate": ("5",)}, "--target-rate 5: '5' is not a rate"),
        (required_hooks, {"require_hook": ("a b",)}, "--require-hook 'a b': a hook's name has"),
        (governor_settings, {"breaker": "x"}, "--breaker x: 'x' is no breaker"),
        (governor_settings, {"breaker": "0", "breaker_action": "fail"}, "set --breaker N:TIME"),
        (governor_settings, {"breaker_action": "fail"}, "set --breaker N:TIME"),
        (
            wire_settings,
            {"connections_per_target": ("a=b",)},
            "--connections-per-target a=b: 'b' is not a number",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_start(
    check: Callable[[Config], object], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(Config(**options))
    assert said in str(caught.value)
