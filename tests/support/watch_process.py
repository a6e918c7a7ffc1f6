"""A watcher as a process: `python -m tests.support.watch_process ADDRESS COUNT [CURSOR]`.

Prints one line a message, `CURSOR SEQUENCE:KIND:HASH...`, and ends once it has seen so many
replays succeed. It knows the contract alone.
"""

import hashlib
import sys

import grpc
from flowreplay.v1 import event_pb2, replay_pb2, replay_pb2_grpc

from tests.support.daemon import CHANNEL_OPTIONS


def digest(event: event_pb2.Event) -> str:
    """An event in a word, to compare what two watchers saw."""
    data = event.SerializeToString(deterministic=True)
    kind = event.WhichOneof("payload")
    return f"{event.sequence}:{kind}:{hashlib.sha256(data).hexdigest()[:16]}"


def main(address: str, count: str, cursor: str = "") -> None:
    """Watches until `count` responses were seen."""
    request = replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START)
    if cursor:
        request = replay_pb2.WatchEventsRequest(cursor=cursor)
    left = int(count)
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        for message in replay_pb2_grpc.ReplayServiceStub(channel).WatchEvents(request):
            words = [message.cursor, *map(digest, message.events)]
            sys.stdout.write(" ".join(words) + "\n")
            sys.stdout.flush()
            left -= sum(event.HasField("response") for event in message.events)
            if left <= 0:
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
