"""The Python client of replayd, on the contract `flowreplay.v1` alone.

    from flowreplay_client import connect, request_flow

    with connect() as client:
        batch = client.enqueue([request_flow("GET", "http://127.0.0.1:8000/")])
        for event in client.watch(start=batch.cursor, until_idle=True):
            print(event.WhichOneof("payload"))

`client`    the synchronous client, `watch` its iterator of events, `export` its iterator of
            a capture's bytes, `stream` how both begin; `plans` its iterator of what an
            Enqueue would send, by a `conversation`; `backup` how a copy of the journal ends;
`aio`       the same for asyncio: `from flowreplay_client import aio`, `aio.connect()`.
            Both are thin layers over the parts below, which do no I/O with the daemon,
            so that nothing is written twice and neither runs on top of the other;
`messages`  what an Enqueue sends, `capture` where a capture's bytes come from, `listing` which
            replays are listed,
            `tries` whether it is sent again, `outbox` how it gets into gRPC's thread;
`rewriting` how its requests are rewritten, in mitmproxy's notation; `steering` which are first;
`hook`      functions that take part in replays, `hook_flow` what they are given, `hook_run`
            the two ways to talk about it;
`comparing` how responses are compared with the recorded ones, `diffs` the iterator of those
            that differ;
`bookmark`  where a watch stands and whether it goes on;
`errors`    what a call can end with; `address` and `channel` how the daemon is found,
            `access` what it is shown.
"""

from flowreplay_client.access import AccessFiles
from flowreplay_client.bookmark import WatchSettings, kind_names
from flowreplay_client.client import Client, connect
from flowreplay_client.comparing import CompareSettings, DiffSettings
from flowreplay_client.connect_to import parse_connect_to
from flowreplay_client.diffs import Diffs
from flowreplay_client.errors import EventsCompacted, ReplaydClientError, Unreachable
from flowreplay_client.export import Export
from flowreplay_client.flows import request_flow
from flowreplay_client.hook import LATE_POLICIES, Hook, HookSettings
from flowreplay_client.hook_flow import HookFlow, Response
from flowreplay_client.hook_run import HookRun
from flowreplay_client.listing import ListSettings, state_names
from flowreplay_client.live import LIVE_SCOPES, LiveSettings
from flowreplay_client.messages import (
    HTTP_VERSIONS,
    ON_INTERRUPT,
    RESOLUTIONS,
    WEBSOCKET_PACES,
    EnqueueSettings,
    format_names,
)
from flowreplay_client.pace import PaceSettings, fill_pace, parse_pace
from flowreplay_client.plans import Plans
from flowreplay_client.replay import CONTENTS, KeptReplay
from flowreplay_client.rewriting import (
    RewriteSettings,
    parse_map_remote,
    parse_modify_body,
    parse_modify_headers,
    parse_parameter,
    parse_set_header,
)
from flowreplay_client.steering import SteeringSettings
from flowreplay_client.watch import Watch

__all__ = [
    "CONTENTS",
    "HTTP_VERSIONS",
    "LATE_POLICIES",
    "LIVE_SCOPES",
    "ON_INTERRUPT",
    "RESOLUTIONS",
    "WEBSOCKET_PACES",
    "AccessFiles",
    "Client",
    "CompareSettings",
    "DiffSettings",
    "Diffs",
    "EnqueueSettings",
    "EventsCompacted",
    "Export",
    "Hook",
    "HookFlow",
    "HookRun",
    "HookSettings",
    "KeptReplay",
    "ListSettings",
    "LiveSettings",
    "PaceSettings",
    "Plans",
    "ReplaydClientError",
    "Response",
    "RewriteSettings",
    "SteeringSettings",
    "Unreachable",
    "Watch",
    "WatchSettings",
    "connect",
    "fill_pace",
    "format_names",
    "kind_names",
    "parse_connect_to",
    "parse_map_remote",
    "parse_modify_body",
    "parse_modify_headers",
    "parse_pace",
    "parse_parameter",
    "parse_set_header",
    "request_flow",
    "state_names",
]
