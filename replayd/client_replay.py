"""`--client-replay`: a capture that is queued at the start, as the messages of an Enqueue."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from flowreplay.v1 import replay_pb2

from replayd.errors import ConfigError
from replayd.intake.options import MAX_TEXT

CHUNK = 1 << 20
"""Bytes of a capture that travel in one message."""

HASHED = 16 << 20
"""Bytes of a capture that are hashed at a time."""


async def capture_messages(path: Path) -> AsyncIterator[bytes]:
    """Makes the encoded messages of an Enqueue out of a file. Its request_id is its content's
    hash: a restart sends nothing twice.

    Raises ConfigError when it can't be read.
    """
    if path.exists() and not path.is_file():
        raise ConfigError(f"--client-replay {path}: only a file can be read, and it is read twice")
    try:
        content_hash = await _hash_file(path)
        # A name may hold bytes that are no UTF-8.
        label = os.fsencode(path.name).decode(errors="replace")[:MAX_TEXT]
        options = replay_pb2.EnqueueOptions(request_id=f"client-replay-{content_hash}", label=label)
        yield replay_pb2.EnqueueRequest(options=options).SerializeToString()
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield replay_pb2.EnqueueRequest(capture_chunk=chunk).SerializeToString()
    except OSError as error:
        raise ConfigError(f"--client-replay {path}: {error.strerror or error}") from error


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
