"""Runs inside mitmdump: replays captures with its client replay, one after the other.

Only the dialled address is changed. Each line on stdin is a capture's path; each line on
stdout is what became of it: as JSON, `error` (it can't be read, or the replay got stuck),
`flows`, of each `refused`, `ports` (the recorder's and its own) and `error`, and whether
mitmdump `ended` over it, as it would for its users.
"""

import asyncio
import json
import sys
from collections.abc import Iterable

from mitmproxy import addonmanager, ctx, exceptions, flow, http, io
from mitmproxy.proxy import server_hooks

STUCK_AFTER = 5.0
"""Seconds without a replay's end: far more than one takes here."""


class Replayer:
    """The addon."""

    def load(self, loader: addonmanager.Loader) -> None:
        """Adds the options that name the recorder's ports."""
        loader.add_option("plain_port", int, 0, "dialled for http")
        loader.add_option("secure_port", int, 0, "dialled for https")

    def running(self) -> None:
        """Begins."""
        self._ended = 0
        self._current: flow.Flow | None = None
        self._ports: dict[int, tuple[int, int]] = {}
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(end)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Notes which replay begins: they run one at a time."""
        self._current = flow

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Dials the recorder."""
        secure = data.server.tls
        port = ctx.options.secure_port if secure else ctx.options.plain_port
        data.server.address = ("127.0.0.1", port)

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Notes on which connection the replay is sent."""
        self._ports[id(self._current)] = (data.server.address[1], data.server.sockname[1])

    def response(self, _: http.HTTPFlow) -> None:
        """Notes progress."""
        self._ended += 1

    error = response

    async def _run(self) -> None:
        while line := await asyncio.to_thread(sys.stdin.readline):
            answer = await self._replay(line.rstrip("\n"))
            print(json.dumps(answer), flush=True)

    async def _replay(self, path: str) -> dict[str, object]:
        try:
            flows = io.read_flows_from_paths([path])
        except exceptions.FlowReadException as error:
            return {"error": str(error), "flows": [], "ended": False}
        playback = ctx.master.addons.get("clientplayback")
        refused = [playback.check(each) for each in flows]
        self._ports.clear()
        ctx.master.commands.call("replay.client", flows)
        stuck = await self._wait(playback.queue)
        return {
            "error": "a replay got stuck" if stuck else "",
            "flows": list(self._outcomes(flows, refused)),
            "ended": stuck,
        }

    async def _wait(self, queue: asyncio.Queue[flow.Flow]) -> bool:
        """Waits for the queue's end; says whether it got stuck."""
        while True:
            before = self._ended
            try:
                await asyncio.wait_for(queue.join(), STUCK_AFTER)
            except TimeoutError:
                if self._ended == before:
                    return True
            else:
                return False

    def _outcomes(
        self, flows: list[flow.Flow], refused: list[str | None]
    ) -> Iterable[dict[str, object]]:
        for each, why in zip(flows, refused, strict=True):
            error = each.error.msg if each.error and not why else ""
            ports = self._ports.get(id(each), (0, 0))
            yield {"refused": why or "", "ports": ports, "error": error}


def end(done: asyncio.Task[None]) -> None:
    """Ends mitmdump; an error that mitmproxy itself does not expect is the last answer."""
    error = done.exception()
    if error is not None:
        text = f"{type(error).__name__}: {error}"
        print(json.dumps({"error": text, "flows": [], "ended": True}), flush=True)
    ctx.master.shutdown()


addons = [Replayer()]
