"""mitmproxy's client replay on the same flows, where it is installed.

It reads the dump that replayd exports, so that both send the same bytes to the same server.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from flowreplay_client import connect, request_flow

from benchmarks.processes import daemon

_OWN = Path(".venv-servers/bin/mitmdump")


def mitmdump() -> str | None:
    """Where mitmdump is: the environment that `make servers` makes, else on the path."""
    return str(_OWN) if _OWN.exists() else shutil.which("mitmdump")


def mitmproxy_rate(program: str, port: int, count: int) -> float:
    """Flows a second, without the time that it takes to start and replay one."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "one.mitm"), Path(folder, "many.mitm")
        _dump(port, 1, one)
        _dump(port, count, many)
        return (count - 1) / (_seconds(program, many) - _seconds(program, one))


def _dump(port: int, count: int, out: Path) -> None:
    flows = [request_flow("GET", f"http://127.0.0.1:{port}/{index}") for index in range(count)]
    with daemon("--concurrency=32") as address, connect(address) as client:
        batch = client.enqueue(flows)
        for _ in client.watch(start=batch.cursor, until_idle=True):
            pass
        with out.open("wb") as file:
            file.writelines(client.export(batch.batch_id, format="mitmproxy"))


def _seconds(program: str, dump: Path) -> float:
    command = [program, "--quiet", "--no-server", "--client-replay", str(dump)]
    start = time.perf_counter()
    subprocess.run(command, check=True, timeout=300, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
