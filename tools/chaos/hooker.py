"""A hook of the daemon, which writes down what it decided before it says so.

    python -m tools.chaos.hooker ADDRESS BOOK SEED

A process of its own, which may be killed while the daemon waits for it. The path of a flow says
what it does with it: kill it, or answer it with a content that names the replay. It comes back
whenever its call ends, with one policy or the other for what it does not answer. Its book has
lines as those of clients.
"""

import json
import os
import sys
import time
from queue import SimpleQueue
from random import Random

import grpc
from flowreplay.v1 import flow_pb2, hook_pb2, hook_pb2_grpc

from tools.chaos.caller import OPTIONS
from tools.chaos.flows import HOOK_STATUS, HOOKED

_FILTER = f"~u '/({'|'.join(HOOKED)})$'"
_POLICIES = {"continue": hook_pb2.HOOK_POLICY_CONTINUE, "kill": hook_pb2.HOOK_POLICY_KILL}


class Hooker:
    """One hook, call after call."""

    def __init__(self, stub: hook_pb2_grpc.HookServiceStub, book: int, seed: str) -> None:
        self._stub = stub
        self._book = book
        self._random = Random(f"{seed}:hook")  # noqa: S311 - a seed repeats it

    def attend(self) -> None:
        """Registers, and answers until the call ends."""
        policy = self._random.choice(list(_POLICIES))
        said: SimpleQueue[hook_pb2.HookRequest | None] = SimpleQueue()
        registration = hook_pb2.HookRegistration(
            hook_name="chaos",
            points=[hook_pb2.HOOK_POINT_REQUEST],
            filter=_FILTER,
            late_policy=_POLICIES[policy],
            content_limit_bytes=0,
        )
        self._say("attend", policy=policy)
        said.put(hook_pb2.HookRequest(registration=registration))
        try:
            for message in self._stub.Hook(iter(said.get, None), wait_for_ready=True):
                for call in message.calls.calls:
                    answers = hook_pb2.HookAnswers(answers=[self._answer(call)])
                    said.put(hook_pb2.HookRequest(answers=answers))
        finally:
            said.put(None)

    def _answer(self, call: hook_pb2.HookCall) -> hook_pb2.HookAnswer:
        what = call.flow.request.path.rpartition(b"/")[2].decode()
        about = {"replay": call.replay_id, "attempt": call.attempt}
        self._say("decided", **about, how=what, when=time.time())
        if what == "killed":
            return hook_pb2.HookAnswer(call_id=call.call_id, kill=hook_pb2.HookKill())
        response = flow_pb2.Response(
            http_version=b"HTTP/1.1", status_code=HOOK_STATUS, content=call.replay_id.encode()
        )
        return hook_pb2.HookAnswer(call_id=call.call_id, response=response)

    def _say(self, what: str, **said: object) -> None:
        os.write(self._book, json.dumps({"what": what, **said}).encode() + b"\n")


def main() -> None:
    """Attends until it is killed."""
    address, path, seed = sys.argv[1:]
    book = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with grpc.insecure_channel(address, OPTIONS) as channel:
        hooker = Hooker(hook_pb2_grpc.HookServiceStub(channel), book, seed)
        while True:
            try:
                hooker.attend()
            except grpc.RpcError:
                time.sleep(0.02)


if __name__ == "__main__":
    main()
