"""HAR 1.2, as browsers' developer tools open it: an entry a replay.

It has the request, as captured or as HTTP/2 carried it, and the new response, with the
replay's own times; what was recorded has no place in a HAR but `_recordedStatus`. Fields
that begin with an underscore are ours, as the format allows: `_replay` says which one it was
and how it ended. A replay without a complete response has an `_error`, where Chrome and
mitmproxy have theirs.
"""

from collections.abc import Iterable

from replayd import __version__
from replayd.formats.writers.har_message import Object, request_object, response_object
from replayd.formats.writers.har_time import date_text, phases
from replayd.formats.writers.har_websocket import websocket_members
from replayd.formats.writers.json_pieces import json_pieces
from replayd.model.flow import Headers
from replayd.model.outcome import ConnectionInfo
from replayd.model.replayed import Replayed

HEAD = (
    f'{{"log":{{"version":"1.2","creator":{{"name":"replayd","version":"{__version__}"}},'
    '"pages":[],"entries":[\n'
).encode()
BETWEEN = b",\n"
TAIL = b"\n]}}\n"


def write(replayed: Replayed) -> Iterable[bytes]:
    """Makes an entry."""
    return json_pieces(_entry(replayed))


def _entry(replayed: Replayed) -> Object:
    outcome = replayed.outcome
    connection = outcome.connection
    timings = phases(outcome.timings, reused=connection is not None and connection.reused)
    entry: Object = {
        "startedDateTime": date_text(outcome.timings.start),
        "time": sum(length for name, length in timings.items() if name != "ssl" and length > 0),
        "request": request_object(replayed.sent_request, pseudo_fields=_pseudo_fields(replayed)),
        "response": _response(replayed),
        "cache": {},
        "timings": dict(timings),
    }
    if connection is not None:
        entry |= _connection(connection)
    if replayed.flow.comment:
        entry["comment"] = replayed.flow.comment
    if replayed.flow.response is not None:
        entry["_recordedStatus"] = replayed.flow.response.status_code
    entry |= websocket_members(replayed)
    entry["_replay"] = {
        "id": replayed.key.replay_id,
        "attempt": replayed.attempt,
        "state": outcome.state.name,
    }
    return entry


def _pseudo_fields(replayed: Replayed) -> Headers:
    """Those of HTTP/2, which browsers put among the fields."""
    return tuple(field for field in replayed.http2 or () if field[0].startswith(b":"))


def _response(replayed: Replayed) -> Object:
    made = response_object(replayed.response, size=replayed.outcome.content_size)
    if replayed.error:
        made["_error"] = replayed.error
    return made


def _connection(connection: ConnectionInfo) -> Object:
    """The server's address, unless a proxy stood before it, and which connection it was."""
    said: Object = {}
    host = connection.address.rpartition(":")[0].strip("[]")
    if host and not connection.proxied:
        said["serverIPAddress"] = host
    if connection.local_address:
        said["connection"] = connection.local_address.rpartition(":")[2]
    return said
