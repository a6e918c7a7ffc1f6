"""A watcher as a process of its own: `python -m tests.support.watch_process ADDRESS [CURSOR]`.

Prints one line a response, `CURSOR SEQUENCE:HASH...`, and ends when the queue is idle. It
knows the contract alone.
"""

import hashlib
import sys

import grpc
from flowreplay.v1 import event_pb2, replay_pb2, replay_pb2_grpc

from tests.support.daemon import CHANNEL_OPTIONS


def digest(event: event_pb2.Event) -> str:
    """An event in a word, to compare what two watchers saw."""
    data = event.SerializeToString(deterministic=True)
    return f"{event.sequence}:{hashlib.sha256(data).hexdigest()[:16]}"


def main(address: str, cursor: str = "") -> None:
    """Watches to the end."""
    request = replay_pb2.WatchEventsRequest(until_idle=True, cursor=cursor)
    if not cursor:
        request = replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START)
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        for response in replay_pb2_grpc.ReplayServiceStub(channel).WatchEvents(request):
            words = [response.cursor, *map(digest, response.events)]
            sys.stdout.write(" ".join(words) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
