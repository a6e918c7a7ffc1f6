"""The server that is replayed against: nginx where it is installed, else the bundled one.

Both answer the paths of `workloads`, with and without TLS, and both count requests: what
a run sent is compared with what arrived. nginx can't wait, nor answer with any size, so
such paths are always the bundled server's.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from benchmarks.machine import server_cores
from benchmarks.processes import running
from benchmarks.target import COUNT_PATH
from benchmarks.workloads import ANSWER_BYTES, LARGE, SMALL, Workload

_DEADLINE = 20.0
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])

_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off; default_type text/plain; sendfile on;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location /{small}/ {{ return 200 "{content}"; }}
    location /{large}/ {{ root {folder}; rewrite ^ /{large}.bin break; }}
    location = {count} {{ stub_status; }}
  }}
}}
"""


@dataclass
class Target:
    """A running server; its requests are counted from the moment that it runs."""

    name: str
    port: int
    tls_port: int
    ca_file: Path
    """What its certificate is signed by."""
    bundled: "Target | None" = None
    """The server of the paths that this one does not know, where there is one."""
    _asked: int = field(default=0, init=False)

    def serving(self, workload: Workload) -> "Target":
        """Returns the server that this workload is sent to."""
        known = workload.answer in (SMALL, LARGE)
        return self if known else self.bundled or self

    def port_of(self, workload: Workload) -> int:
        """Returns the port that a workload is sent to."""
        server = self.serving(workload)
        return server.tls_port if workload.tls else server.port

    def requests(self) -> int:
        """Returns how many requests have come, without those that ask for this."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE)
        try:
            connection.request("GET", COUNT_PATH)
            words = connection.getresponse().read().split()
        finally:
            connection.close()
        if len(words) == 1:
            return int(words[0])
        # stub_status: accepted, handled, requests; it counts the asking too.
        self._asked += 1
        return int(words[words.index(b"requests") + 3]) - self._asked


@contextmanager
def run_target() -> Iterator[Target]:
    """Runs the servers on their core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key, ca_file = _certificate(folder)
        with _bundled(certificate, key, ca_file) as bundled:
            nginx = shutil.which("nginx", path=_PLACES)
            if nginx is None:
                yield bundled
                return
            with _run_nginx(nginx, folder, certificate, key) as (port, tls_port):
                yield Target(_version(nginx), port, tls_port, ca_file, bundled)


def _certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Makes a certificate, its key, and that of who signed it."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    certificate, key, ca_file = folder / "server.pem", folder / "server.key", folder / "ca.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca_file)
    return certificate, key, ca_file


@contextmanager
def _bundled(certificate: Path, key: Path, ca_file: Path) -> Iterator[Target]:
    command = [sys.executable, "-m", "benchmarks.target", str(certificate), str(key)]
    pipe = subprocess.PIPE
    with running(command, server_cores(), stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        port, tls_port = map(int, process.stdout.readline().split())
        yield Target("the bundled server", port, tls_port, ca_file)


@contextmanager
def _run_nginx(
    program: str, folder: Path, certificate: Path, key: Path
) -> Iterator[tuple[int, int]]:
    ports = _free_ports()
    (folder / f"{LARGE}.bin").write_bytes(b"x" * ANSWER_BYTES[LARGE])
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            folder=folder, port=ports[0], tls_port=ports[1], certificate=certificate, key=key,
            small=SMALL, large=LARGE, content="x" * ANSWER_BYTES[SMALL], count=COUNT_PATH,
        )
    )  # fmt: skip
    command = [program, "-p", str(folder), "-c", str(configuration)]
    with running(command, server_cores()) as process:
        _wait_for(process, ports[0])
        yield ports


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def _wait_for(process: "subprocess.Popen[str]", port: int) -> None:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit(f"nginx does not listen on port {port}; its error log is above")


def _version(program: str) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    return said.stderr.partition(": ")[2].strip()
