"""Replays a capture with mitmproxy's client replay once for each set of rewriting options.

    CAPTURE=a.mitm CASES='[{"map_remote": ["|a|b"]}]' PORT=8080 \
        mitmdump -nqs tests/support/mitmproxy_rewriting.py

An addon of mitmproxy: it runs in mitmproxy's own environment. Everything is dialled at PORT of
127.0.0.1; each request has a field `Case: INDEX` at its end.
"""

import asyncio
import json
import os

from mitmproxy import ctx, http, io
from mitmproxy.proxy import server_hooks

NAMES = ("map_remote", "modify_headers", "modify_body")


class Replayer:
    """The addon."""

    def running(self) -> None:
        """Called when mitmproxy has started."""
        self._case = 0
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: ctx.master.shutdown())

    def request(self, flow: http.HTTPFlow) -> None:
        """Called after mitmproxy's own addons."""
        flow.request.headers.add("Case", str(self._case))

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Dials the recorder."""
        data.server.address = ("127.0.0.1", int(os.environ["PORT"]))

    async def _run(self) -> None:
        for self._case, case in enumerate(json.loads(os.environ["CASES"])):
            ctx.options.update(**{name: case.get(name, []) for name in NAMES})
            flows = io.read_flows_from_paths([os.environ["CAPTURE"]])
            ctx.master.commands.call("replay.client", flows)
            await ctx.master.addons.get("clientplayback").queue.join()


addons = [Replayer()]
