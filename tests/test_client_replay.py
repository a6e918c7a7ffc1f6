"""Captures that are queued at the start, as messages."""

import asyncio
import hashlib
from pathlib import Path
from unittest.mock import patch

import pytest
from flowreplay.v1 import replay_pb2

from replayd import client_replay
from replayd.client_replay import capture_messages
from replayd.errors import ConfigError


async def messages(path: Path) -> list[replay_pb2.EnqueueRequest]:
    return [replay_pb2.EnqueueRequest.FromString(each) async for each in capture_messages(path)]


def test_a_file_travels_in_pieces_under_its_own_request_id(tmp_path: Path) -> None:
    path = tmp_path / "some.har"
    path.write_bytes(b"12345")
    with patch.object(client_replay, "CHUNK", 2), patch.object(client_replay, "HASHED", 3):
        first, *pieces = asyncio.run(messages(path))
    assert first.options.label == "some.har"
    digest = hashlib.sha256(b"12345").hexdigest()
    assert first.options.request_id == f"client-replay-{digest}"
    assert [each.capture_chunk for each in pieces] == [b"12", b"34", b"5"]


def test_what_can_not_be_read_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only a file can be read"):
        asyncio.run(messages(Path("/dev/null")))
    with pytest.raises(ConfigError, match=r"--client-replay .*/none: No such file"):
        asyncio.run(messages(tmp_path / "none"))
