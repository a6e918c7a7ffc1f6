"""A hook that has everything go on at once, in a process of its own: what being asked costs.

python -m benchmarks.hooked ADDRESS
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowreplay_client import Hook, HookFlow, connect

from benchmarks.processes import running

REGISTERED = "registered"


def go_on(_: HookFlow) -> None:
    """Changes nothing."""


@contextmanager
def hooked(address: str, cores: set[int] | None) -> Iterator[None]:
    """Has a daemon ask such a hook, on these cores, about every request."""
    command = [sys.executable, "-m", "benchmarks.hooked", address]
    with running(command, cores, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != REGISTERED:
            raise SystemExit("the hook did not register; its words are above")
        yield


def main() -> None:
    """Serves until it is ended."""
    hook = Hook("bench")
    hook.request(go_on)
    with connect(sys.argv[1]) as client:
        run = client.hook(hook)
        print(REGISTERED, flush=True)
        run.serve()


if __name__ == "__main__":
    main()
